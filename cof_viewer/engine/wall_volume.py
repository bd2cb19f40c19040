"""The wall keeps its volume: what slices lose by shortening along the axis, the wall must gain in plane.

The myocardium can hardly be compressed. A base that descends by D over the length L leaves each piece of wall
1 / (1 + D/L) of its length (.87 at EF 60 %), so its area in the slice must grow by as much. The drawn modes know that
only roughly; what is missing is given to the epicardium, which alone can move without changing the cavity.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.motion.field import VelocityDecoder
from cof_viewer.engine.motion.frame import ANGLES, KNOTS, LATTICE_SPACING_MM, LEVELS
from cof_viewer.engine.through_plane import reached_slices

_EPICARDIUM, _OUTER_RV = 2, 3
_OUTER_SHARE = 0.4  # of the epicardium's push that what lies outside gives way by
_MOST = 0.35
"""Largest correction, as log of area: a wall that seems to need more is a wall that was segmented badly."""


@lru_cache(maxsize=2)
def outward_velocity(decoder: VelocityDecoder) -> Tensor:
    """[z, 2, 64, 64] mm: pull-back velocity that moves the epicardium outward by its radius and spares the cavity."""
    angle = torch.arange(ANGLES) * (2 * torch.pi / ANGLES)
    out = torch.stack([torch.cos(angle), torch.sin(angle)], dim=1)
    knots = torch.zeros(LEVELS, ANGLES, KNOTS, 2)
    knots[:, :, _EPICARDIUM], knots[:, :, _OUTER_RV] = -out, -_OUTER_SHARE * out
    return decoder(knots.reshape(-1).to(decoder.device))


def wall_correction(prepared: Prepared, missing_log: float) -> Tensor:
    """Velocity [z, 2, 64, 64] mm that changes the wall's area by a factor of exp(missing_log), to first order.

    Args:
        prepared: the anchor.
        missing_log: logarithm of the factor; held to what a wall can do.
    """
    outward = outward_velocity(prepared.decoder)
    growth = -_mean_divergence(outward, _wall(prepared))
    if growth < 1e-3:
        return torch.zeros_like(outward)
    return outward * (float(np.clip(missing_log, -_MOST, _MOST)) / growth)


def along_log(source: NDArray[np.float64], first: int, last: int) -> float:
    """Logarithm of how the ventricle's length changes from the anchor to a phase that shows `source` [z] of it."""
    if last <= first:
        return 0.0
    reached = reached_slices(source)
    return float(np.log(max(reached[last] - reached[first], 1e-3) / (last - first)))


def in_plane_log(slid: Tensor, moved: Tensor, source: NDArray[np.float64], last: int) -> float:
    """Logarithm of how the wall's area changes by motion in plane alone.

    Args:
        slid: [z, 2, rows, columns] distances of LV and of LV with wall after the shift along the axis; `moved` in
            plane too.
        source: [z] slice of the anchor that each shows, 0 the first with LV.
        last: last slice with LV, counted likewise. Slices that show other than anchor tissue do not count.
    """
    own = torch.from_numpy((source >= -0.25) & (source <= last + 0.25)).to(slid.device)
    if not bool(own.any()):
        return 0.0
    before, after = (_area(distances[own]) for distances in (slid, moved))
    return float(np.log(max(after, 1.0) / max(before, 1.0)))


def _area(distances: Tensor) -> float:
    """Pixels of wall on the lattice, by partial volume."""
    share = (distances / (2 * CANONICAL_SPACING_MM) + 0.5).clamp(0, 1)
    return float((share[:, 1] - share[:, 0]).clamp(min=0).sum())


def _wall(prepared: Prepared) -> Tensor:
    """[z, 64, 64] share of wall of every lattice point."""
    share = (prepared.distances[:, :2, ::2, ::2] / LATTICE_SPACING_MM + 0.5).clamp(0, 1)
    return (share[:, 1] - share[:, 0]).clamp(min=0)


def _mean_divergence(velocity: Tensor, weight: Tensor) -> float:
    """Mean of div v over a weight [z, rows, columns], per unit of time."""
    padded = F.pad(velocity, (1, 1, 1, 1), mode="replicate")
    along_x = (padded[:, 0, 1:-1, 2:] - padded[:, 0, 1:-1, :-2]) / (2 * LATTICE_SPACING_MM)
    along_y = (padded[:, 1, 2:, 1:-1] - padded[:, 1, :-2, 1:-1]) / (2 * LATTICE_SPACING_MM)
    return float(((along_x + along_y) * weight).sum() / weight.sum().clamp(min=1e-6))

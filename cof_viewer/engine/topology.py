"""The topology audit of a motion: where it folds, how evenly it stretches, and whether every part stays whole."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.domain.generation import Motion
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.field import jacobian_determinant

_LEAST_DETERMINANT = 1e-3


@dataclass(frozen=True)
class TopologyAudit:
    """What one phase's motion does to the heart.

    Attributes:
        folding_share: share of lattice pixels inside the heart whose determinant is not positive.
        sd_log_j: standard deviation of log det J inside the heart, where it is positive.
        components_kept: class name to whether it has as many connected parts as before.
    """

    folding_share: float
    sd_log_j: float
    components_kept: dict[str, bool]


def determinant(motion: Motion, phase: int) -> NDArray[np.float32]:
    """det J of the pull-back of one phase, [z, rows-2, columns-2] of its lattice (unitless).

    In plane by central differences; times 1 + d(dz)/dz along the axis, dz being the same over a slice's middle.
    """
    x_mm, y_mm, z_mm = motion.grid.spacing_mm
    pull = motion.pull_back_mm[phase]
    pixels = torch.from_numpy(pull[..., :2] / np.array([x_mm, y_mm], dtype=np.float32)).permute(0, 3, 1, 2)
    in_plane = jacobian_determinant(pixels).numpy()
    if len(pull) < 2:
        return np.asarray(in_plane, dtype=np.float32)
    along = 1.0 + np.gradient(pull[:, 1:-1, 1:-1, 2], z_mm, axis=0)
    return np.asarray(in_plane * along, dtype=np.float32)


def audit(
    motion: Motion, phase: int, heart: NDArray[np.bool_], before: NDArray[np.uint8], after: NDArray[np.uint8]
) -> TopologyAudit:
    """Audit one phase.

    Args:
        motion: on its lattice.
        phase: 0-based.
        heart: [z, rows, columns] of the lattice, where the heart is.
        before: labels [z, y, x] of the anchor, on any one grid; `after`: the moved labels on it.
    """
    inside = determinant(motion, phase)[heart[:, 1:-1, 1:-1]]
    return TopologyAudit(*stretch(inside), components_kept(before, after))


def stretch(determinants: NDArray[np.floating]) -> tuple[float, float]:
    """(folding share, SD of the log) of determinants; zeros where there are none."""
    if not determinants.size:
        return 0.0, 0.0
    folded = float((determinants <= 0).mean())
    logs = np.log(np.maximum(determinants[determinants > 0], _LEAST_DETERMINANT))
    return folded, float(logs.std()) if logs.size else 0.0


def components_kept(before: NDArray[np.uint8], after: NDArray[np.uint8], least_share: float = 0.0) -> dict[str, bool]:
    """Whether LV, Myo and RV have as many connected parts (in 3-D, by faces and edges) as before.

    Args:
        before: labels [z, y, x]; `after` alike.
        least_share: parts that hold less of their structure are not counted.
    """
    heart = (Label.LV, Label.MYO, Label.RV)
    counts = [[_parts(labels == k, least_share) for k in heart] for labels in (before, after)]
    return {k.name: one == two for k, one, two in zip(heart, *counts, strict=True)}


def _parts(mask: NDArray[np.bool_], least_share: float) -> int:
    """Number of connected parts that hold at least a share of the mask."""
    from scipy import ndimage

    parts, _ = ndimage.label(mask, ndimage.generate_binary_structure(3, 2))
    sizes = np.bincount(parts.ravel())[1:]
    return int(np.count_nonzero(sizes >= max(least_share * sizes.sum(), 1)))

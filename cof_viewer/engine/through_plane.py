"""Motion along the axis from a prior: the base descends while the LV empties, the apex stays.

Labels and pictures of parallel slices hardly tell it (fits find 1.5-2.9 mm where 10-16 are known), so its size comes
from EF (`motion.descent`) and its course over the beat from the measured LV volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.descent import base_descent_mm, descent_profile
from cof_viewer.engine.motion.labels import slide_slices

_LEAST_PIXELS = 12
"""A canonical slice with fewer LV pixels of 1.5 mm does not count as one that holds LV."""


@dataclass(frozen=True, eq=False)
class Descent:
    """Which slice of the anchor each slice of each phase shows.

    Attributes:
        source: float64 [t, z], fractional slices of the anchor, base first; row `anchor_phase` is 0, 1, 2, ...
        slice_mm: distance between slices.
    """

    source: NDArray[np.float64]
    slice_mm: float

    def shift_mm(self, phase: int) -> NDArray[np.float64]:
        """[z] dz of the pull-back: how far from slice z the anchor's material lies, mm towards the apex."""
        return np.asarray((self.source[phase] - np.arange(self.source.shape[1])) * self.slice_mm)

    def slid(self, stack: Tensor, phase: int) -> Tensor:
        """The anchor's stack [z, ...] as it has slid at a phase; beyond its ends the end slice goes on."""
        return slide_slices(stack, torch.from_numpy(self.source[phase]).float().to(stack.device))

    def reached(self, phase: int) -> NDArray[np.float64]:
        """[z] fractional slice at which the anchor's slice z is found at a phase: the inverse of `source`."""
        return reached_slices(self.source[phase])


def reached_slices(source: NDArray[np.float64]) -> NDArray[np.float64]:
    """[z] fractional slice at which the anchor's slice z is found where slice z shows `source`; beyond, shifted on."""
    places = np.arange(len(source), dtype=np.float64)
    inside = np.interp(places, source, places)
    above = np.where(places < source[0], places - source[0], inside)
    return np.asarray(np.where(places > source[-1], places + (places[-1] - source[-1]), above))


def emptied_share(lv_ml: NDArray[np.float64]) -> NDArray[np.float64]:
    """[t] 0 where the LV is fullest, 1 where it is emptiest, from its volumes in any unit."""
    full, empty = float(lv_ml.max()), float(lv_ml.min())
    return np.asarray((full - lv_ml) / max(full - empty, 1e-6))


def levels(anchor: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """[z] 0 at the first slice with LV, 1 at the last, of canonical labels [z, 128, 128]; None without LV."""
    held = np.flatnonzero((anchor == Label.LV).sum(axis=(1, 2)) >= _LEAST_PIXELS)
    if not len(held):
        return None
    return np.asarray((np.arange(len(anchor)) - held[0]) / max(held[-1] - held[0], 1))


def no_descent(phases: int, slices: int, slice_mm: float) -> Descent:
    """Nothing moves along the axis."""
    return Descent(np.tile(np.arange(slices, dtype=np.float64), (phases, 1)), slice_mm)


def descent_of(
    anchor: NDArray[np.uint8], lv_volumes: NDArray[np.float64], anchor_phase: int, slice_mm: float, amount: float = 1.0
) -> Descent:
    """The prior's descent of one beat.

    Args:
        anchor: canonical labels [z, 128, 128] of the anchor, base first.
        lv_volumes: [t] LV volume of every phase, any unit.
        anchor_phase: index into it.
        slice_mm: distance between slices.
        amount: times the prior's size.
    """
    level = levels(anchor)
    full = float(lv_volumes.max())
    if level is None or full <= 0:
        return no_descent(len(lv_volumes), len(anchor), slice_mm)
    ef_percent = 100.0 * (full - float(lv_volumes.min())) / full
    share = emptied_share(lv_volumes)
    shift = amount * base_descent_mm(ef_percent) / slice_mm * (share - share[anchor_phase])
    return Descent(np.arange(len(anchor)) - shift[:, None] * descent_profile(level)[None], slice_mm)

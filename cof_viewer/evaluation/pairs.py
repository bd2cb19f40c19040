"""An ED/ES pair with its experts' labels, judged directly: what a test of the whole engine needs of one real heart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy import dice
from cof_viewer.cohort.real.mri import Pair
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, Volume
from cof_viewer.learning.segmenter.judge import ejection_fraction

__all__ = ["ejection_fraction", "structure_dice", "volume_of"]

_STRUCTURES = (Label.LV, Label.MYO, Label.RV)


def volume_of(pair: Pair, phase: int) -> Volume:
    """ED (0) or ES (1) of a pair as a volume without a scanner frame."""
    z, y, x = pair.spacing_mm
    shape: tuple[int, int, int] = pair.images[phase].shape
    return Volume(pair.images[phase].astype(np.float32), grid_from_spacing(shape, (x, y, z), orientation_known=False))


def structure_dice(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[float, float, float]:
    """3-D Dice of LV, Myo, RV."""
    lv, myo, rv = (dice(a == k, b == k) for k in _STRUCTURES)
    return lv, myo, rv

"""An ED/ES pair with its experts' labels, judged directly: what a test of the whole engine needs of one real heart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy import dice
from cof_viewer.cohort.real.mri import Pair
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, Volume

_STRUCTURES = (Label.LV, Label.MYO, Label.RV)


def volume_of(pair: Pair, phase: int) -> Volume:
    """ED (0) or ES (1) of a pair as a volume without a scanner frame."""
    z, y, x = pair.spacing_mm
    shape: tuple[int, int, int] = pair.images[phase].shape
    return Volume(pair.images[phase].astype(np.float32), grid_from_spacing(shape, (x, y, z), orientation_known=False))


def ejection_fraction(ed: NDArray[np.uint8], es: NDArray[np.uint8]) -> float:
    """EF in percent by counting LV voxels."""
    edv = max(float((ed == Label.LV).sum()), 1.0)
    return 100.0 * (edv - float((es == Label.LV).sum())) / edv


def structure_dice(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[float, ...]:
    """3-D Dice of LV, Myo, RV."""
    return tuple(dice(a == k, b == k) for k in _STRUCTURES)

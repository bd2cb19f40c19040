"""Real chests round simulated hearts: a real ED volume with its heart taken out.

A case borrows only from patients of its own part of the split, so that no model meets a patient of another part in
the background of a simulated case, and assessor patients are seen by the assessor alone.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.cohort.real.mri import Pair, Row, choose, load_pair, read_manifest
from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.cohort.simulator.arrays import Array
from cof_viewer.cohort.simulator.mri import Frame
from cof_viewer.cohort.simulator.tissue import BLOOD
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.domain.split import Split, patient_rank_key

_MARGIN_MM = 5.0
"""Around the labels the real heart's own wall, fat and blur go, too."""
_SCALES = (0.8, 1.25)
"""A chest is enlarged or reduced within these limits so that its hole has the size of the simulated heart."""
_BRIGHTEST = 330.0


@lru_cache(maxsize=4)
def lenders(mri_dir: Path, part: Split) -> tuple[Row, ...]:
    """ACDC's ED volumes of one part, in order of the file's name: RV on the left, true spacing.

    Args:
        mri_dir: the folder that holds `manifest.csv`.
        part: of the split.

    Raises:
        UserError: the manifest can't be read, or nobody in that part has such a volume.
    """
    try:
        rows = choose(read_manifest(mri_dir), "pair", part, dataset="acdc")
    except (OSError, KeyError, ValueError) as error:
        raise UserError(f'The backgrounds in "{mri_dir.name}" can\'t be read: its manifest.csv is needed.') from error
    usable = sorted((row for row in rows if row.spacing_known and row.base_first), key=lambda row: row.path.name)
    if not usable:
        raise UserError(f'"{mri_dir.name}" has no ACDC volume of the part "{part.value}". Leave the backgrounds out.')
    return tuple(usable)


def lender_of(mri_dir: Path, part: Split, patient_id: str) -> Row:
    """Who lends the background of a patient: by the hash of the patient's id among the lenders of the part."""
    rows = lenders(mri_dir, part)
    return rows[int(patient_rank_key(f"background:{patient_id}")[:15], 16) % len(rows)]


def borrow(row: Row, anatomy: Anatomy, frame: Frame) -> NDArray[np.float32]:
    """The lender's ED volume on a simulated patient's frame, the heart filled in from its surroundings.

    Levels go by the mitral plane (the lender's first slice with LV), the lender's LV lies where the simulated one does
    and the chest is scaled as the hearts' sizes ask.

    Returns:
        float32 [z, y, x], blood about 165.
    """
    pair = load_pair(row)
    volume, hole = pair.images[0].astype(np.float32), _holes(pair)
    volume *= BLOOD / max(float(np.median(volume[pair.labels[0] == Label.LV])), 1.0)
    filled = np.stack([_without(picture, gone) for picture, gone in zip(volume, hole, strict=True)])
    step_z, step_y, step_x = pair.spacing_mm
    scale = float(np.clip(_reach_mm(pair) / _simulated_reach_mm(anatomy), *_SCALES))
    centre = np.argwhere((pair.labels[0] == Label.LV).any(axis=0)).mean(axis=0)
    first = int(np.flatnonzero((pair.labels[0] == Label.LV).any(axis=(1, 2)))[0])
    level = np.clip(np.rint(first + (frame.z_mm - 5.0) / step_z), 0, len(filled) - 1).astype(int)
    rows = centre[0] + (frame.y_mm - anatomy.centre[1]) * scale / step_y
    columns = centre[1] + (frame.x_mm - anatomy.centre[0]) * scale / step_x
    at = np.stack(np.meshgrid(rows, columns, indexing="ij"))
    out = [ndimage.map_coordinates(filled[k], at, order=1, mode="nearest", output=np.float32) for k in level]
    return np.clip(np.stack(out), 0.0, _BRIGHTEST).astype(np.float32)


def _holes(pair: Pair) -> NDArray[np.bool_]:
    """[z, y, x] the heart at ED and ES with a margin; beyond its ends the hole of the nearest slice that shows it."""
    heart = np.asarray((pair.labels[0] > 0) | (pair.labels[1] > 0))
    _, step_y, step_x = pair.spacing_mm
    y, x = np.ogrid[-12:13, -12:13]
    disc = (y * step_y) ** 2 + (x * step_x) ** 2 <= _MARGIN_MM**2
    shown = np.flatnonzero(heart.any(axis=(1, 2)))
    nearest = [int(shown[np.argmin(np.abs(shown - k))]) for k in range(len(heart))]
    return np.stack([ndimage.binary_fill_holes(ndimage.binary_dilation(heart[k], disc)) for k in nearest])


def _without(picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The picture with its hole filled: near its border from there, farther in from farther out, with the grain of
    what lies nearest.
    """
    known = (~hole).astype(np.float32)
    smooth = np.zeros_like(picture)
    missing = np.ones_like(picture)
    for sigma in (2.0, 5.0, 12.0, 40.0):
        weight = ndimage.gaussian_filter(known, sigma)
        mean = ndimage.gaussian_filter(picture * known, sigma) / np.maximum(weight, 1e-6)
        share = missing * np.clip(weight / 0.15, 0.0, 1.0)
        smooth += share * mean
        missing -= share
    smooth += missing * float(np.median(picture[~hole]))
    near = ndimage.distance_transform_edt(hole, return_distances=False, return_indices=True)
    grain = picture - ndimage.gaussian_filter(picture, 2.0)
    copied = grain[near[0], near[1]]
    return np.asarray(np.where(hole, smooth + 0.5 * copied, picture), np.float32)


def _reach_mm(pair: Pair) -> float:
    """Square root of the heart's largest area at ED, all labels."""
    area = (pair.labels[0] > 0).sum(axis=(1, 2)).max()
    return float(np.sqrt(area * pair.spacing_mm[1] * pair.spacing_mm[2]))


def _simulated_reach_mm(anatomy: Anatomy) -> float:
    """The same of the simulated heart."""
    below = anatomy.levels >= 0
    area: Array = (anatomy.outer[below] ** 2).sum(axis=1) * np.pi / anatomy.outer.shape[1]
    return float(np.sqrt(area.max()))

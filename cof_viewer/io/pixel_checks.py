"""What every picture must pass before it becomes a study, whatever file it came from; and its name-free checksum."""

from __future__ import annotations

import hashlib
import warnings

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.grid import Grid

_MOST_NAN = 0.5  # share of voxels; beyond it, filling would invent the picture


def clean_pixels(data: NDArray[np.float32], where: str) -> tuple[NDArray[np.float32], tuple[Flag, ...]]:
    """Refuse pictures without content, fill single voxels that are no number.

    Args:
        data: float32, [z, y, x] or [t, z, y, x].
        where: what to call the file in a sentence.

    Returns:
        The data (itself where nothing was to fill), and a flag where something was.

    Raises:
        UserError: all or most voxels are no number, or all have one value.
    """
    empty = emptiness(data)
    if empty:
        raise UserError(f'"{where}" can\'t be used. {empty} Choose another file.', code="empty-picture")
    finite = np.isfinite(data)
    holes = data.size - int(np.count_nonzero(finite))
    if holes > _MOST_NAN * data.size:
        raise UserError(f'"{where}" is mostly NaN ({holes / data.size:.0%}). Export it again.', code="mostly-nan")
    if not holes:
        return data, ()
    lowest = float(data[finite].min())
    filled = np.where(finite, data, np.float32(lowest)).astype(np.float32)
    text = f'{holes} of {data.size} pixels in "{where}" are not numbers; they are shown as black.'
    return filled, (Flag("pixels-filled", Severity.CAUTION, text),)


def emptiness(data: NDArray[np.float32]) -> str | None:
    """A sentence on why a picture shows nothing: no number at all, or one grey; None for any other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of all-NaN arrays
        lowest, highest = float(np.nanmin(data)), float(np.nanmax(data))
    if not np.isfinite(lowest) and not np.isfinite(highest) and not np.isfinite(data).any():
        return "It holds no numbers, only NaN."
    return "It is one flat grey: all pixels have the same value." if lowest == highest else None


def name_free_sha256(data: NDArray[np.float32], grid: Grid, phase_ms: tuple[float, ...] | None) -> str:
    """Checksum of pixels, place and times, without any name.

    Args:
        data: as stored in the study.
        grid: its grid; rounded to 1 µm so that equal headers written differently count as equal.
        phase_ms: times of the phases or None.
    """
    digest = hashlib.sha256(np.ascontiguousarray(data, dtype="<f4").data)
    digest.update(repr(data.shape).encode())
    digest.update(np.ascontiguousarray(np.round(grid.patient_from_voxel, 3) + 0.0, dtype="<f8").data)
    digest.update(repr(None if phase_ms is None else [round(t, 3) for t in phase_ms]).encode())
    return digest.hexdigest()

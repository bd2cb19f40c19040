"""Sub-pixel outlines of the heart in one slice, for drawing over its picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.image import Label

Polyline = NDArray[np.float32]
"""[n, 2] closed outline, (x, y) = (column, row) in pixels, pixel centres at whole numbers, last point = first."""

_SMOOTHING_PIXELS = 0.7
_MARGIN = 4
_CRUMB_PIXELS = 3.0


@dataclass(frozen=True, eq=False)
class SliceContours:
    """Outlines of one slice; several pieces where a structure is in pieces, none where it is absent.

    Attributes:
        endo: LV cavity.
        epi: outer border of LV cavity and wall together.
        rv: RV cavity.
    """

    endo: tuple[Polyline, ...] = ()
    epi: tuple[Polyline, ...] = ()
    rv: tuple[Polyline, ...] = ()


def contours(label_slice: NDArray[np.uint8], smoothing_pixels: float = _SMOOTHING_PIXELS) -> SliceContours:
    """Outline LV endocardium, LV epicardium and RV of one slice.

    Args:
        label_slice: [y, x] with the values of `Label`.
        smoothing_pixels: standard deviation of the blur that turns pixel stairs into a line; 0 keeps the stairs.

    Returns:
        Closed outlines in pixels; holes are not outlined.
    """
    left = label_slice == Label.LV
    return SliceContours(
        endo=_outlines(left, smoothing_pixels),
        epi=_outlines(left | (label_slice == Label.MYO), smoothing_pixels),
        rv=_outlines(label_slice == Label.RV, smoothing_pixels),
    )


def signed_area(outline: NDArray[np.floating]) -> float:
    """Area inside a closed outline [n, 2] in square pixels; the sign tells its sense of rotation."""
    x, y = outline[:, 0].astype(np.float64), outline[:, 1].astype(np.float64)
    return float(0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


def _outlines(mask: NDArray[np.bool_], smoothing: float) -> tuple[Polyline, ...]:
    """Outer outlines of a mask, largest first, without crumbs beside a larger piece."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return ()
    columns = np.flatnonzero(mask.any(axis=0))
    mask = np.pad(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], _MARGIN)
    corner = np.array([columns[0] - _MARGIN, rows[0] - _MARGIN], dtype=np.float32)
    pieces = _level_set(mask, smoothing)
    if not pieces and smoothing > 0:  # blurred away: a structure of a few pixels must still be seen
        pieces = _level_set(mask, 0.0)
    areas = [abs(signed_area(piece)) for piece in pieces]
    order = sorted(range(len(pieces)), key=lambda i: -areas[i])
    kept = [i for rank, i in enumerate(order) if rank == 0 or areas[i] >= _CRUMB_PIXELS]
    return tuple(pieces[i] + corner for i in kept)


def _level_set(mask: NDArray[np.bool_], smoothing: float) -> list[Polyline]:
    """Outer lines at one half of the blurred mask, as (x, y); holes run the other way round and are dropped."""
    from scipy import ndimage
    from skimage import measure

    field = mask.astype(np.float32)
    if smoothing > 0:
        field = ndimage.gaussian_filter(field, smoothing, truncate=3.0)
    found = [line[:, ::-1].astype(np.float32) for line in measure.find_contours(field, 0.5)]
    return [line for line in found if signed_area(line) > 0]

"""The few places where pixels of a DICOM stack are made, not read: uneven phases, shifted slices, missing slices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def resample_cycle(
    pictures: NDArray[np.float32], fractions: Sequence[float], wanted: Sequence[float]
) -> NDArray[np.float32]:
    """Interpolate linearly round the cycle: the last phase is followed by the first.

    Args:
        pictures: [t, ...] at `fractions`.
        fractions: ascending places in the cycle, in units of RR; the whole span is less than or about 1.
        wanted: places to interpolate at.

    Returns:
        [len(wanted), ...] float32.
    """
    base = fractions[0]
    places = np.asarray(fractions, dtype=np.float64) - base
    result = np.empty((len(wanted), *pictures.shape[1:]), dtype=np.float32)
    for k, place in enumerate(np.mod(np.asarray(wanted, dtype=np.float64) - base, 1.0)):
        before = int(np.searchsorted(places, place + 1e-9, side="right")) - 1
        after = (before + 1) % len(places)
        width = (places[after] if after else max(1.0, places[-1] + 1e-6)) - places[before]
        share = np.float32(min(1.0, (place - places[before]) / width))
        result[k] = pictures[before] * (1 - share) + pictures[after] * share
    return result


def shift_in_plane(picture: NDArray[np.float32], shift_yx: tuple[float, float]) -> NDArray[np.float32]:
    """Move a picture [..., y, x] by whole or broken pixels, the edge repeated: out[y, x] = in[y + dy, x + dx]."""
    moved = picture
    for axis, shift in zip((-2, -1), shift_yx, strict=True):
        length = moved.shape[axis]
        place = np.clip(np.arange(length) + shift, 0, length - 1)
        low = np.floor(place + 1e-6).astype(int)
        high = np.minimum(low + 1, length - 1)
        share = np.clip(place - low, 0.0, 1.0).astype(np.float32)
        share = share.reshape((-1, 1) if axis == -2 else (-1,))
        moved = np.take(moved, low, axis) * (1 - share) + np.take(moved, high, axis) * share
    return np.asarray(moved, dtype=np.float32)


def fill_missing(slices: dict[int, NDArray[np.float32]]) -> NDArray[np.float32]:
    """Put slices at their numbers and interpolate those between that are missing.

    Args:
        slices: number from 0 without negative ones -> [t, y, x]; the first and the last number are present.

    Returns:
        [t, z, y, x].
    """
    known = sorted(slices)
    first = slices[known[0]]
    result = np.empty((first.shape[0], known[-1] + 1, *first.shape[1:]), dtype=np.float32)
    for low, high in zip(known, [*known[1:], known[-1]], strict=True):
        result[:, low] = slices[low]
        for between in range(low + 1, high):
            share = np.float32((between - low) / (high - low))
            result[:, between] = slices[low] * (1 - share) + slices[high] * share
    return result

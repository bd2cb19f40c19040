"""What the pixels themselves say about a stack, by numpy alone: the header is asked first, then the picture.

Thresholds were read off the real data: neighbouring phases of a heart correlate by .94 and more and the last phase
resembles the first (.92 and more), while slices 5 to 10 mm apart correlate by .84 at most and end slices by .43.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_MOST_VALUES = 16  # a label map has few values, and mostly background
_NEIGHBOURS = 0.92
_CLOSURE = 0.85
_LEAST_TIME_FRAMES = 8
_NOTHING_MOVES = 0.9995
_COMES_BACK = 0.25  # share of the largest change that must be undone at the end


def looks_like_labels(data: NDArray[np.float32]) -> bool:
    """Whether a picture holds label numbers: few, whole, mostly zero.

    Args:
        data: of any shape.
    """
    sample = data.ravel()[:: max(1, data.size // 200_000)]
    values = np.unique(sample[np.isfinite(sample)])
    if not 2 <= len(values) <= _MOST_VALUES or np.any(values != np.round(values)) or values[0] < 0:
        return False
    return values[-1] <= 255 and float(np.mean(sample == 0)) > 0.5


def likeness(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """Correlation of every picture with every other one.

    Args:
        pictures: [n, y, x]; only every second pixel is looked at.

    Returns:
        [n, n]; 0 for pictures of one flat grey.
    """
    flat = np.nan_to_num(pictures[:, ::2, ::2]).reshape(len(pictures), -1).astype(np.float64)
    flat -= flat.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    flat /= np.where(lengths > 0, lengths, 1.0)
    return np.asarray(flat @ flat.T)


def is_one_slice_over_time(data: NDArray[np.float32]) -> bool:
    """Whether what a header calls slices are the phases of one plane: neighbours alike, and the last like the first.

    Args:
        data: [z, y, x].
    """
    if len(data) < _LEAST_TIME_FRAMES:
        return False
    alike = likeness(data)
    neighbours = np.diagonal(alike, 1)
    return bool(np.median(neighbours) > _NEIGHBOURS and alike[0, -1] > _CLOSURE)


def doubt_about_beat(phases: NDArray[np.float32]) -> str | None:
    """Why a series of one slice does not look like a heartbeat; None where it does.

    A beat moves, and it comes back: its last phase resembles the first again. In perfusion (40 frames of one patient)
    the last picture is the one least like the first, .85; of 85 beats the worst comes back to .93.

    Args:
        phases: [t, y, x].
    """
    alike = likeness(phases)
    least, closure = float(alike.min()), float(alike[0, -1])
    if least > _NOTHING_MOVES:
        return "Nothing moves in it."
    if closure < _NEIGHBOURS and closure - least < _COMES_BACK * (1.0 - least):
        return "Its pictures change from the first to the last and do not come back: this may be perfusion, not a beat."
    return None

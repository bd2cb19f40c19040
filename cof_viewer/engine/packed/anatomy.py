"""What the packed form sees of an anchor and an ECG: images in the pack's planes, and the phase vector."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM
from cof_viewer.domain.ecg import Beat
from cof_viewer.engine.motion.labels import signed_distances
from cof_viewer.engine.motion.time_law import TimeMarks, beat_fraction, expected_marks
from cof_viewer.engine.packed.network import WHOLE_IMAGES
from cof_viewer.engine.packed.pack import PackLayout, heart_extent, to_planes

Float = NDArray[np.float32]

BOX_PIXELS = 96
"""Rows and columns of the heart's box: the middle of the canonical grid, that of the cohort's cases."""

BOX_MARGIN = (CANONICAL_PIXELS - BOX_PIXELS) // 2

_SEEN_MM = 15.0
_BRIGHTEST = 4.0


def box_of(canonical: NDArray[np.generic]) -> NDArray[np.generic]:
    """The heart's box [..., 96, 96] of canonical slices [..., 128, 128]."""
    inside = slice(BOX_MARGIN, BOX_MARGIN + BOX_PIXELS)
    return np.ascontiguousarray(canonical[..., inside, inside])


def anatomy_images(image: NDArray[np.generic], labels: NDArray[np.uint8], slice_mm: float, layout: PackLayout) -> Float:
    """Images of an anchor in the pack's planes, at twice its rows and columns.

    Args:
        image: [z, 96, 96] on the heart's box, in any grey levels: mean and spread are taken out.
        labels: [z, 96, 96].
        slice_mm: distance between slices.
        layout: of the pack.

    Returns:
        float32 [4·Df + 2, 2·Hf, 2·Wf]: the picture in every plane, then signed distances (over 15 mm, clipped to ±1) of
        LV, LV with wall and RV likewise, then the heart's length over 100 mm and the slices' distance over 10 mm.

    Raises:
        ValueError: the labels are empty.
    """
    extent = heart_extent(labels)
    spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
    distances = np.clip(signed_distances(labels, spacing) / _SEEN_MM, -1.0, 1.0)
    stack = np.concatenate([_standard(image)[:, None], distances], axis=1)
    planes = np.moveaxis(to_planes(stack, extent, layout.planes), 1, 0).reshape(-1, *image.shape[1:])
    size = (2 * layout.rows, 2 * layout.columns)
    small = F.adaptive_avg_pool2d(torch.from_numpy(planes), size).numpy()
    length_mm = (extent[1] - extent[0]) * slice_mm
    whole = np.empty((WHOLE_IMAGES, *size), np.float32)
    whole[0], whole[1] = length_mm / 100.0, slice_mm / 10.0
    return np.concatenate([small, whole])


def phase_vector(marks: TimeMarks, phases: int) -> Float:
    """[T] moment of the standard beat, rising from 0 towards 1, that each phase k·RR/T is."""
    times = np.arange(phases, dtype=np.float64) * (marks.rr_ms / phases)
    return np.asarray(beat_fraction(marks, times), dtype=np.float32)


def phase_vector_of(beat: Beat, phases: int) -> Float:
    """The phase vector that the marks of an ECG lead to expect."""
    return phase_vector(expected_marks(beat.intervals, beat.rr_ms), phases)


def _standard(image: NDArray[np.generic]) -> Float:
    grey = np.asarray(image, dtype=np.float32)
    spread = float(grey.std()) or 1.0
    return np.asarray(np.clip((grey - float(grey.mean())) / spread, -_BRIGHTEST, _BRIGHTEST), dtype=np.float32)

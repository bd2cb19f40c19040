"""Labelled stacks held in memory, and how often each of their slices is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.cohort.real.mri import Pair
from cof_viewer.engine.seg_sampling import Placement, heart_placement, neighbour_skip, smoothed_for
from cof_viewer.learning.segmenter.sampling import Frame, frame_of_labels

_END_WEIGHT, _ES_WEIGHT, _EMPTY_WEIGHT = 1.7, 1.4, 0.4


@dataclass(frozen=True, eq=False)
class Stack:
    """One labelled phase of one patient, base first.

    Attributes:
        name: patient and phase.
        slices: float32 [z, y, x], 0 to 1.
        labels: uint8 [z, y, x].
        spacing_mm: (z, y, x).
        placement: the canonical look at it.
        weight: [z], how often a slice is drawn.
        skip: how many slices on a neighbour lies.
        phase: 0 ED, 1 ES.
    """

    name: str
    slices: Tensor
    labels: Tensor
    spacing_mm: tuple[float, float, float]
    placement: Placement
    weight: NDArray[np.float64]
    skip: int
    phase: int


def stacks_of(pairs: Iterable[Pair], pixel_mm: float) -> Iterator[Stack]:
    """Both phases of each pair, looked at from the frame of its ED labels."""
    for pair in pairs:
        frame = frame_of_labels(pair.labels[0], pair.spacing_mm)
        if frame is None:
            continue
        for phase in (0, 1):
            yield _stack(pair, phase, frame, pixel_mm)


def neighbours(stack_slices: Tensor, index: int, skip: int, *, reverse: bool = False, lone: bool = False) -> Tensor:
    """[3, y, x]: the slice towards the base, the slice, the slice towards the apex; ends stand in for beyond."""
    last = len(stack_slices) - 1
    before, after = max(0, index - skip), min(last, index + skip)
    if lone:
        before = after = index
    order = (after, index, before) if reverse else (before, index, after)
    return stack_slices[list(order)]


def _stack(pair: Pair, phase: int, frame: Frame, pixel_mm: float) -> Stack:
    labels = pair.labels[phase]
    images = smoothed_for(pair.images[phase] / np.float32(255), pair.spacing_mm[1], pixel_mm)
    return Stack(
        name=f"{pair.row.patient_id}/{'ed' if phase == 0 else 'es'}",
        slices=torch.from_numpy(images),
        labels=torch.from_numpy(np.ascontiguousarray(labels)),
        spacing_mm=pair.spacing_mm,
        placement=heart_placement(frame.centre_mm, frame.angle_rad),
        weight=_slice_weights(labels, phase),
        skip=neighbour_skip(pair.spacing_mm[0]),
        phase=phase,
    )


def _slice_weights(labels: NDArray[np.uint8], phase: int) -> NDArray[np.float64]:
    """Slices at and just beyond the ends of the heart are drawn more often, those far beyond less, ES more."""
    full = np.flatnonzero(labels.any(axis=(1, 2)))
    index = np.arange(len(labels))
    weight = np.ones(len(labels))
    weight[(index < full[0] - 1) | (index > full[-1] + 1)] = _EMPTY_WEIGHT
    for end in (full[0], full[-1]):
        weight[np.abs(index - end) <= 1] = _END_WEIGHT
    weight /= weight.mean()
    return weight * (_ES_WEIGHT if phase else 1.0)

"""Whole fields of view to learn from, and windows as if a file had been cropped.

The full field is known at ED only; the field at ES is the ED field with the ES window put in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from torch import Tensor

from cof_viewer.cohort.real.mri import Pair, Row, choose, load_pair
from cof_viewer.domain.split import Split
from cof_viewer.engine.seg_sampling import Placement, look_up, smoothed_for
from cof_viewer.learning.segmenter.config import TrainConfig
from cof_viewer.learning.segmenter.stacks import Stack, stacks_of

_WINDOW_MM = (70.0, 170.0)
_OFF_CENTRE_MM = 25.0


def fields_and_windows(rows: Sequence[Row], part: Split, config: TrainConfig) -> list[Stack]:
    """All stacks of a part: whole fields (twice as often in training) and the pairs' own windows."""
    pairs = [load_pair(row) for row in choose(rows, "pair", part)[: config.patients or None]]
    windows = list(stacks_of(pairs, config.spacing_mm))
    fields = [stack for pair in pairs for stack in _fields(pair)]
    return fields * 2 + windows if part is Split.TRAIN else fields + windows


def random_window(stack: Stack, placement: Placement, config: TrainConfig, rng: np.random.Generator) -> Tensor:
    """Bool [size, size]: a rectangle about the heart of a look, as if the file had been cropped there."""
    offset = np.linalg.solve(placement.matrix, np.array(stack.placement.centre_mm) - placement.centre_mm)
    steps = (np.arange(config.size) - (config.size - 1) / 2) * config.spacing_mm
    sides = [
        np.abs(steps - offset[axis] - rng.uniform(-_OFF_CENTRE_MM, _OFF_CENTRE_MM)) < rng.uniform(*_WINDOW_MM)
        for axis in (0, 1)
    ]
    return torch.from_numpy(np.outer(sides[0], sides[1]))


def grid_of(stack: Stack, placement: Placement, config: TrainConfig) -> Tensor:
    """The sampling grid of a look at a stack."""
    shape = (int(stack.labels.shape[1]), int(stack.labels.shape[2]))
    return look_up(placement, config.size, config.spacing_mm, shape, stack.spacing_mm[1:])


def _fields(pair: Pair) -> Iterator[Stack]:
    """The whole field at ED, and at ES with the ES window put in its place."""
    if pair.overview is None or pair.overview_label is None or pair.overview_spacing_mm is None:
        return
    whole = replace(pair, spacing_mm=pair.overview_spacing_mm)
    field = pair.overview.astype(np.float32)
    images, labels = [field], [pair.overview_label]
    late, late_label = _with_window(pair, field)
    images.append(late)
    labels.append(late_label)
    whole = replace(whole, images=np.stack(images), labels=np.stack(labels))
    yield from stacks_of([whole], pair.overview_spacing_mm[1])


def _with_window(pair: Pair, field: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """The ED field with the ES window resampled into it, and the ES labels there."""
    assert pair.overview_spacing_mm is not None
    ratio = [pair.overview_spacing_mm[axis] / pair.spacing_mm[axis] for axis in (1, 2)]
    rows, columns = ((np.arange(field.shape[axis]) + 0.5) * ratio[axis - 1] - 0.5 for axis in (1, 2))
    rows, columns = rows - pair.offset_zyx[1], columns - pair.offset_zyx[2]
    place = np.meshgrid(rows, columns, indexing="ij")
    height, width = pair.images.shape[2:]
    inside = np.outer((rows >= 0) & (rows <= height - 1), (columns >= 0) & (columns <= width - 1))
    late, label = field.copy(), np.zeros(field.shape, np.uint8)
    smooth = smoothed_for(pair.images, pair.spacing_mm[1], pair.overview_spacing_mm[1])
    for z in range(pair.images.shape[1]):
        early_z, late_z = (map_coordinates(smooth[phase, z], place, order=1) for phase in (0, 1))
        target = z + pair.offset_zyx[0]
        scale = (early_z[inside] * field[target][inside]).sum() / max(1e-6, float((early_z[inside] ** 2).sum()))
        late[target][inside] = scale * late_z[inside]
        label[target][inside] = map_coordinates(pair.labels[1, z], place, order=0)[inside]
    return late, label

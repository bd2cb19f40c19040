"""What the localiser learns from: whole fields of view in any position, mirrored or not, either slice order.

Its maps are the four classes, then two logits a pixel that count where the heart is: "mirrored" and "slices run
apex -> base". The full field is known at ED only; the field at ES is the ED field with the ES window put in.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from torch import Tensor, nn

from cof_viewer.domain.split import Split
from cof_viewer.engine.seg_network import ResidualUNet
from cof_viewer.engine.seg_sampling import Placement, look_up, smoothed_for, standardise
from cof_viewer.learning.data import Pair, Row, choose, load_pair
from cof_viewer.learning.segmenter.augment import bend_intensities
from cof_viewer.learning.segmenter.config import TrainConfig
from cof_viewer.learning.segmenter.losses import deep_overlap_loss, masked_binary_loss
from cof_viewer.learning.segmenter.phantoms import random_phantom
from cof_viewer.learning.segmenter.sampling import CLASSES, frame_of_labels, random_placement, take
from cof_viewer.learning.segmenter.stacks import Stack, neighbours, stacks_of

_PHANTOMS = 0.08
_WINDOWED = 0.4
_WINDOW_MM = (70.0, 170.0)
_FLAG_WEIGHT = 0.5

Batch = tuple[Tensor, Tensor, Tensor]


class LocaliseTask:
    """Slices of whole fields and of windows, anywhere, any way up."""

    def __init__(self, config: TrainConfig, rows: Sequence[Row]) -> None:
        """Read the train and validation patients into memory."""
        self.config = config
        many = config.patients or None
        self.train = self._stacks(rows, Split.TRAIN, many)
        self.validation = self._stacks(rows, Split.VALIDATION, many)
        self._slices = [(s, z) for s, stack in enumerate(self.train) for z in range(len(stack.labels))]
        weight = np.concatenate([np.full(len(stack.labels), 1 / len(stack.labels)) for stack in self.train])
        self._chance = weight / weight.sum()

    def network(self) -> ResidualUNet:
        """A network with random weights."""
        return ResidualUNet(self.config.network)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Images [N, 3, size, size], label shares [N, 4, size, size], flags (mirrored, reversed) [N, 2]."""
        chosen = rng.choice(len(self._slices), self.config.batch, p=self._chance)
        samples = [
            self._empty_sample(rng) if rng.random() < _PHANTOMS else self._sample(self._slices[int(index)], rng)
            for index in chosen
        ]
        images, shares, inside, flags = (torch.stack(parts) for parts in zip(*samples, strict=True))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        images = bend_intensities(images, self.config.augment.intensity, generator)
        return standardise(images, inside), shares, flags

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Overlap of the classes, and the two flags counted over the heart."""
        images, shares, flags = batch
        outputs = network(images)
        loss = deep_overlap_loss([maps[:, :CLASSES] for maps in outputs], shares)
        heart = 1 - shares[:, 0]
        for flag in (0, 1):
            logits = outputs[0][:, CLASSES + flag]
            loss = loss + _FLAG_WEIGHT * masked_binary_loss(logits, flags[:, flag, None, None], heart)
        return loss

    def validate(self, network: ResidualUNet) -> dict[str, float]:
        """Errors of centre and direction, and how often the two flags are right, over whole stacks."""
        rng = np.random.default_rng(0)
        rows = [row for stack in self.validation if (row := self._judge(network, stack, rng)) is not None]
        table = np.array(rows)
        names = ("dice", "centre_mm", "angle_deg", "mirrored_right", "reversed_right")
        figures = dict(zip(names, np.nanmean(table, axis=0).tolist(), strict=True))
        return figures | {"found": len(rows) / max(1, len(self.validation)), "worst_mm": float(table[:, 1].max())}

    def _stacks(self, rows: Sequence[Row], part: Split, many: int | None) -> list[Stack]:
        pairs = [load_pair(row) for row in choose(rows, "pair", part)[:many]]
        windows = list(stacks_of(pairs, self.config.spacing_mm))
        fields = [stack for pair in pairs for stack in _fields(pair)]
        return fields * 2 + windows if part is Split.TRAIN else fields + windows

    def _sample(self, drawn: tuple[int, int], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        stack, z, config = self.train[drawn[0]], drawn[1], self.config
        placement = random_placement(stack.placement, config.augment, rng)
        mirrored = bool(np.linalg.det(placement.matrix) < 0)
        reverse, lone = rng.random() < config.augment.reverse, rng.random() < config.augment.lone
        grid = self._grid(stack, placement)
        slices = neighbours(stack.slices, z, stack.skip, reverse=reverse, lone=lone)
        images, shares, inside = take(slices, stack.labels[z], grid)
        if rng.random() < _WINDOWED:
            inside = inside & self._window(stack, placement, rng)
        shares[1:] *= inside
        shares[0] = 1 - shares[1:].sum(dim=0)
        return images * inside, shares, inside, torch.tensor([float(mirrored), float(reverse)])

    def _grid(self, stack: Stack, placement: Placement) -> Tensor:
        shape = (int(stack.labels.shape[1]), int(stack.labels.shape[2]))
        return look_up(placement, self.config.size, self.config.spacing_mm, shape, stack.spacing_mm[1:])

    def _window(self, stack: Stack, placement: Placement, rng: np.random.Generator) -> Tensor:
        """Bool [size, size]: a rectangle about the heart, as if the file had been cropped."""
        offset = np.linalg.solve(placement.matrix, np.array(stack.placement.centre_mm) - placement.centre_mm)
        steps = (np.arange(self.config.size) - (self.config.size - 1) / 2) * self.config.spacing_mm
        sides = [np.abs(steps - offset[axis] - rng.uniform(-25, 25)) < rng.uniform(*_WINDOW_MM) for axis in (0, 1)]
        return torch.from_numpy(np.outer(sides[0], sides[1]))

    def _empty_sample(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """A picture without a heart."""
        size = self.config.size
        shares = torch.zeros(CLASSES, size, size)
        shares[0] = 1
        images = torch.from_numpy(random_phantom(size, rng))
        return images, shares, torch.ones(size, size, dtype=torch.bool), torch.zeros(2)

    def _judge(self, network: ResidualUNet, stack: Stack, rng: np.random.Generator) -> tuple[float, ...] | None:
        """Dice of the heart, centre error in mm, direction error in degrees, mirrored and reversed right."""
        placement = random_placement(stack.placement, self.config.augment, rng)
        reverse = bool(rng.random() < self.config.augment.reverse)
        grid = self._grid(stack, placement)
        count = range(len(stack.labels))
        taken = [take(neighbours(stack.slices, z, stack.skip, reverse=reverse), stack.labels[z], grid) for z in count]
        images, shares, inside = (torch.stack(parts) for parts in zip(*taken, strict=True))
        with torch.inference_mode():
            maps = network(standardise(images, inside))
        truth = shares.argmax(dim=1).numpy().astype(np.uint8)
        found = maps[:, :CLASSES].argmax(dim=1).numpy().astype(np.uint8)
        spacing = (stack.spacing_mm[0], self.config.spacing_mm, self.config.spacing_mm)
        right, guess = frame_of_labels(truth, spacing), frame_of_labels(found, spacing)
        if right is None or guess is None:
            return None
        heart = torch.from_numpy(found > 0)
        flags = [float(maps[:, CLASSES + flag][heart].mean()) > 0 for flag in (0, 1)]
        turned = math.degrees(abs(math.remainder(guess.angle_rad - right.angle_rad, 2 * math.pi)))
        mirrored = bool(np.linalg.det(placement.matrix) < 0)
        both = 2 * float(((truth > 0) & (found > 0)).sum()) / float((truth > 0).sum() + (found > 0).sum())
        away = math.dist(right.centre_mm, guess.centre_mm)
        return both, away, turned, float(flags[0] == mirrored), float(flags[1] == reverse)


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

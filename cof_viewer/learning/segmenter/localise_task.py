"""What the localiser learns from: whole fields of view and windows in any position, mirrored or not, either order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.cohort.real.mri import Row
from cof_viewer.domain.split import Split
from cof_viewer.engine.seg_network import ResidualUNet
from cof_viewer.engine.seg_sampling import standardise
from cof_viewer.learning.segmenter.augment import bend_intensities
from cof_viewer.learning.segmenter.config import TrainConfig
from cof_viewer.learning.segmenter.fields import fields_and_windows, grid_of, random_window
from cof_viewer.learning.segmenter.losses import deep_overlap_loss
from cof_viewer.learning.segmenter.phantoms import random_phantom
from cof_viewer.learning.segmenter.sampling import CLASSES, frame_of_labels, random_placement, take
from cof_viewer.learning.segmenter.stacks import Stack, neighbours

_PHANTOMS = 0.08
_WINDOWED = 0.4

Batch = tuple[Tensor, Tensor]
Sample = tuple[Tensor, Tensor, Tensor]


class LocaliseTask:
    """Slices of whole fields and of windows, anywhere, any way up."""

    def __init__(self, config: TrainConfig, rows: Sequence[Row]) -> None:
        """Read the train and validation patients into memory."""
        self.config = config
        self.train = fields_and_windows(rows, Split.TRAIN, config)
        self.validation = fields_and_windows(rows, Split.VALIDATION, config)
        self._slices = [(s, z) for s, stack in enumerate(self.train) for z in range(len(stack.labels))]
        weight = np.concatenate([np.full(len(stack.labels), 1 / len(stack.labels)) for stack in self.train])
        self._chance = weight / weight.sum()

    def network(self) -> ResidualUNet:
        """A network with random weights."""
        return ResidualUNet(self.config.network)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Standardised images [N, 3, size, size] and label shares [N, 4, size, size]."""
        chosen = rng.choice(len(self._slices), self.config.batch, p=self._chance)
        samples = [
            self._without_heart(rng) if rng.random() < _PHANTOMS else self._sample(self._slices[int(index)], rng)
            for index in chosen
        ]
        images, shares, inside = (torch.stack(parts) for parts in zip(*samples, strict=True))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        images = bend_intensities(images, self.config.augment.intensity, generator)
        return standardise(images, inside), shares

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Deeply supervised overlap loss of one batch."""
        images, shares = batch
        return deep_overlap_loss(network(images), shares)

    def validate(self, network: nn.Module) -> dict[str, float]:
        """Dice of the heart, errors of its centre and direction, over whole stacks in random positions."""
        rng = np.random.default_rng(0)
        rows = [row for stack in self.validation if (row := self._judge(network, stack, rng)) is not None]
        table = np.array(rows).reshape(-1, 3)
        figures = dict(zip(("dice", "centre_mm", "angle_deg"), table.mean(axis=0).tolist(), strict=True))
        return figures | {
            "found": len(rows) / max(1, len(self.validation)),
            "worst_mm": float(table[:, 1].max(initial=0.0)),
            "worst_deg": float(table[:, 2].max(initial=0.0)),
        }

    def _sample(self, drawn: tuple[int, int], rng: np.random.Generator) -> Sample:
        stack, z, augment = self.train[drawn[0]], drawn[1], self.config.augment
        placement = random_placement(stack.placement, augment, rng)
        reverse, lone = rng.random() < augment.reverse, rng.random() < augment.lone
        slices = neighbours(stack.slices, z, stack.skip, reverse=reverse, lone=lone)
        images, shares, inside = take(slices, stack.labels[z], grid_of(stack, placement, self.config))
        if rng.random() < _WINDOWED:
            inside = inside & random_window(stack, placement, self.config, rng)
        shares[1:] *= inside
        shares[0] = 1 - shares[1:].sum(dim=0)
        return images * inside, shares, inside

    def _without_heart(self, rng: np.random.Generator) -> Sample:
        size = self.config.size
        shares = torch.zeros(CLASSES, size, size)
        shares[0] = 1
        return torch.from_numpy(random_phantom(size, rng)), shares, torch.ones(size, size, dtype=torch.bool)

    def _judge(self, network: nn.Module, stack: Stack, rng: np.random.Generator) -> tuple[float, ...] | None:
        """Dice of the heart, centre error in mm, direction error in degrees; None where nothing was found."""
        placement = random_placement(stack.placement, self.config.augment, rng)
        reverse = bool(rng.random() < self.config.augment.reverse)
        grid = grid_of(stack, placement, self.config)
        count = range(len(stack.labels))
        taken = [take(neighbours(stack.slices, z, stack.skip, reverse=reverse), stack.labels[z], grid) for z in count]
        images, shares, inside = (torch.stack(parts) for parts in zip(*taken, strict=True))
        with torch.inference_mode():
            maps = network(standardise(images, inside))
        truth = shares.argmax(dim=1).numpy().astype(np.uint8)
        found = maps.argmax(dim=1).numpy().astype(np.uint8)
        spacing = (stack.spacing_mm[0], self.config.spacing_mm, self.config.spacing_mm)
        right, guess = frame_of_labels(truth, spacing), frame_of_labels(found, spacing)
        if right is None or guess is None:
            return None
        turned = math.degrees(abs(math.remainder(guess.angle_rad - right.angle_rad, 2 * math.pi)))
        both = 2 * float(((truth > 0) & (found > 0)).sum()) / float((truth > 0).sum() + (found > 0).sum())
        return both, math.dist(right.centre_mm, guess.centre_mm), turned

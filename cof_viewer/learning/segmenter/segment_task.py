"""What the segmenter learns from and how it is judged while it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.cohort.real.mri import Row, choose, load_pair
from cof_viewer.domain.split import Split
from cof_viewer.engine.seg_network import ResidualUNet
from cof_viewer.engine.seg_sampling import look_up, standardise
from cof_viewer.learning.overlap import dice_where_any
from cof_viewer.learning.segmenter.augment import bend_intensities
from cof_viewer.learning.segmenter.config import TrainConfig
from cof_viewer.learning.segmenter.losses import deep_overlap_loss
from cof_viewer.learning.segmenter.sampling import elastic_offsets, random_placement, take
from cof_viewer.learning.segmenter.stacks import Stack, neighbours, stacks_of

_VALIDATION_SIZE = 128
_NAMES = {1: "lv", 2: "myo", 3: "rv"}

Batch = tuple[Tensor, Tensor]


class SegmentTask:
    """Slices of labelled pairs in their canonical look, moved and bent at random."""

    def __init__(self, config: TrainConfig, rows: Sequence[Row]) -> None:
        """Read the train and validation patients into memory."""
        self.config = config
        many = config.patients or None
        self.train, self.validation = (
            list(stacks_of((load_pair(row) for row in choose(rows, "pair", part)[:many]), config.spacing_mm))
            for part in (Split.TRAIN, Split.VALIDATION)
        )
        self._slices = [(s, z) for s, stack in enumerate(self.train) for z in range(len(stack.labels))]
        weight = np.concatenate([stack.weight / len(stack.weight) for stack in self.train])
        self._chance = weight / weight.sum()

    def network(self) -> ResidualUNet:
        """A network with random weights."""
        return ResidualUNet(self.config.network)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Standardised images [N, 3, size, size] and label shares [N, 4, size, size]."""
        chosen = rng.choice(len(self._slices), self.config.batch, p=self._chance)
        samples = [self._sample(self._slices[int(index)], rng) for index in chosen]
        images, shares, inside = (torch.stack(parts) for parts in zip(*samples, strict=True))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        images = bend_intensities(images, self.config.augment.intensity, generator)
        return standardise(images, inside), shares

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Deeply supervised overlap loss of one batch."""
        images, shares = batch
        return deep_overlap_loss(network(images), shares)

    def validate(self, network: ResidualUNet) -> dict[str, float]:
        """Mean 3-D Dice per dataset, phase and structure on the canonical grid with the labels' own frame."""
        scores: dict[str, list[float]] = {}
        for stack in self.validation:
            predicted, truth = self._predict(network, stack)
            prefix = f"{stack.name.split(':')[0]}_{'es' if stack.phase else 'ed'}"
            for value, name in _NAMES.items():
                scores.setdefault(f"{prefix}_{name}", []).append(dice_where_any(predicted == value, truth == value))
        return {name: float(np.nanmean(values)) for name, values in scores.items()}

    def _sample(self, drawn: tuple[int, int], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        stack, z, config = self.train[drawn[0]], drawn[1], self.config
        augment = config.augment
        placement = random_placement(stack.placement, augment, rng)
        shape = (int(stack.labels.shape[1]), int(stack.labels.shape[2]))
        grid = look_up(placement, config.size, config.spacing_mm, shape, stack.spacing_mm[1:])
        if rng.random() < augment.elastic:
            sd = 2 * augment.elastic_mm / (shape[0] * stack.spacing_mm[1])
            grid = grid + elastic_offsets(config.size, sd, rng)
        reverse, lone = rng.random() < augment.reverse, rng.random() < augment.lone
        skip = stack.skip if stack.skip == 1 or rng.random() < 0.7 else 1
        return take(neighbours(stack.slices, z, skip, reverse=reverse, lone=lone), stack.labels[z], grid)

    def _predict(self, network: ResidualUNet, stack: Stack) -> tuple[Tensor, Tensor]:
        shape = (int(stack.labels.shape[1]), int(stack.labels.shape[2]))
        grid = look_up(stack.placement, _VALIDATION_SIZE, self.config.spacing_mm, shape, stack.spacing_mm[1:])
        taken = [take(neighbours(stack.slices, z, stack.skip), stack.labels[z], grid) for z in range(len(stack.labels))]
        images, shares, inside = (torch.stack(parts) for parts in zip(*taken, strict=True))
        with torch.inference_mode():
            logits = network(standardise(images, inside))
        return logits.argmax(dim=1), shares.argmax(dim=1)

"""What the pose network learns from: looks turned and centred about as the localiser does, flipped and reversed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cof_viewer.cohort.real.mri import Row
from cof_viewer.domain.split import Split
from cof_viewer.engine.pose_network import PoseConfig, PoseNetwork
from cof_viewer.engine.seg_sampling import standardise
from cof_viewer.learning.segmenter.augment import bend_intensities
from cof_viewer.learning.segmenter.config import TrainConfig
from cof_viewer.learning.segmenter.fields import fields_and_windows, grid_of, random_window
from cof_viewer.learning.segmenter.sampling import random_placement, take
from cof_viewer.learning.segmenter.stacks import Stack, neighbours

_WINDOWED = 0.5

Batch = tuple[Tensor, Tensor]


class PoseTask:
    """Slices that show the heart, with the truth about mirroring and order."""

    def __init__(self, config: TrainConfig, rows: Sequence[Row]) -> None:
        """Read the train and validation patients into memory."""
        self.config = config
        self.train = fields_and_windows(rows, Split.TRAIN, config)
        self.validation = fields_and_windows(rows, Split.VALIDATION, config)
        self._slices = [(s, z) for s, stack in enumerate(self.train) for z in _with_heart(stack)]

    def network(self) -> PoseNetwork:
        """A network with random weights."""
        return PoseNetwork(PoseConfig(size=self.config.size))

    def batch(self, rng: np.random.Generator) -> Batch:
        """Standardised looks [N, 3, size, size] and the truth [N, 2]: mirrored, reversed."""
        chosen = rng.choice(len(self._slices), self.config.batch)
        samples = [self._sample(self._slices[int(index)], rng) for index in chosen]
        images, inside, truth = (torch.stack(parts) for parts in zip(*samples, strict=True))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        images = bend_intensities(images, self.config.augment.intensity, generator)
        return standardise(images, inside), truth

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Binary cross-entropy of both answers."""
        images, truth = batch
        return functional.binary_cross_entropy_with_logits(network(images).float(), truth)

    def validate(self, network: PoseNetwork) -> dict[str, float]:
        """How often the mean vote of a whole stack is right, and how sure it is at the 5th percentile."""
        rng = np.random.default_rng(0)
        votes = np.array([self._votes(network, stack, rng) for stack in self.validation])
        names = ("mirrored", "reversed")
        right = {f"{name}_right": float((votes[:, i] > 0).mean()) for i, name in enumerate(names)}
        return right | {f"{name}_p5": float(np.quantile(votes[:, i], 0.05)) for i, name in enumerate(names)}

    def _sample(self, drawn: tuple[int, int], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        stack, z = self.train[drawn[0]], drawn[1]
        augment = self.config.augment
        placement = random_placement(stack.placement, augment, rng)
        reverse = rng.random() < augment.reverse
        skip = max(1, stack.skip + int(rng.integers(-1, 2)))
        slices = neighbours(stack.slices, z, skip, reverse=reverse)
        images, _, inside = take(slices, stack.labels[z], grid_of(stack, placement, self.config))
        if rng.random() < _WINDOWED:
            inside = inside & random_window(stack, placement, self.config, rng)
        mirrored = bool(np.linalg.det(placement.matrix) < 0)
        return images * inside, inside, torch.tensor([float(mirrored), float(reverse)])

    def _votes(self, network: PoseNetwork, stack: Stack, rng: np.random.Generator) -> tuple[float, float]:
        """Mean votes over the slices with heart, signed so that positive is right."""
        placement = random_placement(stack.placement, self.config.augment, rng)
        reverse = bool(rng.random() < self.config.augment.reverse)
        grid = grid_of(stack, placement, self.config)
        taken = [
            take(neighbours(stack.slices, z, stack.skip, reverse=reverse), stack.labels[z], grid)
            for z in _with_heart(stack)
        ]
        images, _, inside = (torch.stack(parts) for parts in zip(*taken, strict=True))
        mirrored, order = network.votes(standardise(images, inside)).mean(dim=0).tolist()
        sign = 1 if np.linalg.det(placement.matrix) < 0 else -1
        return sign * mirrored, (1 if reverse else -1) * order


def _with_heart(stack: Stack) -> list[int]:
    return [z for z in range(len(stack.labels)) if bool(stack.labels[z].any())]

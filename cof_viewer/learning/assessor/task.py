"""What the assessor's training draws, minimises and looks at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cof_viewer.cohort.real.mri import Row
from cof_viewer.cohort.store import Store
from cof_viewer.engine.seg_sampling import look_up
from cof_viewer.learning.assessor.config import AssessorTraining
from cof_viewer.learning.assessor.data import made_stacks, real_rows, real_stacks
from cof_viewer.learning.assessor.network import SegResNet, standardised
from cof_viewer.learning.overlap import dice_where_any
from cof_viewer.learning.segmenter.augment import bend_intensities
from cof_viewer.learning.segmenter.losses import overlap_loss
from cof_viewer.learning.segmenter.sampling import elastic_offsets, random_placement, take
from cof_viewer.learning.segmenter.stacks import Stack

_NAMES = {1: "lv", 2: "myo", 3: "rv"}

Batch = tuple[Tensor, Tensor]
Chances = tuple[list[tuple[Stack, int]], NDArray[np.float64]]


class AssessorTask:
    """Single slices of the assessor's own patients in their canonical look, moved and bent at random.

    Attributes:
        patients: everybody that is learned from.
        held_back: patients of the same part that are only looked at.
    """

    def __init__(self, config: AssessorTraining, rows: Sequence[Row], store: Store | None = None) -> None:
        """Read the patients into memory.

        Raises:
            SplitBroken: somebody is not the assessor's to learn from.
        """
        self.config = config
        own = real_rows(rows, config.patients)
        learned = [row for i, row in enumerate(own) if i % config.every or len(own) == 1]
        held = [row for i, row in enumerate(own) if not i % config.every]
        made_patients, made = made_stacks(store, config) if store is not None else ([], [])
        self.patients = sorted({row.patient_id for row in learned} | set(made_patients))
        self.held_back = sorted(row.patient_id for row in held)
        self._looked_at = real_stacks(held, config.spacing_mm)
        self._real = _chances(real_stacks(learned, config.spacing_mm))
        self._made = _chances(made) if made else None

    def network(self) -> SegResNet:
        """A network with random weights."""
        return SegResNet(self.config.network)

    def batch(self, rng: np.random.Generator) -> Batch:
        """Standardised slices [N, 1, size, size] and label shares [N, 4, size, size]."""
        samples = [self._sample(*self._draw(rng), rng) for _ in range(self.config.batch)]
        images, shares, inside = (torch.stack(parts) for parts in zip(*samples, strict=True))
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        bent = bend_intensities(images, self.config.augment.intensity, generator)
        return standardised(bent.clamp_min(1e-4) * inside[:, None]), shares

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Cross-entropy and soft Dice of one batch."""
        images, shares = batch
        return overlap_loss(network(images), shares)

    def validate(self, network: SegResNet) -> dict[str, float]:
        """Mean Dice over the stacks held back, per phase and structure."""
        scores: dict[str, list[float]] = {}
        for stack in self._looked_at:
            images, shares = self._whole(stack)
            with torch.inference_mode():
                found = network(standardised(images)).argmax(dim=1)
            for value, name in _NAMES.items():
                key = f"{'es' if stack.phase else 'ed'}_{name}"
                scores.setdefault(key, []).append(dice_where_any(found == value, shares.argmax(dim=1) == value))
        return {name: float(np.nanmean(values)) for name, values in sorted(scores.items())}

    def _draw(self, rng: np.random.Generator) -> tuple[Stack, int]:
        source = self._made if self._made is not None and rng.random() < self.config.made_share else self._real
        slices, chance = source
        return slices[int(rng.choice(len(slices), p=chance))]

    def _sample(self, stack: Stack, z: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        config, augment = self.config, self.config.augment
        shape = (int(stack.labels.shape[1]), int(stack.labels.shape[2]))
        placement = random_placement(stack.placement, augment, rng)
        grid = look_up(placement, config.size, config.spacing_mm, shape, stack.spacing_mm[1:])
        if rng.random() < augment.elastic:
            sd = 2 * augment.elastic_mm / (shape[0] * stack.spacing_mm[1])
            grid = grid + elastic_offsets(config.size, sd, rng)
        return take(stack.slices[z : z + 1], stack.labels[z], grid)

    def _whole(self, stack: Stack) -> Batch:
        shape = (int(stack.labels.shape[1]), int(stack.labels.shape[2]))
        grid = look_up(stack.placement, self.config.size, self.config.spacing_mm, shape, stack.spacing_mm[1:])
        taken = [take(stack.slices[z : z + 1], stack.labels[z], grid)[:2] for z in range(len(stack.labels))]
        images, shares = (torch.stack(parts) for parts in zip(*taken, strict=True))
        return images, shares


def _chances(stacks: Sequence[Stack]) -> Chances:
    """Every slice, and how likely each is drawn: every stack alike, its slices by their weight."""
    slices = [(stack, z) for stack in stacks for z in range(len(stack.labels))]
    weight = np.concatenate([stack.weight / len(stack.weight) for stack in stacks])
    return slices, np.asarray(weight / weight.sum())

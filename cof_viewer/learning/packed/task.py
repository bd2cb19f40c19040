"""What the packed form learns, by flow matching or by diffusion, and how it is judged while it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.engine.packed.network import PackedNetwork
from cof_viewer.engine.packed.pack import COMPONENTS
from cof_viewer.learning.packed.cases import PackedCase
from cof_viewer.learning.packed.config import PackedTraining
from cof_viewer.learning.packed.judge import JudgedCase, figures

Batch = tuple[Tensor, ...]
"""(x0, weight, noise, tau, then the parts of a `PackedCondition`)."""


class PackedTask:
    """Packs of the train part, with what is told of each."""

    def __init__(self, config: PackedTraining, train: Sequence[PackedCase], judged: Sequence[JudgedCase] = ()) -> None:
        """Keep the cases in memory."""
        self.config = config
        self._train, self._judged = list(train), list(judged)
        embeddings = np.stack([case.embedding for case in train])
        self._middle = torch.from_numpy(embeddings.mean(axis=0))
        self._spread = torch.from_numpy(np.maximum(embeddings.std(axis=0), 1e-3))

    def network(self) -> PackedNetwork:
        """A network with random weights that knows the train part's mean embedding and its spread."""
        network = PackedNetwork(self.config.network)
        network.embedding_mean.copy_(self._middle)
        network.embedding_spread.copy_(self._spread)
        return network

    def batch(self, rng: np.random.Generator) -> Batch:
        """Random cases, times and noise; each condition masked by chance."""
        config = self.config
        cases = [self._train[int(k)] for k in rng.integers(len(self._train), size=config.batch)]
        x0 = _stacked([case.packed for case in cases])
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
        noise = torch.randn(x0.shape, generator=generator)
        uniform, shift = rng.random((config.batch, 1)), config.loss.tau_shift
        tau = torch.from_numpy((shift * uniform / (1 + (shift - 1) * uniform)).astype(np.float32))
        kept = torch.from_numpy((rng.random((2, config.batch, 1)) >= config.loss.drop).astype(np.float32))
        return (
            x0,
            self._weights([case.heart for case in cases]),
            noise,
            tau,
            _stacked([case.anatomy for case in cases]),
            _stacked([case.embedding for case in cases]),
            _stacked([case.phase for case in cases]),
            kept[0],
            kept[1],
        )

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Weighted mean squared error of the velocity (COF section 3) or of the diffusion's v."""
        x0, weight, noise, tau, *condition = batch
        signal, level = noise_levels(tau, self.config.network.form)
        shape = (-1, 1, 1, 1, 1)
        clean = network(signal.reshape(shape) * x0 + level.reshape(shape) * noise, tau, *condition).float()
        per_case = (weight * (clean - x0).square()).mean(dim=(1, 2, 3, 4)) / weight.mean(dim=(1, 2, 3, 4))
        weighed: Tensor = per_case / level[:, 0].clamp(min=self.config.loss.least_noise).square()
        return weighed.mean()

    def validate(self, network: PackedNetwork) -> dict[str, float]:
        """Dice, EF and time of ES of beats drawn for validation cases; none without such cases."""
        return figures(network, self._judged, self.config.steps_drawn or None) if self._judged else {}

    def _weights(self, hearts: list[np.ndarray]) -> Tensor:
        """[n, C, 1, Hf, Wf]: the same for all phases and components, but for the confidence."""
        loss = self.config.loss
        inside = _stacked(hearts)[:, None]
        last = loss.confidence if self.config.network.target == "motion" else 1.0
        parts = torch.tensor([1.0] * (len(COMPONENTS) - 1) + [last]).reshape(1, -1, 1, 1, 1)
        whole = parts * (loss.background + (1 - loss.background) * inside)
        return whole.flatten(1, 2)[:, :, None]


def noise_levels(tau: Tensor, form: str) -> tuple[Tensor, Tensor]:
    """Shares of data and of noise at times [n, 1] of a form; see `engine.packed.sample`.

    The error of the estimated data, over the share of noise, is the error of v in both forms: v = (x - x0) / tau of the
    flow, and v = (cos·x - x0) / sin of the diffusion (Salimans and Ho 2022).
    """
    if form == "diffusion":
        angle = 0.5 * torch.pi * tau
        return angle.cos(), angle.sin()
    return 1 - tau, tau


def _stacked(arrays: Sequence[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(arrays).astype(np.float32))

"""Flow matching in the compact motion space: noise to a beat's code by Euler steps (COF sections 3 and 4).

Time runs from data (tau = 0) to noise (tau = 1): x_tau = (1 - tau)·x0 + tau·x1, target v = x1 - x0; sampling goes from
tau = 1 to 0. The data x0 are the numbers of one beat: modes of the velocity, EF, whether the base is lost, and how its
time marks differ from what physiology expects of the ECG.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cof_viewer.domain.progress import NEVER, CancelToken

EULER_STEPS = 20


@dataclass(frozen=True)
class FlowConfig:
    """Shape of the flow network; travels with its weights.

    Attributes:
        beat_numbers: length of x0.
        anatomy_numbers: length of the anatomy vector.
        interval_numbers: length of the vector of measured ECG intervals and amplitudes.
        embedding_numbers: length of the ECG encoder's output (768 in ST-MEM).
        embedding_rank: numbers that the embedding is reduced to first.
        width: of the hidden layers.
        blocks: residual blocks.
        dropout: share of hidden units dropped while learning.
    """

    beat_numbers: int
    anatomy_numbers: int
    interval_numbers: int
    embedding_numbers: int = 768
    embedding_rank: int = 4
    width: int = 128
    blocks: int = 3
    dropout: float = 0.2


@dataclass(frozen=True, eq=False)
class Condition:
    """What a beat is drawn for; every part may be masked, so that one network serves ablations and what-if.

    Attributes:
        anatomy: [n, anatomy_numbers], standardised.
        anchor_is_es: [n, 1].
        intervals: [n, interval_numbers], standardised, 0 where not measurable.
        embedding: [n, embedding_numbers].
        has_anatomy: [n, 1], 0 masks anatomy; `has_ecg` likewise.
    """

    anatomy: Tensor
    anchor_is_es: Tensor
    intervals: Tensor
    embedding: Tensor
    has_anatomy: Tensor
    has_ecg: Tensor


class _Block(nn.Module):
    """A residual block whose middle is scaled and shifted by the condition."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, width)
        self.modulate = nn.Linear(width, 2 * width)
        self.outer = nn.Linear(width, width)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """[n, width] both in and out."""
        scale, shift = self.modulate(condition).chunk(2, dim=-1)
        hidden = self.inner(self.norm(x)) * (1 + scale) + shift
        out: Tensor = x + self.outer(self.drop(nn.functional.silu(hidden)))
        return out


class FlowNetwork(nn.Module):
    """v(x, tau, condition): the learned velocity of the flow."""

    def __init__(self, config: FlowConfig) -> None:
        """Build it untrained."""
        super().__init__()
        self.config = config
        width = config.width
        self.anatomy = nn.Sequential(
            nn.Linear(config.anatomy_numbers + 2, width), nn.SiLU(), nn.Dropout(config.dropout)
        )
        self.reduce = nn.Linear(config.embedding_numbers, config.embedding_rank)
        ecg_numbers = config.interval_numbers + config.embedding_rank + 1
        self.ecg = nn.Sequential(nn.Linear(ecg_numbers, width), nn.SiLU(), nn.Dropout(config.dropout))
        self.time = nn.Sequential(nn.Linear(16, width), nn.SiLU())
        self.enter = nn.Linear(config.beat_numbers, width)
        self.blocks = nn.ModuleList(_Block(width, config.dropout) for _ in range(config.blocks))
        self.leave = nn.Linear(width, config.beat_numbers)

    def embed(self, condition: Condition) -> Tensor:
        """[n, width] summary of the condition, the same for every step of the flow."""
        seen, heard = condition.has_anatomy, condition.has_ecg
        anatomy = self.anatomy(torch.cat([condition.anatomy * seen, condition.anchor_is_es, seen], dim=1))
        reduced = self.reduce(condition.embedding * heard)
        ecg = self.ecg(torch.cat([condition.intervals * heard, reduced, heard], dim=1))
        out: Tensor = anatomy + ecg
        return out

    def forward(self, x: Tensor, tau: Tensor, embedded: Tensor) -> Tensor:
        """Velocity of the flow.

        Args:
            x: [n, beat_numbers].
            tau: [n, 1], 0 data to 1 noise.
            embedded: [n, width] from `embed`.
        """
        angles = tau * torch.pi * 2.0 ** torch.arange(8, device=x.device)[None] / 2
        time = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        hidden = self.enter(x)
        for block in self.blocks:
            hidden = block(hidden, embedded + time)
        out: Tensor = self.leave(hidden)
        return out


def flow_matching_loss(network: FlowNetwork, x0: Tensor, condition: Condition, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity at random times, one noise a case (COF section 3); [n] per case."""
    x1 = torch.randn(x0.shape, generator=generator).to(x0)
    tau = torch.rand((len(x0), 1), generator=generator).to(x0)
    predicted = network((1 - tau) * x0 + tau * x1, tau, network.embed(condition))
    return (predicted - (x1 - x0)).square().mean(dim=1)


@torch.no_grad()
def euler(network: FlowNetwork, noise: Tensor, condition: Condition, steps: int, cancel: CancelToken = NEVER) -> Tensor:
    """Bring noise [n, beat_numbers] to beats by explicit Euler from tau = 1 to 0."""
    embedded = network.embed(condition)
    x = noise
    for step in range(steps):
        cancel.raise_if_cancelled()
        tau = torch.full((len(x), 1), 1.0 - step / steps, device=x.device)
        x = x - network(x, tau, embedded) / steps
    return x


def member_noise(members: int, numbers: int, seed: int) -> Tensor:
    """Noise of each member: the first starts at its centre, the others are drawn by seed.

    The centre flows to the middle of what the condition allows, so one member alone is the best single guess.
    """
    noise = torch.randn((members, numbers), generator=torch.Generator().manual_seed(seed))
    noise[0] = 0.0
    return noise

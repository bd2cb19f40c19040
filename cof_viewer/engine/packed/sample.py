"""From noise to data: explicit Euler along the learned flow, and DDIM for the diffusion form (COF sections 3 and 4).

Time runs from data (tau = 0) to noise (tau = 1) in both. Flow: x = (1 - tau)·x0 + tau·x1, v = x1 - x0. Diffusion:
x = cos(pi tau / 2)·x0 + sin(pi tau / 2)·noise (the cosine schedule of Nichol and Dhariwal 2021, without its offset).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from cof_viewer.domain.progress import NEVER, CancelToken
from cof_viewer.engine.packed.network import PackedCondition, PackedNetwork

EULER_STEPS = 20
DDIM_STEPS = 30

Velocity = Callable[[Tensor, Tensor], Tensor]
"""(x [n, ...], tau [n, 1]) -> v [n, ...]."""


def euler(velocity: Velocity, noise: Tensor, steps: int = EULER_STEPS, cancel: CancelToken = NEVER) -> Tensor:
    """x <- x + dtau·v from tau = 1 to 0 in equal steps.

    Raises:
        Cancelled: somebody asked to stop; looked at before every call.
    """
    x = noise
    for step in range(steps):
        cancel.raise_if_cancelled()
        tau = torch.full((len(x), 1), 1.0 - step / steps, device=x.device)
        x = x - velocity(x, tau) / steps
    return x


def ddim(data: Velocity, noise: Tensor, steps: int = DDIM_STEPS, cancel: CancelToken = NEVER) -> Tensor:
    """Deterministic DDIM (Song 2021): at every step the estimated data with the estimated noise of the next level.

    Args:
        data: (x, tau) -> the clean data it takes for the likeliest.
        noise: x at tau = 1.
        steps: calls of `data`.
        cancel: looked at before every call.

    Raises:
        Cancelled: somebody asked to stop.
    """
    x = noise
    for step in range(steps):
        cancel.raise_if_cancelled()
        now, then = 1.0 - step / steps, 1.0 - (step + 1) / steps
        clean = data(x, torch.full((len(x), 1), now, device=x.device))
        signal, level = levels(now)
        guessed = (x - signal * clean) / level
        next_signal, next_level = levels(then)
        x = next_signal * clean + next_level * guessed
    return x


def levels(tau: float) -> tuple[float, float]:
    """Share of data and of noise at a time of the diffusion; their squares sum to 1."""
    return math.cos(0.5 * math.pi * tau), math.sin(0.5 * math.pi * tau)


@torch.no_grad()
def sample(
    network: PackedNetwork,
    noise: Tensor,
    condition: PackedCondition,
    steps: int | None = None,
    cancel: CancelToken = NEVER,
) -> Tensor:
    """Bring noise [n, C, T, Hf, Wf] to packs by the network's own form.

    Raises:
        Cancelled: somebody asked to stop; looked at before every call of the network.
    """
    embedded = network.embed(condition)
    if network.config.form == "diffusion":
        return ddim(lambda x, tau: network(x, tau, embedded), noise, steps or DDIM_STEPS, cancel)

    def velocity(x: Tensor, tau: Tensor) -> Tensor:
        clean: Tensor = network(x, tau, embedded)
        return (x - clean) / tau.reshape(-1, 1, 1, 1, 1)

    return euler(velocity, noise, steps or EULER_STEPS, cancel)

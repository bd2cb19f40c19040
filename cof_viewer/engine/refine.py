"""Refinement of one case's velocities on its labels: a few gradient steps from where the network left off."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from cof_viewer.domain.progress import NEVER, CancelToken
from cof_viewer.engine.motion.field import smooth_velocity, smoothness
from cof_viewer.engine.motion.labels import dice_loss, soft_shares
from cof_viewer.engine.registration_network import displacement_mm, warp_lattice

_SQUARINGS = 5


@dataclass(frozen=True)
class RefineConfig:
    """How far a case is refined.

    Attributes:
        steps: of Adam; 0 keeps the network's answer.
        rate_mm: how far a velocity may go in one step.
        width_mm: width of the soft step at an outline: wide enough for a distant outline to pull.
        smooth: weight of the velocity's mean squared differences (mm² per 3 mm).
    """

    steps: int = 15
    rate_mm: float = 1.5
    width_mm: float = 5.0
    smooth: float = 0.008


def refined(
    velocity: Tensor,
    anchor: Tensor,
    target: Tensor,
    config: RefineConfig | None = None,
    cancel: CancelToken = NEVER,
) -> Tensor:
    """Velocities whose motion brings the anchor's outlines nearer to the target's.

    Args:
        velocity: [n, 2, 64, 64] mm to start from.
        anchor: [n, 3, 64, 64] signed distances (mm, inside positive) of LV, LV with wall, and RV; `target` likewise.
        config: how far.
        cancel: looked at before every step.

    Returns:
        [n, 2, 64, 64] mm; integrated like any velocity, so the motion stays diffeomorphic.
    """
    config = config or RefineConfig()
    if not config.steps:
        return velocity
    with torch.inference_mode(False), torch.enable_grad():
        start, outlines = velocity.clone(), anchor.clone()
        aim = soft_shares(target.clone(), config.width_mm)
        change = torch.zeros_like(start, requires_grad=True)
        optimizer = torch.optim.Adam([change], lr=config.rate_mm, betas=(0.8, 0.95))
        for _ in range(config.steps):
            cancel.raise_if_cancelled()
            optimizer.zero_grad()
            now = start + smooth_velocity(change)
            moved = warp_lattice(outlines, displacement_mm(now, _SQUARINGS))
            loss = dice_loss(soft_shares(moved, config.width_mm), aim) + config.smooth * smoothness(now)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return (start + smooth_velocity(change)).detach()

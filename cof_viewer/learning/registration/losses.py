"""Terms of the teacher's loss: local correlation at several scales, label Dice, smoothness, largest field."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def local_correlation(a: Tensor, b: Tensor, window: int = 9) -> Tensor:
    """Mean squared local normalised cross-correlation of [n, 1, y, x]; 1 where both agree up to brightness."""
    kernel = torch.ones(1, 1, window, window, device=a.device) / window**2

    def mean(x: Tensor) -> Tensor:
        return F.conv2d(x, kernel)  # whole windows only: padding would look like a dark rim

    ma, mb = mean(a), mean(b)
    cross = mean(a * b) - ma * mb
    va, vb = (mean(a * a) - ma * ma).clamp(min=0), (mean(b * b) - mb * mb).clamp(min=0)
    return (cross.square() / (va * vb + 1e-3)).mean()


def multi_scale_dissimilarity(warped: Tensor, target: Tensor) -> Tensor:
    """1 - local correlation, averaged over full, half and quarter resolution."""
    total = 1 - local_correlation(warped, target)
    for factor in (2, 4):
        total = total + 1 - local_correlation(F.avg_pool2d(warped, factor), F.avg_pool2d(target, factor))
    return total / 3


def dice_loss(shares: Tensor, target: Tensor) -> Tensor:
    """1 - soft Dice with squared denominators, mean over LV, Myo, RV; [n, 3, y, x] each."""
    overlap = (shares * target).sum(dim=(0, 2, 3))
    size = shares.square().sum(dim=(0, 2, 3)) + target.square().sum(dim=(0, 2, 3))
    return 1 - ((2 * overlap + 1) / (size + 1)).mean()


def smoothness(velocity_mm: Tensor) -> Tensor:
    """Mean squared difference of neighbouring lattice velocities (mm², 3 mm apart)."""
    return (velocity_mm[..., 1:] - velocity_mm[..., :-1]).square().mean() + (
        velocity_mm[..., 1:, :] - velocity_mm[..., :-1, :]
    ).square().mean()


def largest_field(displacement_mm: Tensor, limit_mm: float = 22.0) -> Tensor:
    """Mean squared excess of displacement over what hearts do: the method's maximum-field term."""
    return (displacement_mm.norm(dim=1) - limit_mm).clamp(min=0).square().mean()

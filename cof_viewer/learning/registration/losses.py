"""Terms of the teacher's loss: local correlation at several scales, LV size, largest field."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def local_correlation(a: Tensor, b: Tensor, window: int = 9) -> Tensor:
    """Mean squared local normalised cross-correlation of [n, 1, y, x]; 1 where both agree up to brightness."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, window, 1)  # whole windows only: padding would look like a dark rim

    ma, mb = mean(a), mean(b)
    cross = mean(a * b) - ma * mb
    va, vb = (mean(a * a) - ma * ma).clamp(min=0), (mean(b * b) - mb * mb).clamp(min=0)
    return (cross.square() / (va * vb + 1e-3)).mean()


def multi_scale_dissimilarity(warped: Tensor, target: Tensor) -> Tensor:
    """1 - local correlation, mean of half and quarter resolution (3 and 6 mm): finer costs more than it tells."""
    scales = [[F.avg_pool2d(picture, factor) for picture in (warped, target)] for factor in (2, 4)]
    return 1 - torch.stack([local_correlation(a, b) for a, b in scales]).mean()


def cavity_error(shares: Tensor, target: Tensor) -> Tensor:
    """Mean relative difference of the LV's size over the larger one; [b, z, 3, y, x] shares each."""
    moved, wanted = (s[:, :, 0].sum(dim=(1, 2, 3)) for s in (shares, target))
    return ((moved - wanted).abs() / (moved.maximum(wanted) + 50)).mean()


def largest_field(displacement_mm: Tensor, limit_mm: float = 22.0) -> Tensor:
    """Mean squared excess of displacement over what hearts do: the method's maximum-field term."""
    size = displacement_mm.square().sum(dim=1).add(1e-6).sqrt()
    return (size - limit_mm).clamp(min=0).square().mean()

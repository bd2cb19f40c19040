"""Cross-entropy and soft Dice against label shares, at several resolutions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def overlap_loss(logits: Tensor, shares: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice over the labelled classes, counted over the whole batch.

    The squared denominator makes a perfect match of *shares* the optimum, not only of hard labels
    (V-Net, Milletari et al. 2016).

    Args:
        logits: [N, C, H, W].
        shares: [N, C, H, W], summing to 1 over C.
    """
    logits = logits.float()
    log_p = functional.log_softmax(logits, dim=1)
    entropy = -(shares * log_p).sum(dim=1).mean()
    p = log_p.exp()[:, 1:]
    q = shares[:, 1:]
    both = 2 * (p * q).sum(dim=(0, 2, 3)) + 1
    each = (p.square() + q.square()).sum(dim=(0, 2, 3)) + 1
    return entropy + (1 - both / each).mean()


def deep_overlap_loss(outputs: Sequence[Tensor], shares: Tensor) -> Tensor:
    """`overlap_loss` at full, half, quarter ... resolution with weights 1, 1/2, 1/4 ... scaled to sum 1."""
    weights = [0.5**level for level in range(len(outputs))]
    total = shares.new_zeros(())
    for level, (logits, weight) in enumerate(zip(outputs, weights, strict=True)):
        target = functional.avg_pool2d(shares, 2**level) if level else shares
        total = total + weight * overlap_loss(logits, target)
    return total / sum(weights)


def masked_binary_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Binary cross-entropy averaged with weights.

    Args:
        logits: [N, H, W].
        truth: [N, 1, 1] or [N, H, W], 0 or 1.
        weight: [N, H, W], 0 where a pixel doesn't count.
    """
    each = functional.binary_cross_entropy_with_logits(logits.float(), truth.expand_as(logits), reduction="none")
    return (each * weight).sum() / weight.sum().clamp_min(torch.finfo(torch.float32).eps)

"""Overlap of masks while a network is looked at."""

from __future__ import annotations

from torch import Tensor


def dice_where_any(a: Tensor, b: Tensor) -> float:
    """Dice of two masks; NaN where both are empty, so that a mean can leave it out."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else float("nan")

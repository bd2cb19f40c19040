"""Motion as cases keep it: every second point of the 3 mm lattice each way, read by straight lines between them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

KEPT_STEP = 2
"""Lattice points to one that is kept, each way: a quarter of the canonical picture's rows and columns."""


def read_as_kept(displacement: Tensor) -> Tensor:
    """A displacement as it is found again once it was kept.

    A motion is fitted in this form: a cavity that all but closes moves by more from one kept point to the next than
    straight lines between them tell, and what a finer lattice fits well is lost in keeping it.

    Args:
        displacement: [n, 2 (x, y), 64, 64] on the lattice, any unit.

    Returns:
        [n, 2, 128, 128] on the canonical picture's pixels, same unit.
    """
    kept = F.avg_pool2d(displacement, KEPT_STEP)
    return F.interpolate(kept, scale_factor=2 * KEPT_STEP, mode="bilinear", align_corners=False)

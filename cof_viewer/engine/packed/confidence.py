"""How far a tracked displacement can be believed: the local agreement of the warped anchor with the phase.

The paper packs a confidence beside the displacement and does not say what it is. Here it is the local normalised
cross-correlation of the two pictures (COF section 2), negative values taken as 0; a simulated motion is the truth and
has confidence 1 everywhere.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.engine.packed.warp import on_pixels, places, read

Float = NDArray[np.float32]

_WINDOW = 9
_FLAT = 1e-4


@torch.no_grad()
def local_agreement(image: NDArray[np.uint8], displacement_mm: NDArray[np.floating], slice_mm: float) -> Float:
    """Confidence of a beat's displacement.

    Args:
        image: [t, z, y, x] on the heart's box; phase 0 is the anchor.
        displacement_mm: [t, z, h, w, 3] = (dx, dy, dz).
        slice_mm: distance between slices.

    Returns:
        float32 [t, z, h, w], 0 to 1; windows without contrast in either picture count as 0.5.
    """
    grey = torch.from_numpy(image.astype(np.float32) / np.float32(255))
    rows, columns = displacement_mm.shape[2:4]
    spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM, slice_mm)
    out = np.empty(displacement_mm.shape[:-1], np.float32)
    for t, field in enumerate(displacement_mm):
        fine = on_pixels(torch.from_numpy(field.astype(np.float32)), image.shape[-1])
        moved = read(grey[:1], places(fine, spacing))[0]
        agreement = _correlation(moved[:, None], grey[t][:, None])
        out[t] = F.adaptive_avg_pool2d(agreement, (rows, columns))[:, 0].numpy()
    return out


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Local correlation [n, 1, y, x] in windows of 9 x 9, 0 to 1."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, _WINDOW, 1, _WINDOW // 2, count_include_pad=False)

    mean_a, mean_b = mean(a), mean(b)
    spread_a = (mean(a * a) - mean_a**2).clamp(min=0)
    spread_b = (mean(b * b) - mean_b**2).clamp(min=0)
    flat = (spread_a < _FLAT) | (spread_b < _FLAT)
    correlation = (mean(a * b) - mean_a * mean_b) / (spread_a * spread_b).sqrt().clamp(min=_FLAT)
    return torch.where(flat, 0.5, correlation.clamp(0.0, 1.0))

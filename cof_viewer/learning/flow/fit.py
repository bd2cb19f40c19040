"""The teacher's motion code of one real beat: fitted from its ED and ES labels in the anatomical frame.

The network of Stage 1 gives a field in a moment; for learning Stage 2 the code itself is refined on the labels of
a training patient, so that the generator learns from motion that really reaches that patient's ES.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.descent import base_motion, descent_profile
from cof_viewer.engine.motion.field import CODE_NUMBERS, VelocityDecoder, identity_lattice, integrate
from cof_viewer.engine.motion.frame import (
    ANGLES,
    KNOTS,
    LATTICE_PIXELS,
    LATTICE_SPACING_MM,
    LEVELS,
    frame_from_labels,
    lattice_interpolation,
)
from cof_viewer.engine.motion.labels import imaged_share, signed_distances, slide_slices, soft_shares, winners

_SQUARINGS = 4  # a fit needs no more: Dice stays the same to the third figure
_ROUGHNESS, _SIZE, _RATE = 0.25, 0.002, 0.05
"""Twelve times smoother codes reached Myo .89 on simulated and .80 on real hearts and lost 14 % of the wall at ES;
these reach .93 and .87 and lose 2 % (docs/decisions/0012)."""

_LOST_SHARE = 0.25  # a slice has lost the LV when less than this of its ED area is left


@dataclass(frozen=True, eq=False)
class FittedBeat:
    """What Stage 2 learns of one patient.

    Attributes:
        code: float32 [CODE_NUMBERS], velocity ED -> ES in the ED frame, relative to the heart's size.
        code_from_es: the same velocity, negated, read in the ES frame: the motion of an ES anchor.
        ef_percent: of the expert's labels.
        base_is_lost: whether the first LV slice of ED holds no LV at ES.
        dice: LV, Myo, RV of the moved ED labels against the ES labels.
    """

    code: NDArray[np.float32]
    code_from_es: NDArray[np.float32]
    ef_percent: float
    base_is_lost: bool
    dice: tuple[float, float, float]


class Mover:
    """Moves one heart's canonical labels by a code: the same steps as inference, on the canonical grid."""

    def __init__(self, labels: NDArray[np.uint8], slice_mm: float) -> None:
        """Prepare one heart.

        Args:
            labels: [z, 128, 128] of the anchor.
            slice_mm: distance between slices.
        """
        self.frame = frame_from_labels(labels)
        self.decode = VelocityDecoder(self.frame, lattice_interpolation(self.frame), torch.device("cpu"))
        spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
        self.distances = torch.from_numpy(signed_distances(labels, spacing))
        self.slice_mm = slice_mm
        self._identity = identity_lattice(CANONICAL_PIXELS, CANONICAL_PIXELS, torch.device("cpu"))
        self._lattice = identity_lattice(LATTICE_PIXELS, LATTICE_PIXELS, torch.device("cpu"))
        self._profile = torch.from_numpy(descent_profile(self.frame.level)).float()

    def slid(self, descent_mm: float, extend_base: float) -> tuple[Tensor, Tensor]:
        """Signed distances [z, 3, 128, 128] after the axial shift alone, and the imaged share of each slice [z]."""
        source = torch.arange(self.frame.slices) - descent_mm / self.slice_mm * self._profile - self.frame.first
        return slide_slices(self.distances[self.frame.first :], source), imaged_share(source, extend_base)

    def shares(self, code: Tensor, slid: tuple[Tensor, Tensor], amount: float | Tensor = 1.0) -> Tensor:
        """Partial-volume shares [z, 3, 128, 128] of LV, Myo, RV after in-plane motion of the slid stack."""
        lattice = integrate(self.decode(code) * amount / LATTICE_SPACING_MM)
        fine = F.interpolate(lattice, scale_factor=2, mode="bilinear", align_corners=False) * LATTICE_SPACING_MM
        pixels = fine.permute(0, 2, 3, 1) / CANONICAL_SPACING_MM
        grid = self._identity + pixels * (2.0 / (CANONICAL_PIXELS - 1))
        moved = F.grid_sample(slid[0], grid, align_corners=True, padding_mode="border")
        return soft_shares(moved, CANONICAL_SPACING_MM) * slid[1][:, None, None, None]

    def coarse_shares(self, code: Tensor, coarse: tuple[Tensor, Tensor]) -> Tensor:
        """`shares` at the lattice's 3 mm, [z, 3, 64, 64]: a quarter of the work, and a fit needs no more.

        Args:
            code: velocity code.
            coarse: as `slid` gives it, its distances averaged over 2 x 2 pixels.
        """
        lattice = integrate(self.decode(code) / LATTICE_SPACING_MM, _SQUARINGS)
        grid = self._lattice + lattice.permute(0, 2, 3, 1) * (2.0 / (LATTICE_PIXELS - 1))
        moved = F.grid_sample(coarse[0], grid, align_corners=True, padding_mode="border")
        return soft_shares(moved, LATTICE_SPACING_MM) * coarse[1][:, None, None, None]


def one_hot(labels: NDArray[np.uint8]) -> Tensor:
    """float [z, 3, y, x] of LV, Myo, RV."""
    return torch.from_numpy(np.stack([labels == k for k in (Label.LV, Label.MYO, Label.RV)], axis=1)).float()


def soft_dice(shares: Tensor, target: Tensor) -> Tensor:
    """[3] soft Dice of each structure over the whole stack."""
    overlap = (shares * target).sum(dim=(0, 2, 3))
    return (2 * overlap + 1.0) / (shares.sum(dim=(0, 2, 3)) + target.sum(dim=(0, 2, 3)) + 1.0)


def roughness(code: Tensor) -> Tensor:
    """Mean squared difference of neighbouring knots round the circle and along the axis."""
    knots = code.reshape(LEVELS, ANGLES, KNOTS, 2)
    around = (knots - knots.roll(1, dims=1)).square().mean()
    return (
        around + (knots[1:] - knots[:-1]).square().mean() + 0.3 * (knots[:, :, 1:] - knots[:, :, :-1]).square().mean()
    )


def base_is_lost(ed: NDArray[np.uint8], es: NDArray[np.uint8]) -> bool:
    """Whether the first LV slice of ED has lost the LV at ES."""
    area = (ed == Label.LV).sum(axis=(1, 2))
    first = int(np.flatnonzero(area >= 12)[0])
    return bool((es[first] == Label.LV).sum() < _LOST_SHARE * area[first])


def fit_beat(ed: NDArray[np.uint8], es: NDArray[np.uint8], slice_mm: float, steps: int = 60) -> FittedBeat:
    """Fit the velocity that brings one patient's ED labels to the ES labels.

    Args:
        ed: canonical labels [z, 128, 128] at ED; `es` at ES.
        slice_mm: distance between slices.
        steps: Adam steps.
    """
    edv, esv = float((ed == Label.LV).sum()), float((es == Label.LV).sum())
    ef = 100.0 * (edv - esv) / edv
    mover, target = Mover(ed, slice_mm), one_hot(es)
    lost = base_is_lost(ed, es)
    slid = mover.slid(*base_motion(ef, lost, slice_mm))
    coarse, coarse_target = (F.avg_pool2d(slid[0], 2), slid[1]), F.avg_pool2d(target, 2)
    left = float(coarse_target[:, 0].sum())
    code = torch.zeros(CODE_NUMBERS, requires_grad=True)
    optimizer = torch.optim.Adam([code], lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, eta_min=0.003)
    for _ in range(steps):
        shares = mover.coarse_shares(code, coarse)
        loss = (1 - soft_dice(shares, coarse_target)).mean()
        loss = loss + _ROUGHNESS * roughness(code) + _SIZE * code.square().mean()
        loss = loss + 0.2 * (shares[:, 0].sum() - left).abs() * 4.0 / edv
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        dice = tuple(soft_dice(hard_labels(mover.shares(code, slid)), target).tolist())
        velocity = mover.decode(code)
        from_es = Mover(es, slice_mm)
        reversed_code = -from_es.decode.sample(velocity, from_es.frame)
    return FittedBeat(code.detach().numpy(), reversed_code.numpy(), ef, lost, dice)  # type: ignore[arg-type]


def hard_labels(shares: Tensor) -> Tensor:
    """One-hot of the largest share, background where the sum is below one half."""
    return F.one_hot(winners(shares), 4).permute(0, 3, 1, 2)[:, 1:].float()

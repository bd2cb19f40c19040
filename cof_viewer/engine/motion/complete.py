"""A beat of which only ED and ES were imaged: the diffeomorphic motion between them, and the pictures on the way.

Stationary velocities in plane on the 3 mm lattice and one shift of each slice along the axis are fitted to the
experts' labels and to the pictures of both phases. Part s of the way is exp(s v): the picture there is ED seen
forwards, and near ES more and more ES seen backwards, so that the real ED and the real ES are reached exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.image import Label
from cof_viewer.domain.progress import NEVER, CancelToken
from cof_viewer.engine.motion.descent import base_descent_mm, descent_profile
from cof_viewer.engine.motion.field import (
    integrate,
    jacobian_determinant,
    smooth_velocity,
    smoothness,
)
from cof_viewer.engine.motion.frame import LATTICE_PIXELS, LATTICE_SPACING_MM
from cof_viewer.engine.motion.kept import pulled_as_kept
from cof_viewer.engine.motion.labels import (
    dice_loss,
    narrowed_width_mm,
    outlines_beyond,
    slide_slices,
    soft_shares,
    winners,
)

Float = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

STEPS = 90
_WIDTH_MM = (10.0, 1.5)
"""Width of the soft outlines at the first and the last step: wide ones pull from afar."""
_RATE_MM, _SHIFT_RATE_SLICES = 0.9, 0.03
_SIMILARITY, _ROUGH, _SHIFT_ROUGH, _SHIFT_PRIOR = 0.2, 0.06, 0.2, 0.02
_CLOSEST = 0.25
"""Slices never come nearer to each other than this share of their distance."""
_WINDOW = 9
_ES_SHOWS_FROM = 0.7
"""Part of the way from which ES begins to show: two pictures that do not quite fit are blended for few phases."""


@dataclass(frozen=True, eq=False)
class CompletedMotion:
    """Motion from ED to ES of one heart, canonical grid.

    Attributes:
        velocity_mm: float32 [z, 2 (x, y), 64, 64], stationary, pull-back, for the whole way.
        shift_slices: float32 [z], which slice of ED (fraction) further on each slice shows at ES.
        folded: share of lattice points whose Jacobian is not positive.
    """

    velocity_mm: Float
    shift_slices: Float
    folded: float


@dataclass(frozen=True, eq=False)
class CompletedBeat:
    """A beat carried between ED and ES.

    Attributes:
        pictures: float32 [t, z, 128, 128].
        labels: uint8 [t, z, 128, 128].
        pull_back_mm: float32 [t, z, 64, 64, 3] from ED.
    """

    pictures: Float
    labels: UInt8
    pull_back_mm: Float


def fit_ed_to_es(images: Float, labels: UInt8, slice_mm: float, steps: int = STEPS) -> CompletedMotion:
    """Fit the motion that brings ED to ES: label Dice, 0.2 local correlation, diffusion.

    Args:
        images: [2 (ED, ES), z, 128, 128] canonical, base first.
        labels: likewise, experts'.
        slice_mm: distance between slices.
        steps: of Adam.

    Raises:
        ValueError: a phase without LV.
    """
    fixed = _Phases(images, labels)
    prior = torch.from_numpy(_descent(labels, slice_mm))
    velocity = torch.zeros(len(prior), 2, LATTICE_PIXELS, LATTICE_PIXELS, requires_grad=True)
    shift = prior.clone().requires_grad_(True)
    optimizer = torch.optim.Adam(
        [{"params": [velocity], "lr": _RATE_MM}, {"params": [shift], "lr": _SHIFT_RATE_SLICES}]
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0 - 0.95 * step / steps)
    for step in range(steps):
        width = narrowed_width_mm(step, steps, _WIDTH_MM)
        smooth = smooth_velocity(velocity)
        loss = fixed.distance(smooth, shift, width) + _ROUGH * _roughness(smooth)
        loss = (
            loss + _SHIFT_ROUGH * shift.diff().diff().square().mean() + _SHIFT_PRIOR * (shift - prior).square().mean()
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        final = smooth_velocity(velocity)
        folded = (jacobian_determinant(integrate(final / LATTICE_SPACING_MM)) <= 0).float().mean()
    return CompletedMotion(final.numpy(), _apart(shift.detach().numpy(), fixed.highest.numpy()), float(folded))


def carry(
    images: Float,
    labels: UInt8,
    motion: CompletedMotion,
    slice_mm: float,
    amounts: NDArray[np.float64],
    lag: Float,
    cancel: CancelToken = NEVER,
) -> CompletedBeat:
    """The beat between ED and ES.

    Args:
        images: [2 (ED, ES), z, 128, 128]; `labels` likewise.
        motion: fitted on them.
        slice_mm: distance between slices.
        amounts: [t] how far each phase is: 0 at ED, 1 at ES, where the picture and the labels are the real ones.
        lag: [64, 64], smooth, within ±0.5: parts that run ahead (above 0) or behind on the way; nowhere at its ends.
        cancel: looked at before every phase.
    """
    phases = _Phases(images, labels)
    velocity = torch.from_numpy(motion.velocity_mm)
    shift, uneven = torch.from_numpy(motion.shift_slices), torch.from_numpy(lag)
    shape = (len(amounts), *images.shape[1:])
    pictures, hard = np.empty(shape, np.float32), np.empty(shape, np.uint8)
    pull = np.zeros((len(amounts), images.shape[1], LATTICE_PIXELS, LATTICE_PIXELS, 3), np.float32)
    for t, amount in enumerate(amounts.tolist()):
        cancel.raise_if_cancelled()
        with torch.inference_mode():
            here = velocity * (amount * (1.0 + (1.0 - amount) * uneven))
            ahead = integrate(here / LATTICE_SPACING_MM) * LATTICE_SPACING_MM
            back = integrate((here - velocity) / LATTICE_SPACING_MM) * LATTICE_SPACING_MM
            forwards = phases.moved(0, ahead, amount * shift, sharp=True)
            backwards = phases.moved(1, back, (amount - 1.0) * shift, sharp=True)
            blend = torch.lerp(forwards, backwards, _share_of_es(amount))
            pictures[t] = blend[:, 0].numpy()
            hard[t] = _hard(soft_shares(blend[:, 1:], CANONICAL_SPACING_MM))
            pull[t, ..., :2] = ahead.permute(0, 2, 3, 1).numpy()
            pull[t, ..., 2] = (amount * slice_mm * shift)[:, None, None].numpy()
        end = {0.0: 0, 1.0: 1}.get(amount)
        if end is not None:
            pictures[t], hard[t] = images[end], labels[end]
    return CompletedBeat(pictures, hard, pull)


class _Phases:
    """ED and ES with a slice that shows nothing beyond either end: picture and signed distances."""

    def __init__(self, images: Float, labels: UInt8) -> None:
        if not all((phase == Label.LV).any() for phase in labels):
            raise ValueError("a phase without LV")
        spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
        self.highest = _highest(labels)
        self._base = [first + 1.0 for first in _first_slices(labels)]
        self._stacks = []
        for picture, drawn in zip(images, labels, strict=True):
            distance = outlines_beyond(drawn, spacing)
            grey = torch.from_numpy(np.pad(picture, ((1, 1), (0, 0), (0, 0)), mode="edge"))[:, None]
            self._stacks.append(torch.cat([grey, distance], dim=1))
        target = self._stacks[1][1:-1]
        self._target = target[:, 1:]
        self._grey = _local(F.avg_pool2d(target[:, :1], 2))

    def moved(self, phase: int, displacement_mm: Tensor, shift: Tensor, *, sharp: bool = False) -> Tensor:
        """[z, 4, 128, 128] picture and distances of a phase pulled back.

        `sharp` blends no two slices of the picture, and takes a label between the first slice with ventricle and
        what lies above it as one or the other: an outline half-way to none would shrink where the picture does not.
        """
        stack, index = self._stacks[phase], torch.maximum(torch.arange(len(shift)) + shift, self.highest) + 1.0
        slid = slide_slices(stack, index)
        if sharp:
            low = index.floor()
            steep = low + ((index - low - 0.5) * 3.0 + 0.5).clamp(0, 1)
            whole = torch.where(index < self._base[phase], index.round().clamp(min=1.0), index)
            slid = torch.cat([slide_slices(stack[:, :1], steep), slide_slices(stack[:, 1:], whole)], dim=1)
        return pulled_as_kept(slid, displacement_mm)

    def distance(self, velocity: Tensor, shift: Tensor, width_mm: float) -> Tensor:
        """1 - Dice of outlines of a width, and how unlike the pictures are where they lie."""
        displacement = integrate(velocity / LATTICE_SPACING_MM) * LATTICE_SPACING_MM
        moved = self.moved(0, displacement, shift)
        shares, wanted = soft_shares(moved[:, 1:], width_mm), soft_shares(self._target, width_mm)
        unlike = 1.0 - (_local(F.avg_pool2d(moved[:, :1], 2)) * self._grey).mean()
        return dice_loss(shares, wanted) + _SIMILARITY * unlike


def _local(picture: Tensor) -> Tensor:
    """A picture less its local mean, over its local deviation."""
    half = _WINDOW // 2
    mean = F.avg_pool2d(picture, _WINDOW, 1, half)
    spread = F.avg_pool2d((picture - mean).square(), _WINDOW, 1, half)
    return (picture - mean) / (spread + 4.0).sqrt()


def _roughness(velocity: Tensor) -> Tensor:
    """Diffusion: mean squared slope in plane (mm per mm, scaled), and a little of it from slice to slice."""
    return smoothness(velocity) + 0.02 * (velocity[1:] - velocity[:-1]).square().mean()


def _descent(labels: UInt8, slice_mm: float) -> Float:
    """[z] shift in slices that the descent prior expects."""
    sizes = [float((phase == Label.LV).sum()) for phase in labels]
    with_lv = np.flatnonzero((labels[0] == Label.LV).any(axis=(1, 2)))
    level = (np.arange(labels.shape[1]) - with_lv[0]) / max(with_lv[-1] - with_lv[0], 1)
    descent = base_descent_mm(100.0 * (1.0 - sizes[1] / sizes[0]))
    return np.asarray(-descent / slice_mm * descent_profile(level), dtype=np.float32)


def _highest(labels: UInt8) -> Tensor:
    """[z] highest slice of ED that each slice of ES may show: one with ventricle where there is ventricle at ES."""
    first_ed, first_es = _first_slices(labels)
    index = torch.arange(labels.shape[1])
    return torch.where(index >= first_es, float(first_ed), -1.0)


def _first_slices(labels: UInt8) -> list[int]:
    """First slice with LV of each phase."""
    return [int(np.flatnonzero((phase == Label.LV).any(axis=(1, 2)))[0]) for phase in labels]


def _apart(shift: Float, highest: Float) -> Float:
    """Shifts that reach no higher than `highest` and whose slices keep their order and a least distance."""
    place = np.maximum(np.arange(len(shift)) + shift, highest)
    for z in range(1, len(place)):
        place[z] = max(place[z], place[z - 1] + _CLOSEST)
    return np.asarray(place - np.arange(len(shift)), dtype=np.float32)


def _share_of_es(amount: float) -> float:
    """Weight of ES in the picture and the labels: 0 up to most of the way, 1 at ES, smooth between."""
    share = min(max((amount - _ES_SHOWS_FROM) / (1.0 - _ES_SHOWS_FROM), 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)


def _hard(shares: Tensor) -> UInt8:
    return np.asarray(winners(shares).to(torch.uint8).numpy())

"""A tracked beat is led to the labels that are known of its ends, ED and ES.

Tracking stops where its smoothness holds it, and keeps to a prior along the axis that knows nothing of which slices
lose the ventricle. What is missing at ES is fitted once and shared out over the beat by how far the ventricle has
emptied: phase t moves by exp(s_t v) first and then as it was tracked, so that the motion stays without folds, smooth
in time, and zero at ED. At ES it is a fit to the labels; it says nothing about how well the beat was tracked.
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
from cof_viewer.engine.motion.field import identity_lattice, integrate, smooth_velocity, smoothness
from cof_viewer.engine.motion.frame import LATTICE_PIXELS, LATTICE_SPACING_MM
from cof_viewer.engine.motion.kept import kept_areas, pulled_as_kept
from cof_viewer.engine.motion.labels import dice_loss, narrowed_width_mm, outlines_beyond, slide_slices, soft_shares

Float = NDArray[np.float32]
UInt8 = NDArray[np.uint8]

_PIXEL_MM = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
_STEPS, _RATE_MM, _SMOOTH = 30, 0.9, 0.03
_WIDTH_MM = (8.0, 1.5)
_UNFOLDED, _LEAST_AREA = 3.0, 0.3
"""Weight of, and area ratio from one kept cell to the anchor's below which, a cell counts as about to fold."""
_LOST_SLICES = 0.75
"""How far above the first slice with ventricle a slice that lost it reads: well over the half that decides."""
_CLOSEST = 0.25


@dataclass(frozen=True, eq=False)
class Ends:
    """Canonical labels [z, 128, 128], base first, of ED and ES."""

    ed: UInt8
    es: UInt8


def led_to_ends(
    pull_back_mm: Float,
    ends: Ends,
    es_phase: int,
    emptied: NDArray[np.float64],
    slice_mm: float,
    cancel: CancelToken = NEVER,
) -> Float:
    """The motion of a beat with ED's labels carried onto those of ES.

    Args:
        pull_back_mm: float32 [t, z, 64, 64, 3] from ED, as tracked; phase 0 is ED.
        ends: labels of ED and ES, both with LV.
        es_phase: index of ES.
        emptied: [t] share of the stroke volume that has left at each phase.
        slice_mm: distance between slices.
        cancel: looked at before every step.

    Returns:
        float32 [t, z, 64, 64, 3]; ED is zero as before.
    """
    share = np.clip(emptied, 0.0, 1.0)
    share[0], share[es_phase] = 0.0, 1.0
    tracked = pull_back_mm[es_phase]
    before = tracked[:, 0, 0, 2] / slice_mm
    along = _bounded(before, ends)
    field = torch.from_numpy(np.ascontiguousarray(tracked[..., :2])).permute(0, 3, 1, 2)
    velocity = _fitted(field, ends, torch.from_numpy(along).float(), cancel)
    out = pull_back_mm.copy()
    for t in np.flatnonzero(share > 0):
        in_plane = torch.from_numpy(np.ascontiguousarray(out[t, ..., :2])).permute(0, 3, 1, 2)
        with torch.inference_mode():
            moved = _after(in_plane, velocity * float(share[t]))
        out[t, ..., :2] = moved.permute(0, 2, 3, 1).numpy()
        out[t, ..., 2] += (share[t] * slice_mm * (along - before))[:, None, None]
    return out


def _bounded(shift_slices: NDArray[np.float64], ends: Ends) -> NDArray[np.float64]:
    """[z] shifts with which slices that show the ventricle at ES read where it is at ED, and those that lost it above.

    Slices keep their order and a least distance.
    """
    first_ed, first_es = (int(np.flatnonzero((m == Label.LV).any(axis=(1, 2)))[0]) for m in (ends.ed, ends.es))
    index = np.arange(len(shift_slices))
    place = index + shift_slices
    lost = (index >= first_ed) & (index < first_es)
    place = np.where(index >= first_es, np.maximum(place, first_ed), place)
    place = np.where(lost, np.minimum(place, first_ed - _LOST_SLICES), place)
    for z in range(first_es + 1, len(place)):
        place[z] = max(place[z], place[z - 1] + _CLOSEST)
    for z in range(first_es - 1, -1, -1):
        place[z] = min(place[z], place[z + 1] - _CLOSEST)
    return np.asarray(place - index)


def _fitted(tracked: Tensor, ends: Ends, along: Tensor, cancel: CancelToken) -> Tensor:
    """[z, 2, 64, 64] mm: the velocity that leads what tracking left to the labels of ES."""
    moving, wanted = (outlines_beyond(labels, _PIXEL_MM) for labels in (ends.ed, ends.es))
    wanted = wanted[1:-1]
    slid = slide_slices(moving, torch.arange(len(along)) + along + 1.0)
    velocity = torch.zeros(len(along), 2, LATTICE_PIXELS, LATTICE_PIXELS, requires_grad=True)
    optimizer = torch.optim.Adam([velocity], lr=_RATE_MM)
    for step in range(_STEPS):
        cancel.raise_if_cancelled()
        for group in optimizer.param_groups:
            group["lr"] = _RATE_MM * (1.0 - 0.95 * step / _STEPS)
        width = narrowed_width_mm(step, _STEPS, _WIDTH_MM)
        smooth = smooth_velocity(velocity)
        whole = _after(tracked, smooth)
        moved = pulled_as_kept(slid, whole)
        loss = dice_loss(soft_shares(moved, width), soft_shares(wanted, width)) + _SMOOTH * smoothness(smooth)
        loss = loss + _UNFOLDED * (_LEAST_AREA - kept_areas(whole)).clamp(min=0).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return smooth_velocity(velocity).detach()


def _after(tracked: Tensor, velocity: Tensor) -> Tensor:
    """Pull-back [z, 2, 64, 64] mm: exp(velocity) first, then the tracked motion from where it leads."""
    step = integrate(velocity / LATTICE_SPACING_MM)
    identity = identity_lattice(LATTICE_PIXELS, LATTICE_PIXELS, step.device)
    grid = identity + step.permute(0, 2, 3, 1) * (2.0 / (LATTICE_PIXELS - 1))
    onward = F.grid_sample(tracked, grid, align_corners=True, padding_mode="border")
    return step * LATTICE_SPACING_MM + onward

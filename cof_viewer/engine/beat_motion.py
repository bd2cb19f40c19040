"""From a drawn beat to fields: velocity scaled to its EF, laid out over the phases of the beat."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.generation import Motion
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.motion.descent import base_motion, descent_profile
from cof_viewer.engine.motion.field import identity_lattice, integrate
from cof_viewer.engine.motion.frame import LATTICE_PIXELS, LATTICE_SPACING_MM
from cof_viewer.engine.motion.labels import imaged_share, slide_slices
from cof_viewer.engine.motion.lag import WallClocks, lateness
from cof_viewer.engine.registration import lattice_in_patient
from cof_viewer.engine.through_plane import reached_slices
from cof_viewer.engine.wall_volume import along_log, in_plane_log, wall_correction
from cof_viewer.engine.warp import BeatField

_NODES = 9
_FARTHEST_MM = 27.0  # that a point of the cavity's edge moves: half a dilated ventricle's diameter is 35 mm
_SECANT_STEPS = 4
_AMOUNT_LIMITS = (0.1, 2.6)
_RUNG = 1 / 16  # of the way ED -> ES; paths bend so little within one that what lies between is a straight line
_LOOKS_AT_THE_WALL = 2
_COARSE_RUNG = 0.13  # for volumes, up to the largest amount
_SQUARINGS_OF_A_RUNG = 2
_Part = tuple[slice, slice]  # rows and columns of the lattice


class _Ladder:
    """exp(tau·v) of one velocity at any tau: every rung is the one before it, followed by one small step.

    All phases of a beat lie on one path, so they share its rungs: some twenty samplings where each phase by itself
    would take six. Between rungs the displacement is interpolated (error below .01 mm: (rung²/8)·|∂v/∂x·v|).
    """

    def __init__(self, velocity: Tensor, rung: float, part: _Part | None = None) -> None:
        """Take a velocity [z, 2, 64, 64] in mm, or only a part of the lattice; rungs are made when they are needed."""
        self.part = part or (slice(0, LATTICE_PIXELS), slice(0, LATTICE_PIXELS))
        self._velocity, self._rung = velocity[..., self.part[0], self.part[1]] / LATTICE_SPACING_MM, rung
        self._identity = identity_lattice(self._velocity.shape[-2], self._velocity.shape[-1], velocity.device)
        self._to_unit = _lattice_to_unit(self._velocity)
        self._made: dict[int, list[Tensor]] = {}
        self._step: dict[int, Tensor] = {}
        self._stacks: dict[int, Tensor] = {}

    def at(self, tau: float) -> Tensor:
        """[z, 2, rows, columns] pull-back in lattice pixels; exactly zero at tau = 0."""
        sign, place = (1 if tau >= 0 else -1), abs(tau) / self._rung
        low = int(place)
        rungs = self._up_to(sign, low + 1 if place > low else low)
        return torch.lerp(rungs[low], rungs[low + 1], place - low) if place > low else rungs[low]

    def at_each(self, tau: Tensor) -> Tensor:
        """[z, 2, rows, columns] pull-back where each point goes a way tau [z, rows, columns] of its own."""
        out = torch.zeros_like(self._velocity)
        rows, columns = self._moving
        for sign in (1, -1):
            place = (tau[:, rows, columns] * sign).clamp(min=0) / self._rung
            farthest = float(place.max())
            if farthest == 0:
                continue
            rungs = self._stack_up_to(sign, int(farthest) + 1)
            low = place.floor().long()
            index = low[None, :, None].expand(1, -1, 2, -1, -1)
            share = (place - low)[:, None]
            out[..., rows, columns] += torch.lerp(rungs.gather(0, index)[0], rungs.gather(0, index + 1)[0], share)
        return out

    def _stack_up_to(self, sign: int, last: int) -> Tensor:
        """[rung, z, 2, ...] the rungs' moving part in one piece, made again only when there are more of them."""
        rungs = self._up_to(sign, last)
        if sign not in self._stacks or len(self._stacks[sign]) < len(rungs):
            self._stacks[sign] = torch.stack([rung[..., self._moving[0], self._moving[1]] for rung in rungs])
        return self._stacks[sign]

    @cached_property
    def _moving(self) -> _Part:
        """Rows and columns where anything moves."""
        still = (self._velocity == 0).all(dim=0).all(dim=0)
        spans = []
        for axis in (1, 0):
            held = torch.nonzero(~still.all(dim=axis)).flatten().tolist() or [0]
            spans.append(slice(held[0], held[-1] + 1))
        return spans[0], spans[1]

    def _up_to(self, sign: int, last: int) -> list[Tensor]:
        rungs = self._made.setdefault(sign, [torch.zeros_like(self._velocity)])
        if len(rungs) <= last and sign not in self._step:
            self._step[sign] = integrate(self._velocity * (sign * self._rung), _SQUARINGS_OF_A_RUNG)
        while len(rungs) <= last:
            reached = rungs[-1]
            grid = self._identity + reached.permute(0, 2, 3, 1) * self._to_unit
            rungs.append(reached + F.grid_sample(self._step[sign], grid, align_corners=True, padding_mode="border"))
        return rungs


def _lattice_to_unit(planes: Tensor) -> Tensor:
    """[2] what a lattice pixel (x, y) of [..., rows, columns] is in the units of `grid_sample`."""
    rows, columns = planes.shape[-2:]
    return torch.tensor([2.0 / (columns - 1), 2.0 / (rows - 1)], device=planes.device)


@dataclass(frozen=True, eq=False)
class MemberMotion:
    """One member's stationary motion, before time.

    Attributes:
        velocity: [z, 2, 64, 64] mm for the whole way ED -> ES.
        descent_mm: of the base from ED to ES.
        extend_base: slices that the first slice's content goes on beyond the stack.
        anchor_s: where the anchor stands between ED (0) and ES (1).
        node_s: [nodes] values of s at which `node_lv` was measured.
        node_lv: [nodes] LV volume in canonical voxels.
    """

    velocity: Tensor
    descent_mm: float
    extend_base: float
    anchor_s: float
    node_s: NDArray[np.float64]
    node_lv: NDArray[np.float64]

    def lv_curve(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """LV volume (canonical voxels) at moments s, interpolated between the nodes."""
        from scipy.interpolate import PchipInterpolator

        return np.asarray(PchipInterpolator(self.node_s, self.node_lv, extrapolate=True)(s))


def scale_to_ef(prepared: Prepared, velocity: Tensor, ef: float, base_is_lost: bool, anchor_s: float) -> MemberMotion:
    """Scale a velocity so that the soft LV volume at ES over that at ED is 1 - EF, the wall keeping its volume.

    Args:
        prepared: the anchor.
        velocity: [z, 2, 64, 64] mm, ED -> ES.
        ef: 0 to 1.
        base_is_lost: whether the first slice runs out of LV at ES.
        anchor_s: where the anchor stands between ED and ES.
    """
    descent, extend = base_motion(100.0 * ef, base_is_lost, prepared.slice_mm)
    reach = _reach_of_cavity(prepared)
    unit = MemberMotion(velocity, descent, extend, anchor_s, np.zeros(0), np.zeros(0))
    velocity = _keeping_the_wall(prepared, unit, ef, reach)
    ladder = _Ladder(velocity[prepared.frame.first :], _COARSE_RUNG, reach)

    def ratio(amount: float) -> float:
        at = lv_volumes(prepared, unit, np.array([0.0, 1.0]), ladder, amount)
        return float(at[1] / max(at[0], 1.0))

    amount = _solve(ratio, 1.0 - ef)
    nodes = np.linspace(0.0, 1.0, _NODES)
    volumes = lv_volumes(prepared, unit, nodes, ladder, amount)
    return MemberMotion(velocity * amount, descent, extend, anchor_s, nodes, volumes)


@torch.no_grad()
def _keeping_the_wall(prepared: Prepared, unit: MemberMotion, ef: float, reach: _Part) -> Tensor:
    """The velocity [z, 2, 64, 64] mm changed so that the wall has the same volume at ED and ES once the EF is met.

    Logarithms of area grow about linearly with the velocity's amount, so one look tells both: what amount will meet the
    EF, and what the wall will have gained or lost by then. The second look mends what is not linear.
    """
    velocity, amount = unit.velocity, 1.0
    first, last = prepared.frame.first, prepared.frame.last
    sources = [source_slices(prepared, unit, s) for s in (0.0, 1.0)]
    along = along_log(sources[1], first, last) - along_log(sources[0], first, last)
    outlines = prepared.distances[first:, :2, ::2, ::2][..., reach[0], reach[1]]
    for _ in range(_LOOKS_AT_THE_WALL):
        ladder = _Ladder(velocity[first:], _COARSE_RUNG, reach)
        lv, in_plane = [], []
        for s, source in enumerate(sources):
            own = source[first:] - first
            slid, moved, imaged = _moved(outlines, ladder.at(amount * (s - unit.anchor_s)), own, unit.extend_base)
            lv.append(_lv_voxels(moved[:, :1], imaged))
            in_plane.append(in_plane_log(slid, moved, own, last - first))
        emptied = math.log(max(lv[1], 1.0) / max(lv[0], 1.0))
        reached = float(np.clip(amount * math.log(1.0 - ef) / min(emptied, -0.02), *_AMOUNT_LIMITS))
        missing = -(reached / amount * (in_plane[1] - in_plane[0]) + along)
        velocity, amount = velocity + wall_correction(prepared, missing) / reached, reached
    return velocity


def _moved(
    outlines: Tensor, lattice: Tensor, source: NDArray[np.float64], extend_base: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Distances [z, c, rows, columns] slid along the axis, moved in plane as well, and the imaged share [z]."""
    identity, to_unit = (
        identity_lattice(outlines.shape[-2], outlines.shape[-1], outlines.device),
        _lattice_to_unit(outlines),
    )
    place = torch.from_numpy(source).float().to(outlines.device)
    slid = slide_slices(outlines, place)
    grid = identity + lattice.permute(0, 2, 3, 1) * to_unit
    moved = F.grid_sample(slid, grid, align_corners=True, padding_mode="border")
    return slid, moved, imaged_share(place, extend_base)


def _lv_voxels(moved: Tensor, imaged: Tensor) -> float:
    """LV volume in canonical voxels of distances [z, 1, rows, columns] on the lattice."""
    areas = (moved / (2 * CANONICAL_SPACING_MM) + 0.5).clamp(0, 1).sum(dim=(1, 2, 3))
    return 4.0 * float((areas * imaged).sum())


def _reach_of_cavity(prepared: Prepared) -> _Part:
    """Rows and columns of the lattice that the cavity and anything that moves into it lie in.

    What happens farther off can't change the cavity's volume, and the lattice is three times as large.
    """
    cavity = (prepared.distances[:, 0, ::2, ::2] > 0).any(dim=0)
    margin = math.ceil(_FARTHEST_MM / LATTICE_SPACING_MM)
    spans = []
    for axis in (1, 0):
        held = torch.nonzero(cavity.any(dim=axis)).flatten().tolist() or [0, LATTICE_PIXELS - 1]
        spans.append(slice(max(held[0] - margin, 0), min(held[-1] + 1 + margin, LATTICE_PIXELS)))
    return spans[0], spans[1]


def _solve(ratio: object, target: float) -> float:
    """Amount at which the falling function `ratio` meets the target, by regula falsi within limits."""
    assert callable(ratio)
    low, high = _AMOUNT_LIMITS
    at_low, at_high = ratio(low) - target, ratio(high) - target
    if at_low <= 0 or at_high >= 0:
        return low if at_low <= 0 else high
    amount = low
    for _ in range(_SECANT_STEPS):
        amount = high - at_high * (high - low) / (at_high - at_low)
        value = ratio(amount) - target
        if abs(value) < 0.004:
            break
        if value > 0:
            low, at_low, at_high = amount, value, at_high * 0.6
        else:
            high, at_high, at_low = amount, value, at_low * 0.6
    return float(amount)


def source_slices(prepared: Prepared, member: MemberMotion, s: float) -> NDArray[np.float64]:
    """[z] fractional slice of the anchor that each slice shows at s: nearer the base while the base descends."""
    profile = descent_profile(prepared.frame.level)
    shift = member.descent_mm / prepared.slice_mm * profile * (s - member.anchor_s)
    return np.asarray(np.arange(prepared.frame.slices) - shift)


@torch.no_grad()
def lv_volumes(
    prepared: Prepared, member: MemberMotion, moments: NDArray[np.float64], ladder: _Ladder, amount: float = 1.0
) -> NDArray[np.float64]:
    """Soft LV volume in canonical voxels at each moment s, every second pixel (3 mm) of the canonical grid.

    Args:
        prepared: the anchor.
        member: its descent and where the anchor stands.
        moments: [n] values of s.
        ladder: of its velocity from the first slice with LV on, on a part of the lattice within the cavity's reach.
        amount: that the velocity is scaled by.
    """
    first = prepared.frame.first
    cavity = prepared.distances[first:, :1, ::2, ::2][..., ladder.part[0], ladder.part[1]]
    out = np.empty(len(moments))
    for k, s in enumerate(moments):
        source = source_slices(prepared, member, float(s))[first:] - first
        lattice = ladder.at(amount * (float(s) - member.anchor_s))
        _, moved, imaged = _moved(cavity, lattice, source, member.extend_base)
        out[k] = _lv_voxels(moved, imaged)
    return out


@dataclass(frozen=True, eq=False)
class Ways:
    """How far along the member's path each phase stands from the anchor, wall by wall.

    Attributes:
        even: [t] the way of all walls together, s - anchor_s.
        by_wall: [node, t] from septum to lateral wall (`WallClocks.from_anchor`); None where none is late.
        lateness: [z, 64, 64] on the engine's device, -1 septum to 1 lateral wall; None with it.
    """

    even: NDArray[np.float64]
    by_wall: NDArray[np.float64] | None = None
    lateness: Tensor | None = None

    def displacement(self, ladder: _Ladder, phase: int, sign: int = 1) -> Tensor:
        """[z, 2, 64, 64] of a phase in lattice pixels; `sign` -1 gives the way back."""
        if self.by_wall is None or self.lateness is None:
            return ladder.at(sign * float(self.even[phase]))
        nodes = torch.from_numpy(self.by_wall[:, phase]).float().to(self.lateness.device)
        place = (self.lateness + 1) / 2 * (len(nodes) - 1)
        low = place.floor().long().clamp(max=len(nodes) - 2)
        return ladder.at_each(sign * torch.lerp(nodes[low], nodes[low + 1], place - low))


def ways_of(
    prepared: Prepared, member: MemberMotion, s: NDArray[np.float64], anchor_phase: int, clocks: WallClocks | None
) -> Ways:
    """The ways of a member's phases; walls go by `clocks` where some are late."""
    even = s - member.anchor_s
    if clocks is None:
        return Ways(even)
    late = torch.from_numpy(lateness(prepared.frame)).to(member.velocity.device)
    return Ways(even, clocks.from_anchor(anchor_phase), late)


@torch.no_grad()
def beat_field(prepared: Prepared, member: MemberMotion, s: NDArray[np.float64], ways: Ways | None = None) -> BeatField:
    """Pull-back of every phase from its moment s; exactly zero where s is the anchor's."""
    ladder, ways = _Ladder(member.velocity, _RUNG), ways or Ways(s - member.anchor_s)
    fields = torch.stack([ways.displacement(ladder, phase) for phase in range(len(s))]) * LATTICE_SPACING_MM
    source = np.stack([source_slices(prepared, member, float(moment)) for moment in s])
    return BeatField(
        fields,
        torch.from_numpy(source).float().to(member.velocity.device),
        member.extend_base,
        prepared.frame.first,
    )


@torch.no_grad()
def full_motion(
    prepared: Prepared,
    member: MemberMotion,
    field: BeatField,
    s: NDArray[np.float64],
    anchor_phase: int,
    ways: Ways | None = None,
) -> Motion:
    """The same motion as displacement both ways on the canonical lattice, in the patient's frame.

    Where walls are late the way forward is that of the place reached, not of the point itself: within 0.5 mm.
    """
    phases, slices = len(s), prepared.frame.slices
    pull = np.empty((phases, slices, LATTICE_PIXELS, LATTICE_PIXELS, 3), dtype=np.float32)
    push = np.empty_like(pull)
    planes = field.in_plane_mm.cpu().numpy()
    places = np.arange(slices, dtype=np.float64)
    ladder, ways = _Ladder(member.velocity, _RUNG), ways or Ways(s - member.anchor_s)
    for k, moment in enumerate(s):
        source = source_slices(prepared, member, float(moment))
        _fill(pull[k], planes[k], (source - places) * prepared.slice_mm)
        inverse = ways.displacement(ladder, k, -1) * LATTICE_SPACING_MM
        reached = reached_slices(source)
        slid = slide_slices(inverse, torch.from_numpy(reached).float().to(inverse.device))
        _fill(push[k], slid.cpu().numpy(), (reached - places) * prepared.slice_mm)
    return Motion(lattice_in_patient(prepared.pose, prepared.volume.grid), pull, push, anchor_phase)


def _fill(out: NDArray[np.float32], in_plane_mm: NDArray[np.float32], along_mm: NDArray[np.float64]) -> None:
    """Put [z, 2, rows, columns] and [z] side by side into [z, rows, columns, 3]."""
    out[..., 0], out[..., 1] = in_plane_mm[:, 0], in_plane_mm[:, 1]
    out[..., 2] = along_mm.astype(np.float32)[:, None, None]

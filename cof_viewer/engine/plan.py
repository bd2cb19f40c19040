"""A beat before any picture is made: members drawn, scaled to their EF, timed, and the middle one chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.image import regular_phase_ms
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_code import DrawnBeat
from cof_viewer.engine.beat_motion import MemberMotion, scale_to_ef
from cof_viewer.engine.generator import Ablation, Generator, heard_marks
from cof_viewer.engine.motion.time_law import MarkEdit, TimeMarks, edited_marks, emptying, expected_marks


@dataclass(frozen=True)
class AnchorMoment:
    """Where the anchor stands in the beat.

    Attributes:
        phase: index among the generated phases.
        role: "ed", "es" or "" when only the index was given.
        guessed: whether the role was estimated from the picture.
    """

    phase: int | None
    role: str
    guessed: bool = False


def phase_moments(marks: TimeMarks, phases: int, anchor: AnchorMoment) -> tuple[NDArray[np.float64], int, TimeMarks]:
    """s of every phase, the anchor's phase, and the marks once they agree with the anchor.

    An ED anchor stands at s = 0 and an ES anchor at s = 1: the clock is turned so that its phase falls on the mark.
    """
    times = np.asarray(regular_phase_ms(phases, marks.rr_ms))
    if anchor.role == "es":
        phase = round(marks.es_ms / marks.rr_ms * phases) % phases if anchor.phase is None else anchor.phase
        shift = times[phase] - marks.es_ms
        s = emptying(marks, times - shift)
        s[phase] = 1.0
        return s, phase, replace(marks, es_ms=float(times[phase]))
    phase = anchor.phase or 0
    shift = times[phase] if anchor.role == "ed" else 0.0
    s = emptying(marks, times - shift)
    if anchor.role == "ed":
        s[phase] = 0.0
    return s, phase, replace(marks, es_ms=float((marks.es_ms + shift) % marks.rr_ms))


def medoid(curves: NDArray[np.float64]) -> int:
    """Member whose curve [member, t] lies nearest to the pointwise median."""
    return int(np.square(curves - np.median(curves, axis=0)).sum(axis=1).argmin())


class Members:
    """Members drawn for one anchor and one ECG; each one's motion is made when first asked for, and kept.

    When only the timing changes, nothing is drawn or scaled again.
    """

    def __init__(self, generator: Generator, prepared: Prepared, drawn: Sequence[DrawnBeat], es_like: bool) -> None:
        """Keep what was drawn; `es_like` says that the anchor was taken for one near ES."""
        self.drawn, self.es_like = tuple(drawn), es_like
        self._generator, self._prepared = generator, prepared
        self._made: dict[tuple[int, float], MemberMotion] = {}

    def motion(self, index: int, anchor_s: float) -> MemberMotion:
        """Motion of a member, scaled to its EF, when the anchor stands at `anchor_s` between ED (0) and ES (1)."""
        key = (index, anchor_s)
        if key not in self._made:
            beat = self.drawn[index]
            with torch.no_grad():
                velocity = self._generator.velocity(self._prepared, beat, self.es_like)
                made = scale_to_ef(self._prepared, velocity, beat.ef, beat.base_is_lost, anchor_s)
            self._made = {k: v for k, v in self._made.items() if k[0] != index} | {key: made}
        return self._made[key]


@dataclass(frozen=True, eq=False)
class BeatPlan:
    """A beat before any picture is made.

    Attributes:
        s: [t] how far the heart has emptied at every phase, of the medoid.
        anchor_phase: where the anchor stands; `marks` the medoid's time marks once they agree with it.
        member: the medoid's motion.
        member_lv_ml: [member, t] LV volumes of all members (canonical voxels where spacing is unknown).
        medoid: which of them it is.
    """

    s: NDArray[np.float64]
    anchor_phase: int
    marks: TimeMarks
    member: MemberMotion
    member_lv_ml: NDArray[np.float64]
    medoid: int


def draw_members(
    generator: Generator,
    prepared: Prepared,
    beat: Beat,
    embedding: NDArray[np.float32],
    *,
    es_like: bool,
    members: int,
    steps: int,
    seed: int,
    cancel: CancelToken = NEVER,
    ablate: Ablation | None = None,
) -> Members:
    """Draw members for an anchor and an ECG. Arguments as in `Engine.generate`."""
    drawn = generator.draw(
        prepared,
        beat,
        embedding,
        anchor_is_es=es_like,
        members=members,
        steps=steps,
        seed=seed,
        cancel=cancel,
        ablate=ablate,
    )
    return Members(generator, prepared, drawn, es_like)


def time_members(
    members: Members,
    prepared: Prepared,
    beat: Beat,
    anchor: AnchorMoment,
    *,
    phases: int,
    edit: MarkEdit | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
    ablate: Ablation | None = None,
) -> BeatPlan:
    """Time each member by the ECG, or by hand, and choose the medoid."""
    expected = heard_marks(beat, ablate)
    marks = [edited_marks(drawn.marks(expected), edit) for drawn in members.drawn]
    timed = [phase_moments(each, phases, anchor) for each in marks]
    motions = []
    for index, (s, phase, _) in enumerate(timed):
        cancel.raise_if_cancelled()
        progress(index / len(timed), f"Finding the motion, member {index + 1} of {len(timed)}")
        motions.append(members.motion(index, float(s[phase])))
    curves = np.stack([motion.lv_curve(s) for motion, (s, _, _) in zip(motions, timed, strict=True)])
    chosen = medoid(curves)
    s, anchor_phase, chosen_marks = timed[chosen]
    scale = _milliliters_per_canonical_voxel(prepared) if prepared.volume.grid.spacing_known else 1.0
    return BeatPlan(s, anchor_phase, chosen_marks, motions[chosen], curves * scale, chosen)


def plan_beat(
    generator: Generator,
    prepared: Prepared,
    beat: Beat,
    embedding: NDArray[np.float32],
    anchor: AnchorMoment,
    *,
    phases: int,
    members: int,
    steps: int,
    seed: int,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
    ablate: Ablation | None = None,
) -> BeatPlan:
    """Draw the members, scale and time each, choose the medoid. Arguments as in `Engine.generate`."""
    progress(0.0, "Drawing the motion from the ECG")
    drawn = draw_members(
        generator,
        prepared,
        beat,
        embedding,
        es_like=stands_near_es(anchor, beat, phases),
        members=members,
        steps=steps,
        seed=seed,
        cancel=cancel,
        ablate=ablate,
    )
    told = part_of(progress, 0.1, 1.0)
    return time_members(drawn, prepared, beat, anchor, phases=phases, progress=told, cancel=cancel, ablate=ablate)


def stands_near_es(anchor: AnchorMoment, beat: Beat, phases: int) -> bool:
    """Whether an anchor stands nearer to ES than to ED: by its role, or by when its phase comes."""
    if anchor.role:
        return anchor.role == "es"
    marks = expected_marks(beat.intervals, beat.rr_ms)
    times = np.asarray(regular_phase_ms(phases, beat.rr_ms))
    return float(emptying(marks, times)[anchor.phase or 0]) > 0.5


def _milliliters_per_canonical_voxel(prepared: Prepared) -> float:
    return CANONICAL_SPACING_MM**2 * prepared.slice_mm / 1000.0

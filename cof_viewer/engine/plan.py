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
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_code import DrawnBeat
from cof_viewer.engine.beat_motion import MemberMotion, scale_to_ef
from cof_viewer.engine.generator import Ablation, Generator, heard_marks
from cof_viewer.engine.motion.lag import WallClocks, left_lag_ms, wall_clocks
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
    phase, times = _clock(marks, phases, anchor)
    s = emptying(marks, times)
    if anchor.role:
        s[phase] = 1.0 if anchor.role == "es" else 0.0
    es_ms = phase / phases * marks.rr_ms if anchor.role == "es" else _shown(marks, phases, phase, anchor)
    return s, phase, replace(marks, es_ms=float(es_ms))


def _shown(marks: TimeMarks, phases: int, phase: int, anchor: AnchorMoment) -> float:
    """ES on the clock of the phases, which an ED anchor beyond phase 0 turns."""
    shift = phase / phases * marks.rr_ms if anchor.role == "ed" else 0.0
    return (marks.es_ms + shift) % marks.rr_ms


def _clock(marks: TimeMarks, phases: int, anchor: AnchorMoment) -> tuple[int, NDArray[np.float64]]:
    """The anchor's phase, and [t] ms after end-diastole of every phase once the clock agrees with the anchor."""
    times = np.asarray(regular_phase_ms(phases, marks.rr_ms))
    if anchor.role == "es":
        phase = round(marks.es_ms / marks.rr_ms * phases) % phases if anchor.phase is None else anchor.phase
        return phase, times - (times[phase] - marks.es_ms)
    phase = anchor.phase or 0
    return phase, times - (times[phase] if anchor.role == "ed" else 0.0)


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
        clocks: of its walls, where the ECG says that the lateral one is late.
    """

    s: NDArray[np.float64]
    anchor_phase: int
    marks: TimeMarks
    member: MemberMotion
    member_lv_ml: NDArray[np.float64]
    medoid: int
    clocks: WallClocks | None = None


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
    lag_ms = left_lag_ms(beat) if ablate is None or ablate == "anatomy" else 0.0
    clocks = [wall_clocks(each, _clock(each, phases, anchor)[1], lag_ms) if lag_ms else None for each in marks]
    curves = np.stack(
        [lv_curve(motion, s, phase, c) for motion, (s, phase, _), c in zip(motions, timed, clocks, strict=True)]
    )
    chosen = medoid(curves)
    s, anchor_phase, chosen_marks = timed[chosen]
    scale = _milliliters_per_canonical_voxel(prepared) if prepared.volume.grid.spacing_known else 1.0
    return BeatPlan(s, anchor_phase, chosen_marks, motions[chosen], curves * scale, chosen, clocks[chosen])


def lv_curve(
    motion: MemberMotion, s: NDArray[np.float64], anchor_phase: int, clocks: WallClocks | None
) -> NDArray[np.float64]:
    """[t] LV volume of a member; where walls have clocks of their own, the mean of what each of them would give."""
    if clocks is None:
        return motion.lv_curve(s)
    ways = clocks.round_the_wall(clocks.from_anchor(anchor_phase)) + motion.anchor_s
    return np.asarray(np.stack([motion.lv_curve(way) for way in ways]).mean(axis=0))


def stands_near_es(anchor: AnchorMoment, beat: Beat, phases: int) -> bool:
    """Whether an anchor stands nearer to ES than to ED: by its role, or by when its phase comes."""
    if anchor.role:
        return anchor.role == "es"
    marks = expected_marks(beat.intervals, beat.rr_ms)
    times = np.asarray(regular_phase_ms(phases, beat.rr_ms))
    return float(emptying(marks, times)[anchor.phase or 0]) > 0.5


def _milliliters_per_canonical_voxel(prepared: Prepared) -> float:
    return CANONICAL_SPACING_MM**2 * prepared.slice_mm / 1000.0

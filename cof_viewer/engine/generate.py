"""One generated beat, from a prepared anchor and an ECG cycle: draw, scale, time, warp, count, judge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.anatomy import agreement, function_from_curves, function_from_labels
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.flag import Flag, Severity, worst_first
from cof_viewer.domain.function import Function, Provenance, Result, Source
from cof_viewer.domain.generation import Generation, Measurement, Motion
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, Label, regular_phase_ms
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.engine import gate
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_code import CodeStatistics, DrawnBeat
from cof_viewer.engine.beat_motion import MemberMotion, beat_field, full_motion, scale_to_ef, source_slices
from cof_viewer.engine.flow import Condition, FlowConfig, FlowNetwork, euler, member_noise
from cof_viewer.engine.intervals import GeneratedCalibration, with_generated_intervals
from cof_viewer.engine.motion.time_law import TimeMarks, emptying, expected_marks, standard_marks
from cof_viewer.engine.warp import ScannerWarp, warp_beat
from cof_viewer.engine.weights import load_weights
from cof_viewer.signal.features import FEATURE_NAMES, ecg_features

Ablation = Literal["ecg", "anatomy", "all-but-rate"]
"""What the generator is not told: for the evaluation, and for a reader who asks what the ECG adds."""

_RATE_FEATURES = ("rr_ms",)


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


def heard_features(beat: Beat, ablate: Ablation | None) -> NDArray[np.float32]:
    """The ECG's numbers; with "all-but-rate" everything but RR and rate is unknown (NaN)."""
    features = ecg_features(beat)
    if ablate != "all-but-rate":
        return features
    return np.where([name in _RATE_FEATURES for name in FEATURE_NAMES], features, np.float32(np.nan))


def heard_marks(beat: Beat, ablate: Ablation | None) -> TimeMarks:
    """Time marks that what is heard of the ECG leads to expect.

    Without the ECG the marks stand where the mean real beat has them; with the rate alone ES follows it (Weissler).
    """
    if ablate == "ecg":
        return standard_marks(beat.rr_ms)
    if ablate == "all-but-rate":
        return expected_marks(replace(beat.intervals, t_end_at_ms=None), beat.rr_ms)
    return expected_marks(beat.intervals, beat.rr_ms)


@dataclass(frozen=True, eq=False)
class Generator:
    """The learned parts of Stage 2."""

    network: FlowNetwork
    statistics: CodeStatistics
    device: torch.device

    @classmethod
    def load(cls, models_dir: Path, device: torch.device) -> Generator:
        """Read the weights "flow" of a folder, checksum verified."""
        tensors, entry = load_weights(models_dir, "flow")

        def part(name: str) -> dict[str, Tensor]:
            return {key.removeprefix(name): value for key, value in tensors.items() if key.startswith(name)}

        network = FlowNetwork(FlowConfig(**entry.config))
        network.load_state_dict(part("network."))
        return cls(network.to(device).eval(), CodeStatistics.from_tensors(part("statistics.")), device)

    def draw(
        self,
        prepared: Prepared,
        beat: Beat,
        embedding: NDArray[np.float32],
        *,
        anchor_is_es: bool,
        members: int,
        steps: int,
        seed: int,
        cancel: CancelToken,
        ablate: Ablation | None = None,
    ) -> list[DrawnBeat]:
        """Members' beats for an anchor and an ECG; the first is the middle one."""
        statistics = self.statistics
        anatomy = statistics.anatomy_condition(torch.from_numpy(prepared.features), anchor_is_es)
        intervals = statistics.standard_intervals(torch.from_numpy(heard_features(beat, ablate)))
        noise = member_noise(members, statistics.beat_numbers, seed).to(self.device)
        heard = torch.from_numpy(embedding) * float(ablate != "all-but-rate")
        condition = self._condition(anatomy, intervals, heard, anchor_is_es, members)
        hide = torch.zeros_like(condition.has_ecg)
        if ablate == "ecg":
            condition = replace(condition, has_ecg=hide)
        elif ablate == "anatomy":
            condition = replace(condition, has_anatomy=hide)
        numbers = euler(self.network, noise, condition, steps, cancel).cpu()
        return [statistics.read(row) for row in numbers]

    def _condition(
        self, anatomy: Tensor, intervals: Tensor, embedding: Tensor, anchor_is_es: bool, members: int
    ) -> Condition:
        def rows(values: Tensor) -> Tensor:
            return values.to(self.device).expand(members, -1)

        one = torch.ones(1)
        return Condition(
            rows(anatomy), rows(one * float(anchor_is_es)), rows(intervals), rows(embedding), rows(one), rows(one)
        )

    def velocity(self, prepared: Prepared, drawn: DrawnBeat, anchor_is_es: bool) -> Tensor:
        """[z, 2, 64, 64] mm, ED -> ES, before scaling to the EF."""
        coefficients = torch.tensor(drawn.coefficients)
        if anchor_is_es:
            return -prepared.decoder(self.statistics.basis_es.code(coefficients).to(self.device))
        return prepared.decoder(self.statistics.basis_ed.code(coefficients).to(self.device))


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


def member_motions(
    generator: Generator,
    prepared: Prepared,
    drawn: list[DrawnBeat],
    anchor_is_es: bool,
    anchor_s: list[float],
    progress: Progress,
    cancel: CancelToken,
) -> list[MemberMotion]:
    """Every member's motion, scaled to its EF, with its volume as a function of s."""
    motions = []
    for index, (beat, place) in enumerate(zip(drawn, anchor_s, strict=True)):
        cancel.raise_if_cancelled()
        progress(index / len(drawn), f"Finding the motion, member {index + 1} of {len(drawn)}")
        with torch.no_grad():
            velocity = generator.velocity(prepared, beat, anchor_is_es)
        motions.append(scale_to_ef(prepared, velocity, beat.ef, beat.base_is_lost, place))
    return motions


def medoid(curves: NDArray[np.float64]) -> int:
    """Member whose curve [member, t] lies nearest to the pointwise median."""
    return int(np.square(curves - np.median(curves, axis=0)).sum(axis=1).argmin())


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
    es_like = anchor.role == "es" or (anchor.role == "" and _is_late(beat, phases, anchor))
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
    expected = heard_marks(beat, ablate)
    timed = [phase_moments(member.marks(expected), phases, anchor) for member in drawn]
    places = [float(s[phase]) for s, phase, _ in timed]
    motions = member_motions(generator, prepared, drawn, es_like, places, part_of(progress, 0.1, 1.0), cancel)
    curves = np.stack([motion.lv_curve(s) for motion, (s, _, _) in zip(motions, timed, strict=True)])
    chosen = medoid(curves)
    s, anchor_phase, marks = timed[chosen]
    scale = _milliliters_per_canonical_voxel(prepared) if prepared.volume.grid.spacing_known else 1.0
    return BeatPlan(s, anchor_phase, marks, motions[chosen], curves * scale, chosen)


def preview_beat(plan: BeatPlan, prepared: Prepared, beat: Beat, anchor: AnchorMoment) -> tuple[Function, Motion]:
    """Curve, numbers and moving heart of a plan, without pictures: what a hand on a slider sees first.

    Returns:
        The medoid's function, its curve scaled so that the anchor's phase has the volume of the anchor's labels; it
        tells the left ventricle alone, and differs from the full beat's by what partial volume makes (about 1 %).
        And its motion.
    """
    grid, phases = prepared.volume.grid, len(plan.s)
    at_anchor = np.count_nonzero(prepared.labels.data == Label.LV) * grid.voxel_volume_ml
    curve = plan.member_lv_ml[plan.medoid]
    function = function_from_curves(
        curve * (at_anchor / max(float(curve[plan.anchor_phase]), 1e-6)),
        voxel_ml=1.0 if grid.spacing_known else None,
        phase_ms=regular_phase_ms(phases, beat.rr_ms),
        rr_ms=beat.rr_ms,
        source=Source.GENERATED,
        ed_phase=plan.anchor_phase if anchor.role == "ed" else None,
        anchor_phase=plan.anchor_phase,
    )
    field = beat_field(prepared, plan.member, plan.s)
    return function, full_motion(prepared, plan.member, field, plan.s, plan.anchor_phase)


def generate_beat(
    generator: Generator,
    prepared: Prepared,
    ecg: Ecg,
    beat: Beat,
    embedding: NDArray[np.float32],
    anchor: AnchorMoment,
    *,
    phases: int,
    members: int,
    steps: int,
    seed: int,
    provenance: Provenance,
    measured: Measurement | None,
    flags: tuple[Flag, ...],
    progress: Progress,
    cancel: CancelToken,
    ablate: Ablation | None = None,
    calibration: GeneratedCalibration | None = None,
) -> Generation:
    """Draw the members, choose the medoid, warp the anchor with it and count. Arguments as in `Engine.generate`."""
    plan = plan_beat(
        generator,
        prepared,
        beat,
        embedding,
        anchor,
        phases=phases,
        members=members,
        steps=steps,
        seed=seed,
        progress=part_of(progress, 0.0, 0.35),
        cancel=cancel,
        ablate=ablate,
    )
    s, anchor_phase, chosen = plan.s, plan.anchor_phase, plan.member
    cancel.raise_if_cancelled()
    field = beat_field(prepared, chosen, s)
    warp = ScannerWarp(prepared.volume, prepared.labels, prepared.pose, field)
    cine_data, labels = warp_beat(warp, prepared.labels, phases, anchor_phase, part_of(progress, 0.4, 0.95), cancel)
    cancel.raise_if_cancelled()
    motion = full_motion(prepared, chosen, field, s, anchor_phase)
    cancel.raise_if_cancelled()
    phase_ms = regular_phase_ms(phases, beat.rr_ms)
    function = function_from_labels(
        labels,
        phase_ms=phase_ms,
        rr_ms=beat.rr_ms,
        source=Source.GENERATED,
        ed_phase=anchor_phase if anchor.role == "ed" else None,
        anchor_phase=anchor_phase,
    )
    function = with_generated_intervals(function, calibration)
    found = [
        *flags,
        *gate.ecg_flags(ecg, beat),
        *gate.label_flags(prepared.labels),
        *gate.stack_flags(prepared.volume.grid),
        *gate.timing_flags(plan.marks, beat),
    ]
    found += gate.contraction_flags(function.ef_percent)
    found += gate.motion_flags(*_round_heart(motion, _near_heart(prepared)), _outside_share(prepared, chosen, s))
    if anchor.guessed:
        found.append(_guessed(anchor.role))
    volume = prepared.volume
    cine = Cine(cine_data, volume.grid, phase_ms, beat.rr_ms, volume.layout, volume.name)
    agreed = None
    if measured is not None:
        agreed = agreement(
            labels, measured.labels, measured_phase_ms=measured.cine.phase_ms, measured_rr_ms=measured.cine.rr_ms
        )
    result = Result(
        function=function,
        measured=measured.result.function if measured else None,
        agreement=agreed,
        flags=worst_first(tuple(found)),
        provenance=replace(provenance, anchor_phase=anchor_phase),
    )
    progress(1.0, "Generated")
    return Generation(
        cine, labels, volume, prepared.labels, anchor_phase, motion, plan.member_lv_ml, result,
        measured.labels if measured else None,
    )  # fmt: skip


def _is_late(beat: Beat, phases: int, anchor: AnchorMoment) -> bool:
    """Whether an anchor given by its index stands nearer to ES than to ED."""
    marks = expected_marks(beat.intervals, beat.rr_ms)
    times = np.asarray(regular_phase_ms(phases, beat.rr_ms))
    return float(emptying(marks, times)[anchor.phase or 0]) > 0.5


def _milliliters_per_canonical_voxel(prepared: Prepared) -> float:
    return 1.5 * 1.5 * prepared.slice_mm / 1000.0


def _near_heart(prepared: Prepared) -> NDArray[np.bool_]:
    """[z, 62, 62] lattice points inside LV, wall or RV of the anchor, border left out."""
    inside = (prepared.distances[:, 1:].amax(dim=1) > 0).cpu().numpy()[:, ::2, ::2]
    return np.asarray(inside[:, 1:-1, 1:-1])


def _round_heart(motion: Motion, heart: NDArray[np.bool_]) -> tuple[Motion, NDArray[np.bool_]]:
    """The motion on the heart's rows and columns (and one beyond, for differences) alone, and the heart there."""
    if not heart.any():
        return motion, heart
    rows, columns = (np.flatnonzero(heart.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    inside = (slice(None), slice(None), slice(top, bottom + 2), slice(left, right + 2))  # row 0 of `heart` is row 1
    shape = (motion.grid.shape[0], bottom + 2 - top, right + 2 - left)
    grid = Grid(shape, motion.grid.patient_from_voxel @ _shift(left, top), motion.grid.spacing_known)
    part = Motion(grid, motion.pull_back_mm[inside], motion.push_forward_mm[inside], motion.anchor_phase)
    return part, heart[:, top:bottom, left:right]


def _shift(columns: int, rows: int) -> NDArray[np.float64]:
    out = np.eye(4)
    out[:2, 3] = columns, rows
    return out


def _outside_share(prepared: Prepared, member: MemberMotion, s: NDArray[np.float64]) -> float:
    """Largest share of the LV that a phase reads from above the first slice."""
    area = (prepared.distances[:, 1] > 0).sum(dim=(1, 2)).cpu().numpy().astype(float)
    shares = [area[source_slices(prepared, member, float(m)) < prepared.frame.first - 0.5].sum() for m in s]
    return float(max(shares) / max(area.sum(), 1.0))


def _guessed(role: str) -> Flag:
    words = {"ed": "end-diastole", "es": "end-systole"}[role]
    return Flag(
        "anchor-phase-guessed",
        Severity.CAUTION,
        f"The anchor is taken for {words} from its shape alone. Choose its phase if that is wrong.",
    )

"""Open, measure, generate: the same steps for the window and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cof_viewer.app.engine_port import EnginePort, SeenFirst
from cof_viewer.app.state import AnchorPhase
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import LabelCine, stack_labels
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.domain.study import Study

PHASES_RANGE = (2, 200)
MEMBERS_RANGE = (1, 64)
STEPS_RANGE = (1, 200)
SEED_RANGE = (0, 2**31 - 1)
DEFAULT_PHASES = 50
"""Phases of a beat generated from a single volume (COF section 1)."""


@dataclass(frozen=True)
class OpenCase:
    """A study and an ECG as read from files.

    Attributes:
        ecg_path: where the ECG was read from.
        notes: sentences about what was left out, for the user.
    """

    study: Study
    ecg: Ecg | None = None
    beat: Beat | None = None
    ecg_path: Path | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GenerateOptions:
    """How to generate; None leaves the choice to the study, the picture or the weights.

    Attributes:
        anchor_phase: 0-based index, "ed" or "es".
        phases: T of the generated beat.
        members: how many beats are drawn; their spread gives the interval.
        steps: Euler steps.
        seed: of the noise.
        es_ms: time of ES after ED, set by hand; None leaves it to the ECG.
    """

    anchor_phase: AnchorPhase | None = None
    phases: int | None = None
    members: int = 8
    steps: int | None = None
    seed: int = 0
    es_ms: float | None = None

    def check(self) -> None:
        """Refuse what no study could make sense of.

        Raises:
            UserError: with a sentence that names the option and its range.
        """
        _check_range("number of phases", self.phases, PHASES_RANGE)
        _check_range("number of members", self.members, MEMBERS_RANGE)
        _check_range("number of steps", self.steps, STEPS_RANGE)
        _check_range("seed", self.seed, SEED_RANGE)
        if isinstance(self.anchor_phase, int) and self.anchor_phase < 0:
            raise UserError(
                f"The anchor phase can't be {self.anchor_phase}: phases count from 0. Choose ed, es or an index.",
                code="anchor-phase",
            )

    def check_for(self, study: Study) -> None:
        """Refuse what does not fit this study.

        Raises:
            UserError: with a sentence that names the option and what the study allows.
        """
        self.check()
        if not isinstance(self.anchor_phase, int):
            return
        phases = study.cine.phases if study.cine is not None else self.phases or DEFAULT_PHASES
        if self.anchor_phase >= phases:
            raise UserError(
                f"Anchor phase {self.anchor_phase} does not exist: there are {phases} phases, "
                f"counted from 0 to {phases - 1}. Choose one of them.",
                code="anchor-phase",
            )


@dataclass(frozen=True)
class Generated:
    """A generation, and the measurement of the study's own cine where it has one."""

    generation: Generation
    measurement: Measurement | None = None


def _check_range(what: str, value: int | None, allowed: tuple[int, int]) -> None:
    low, high = allowed
    if value is not None and not low <= value <= high:
        raise UserError(f"The {what} can't be {value}. Choose one from {low} to {high}.", code="option")


def open_case(
    path: Path,
    ecg_path: Path | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
    *,
    series: str | None = None,
    take_ecg_beside: bool = False,
) -> OpenCase:
    """Read a study, and an ECG with its representative beat.

    Args:
        path: of the study.
        ecg_path: of the ECG.
        progress: told the fraction read.
        cancel: looked at for every file.
        series: which stack, where there are several.
        take_ecg_beside: without `ecg_path`, take the only ECG of the folder or zip that was named (of a file's
            neighbours only a simulated study's: others may be other patients'); when it can't be used the study is
            opened without it.

    Raises:
        UserError: when the study, or the ECG that was named, can't be used.
    """
    from cof_viewer.io import open_study

    study = open_study(path, part_of(progress, 0.0, 0.8), cancel, series=series)
    cancel.raise_if_cancelled()
    record = ecg_path or (_ecg_beside(path, study) if take_ecg_beside else None)
    if record is None:
        return OpenCase(study)
    progress(0.8, "Reading the ECG")
    try:
        ecg, beat = open_ecg_with_beat(record)
    except UserError as error:
        if ecg_path is not None:
            raise
        return OpenCase(study, notes=(error.sentence,))
    cancel.raise_if_cancelled()
    return OpenCase(study, ecg, beat, record)


def _ecg_beside(path: Path, study: Study) -> Path | None:
    named_whole = path.is_dir() or path.suffix.lower() == ".zip"
    if len(study.ecg_paths) != 1 or not (named_whole or study.simulated):
        return None
    return Path(study.ecg_paths[0])


def open_ecg_with_beat(path: Path) -> tuple[Ecg, Beat]:
    """Read an ECG and find its representative beat.

    Raises:
        UserError: when it can't be read or has no beat to follow.
    """
    from cof_viewer.io import open_ecg
    from cof_viewer.signal import representative_beat

    ecg = open_ecg(path)
    return ecg, representative_beat(ecg)


def measure_case(
    engine: EnginePort, study: Study, progress: Progress = no_progress, cancel: CancelToken = NEVER
) -> Measurement:
    """Segment every phase of an oriented study's cine and derive its numbers.

    Raises:
        UserError: when the study has no cine.
    """
    check_has_cine(study)
    return engine.measure(study, progress, cancel)


def check_has_cine(study: Study) -> None:
    """Refuse to measure a single volume.

    Raises:
        UserError: when the study has no cine.
    """
    if study.cine is None:
        raise UserError(
            f'Nothing to measure in "{Path(study.path).name}": it holds one volume, not a beat. '
            "Generate a beat from it with an ECG, or open a cine.",
            code="no-cine",
        )


def check_phase(study: Study, phase: int | None) -> None:
    """Refuse a phase that the study does not have.

    Raises:
        UserError: when there is no such phase.
    """
    phases = study.cine.phases if study.cine is not None else 1
    if phase is not None and not 0 <= phase < phases:
        held = f"{phases} phases, counted from 0 to {phases - 1}" if phases > 1 else "one phase, 0"
        raise UserError(f"Phase {phase} does not exist: the study has {held}. Choose another.", code="phase")


def segment_case(
    engine: EnginePort,
    study: Study,
    phase: int | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
) -> LabelCine:
    """Label maps of an oriented study: of its volume, of one phase (0-based), or of every phase.

    Raises:
        UserError: when there is no such phase.
    """
    check_phase(study, phase)
    if study.cine is not None and phase is None:
        return engine.measure(study, progress, cancel).labels
    volume = study.cine.volume(phase or 0) if study.cine is not None else study.volume
    assert volume is not None
    return stack_labels([engine.segment(volume, progress, cancel)])


def generate_case(
    engine: EnginePort,
    study: Study,
    ecg: Ecg,
    options: GenerateOptions,
    measured: Measurement | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
    *,
    seen_first: SeenFirst | None = None,
) -> Generated:
    """Generate a beat of an oriented study; its own cine, where it has one, is measured first.

    `seen_first` is called on this thread with the moving heart and its numbers, before pictures are made.

    Raises:
        UserError: when the options do not fit the study, or the engine finds no heart.
    """
    from cof_viewer.engine.motion.time_law import MarkEdit

    options.check_for(study)
    start = 0.0
    if study.cine is not None and measured is None:
        start = 0.5
        measured = measure_case(engine, study, part_of(progress, 0.0, start), cancel)
    generation = engine.generate(
        study,
        ecg,
        anchor_phase=options.anchor_phase,
        phases=options.phases,
        members=options.members,
        steps=options.steps,
        seed=options.seed,
        measured=measured,
        timing=None if options.es_ms is None else MarkEdit(es_ms=options.es_ms),
        seen_first=seen_first,
        progress=part_of(progress, start, 1.0),
        cancel=cancel,
    )
    return Generated(generation, measured)

"""The session: one open study, and the commands that open, measure, generate, edit and export.

Panels read the document and call these methods; no panel knows another. Long commands return a job at once and run
on a worker (`Working` says what becomes of their results).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from cof_viewer.app import usecases
from cof_viewer.app.engine_port import EngineHolder, EngineLoader, EnginePort, load_engine
from cof_viewer.app.jobs import FILES_LANE, Job, JobRunner
from cof_viewer.app.library import Library
from cof_viewer.app.library_keeper import LibraryKeeper
from cof_viewer.app.settings import Settings, Value, changed_settings, load_settings, save_settings
from cof_viewer.app.state import AnchorPhase, CaseState, EngineState, ResultState, Window
from cof_viewer.app.undo import Edit, UndoStack
from cof_viewer.app.windowing import auto_window
from cof_viewer.app.working import Working
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import LabelMap
from cof_viewer.domain.progress import CancelToken, Progress, part_of
from cof_viewer.domain.study import Study


@dataclass(frozen=True, eq=False)
class _Opened:
    case: usecases.OpenCase
    window: Window


@dataclass(frozen=True, eq=False)
class _Task:
    """What an engine job captures when it is asked for."""

    epoch: int
    study: Study
    path: Path
    device: str


@dataclass(frozen=True, eq=False)
class _Worker:
    """What engine jobs of one study hand to each other, without waiting for the window to apply it."""

    epoch: int
    study: Study | None = None
    measurement: Measurement | None = None


class Session(Working):
    """The one document of the program and everything that can be done with it.

    Signals, beside those of `Document` and `Working`:
        engine_state_changed: "absent", "loading", "ready" or "failed".
        library_changed, settings_changed, undo_changed: what their names say.
    """

    engine_state_changed = Signal(str)
    library_changed = Signal()
    settings_changed = Signal()
    undo_changed = Signal()

    def __init__(
        self,
        settings: Settings | None = None,
        runner: JobRunner | None = None,
        engine_loader: EngineLoader = load_engine,
        library: Library | None = None,
    ) -> None:
        """Start with nothing open; neither the engine nor a thread is started yet."""
        super().__init__(runner if runner is not None else JobRunner())
        self._settings = settings if settings is not None else load_settings()
        self._library = library if library is not None else Library()
        self._keeper = LibraryKeeper(self._library)
        self._engine = EngineHolder(engine_loader, self._tell_engine_state)
        self._undo = UndoStack()
        self._worker = _Worker(0)
        self._worker_lock = threading.Lock()

    # -- read ----------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """The user's settings."""
        return self._settings

    @property
    def library(self) -> Library:
        """Recent studies."""
        return self._library

    @property
    def engine_state(self) -> EngineState:
        """Whether the engine is loaded."""
        return self._engine.state

    @property
    def engine(self) -> EnginePort | None:
        """The engine, if it is loaded."""
        return self._engine.engine

    @property
    def undo_words(self) -> str | None:
        """What undo would take back, None if nothing."""
        return self._undo.undo_words

    @property
    def redo_words(self) -> str | None:
        """What redo would do again, None if nothing."""
        return self._undo.redo_words

    @property
    def measure_obstacle(self) -> str | None:
        """Why nothing can be measured now, None where it can."""
        study = self.case.study
        if study is None:
            return "Open a study first."
        return None if study.cine is not None else "The study holds one volume, not a beat."

    @property
    def generate_obstacle(self) -> str | None:
        """Why nothing can be generated now, None where it can."""
        if self.case.study is None:
            return "Open a study first."
        return None if self.case.ecg is not None else "Generating needs an ECG: open the patient's 12-lead record."

    @property
    def export_obstacle(self) -> str | None:
        """Why nothing can be exported now, None where it can."""
        return None if self._outcome() is not None else "Nothing to export yet: measure or generate a beat first."

    # -- open ----------------------------------------------------------------------------------------------------

    def open(self, path: Path, ecg: Path | None = None, *, series: str | None = None) -> Job[_Opened]:
        """Open a study, and an ECG with it (the one beside it where none is named); what runs is cancelled.

        The former study stays on the screen until this one is read, and stays if it can't be.
        """
        self._runner.cancel_all()

        def work(progress: Progress, cancel: CancelToken) -> _Opened:
            case = usecases.open_case(path, ecg, progress, cancel, series=series, take_ecg_beside=True)
            stack = case.study.stack
            window = auto_window(stack.data)
            self._keeper.remember(path, case.ecg_path, case.study, self.settings.recent_limit)
            return _Opened(case, window)

        return self._submit(f"Opening {path.name}", "open", work, self._apply_open(path), FILES_LANE)

    def open_ecg(self, path: Path) -> Job[tuple[Ecg, Beat]]:
        """Take an ECG for the open study; undoable where it replaces another."""

        def work(progress: Progress, cancel: CancelToken) -> tuple[Ecg, Beat]:
            progress(0.1, "Reading the ECG")
            return usecases.open_ecg_with_beat(path)

        def apply(found: tuple[Ecg, Beat]) -> None:
            self._edit("ECG", {"ecg": found[0], "beat": found[1], "ecg_path": str(path)})

        return self._submit(f"Opening {path.name}", "ecg", work, apply, FILES_LANE)

    def close_study(self) -> None:
        """Close the study; what runs for it is cancelled."""
        self._runner.cancel_all()
        self._replace_document(CaseState(), self.view.window)

    def _apply_open(self, path: Path) -> Callable[[_Opened], None]:
        def apply(opened: _Opened) -> None:
            case = opened.case
            ecg_path = str(case.ecg_path) if case.ecg_path is not None else ""
            self._replace_document(CaseState(case.study, case.ecg, case.beat, None, str(path), ecg_path), opened.window)
            self.library_changed.emit()
            for note in case.notes:
                self.message.emit(note, "warning")
            self._look_at_heart()

        return apply

    def _replace_document(self, state: CaseState, window: Window) -> None:
        with self._lock:
            self._epoch += 1
            self._case, self._result = state, ResultState()
        with self._worker_lock:
            self._worker = _Worker(self._epoch)
        self._undo.clear()
        self._change_view(
            phase=0,
            slice=self.slices // 2,
            playing=False,
            window=window,
            window_preset="auto",
            zoom=1.0,
            pan=(0.0, 0.0),
        )
        self._set_clock()
        self.case_changed.emit()
        self.result_changed.emit()
        self.undo_changed.emit()

    # -- measure and generate --------------------------------------------------------------------------------------

    def load_engine(self) -> Job[EnginePort]:
        """Load the engine ahead of need."""
        device = self.settings.device
        return self._submit("Loading the engine", "engine", lambda _p, _c: self._engine.get(device), lambda _: None)

    def measure(self) -> Job[Measurement] | None:
        """Segment every phase of the cine and derive its numbers."""
        if self._refused(self.measure_obstacle):
            return None
        task = self._task()

        def work(progress: Progress, cancel: CancelToken) -> Measurement:
            return self._measured(task, progress, cancel)

        return self._submit("Measuring", "measure", work, self._apply_measurement)

    def generate(self) -> Job[usecases.Generated] | None:
        """Generate a beat from the anchor and the ECG, with the settings' members, steps, phases and seed."""
        if self._refused(self.generate_obstacle):
            return None
        task, case = self._task(), self.case
        ecg, options = case.ecg, self.generate_options()
        assert ecg is not None
        self._cancel_named("Generating")

        def work(progress: Progress, cancel: CancelToken) -> usecases.Generated:
            measured, start = None, 0.05
            if task.study.cine is not None:
                start = 0.5 if self._known_measurement(task.epoch) is None else 0.05
                measured = self._measured(task, part_of(progress, 0.0, start), cancel)
            engine, oriented = self._oriented(task, cancel)
            rest = part_of(progress, start, 1.0)
            made = usecases.generate_case(engine, oriented, ecg, options, measured, rest, cancel)
            self._keeper.set_generated(task.path, made.generation)
            return made

        def apply(made: usecases.Generated) -> None:
            self._apply_generation(made, case.inputs)

        return self._submit("Generating", "generate", work, apply)

    def generate_options(self) -> usecases.GenerateOptions:
        """How `generate` would generate now."""
        chosen = self.settings
        return usecases.GenerateOptions(
            self.case.anchor_phase, chosen.phases, chosen.members, chosen.steps, chosen.seed
        )

    def _look_at_heart(self) -> None:
        """After opening: find the heart, then measure the cine, or outline the single volume."""
        if not self.settings.measure_on_open or self.case.study is None:
            return
        if self.case.study.cine is not None:
            self.measure()
            return
        task = self._task()

        def work(progress: Progress, cancel: CancelToken) -> LabelMap:
            engine, oriented = self._oriented(task, cancel)
            assert oriented.volume is not None
            return engine.segment(oriented.volume, progress, cancel)

        self._submit("Finding the heart", "outline", work, lambda labels: self._change_result(anchor_labels=labels))

    def _oriented(self, task: _Task, cancel: CancelToken) -> tuple[EnginePort, Study]:
        """On the worker: the engine, and the study with its slices base first."""
        engine = self._engine.get(task.device)
        cancel.raise_if_cancelled()
        worker = self._worker
        if worker.epoch == task.epoch and worker.study is not None:
            return engine, worker.study
        oriented = engine.orient(task.study, cancel)
        self._hand_on(task.epoch, study=oriented)
        self._post(task.epoch, lambda: self._apply_orientation(task.study, oriented))
        return engine, oriented

    def _measured(self, task: _Task, progress: Progress, cancel: CancelToken) -> Measurement:
        """On the worker: the measurement of the study's cine, made once."""
        known = self._known_measurement(task.epoch)
        if known is not None:
            return known
        engine, oriented = self._oriented(task, cancel)
        measurement = usecases.measure_case(engine, oriented, progress, cancel)
        self._hand_on(task.epoch, study=oriented, measurement=measurement)
        self._keeper.set_measured(task.path, measurement)
        return measurement

    def _known_measurement(self, epoch: int) -> Measurement | None:
        worker = self._worker
        return worker.measurement if worker.epoch == epoch else None

    def _hand_on(self, epoch: int, *, study: Study, measurement: Measurement | None = None) -> None:
        with self._worker_lock:
            if self._worker.epoch == epoch:
                self._worker = _Worker(epoch, study, measurement)

    def _apply_orientation(self, before: Study, after: Study) -> None:
        turned = before.stack.grid.shape[0] > 1 and not before.stack.grid.matches(after.stack.grid)
        place = self._slice_after_reversal() if turned else self.view.slice
        self._change_case(study=after, oriented=True)
        self._change_view(slice=place)

    def _apply_measurement(self, measurement: Measurement) -> None:
        self._change_result(measurement=measurement)
        self.library_changed.emit()

    def _apply_generation(self, made: usecases.Generated, inputs: tuple[str, str, AnchorPhase | None]) -> None:
        kept = made.measurement if made.measurement is not None else self.result.measurement
        self._change_result(measurement=kept, generation=made.generation, shown="generated", inputs=inputs)
        self.library_changed.emit()

    # -- edit ----------------------------------------------------------------------------------------------------

    def set_anchor_phase(self, phase: AnchorPhase | None) -> None:
        """Choose the phase to warp: "ed", "es", a 0-based index, or None to let file and picture tell. Undoable."""
        study = self.case.study
        if study is None or phase == self.case.anchor_phase:
            return
        try:
            usecases.GenerateOptions(phase, self.settings.phases).check_for(study)
        except UserError as error:
            self.message.emit(error.sentence, "warning")
            return
        self._edit("anchor phase", {"anchor_phase": phase}, merge="anchor phase")

    def undo(self) -> None:
        """Take back the last edit of the case."""
        edit = self._undo.undo()
        if edit is not None:
            self._change_case(**edit.before)
            self.undo_changed.emit()

    def redo(self) -> None:
        """Do again what undo took back."""
        edit = self._undo.redo()
        if edit is not None:
            self._change_case(**edit.after)
            self.undo_changed.emit()

    def _edit(self, words: str, changes: dict[str, object], merge: str = "") -> None:
        before = {name: getattr(self.case, name) for name in changes}
        self._undo.push(Edit(words, before, changes, merge))
        self._change_case(**changes)
        self.undo_changed.emit()

    def update_settings(self, **changes: Value) -> None:
        """Change settings and keep them for the next start.

        Raises:
            KeyError, ValueError: when a name or a value is not one of `settings.ROWS`.
        """
        self._settings = changed_settings(self._settings, **changes)
        self.settings_changed.emit()
        try:
            save_settings(self._settings)
        except OSError:
            self.message.emit("The settings could not be kept: the user's folder is not writable.", "warning")

    # -- export --------------------------------------------------------------------------------------------------

    def export(self, folder: Path, kinds: Iterable[str] | None = None) -> Job[list[Path]] | None:
        """Write what is shown into a folder; `kinds` of `export.KINDS`, all that exist where None."""
        if self._refused(self.export_obstacle):
            return None
        from cof_viewer.app.export import export_case

        outcome, case, institution = self._outcome(), self.case, self.settings.institution
        assert outcome is not None
        chosen = tuple(kinds) if kinds is not None else None

        def work(progress: Progress, cancel: CancelToken) -> list[Path]:
            assert case.study is not None
            return export_case(
                folder, case.study, outcome, case.ecg, case.beat, chosen, progress, cancel, institution=institution
            )

        def apply(written: list[Path]) -> None:
            self.message.emit(f'{len(written)} files written to "{folder}".', "info")

        return self._submit("Exporting", "export", work, apply, FILES_LANE)

    def write_report(self, path: Path) -> Job[Path] | None:
        """Write the report of what is shown as a PDF."""
        if self._refused(self.export_obstacle):
            return None
        from cof_viewer.app.export import write_report_file

        outcome, case, institution = self._outcome(), self.case, self.settings.institution
        assert outcome is not None

        def work(progress: Progress, cancel: CancelToken) -> Path:
            assert case.study is not None
            progress(0.1, "Writing the report")
            return write_report_file(path, case.study, outcome, case.ecg, case.beat, cancel, institution=institution)

        def apply(written: Path) -> None:
            self.message.emit(f'Report written to "{written}".', "info")

        return self._submit("Writing the report", "report", work, apply, FILES_LANE)

    def _outcome(self) -> Generation | Measurement | None:
        result = self.result
        return result.generation if result.shown == "generated" else result.measurement

    def _task(self) -> _Task:
        study = self.case.study
        assert study is not None
        return _Task(self._epoch, study, Path(self.case.path), self.settings.device)

    def _tell_engine_state(self, state: EngineState) -> None:
        self.dispatch(lambda: self.engine_state_changed.emit(state))

"""The session: one open study, and the commands that open, measure, generate, edit and export.

Panels read the document and call these methods; no panel knows another. Long commands return a job at once and run
on a worker (`Working` says what becomes of their results).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from psygnal import Signal

from cof_viewer.app import usecases
from cof_viewer.app.engine_port import EngineLoader, load_engine
from cof_viewer.app.jobs import EXPORT_LANE, FILES_LANE, Job, JobRunner
from cof_viewer.app.library import Library
from cof_viewer.app.library_keeper import LibraryKeeper
from cof_viewer.app.making import Making
from cof_viewer.app.phase_choice import after_end_diastole
from cof_viewer.app.settings import Settings, Value, changed_settings, load_settings, save_settings
from cof_viewer.app.state import AnchorPhase, CaseState, ResultState, Window
from cof_viewer.app.undo import Edit, UndoStack
from cof_viewer.app.windowing import auto_window
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.progress import CancelToken, Progress


@dataclass(frozen=True, eq=False)
class _Opened:
    case: usecases.OpenCase
    window: Window


class Session(Making):
    """The one document of the program and everything that can be done with it.

    Signals, beside those of `Document`, `Working` and `Making`:
        settings_changed, undo_changed: what their names say.
    """

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
        self._library = library if library is not None else Library()
        super().__init__(
            runner if runner is not None else JobRunner(),
            settings if settings is not None else load_settings(),
            LibraryKeeper(self._library),
            engine_loader,
        )
        self._undo = UndoStack()

    # -- read ----------------------------------------------------------------------------------------------------

    @property
    def library(self) -> Library:
        """Recent studies."""
        return self._library

    @property
    def undo_words(self) -> str | None:
        """What undo would take back, None if nothing."""
        return self._undo.undo_words

    @property
    def redo_words(self) -> str | None:
        """What redo would do again, None if nothing."""
        return self._undo.redo_words

    @property
    def export_obstacle(self) -> str | None:
        """Why nothing can be exported now, None where it can."""
        return None if self._outcome() is not None else "Nothing to export yet: measure or generate a beat first."

    # -- open ----------------------------------------------------------------------------------------------------

    def open(self, path: Path, ecg: Path | None = None, *, series: str | None = None) -> Job[_Opened]:
        """Open a study, and an ECG with it (the one beside it where none is named); what runs is cancelled.

        The former study stays on the screen until this one is read, and stays if it can't be.
        """
        self._cancel_study_jobs()
        path, ecg = path.absolute(), ecg.absolute() if ecg is not None else None

        def work(progress: Progress, cancel: CancelToken) -> _Opened:
            case = usecases.open_case(path, ecg, progress, cancel, series=series, take_ecg_beside=True)
            stack = case.study.stack
            window = auto_window(stack.data)
            self._keeper.remember(path, case.ecg_path, case.study, self.settings.recent_limit)
            return _Opened(case, window)

        return self._submit(f"Opening {path.name}", "open", work, self._apply_open(path), FILES_LANE)

    def open_ecg(self, path: Path) -> Job[tuple[Ecg, Beat]]:
        """Take an ECG for the open study. Undoable."""
        path = path.absolute()

        def work(progress: Progress, cancel: CancelToken) -> tuple[Ecg, Beat]:
            progress(0.1, "Reading the ECG")
            return usecases.open_ecg_with_beat(path)

        def apply(found: tuple[Ecg, Beat]) -> None:
            chosen = {"ecg": found[0], "beat": found[1], "ecg_path": str(path), "es_by_hand_ms": None}
            self._edit("ECG", chosen)

        return self._submit(f"Opening {path.name}", "ecg", work, apply, FILES_LANE)

    def close_study(self) -> None:
        """Close the study; what runs for it is cancelled."""
        self._cancel_study_jobs()
        self._replace_document(CaseState(), self.view.window)

    def _cancel_study_jobs(self) -> None:
        """Stop what is made for the open study; exports of it go on."""
        self._cancel_kinds("open", "ecg", "measure", "outline", "generate")

    def _apply_open(self, path: Path) -> Callable[[_Opened], None]:
        def apply(opened: _Opened) -> None:
            case = opened.case
            ecg_path = str(case.ecg_path) if case.ecg_path is not None else ""
            self._replace_document(
                CaseState(case.study, case.ecg, case.beat, path=str(path), ecg_path=ecg_path), opened.window
            )
            self.library_changed.emit()
            for note in case.notes:
                self.message.emit(note, "warning")
            self._look_at_heart()

        return apply

    def _replace_document(self, state: CaseState, window: Window) -> None:
        self._epoch += 1
        self._work.start_study(self._epoch)
        self._undo.clear()
        slices = state.study.stack.grid.shape[0] if state.study is not None else 0
        fresh = replace(self.view.fitted(), phase=0, slice=slices // 2, playing=False)
        self._replace(state, ResultState(), replace(fresh, window=window, window_preset="auto"))
        self._set_clock()
        self.undo_changed.emit()

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

    def set_ed_here(self) -> None:
        """Take the shown phase of the measured cine for end-diastole. Undoable."""
        self._choose_phase("ED", "ed_phase")

    def set_es_here(self) -> None:
        """Take the shown phase for end-systole: of the measured cine, or of the beat to generate. Undoable."""
        if self.result.shown == "generated":
            self.set_es_time(self.time_ms)
        else:
            self._choose_phase("ES", "es_phase")

    def set_es_time(self, moment_ms: float | None) -> None:
        """Set end-systole of the generated beat by hand; heart, numbers and then pictures follow. Undoable.

        Args:
            moment_ms: time on the generated beat's own clock; None gives it back to the ECG.
        """
        generation = self.result.generation
        if generation is None or self._refused(self.generate_obstacle):
            return
        after_ed = None if moment_ms is None else after_end_diastole(generation, moment_ms)
        if after_ed != self.case.es_by_hand_ms:
            self._edit("ES time", {"es_by_hand_ms": after_ed}, merge="ES time")

    def _choose_phase(self, name: str, field: str) -> None:
        if self.result.measurement is None or self.result.shown != "measured":
            self.message.emit(f"{name} is set on the measured cine: show it, and measure it first.", "warning")
            return
        self._edit(f"{name} phase", {field: self.view.phase}, merge=f"{name} phase")

    def undo(self) -> None:
        """Take back the last edit of the case."""
        edit = self._undo.undo()
        if edit is not None:
            self._apply_edit(edit.before)
            self.undo_changed.emit()

    def redo(self) -> None:
        """Do again what undo took back."""
        edit = self._undo.redo()
        if edit is not None:
            self._apply_edit(edit.after)
            self.undo_changed.emit()

    def _edit(self, words: str, changes: dict[str, object], merge: str = "") -> None:
        before = {name: getattr(self.case, name) for name in changes}
        self._undo.push(Edit(words, before, changes, merge))
        self._apply_edit(changes)
        self.undo_changed.emit()

    def _apply_edit(self, changes: Mapping[str, object]) -> None:
        self._change_case(**changes)
        measured = self._work.known_measurement(self._epoch)
        if measured is not None and ("ed_phase" in changes or "es_phase" in changes):
            self._change_result(measurement=self._with_choice(measured))
        if set(changes) == {"es_by_hand_ms"}:
            self._es_was_moved()

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

        return self._submit("Exporting", "export", work, apply, EXPORT_LANE, outlives_study=True)

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

        return self._submit("Writing the report", "report", work, apply, EXPORT_LANE, outlives_study=True)

    def _outcome(self) -> Generation | Measurement | None:
        result = self.result
        return result.generation if result.shown == "generated" else result.measurement

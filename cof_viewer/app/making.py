"""What the engine makes of the open study: the heart found, a cine measured, a beat generated.

Long commands return a job at once and run on a worker (`Working` says what becomes of their results).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from cof_viewer.app import usecases
from cof_viewer.app.engine_port import EngineHolder, EngineLoader, EnginePort
from cof_viewer.app.engine_work import EngineWork, Task
from cof_viewer.app.jobs import Job, JobRunner
from cof_viewer.app.library_keeper import LibraryKeeper
from cof_viewer.app.phase_choice import with_chosen_phases
from cof_viewer.app.settings import Settings
from cof_viewer.app.state import CaseState, EngineState
from cof_viewer.app.working import Working
from cof_viewer.domain.function import Function
from cof_viewer.domain.generation import Measurement, Motion
from cof_viewer.domain.image import LabelMap
from cof_viewer.domain.progress import CancelToken, Progress, part_of
from cof_viewer.domain.study import Study

_NOT_SEEN_FIRST = ("lv_mass_g", "rv_edv_ml", "rv_esv_ml", "rv_ef_percent", "rv_volume_ml", "rv_relative", "rv_band_ml")
"""Numbers that only labels tell; those of the beat before stand until the pictures are made."""


class Making(Working):
    """The engine's commands.

    Signals:
        engine_state_changed: "absent", "loading", "ready" or "failed".
        library_changed: a study or its numbers were noted.
    """

    engine_state_changed = Signal(str)
    library_changed = Signal()

    def __init__(
        self, runner: JobRunner, settings: Settings, keeper: LibraryKeeper, engine_loader: EngineLoader
    ) -> None:
        """Keep what is needed; the engine is loaded at its first need."""
        super().__init__(runner)
        self._settings = settings
        self._keeper = keeper
        self._engine = EngineHolder(engine_loader, self._tell_engine_state)
        self._work = EngineWork(self._engine, self._keeper, self._tell_orientation)

    @property
    def settings(self) -> Settings:
        """The user's settings."""
        return self._settings

    @property
    def engine_state(self) -> EngineState:
        """Whether the engine is loaded."""
        return self._engine.state

    @property
    def engine(self) -> EnginePort | None:
        """The engine, if it is loaded."""
        return self._engine.engine

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
            return self._work.measured(task, progress, cancel)

        return self._submit("Measuring", "measure", work, self._apply_measurement)

    def generate(self) -> Job[usecases.Generated] | None:
        """Generate a beat from the anchor and the ECG, with the settings' members, steps, phases and seed.

        Where a generated beat is there already, its heart and numbers follow before the new pictures are made.
        """
        if self._refused(self.generate_obstacle):
            return None
        task, case = self._task(), self.case
        ecg, options = case.ecg, self.generate_options()
        assert ecg is not None
        self._cancel_kinds("generate")

        def seen(motion: Motion, function: Function) -> None:
            self._post(task.epoch, lambda: self._apply_first_sight(case, motion, function))

        def work(progress: Progress, cancel: CancelToken) -> usecases.Generated:
            measured, start = None, 0.05
            if task.study.cine is not None:
                start = 0.5 if self._work.known_measurement(task.epoch) is None else 0.05
                measured = self._work.measured(task, part_of(progress, 0.0, start), cancel)
                measured = with_chosen_phases(measured, case.ed_phase, case.es_phase)
            engine, oriented = self._work.oriented(task, cancel)
            rest = part_of(progress, start, 1.0)
            made = usecases.generate_case(engine, oriented, ecg, options, measured, rest, cancel, seen_first=seen)
            self._keeper.set_generated(task.path, made.generation)
            return made

        def apply(made: usecases.Generated) -> None:
            self._apply_generation(made, case)

        return self._submit("Generating", "generate", work, apply)

    def generate_options(self) -> usecases.GenerateOptions:
        """How `generate` would generate now."""
        chosen = self.settings
        return usecases.GenerateOptions(
            self.case.anchor_phase,
            chosen.phases,
            chosen.members,
            chosen.steps,
            chosen.seed,
            self.case.es_by_hand_ms,
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
            engine, oriented = self._work.oriented(task, cancel)
            assert oriented.volume is not None
            return engine.segment(oriented.volume, progress, cancel)

        self._submit("Finding the heart", "outline", work, lambda labels: self._change_result(anchor_labels=labels))

    def _tell_orientation(self, task: Task, oriented: Study) -> None:
        self._post(task.epoch, lambda: self._apply_orientation(task.study, oriented))

    def _apply_orientation(self, before: Study, after: Study) -> None:
        """Take the turned study; the slice that is looked at stays the same place in the patient."""
        slices = after.stack.grid.shape[0]
        turned = slices > 1 and not before.stack.grid.matches(after.stack.grid)
        place = slices - 1 - self.view.slice if turned else self.view.slice
        self._replace(case=replace(self.case, study=after, oriented=True), view=replace(self.view, slice=place))

    def _apply_measurement(self, measurement: Measurement) -> None:
        self._change_result(measurement=self._with_choice(measurement))
        self.library_changed.emit()

    def _apply_generation(self, made: usecases.Generated, case: CaseState) -> None:
        known = self._work.known_measurement(self._epoch)
        kept = self._with_choice(known) if known is not None else self.result.measurement
        self._change_result(measurement=kept, generation=made.generation, shown="generated", inputs=case.inputs)
        self.library_changed.emit()
        self._follow_hand(case)

    def _apply_first_sight(self, case: CaseState, motion: Motion, function: Function) -> None:
        """Let heart and LV numbers of the kept beat follow while the pictures are still those of before."""
        before = self.result.generation
        if before is not None and before.cine.phases == len(motion.pull_back_mm):
            known = replace(function, **{name: getattr(before.result.function, name) for name in _NOT_SEEN_FIRST})
            self._change_result(
                generation=replace(before, motion=motion, result=replace(before.result, function=known))
            )
        self._follow_hand(case)

    def _follow_hand(self, case: CaseState) -> None:
        """Generate again where the hand on ES has moved on meanwhile."""
        if case.es_by_hand_ms != self.case.es_by_hand_ms:
            self.generate()

    def _es_was_moved(self) -> None:
        """Generate, unless that is under way: then the hand is followed from where it has come to."""
        if not any(job.kind == "generate" for job in self._runner.active):
            self.generate()

    def _with_choice(self, measurement: Measurement) -> Measurement:
        return with_chosen_phases(measurement, self.case.ed_phase, self.case.es_phase)

    def _task(self) -> Task:
        study = self.case.study
        assert study is not None
        return Task(self._epoch, study, Path(self.case.path), self.settings.device)

    def _tell_engine_state(self, state: EngineState) -> None:
        self.dispatch(lambda: self.engine_state_changed.emit(state))

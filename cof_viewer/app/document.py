"""The one open document: its state, its signals, and what follows from the state without storing it.

Everything here is read; `Session` is what changes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from psygnal import Signal

from cof_viewer.app.playback import DEFAULT_RR_MS, PlayClock, phase_at_same_fraction
from cof_viewer.app.state import CaseState, ResultState, Shown, ViewState
from cof_viewer.domain.function import Function, Result, Source
from cof_viewer.domain.image import Cine, LabelCine, LabelMap, Volume


class Document:
    """What is open, what was made of it, how it is looked at.

    Signals (emitted on the thread that changed the state, which for the ends of long work is a worker's unless
    `dispatch` brings them elsewhere):
        case_changed: another study, ECG, beat or anchor phase, or staleness.
        result_changed: a measurement, a generation, or which of them is shown.
        view_changed: names of the fields of `ViewState` that changed.
    """

    case_changed = Signal()
    result_changed = Signal()
    view_changed = Signal(frozenset)

    def __init__(self) -> None:
        """Start with nothing open."""
        self._case = CaseState()
        self._result = ResultState()
        self._view = ViewState()
        self._clock = PlayClock()
        self._lock = threading.RLock()
        self._single: tuple[Volume, Cine] | None = None
        self._single_labels: tuple[LabelMap, LabelCine] | None = None
        self.dispatch: Callable[[Callable[[], None]], None] = lambda change: change()
        """How the end of long work is applied: at once, or, if the window sets it, on the window's thread."""

    @property
    def case(self) -> CaseState:
        """What is open and chosen."""
        return self._case

    @property
    def result(self) -> ResultState:
        """What was made of it."""
        return self._result

    @property
    def view(self) -> ViewState:
        """How it is looked at."""
        return self._view

    # -- what is shown -------------------------------------------------------------------------------------------

    @property
    def measured_cine(self) -> Cine | None:
        """The study's own cine, or its single volume as a cine of one phase without times."""
        return self._cine_in(self._case, self._result, "measured")

    @property
    def generated_cine(self) -> Cine | None:
        """The generated beat."""
        return self._cine_in(self._case, self._result, "generated")

    @property
    def cine(self) -> Cine | None:
        """The cine that is shown."""
        return self.cine_of(self._result.shown)

    def cine_of(self, shown: Shown) -> Cine | None:
        """One of the two cines."""
        return self._cine_in(self._case, self._result, shown)

    def _cine_in(self, case: CaseState, result: ResultState, shown: Shown) -> Cine | None:
        if shown == "generated":
            return result.generation.cine if result.generation else None
        study = case.study
        if study is None or study.cine is not None:
            return study.cine if study else None
        volume = study.volume
        assert volume is not None
        if self._single is None or self._single[0] is not volume:
            self._single = (volume, Cine(volume.data[None], volume.grid, layout=volume.layout, name=volume.name))
        return self._single[1]

    @property
    def labels(self) -> LabelCine | None:
        """Labels of the cine that is shown, None until they are known."""
        return self.labels_of(self._result.shown)

    def labels_of(self, shown: Shown) -> LabelCine | None:
        """Labels of one of the two cines."""
        result = self._result
        if shown == "generated":
            return result.generation.labels if result.generation else None
        if result.measurement is not None:
            return result.measurement.labels
        single = result.anchor_labels
        if single is None:
            return None
        if self._single_labels is None or self._single_labels[0] is not single:
            self._single_labels = (single, LabelCine(single.data[None], single.grid))
        return self._single_labels[1]

    @property
    def numbers(self) -> Result | None:
        """Numbers, flags and provenance of what is shown."""
        result = self._result
        if result.shown == "generated":
            return result.generation.result if result.generation else None
        return result.measurement.result if result.measurement else None

    @property
    def function(self) -> Function | None:
        """The numbers of what is shown."""
        return self.numbers.function if self.numbers else None

    @property
    def source(self) -> Source:
        """How the picture that is shown must be marked."""
        if self._result.shown == "generated":
            return Source.GENERATED
        study = self._case.study
        return Source.SIMULATED if study is not None and study.simulated else Source.MEASURED

    # -- time and place ------------------------------------------------------------------------------------------

    @property
    def phases(self) -> int:
        """Number of phases that are shown; 0 without a study."""
        return self.cine.phases if self.cine else 0

    @property
    def slices(self) -> int:
        """Number of slices; 0 without a study."""
        return self.cine.grid.shape[0] if self.cine else 0

    @property
    def phase_ms(self) -> tuple[float, ...] | None:
        """Times of the shown phases after the R peak."""
        return self.cine.phase_ms if self.cine else None

    @property
    def rr_ms(self) -> float | None:
        """Length of the shown beat, None where not known."""
        return self.cine.rr_ms if self.cine else None

    @property
    def play_rr_ms(self) -> float:
        """Length of the beat for playing: the shown one's, else the ECG's, else 1 s."""
        beat = self._case.beat
        return self.rr_ms or (beat.rr_ms if beat else None) or DEFAULT_RR_MS

    @property
    def time_ms(self) -> float | None:
        """Time of the shown phase after the R peak."""
        times = self.phase_ms
        return times[self._view.phase] if times and self._view.phase < len(times) else None

    @property
    def cycle_fraction(self) -> float:
        """Where in the beat the shown phase stands, 0 to 1: the ECG's and the curve's cursor."""
        return self._view.phase / self.phases if self.phases else 0.0

    def phase_of(self, shown: Shown) -> int:
        """The phase of one of the two cines at the same fraction of its beat as the shown phase."""
        other = self.cine_of(shown)
        return phase_at_same_fraction(self._view.phase, self.phases, other.phases if other else 0)

    # -- replacing state -----------------------------------------------------------------------------------------

    def _replace(
        self, case: CaseState | None = None, result: ResultState | None = None, view: ViewState | None = None
    ) -> None:
        """Put new state in place as one, then tell: whoever hears the first signal already reads all of it."""
        with self._lock:
            stale_before, view_before = self._case.stale, self._view
            self._result = result if result is not None else self._result
            self._view = view if view is not None else self._view
            made_from = self._result.inputs
            chosen = case if case is not None else self._case
            self._case = replace(chosen, stale=made_from is not None and made_from != chosen.inputs)
            case_changed = case is not None or self._case.stale != stale_before
            moved = frozenset(
                field.name
                for field in fields(ViewState)
                if getattr(view_before, field.name) != getattr(self._view, field.name)
            )
        if case_changed:
            self.case_changed.emit()
        if result is not None:
            self.result_changed.emit()
        if moved:
            self.view_changed.emit(moved)

    def _change_view(self, **changes: Any) -> None:
        self._replace(view=replace(self._view, **changes))

    def _change_case(self, **changes: Any) -> None:
        self._replace(case=replace(self._case, **changes))

    def _change_result(self, **changes: Any) -> None:
        """Replace results; the phase stays at the same fraction of the beat, so the heart does not jump."""
        result = replace(self._result, **changes)
        shown = self._cine_in(self._case, result, result.shown)
        moved = phase_at_same_fraction(self._view.phase, self.phases, shown.phases if shown else 0)
        self._replace(result=result, view=replace(self._view, phase=moved))
        self._set_clock()

    def _set_clock(self) -> None:
        self._clock.set_to_phase(self._view.phase, self.phases, self.play_rr_ms)

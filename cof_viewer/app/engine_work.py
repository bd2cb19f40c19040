"""What engine jobs do on the worker for the open study: load, orient, measure, each once.

Jobs hand their results to the next one here, without waiting for the window to apply them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cof_viewer.app import usecases
from cof_viewer.app.engine_port import EngineHolder, EnginePort
from cof_viewer.app.library_keeper import LibraryKeeper
from cof_viewer.domain.generation import Measurement
from cof_viewer.domain.progress import CancelToken, Progress
from cof_viewer.domain.study import Study


@dataclass(frozen=True, eq=False)
class Task:
    """What an engine job captures when it is asked for.

    Attributes:
        epoch: which opening of a study it belongs to.
        study: as it was then.
        path: what the user named.
        device: to compute on.
    """

    epoch: int
    study: Study
    path: Path
    device: str


@dataclass(frozen=True, eq=False)
class _Known:
    epoch: int
    study: Study | None = None
    measurement: Measurement | None = None


class EngineWork:
    """The engine's steps for one study after another."""

    def __init__(
        self, holder: EngineHolder, keeper: LibraryKeeper, on_oriented: Callable[[Task, Study], object]
    ) -> None:
        """Work with this engine; `on_oriented` is called on the worker once the heart was found."""
        self._holder, self._keeper, self._on_oriented = holder, keeper, on_oriented
        self._known = _Known(0)
        self._lock = threading.Lock()

    def start_study(self, epoch: int) -> None:
        """Forget the former study."""
        with self._lock:
            self._known = _Known(epoch)

    def known_measurement(self, epoch: int) -> Measurement | None:
        """The measurement of that opening, as the engine made it, if it has been made."""
        known = self._known
        return known.measurement if known.epoch == epoch else None

    def oriented(self, task: Task, cancel: CancelToken) -> tuple[EnginePort, Study]:
        """The engine, and the study with its slices base first.

        Raises:
            UserError: the weights can't be used, or there is no heart in the picture.
        """
        engine = self._holder.get(task.device)
        cancel.raise_if_cancelled()
        known = self._known
        if known.epoch == task.epoch and known.study is not None:
            return engine, known.study
        oriented = engine.orient(task.study, cancel)
        self._keep(_Known(task.epoch, oriented))
        self._on_oriented(task, oriented)
        return engine, oriented

    def measured(self, task: Task, progress: Progress, cancel: CancelToken) -> Measurement:
        """The measurement of the study's cine.

        Raises:
            UserError: as `oriented`.
        """
        known = self.known_measurement(task.epoch)
        if known is not None:
            return known
        engine, oriented = self.oriented(task, cancel)
        measurement = usecases.measure_case(engine, oriented, progress, cancel)
        self._keep(_Known(task.epoch, oriented, measurement))
        self._keeper.set_measured(task.path, measurement)
        return measurement

    def _keep(self, known: _Known) -> None:
        with self._lock:
            if self._known.epoch == known.epoch:
                self._known = known

"""What the app asks of an engine, and how it comes by one: on a worker, on first need, once.

torch takes seconds to load, so nothing here imports it before somebody needs the engine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from cof_viewer.app.models import require_models_folder
from cof_viewer.app.state import AnchorPhase, EngineState
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.function import Function
from cof_viewer.domain.generation import Generation, Measurement, Motion
from cof_viewer.domain.image import LabelMap, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.domain.study import Study

if TYPE_CHECKING:
    from cof_viewer.engine.motion.time_law import MarkEdit

SeenFirst = Callable[[Motion, Function], object]
"""Takes the moving heart and the left ventricle's numbers of a beat before its pictures are made."""


@runtime_checkable
class EnginePort(Protocol):
    """The doors of the engine that the app uses; tests stand in for it."""

    def orient(self, study: Study, cancel: CancelToken = NEVER) -> Study:
        """Put the slices base first by the picture; UserError when there is no heart in it."""

    def segment(self, volume: Volume, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> LabelMap:
        """Label map of one volume."""

    def measure(self, study: Study, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> Measurement:
        """Labels and numbers of every phase of the study's cine."""

    def generate(
        self,
        study: Study,
        ecg: Ecg,
        *,
        anchor_phase: AnchorPhase | None = None,
        phases: int | None = None,
        members: int = 1,
        steps: int | None = None,
        seed: int = 0,
        measured: Measurement | None = None,
        timing: MarkEdit | None = None,
        seen_first: SeenFirst | None = None,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
    ) -> Generation:
        """A beat of the anchor, driven by the ECG and by times that were set by hand."""


EngineLoader = Callable[[str], EnginePort]
"""Takes the device ("auto", "cpu", "cuda") and gives a loaded engine."""


def load_engine(device: str) -> EnginePort:
    """Load the weights in use onto a device.

    Raises:
        UserError: when weights are missing or have another checksum.
    """
    from cof_viewer.engine.engine import Engine

    engine: EnginePort = Engine.load(require_models_folder(), device)
    return engine


class EngineHolder:
    """One engine for the whole program.

    A failed load is tried again at the next need, so that the user can put the weights in place.
    """

    def __init__(self, loader: EngineLoader, on_state: Callable[[EngineState], object]) -> None:
        """Remember how to load; nothing is loaded yet."""
        self._loader = loader
        self._on_state = on_state
        self._lock = threading.Lock()
        self._loaded: tuple[str, EnginePort] | None = None
        self.state: EngineState = "absent"

    @property
    def engine(self) -> EnginePort | None:
        """The engine if it is loaded."""
        return self._loaded[1] if self._loaded else None

    def get(self, device: str) -> EnginePort:
        """The engine on that device, loaded now if need be. Called on a worker."""
        with self._lock:
            if self._loaded is not None and self._loaded[0] == device:
                return self._loaded[1]
            self._set_state("loading")
            try:
                engine = self._loader(device)
            except BaseException:
                self._set_state("failed")
                raise
            self._loaded = (device, engine)
            self._set_state("ready")
            return engine

    def _set_state(self, state: EngineState) -> None:
        self.state = state
        self._on_state(state)

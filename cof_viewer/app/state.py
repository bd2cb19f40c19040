"""What the window shows, as frozen values: the case, what was made of it, and how it is looked at.

Only `Session` replaces them; everybody else reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import LabelMap
from cof_viewer.domain.study import Study

AnchorPhase = int | Literal["ed", "es"]
"""Which phase is warped: a 0-based index, or the phase of largest or smallest LV volume."""

Inputs = tuple[str, str, AnchorPhase | None, int | None, int | None, float | None]
"""Study and ECG by checksum, the chosen anchor, ED and ES phases, and a time of ES set by hand."""

Shown = Literal["measured", "generated"]
Layout = Literal["single", "strip", "grid", "compare"]
WindowPreset = Literal["auto", "blood-muscle", "wide", "own"]
EngineState = Literal["absent", "loading", "ready", "failed"]

LAYOUTS: tuple[Layout, ...] = ("single", "strip", "grid", "compare")
SPEEDS: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)
"""Playing speeds, as multiples of the patient's own beat."""


@dataclass(frozen=True)
class Window:
    """Grey window: `centre` is mid grey, `width` spans black to white, in the picture's units."""

    centre: float
    width: float


@dataclass(frozen=True, eq=False)
class CaseState:
    """What is open and what was chosen.

    Attributes:
        study: the open study, None before one is opened.
        ecg: the chosen record.
        beat: its representative cycle.
        anchor_phase: the phase to warp; None lets the file or, failing that, the picture tell.
        path: what the user named for the study, absolute.
        ecg_path: and for the ECG.
        oriented: whether the engine has found the heart and put the slices base first.
        stale: whether the generation that is kept was made from another ECG or anchor phase.
        ed_phase: of the measured cine, where the reader chose another than that of the largest volume.
        es_phase: the same for the smallest.
        es_by_hand_ms: when the generated beat is emptiest, after its ED, where the reader and not the ECG says so.
    """

    study: Study | None = None
    ecg: Ecg | None = None
    beat: Beat | None = None
    anchor_phase: AnchorPhase | None = None
    path: str = ""
    ecg_path: str = ""
    oriented: bool = False
    stale: bool = False
    ed_phase: int | None = None
    es_phase: int | None = None
    es_by_hand_ms: float | None = None

    @property
    def inputs(self) -> Inputs:
        """What a generation depends on, by checksum: compare to tell whether it is stale."""
        study = self.study.sha256 if self.study else ""
        ecg = self.ecg.sha256 if self.ecg else ""
        return (study, ecg, self.anchor_phase, self.ed_phase, self.es_phase, self.es_by_hand_ms)


@dataclass(frozen=True, eq=False)
class ResultState:
    """What was made of the case.

    Attributes:
        measurement: labels and numbers of the study's own cine.
        generation: the generated beat.
        anchor_labels: labels of a study's single volume before anything is generated from it.
        shown: which of the two the panels show.
        inputs: `CaseState.inputs` of the generation.
    """

    measurement: Measurement | None = None
    generation: Generation | None = None
    anchor_labels: LabelMap | None = None
    shown: Shown = "measured"
    inputs: Inputs | None = None


@dataclass(frozen=True)
class ViewState:
    """How the case is looked at.

    Attributes:
        phase: 0-based index into the phases of the cine that is shown.
        slice: 0-based, base first.
        speed: multiple of the patient's own beat.
        zoom: 1 fits the picture into its place.
        pan: of the picture's centre from its place's centre, in picture pixels (x, y).
    """

    phase: int = 0
    slice: int = 0
    playing: bool = False
    speed: float = 1.0
    loop: bool = True
    contours: bool = True
    overlays: bool = True
    window: Window = field(default_factory=lambda: Window(0.5, 1.0))
    window_preset: WindowPreset = "auto"
    invert: bool = False
    layout: Layout = "strip"
    zoom: float = 1.0
    pan: tuple[float, float] = (0.0, 0.0)
    show_rv_curve: bool = False

    def fitted(self) -> ViewState:
        """The same view with the whole picture in its place."""
        return replace(self, zoom=1.0, pan=(0.0, 0.0))

"""Small stand-ins: a study of two balls that beat, an ECG, and an engine that takes no time."""

from __future__ import annotations

import threading

import numpy as np

from cof_viewer.app.engine_port import SeenFirst
from cof_viewer.app.state import AnchorPhase
from cof_viewer.domain.ecg import Beat, Ecg, Intervals
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.function import Function, Provenance, Result
from cof_viewer.domain.generation import Generation, Measurement, Motion
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, LabelCine, LabelMap, Volume, regular_phase_ms
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.domain.study import Patient, Study
from cof_viewer.engine.motion.time_law import MarkEdit

SHAPE = (6, 32, 32)
RR_MS = 900.0


def beating_labels(phases: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """uint8 [t, z, y, x]: blood inside muscle, smallest in the middle of the beat."""
    slices, rows, columns = shape
    y, x = np.mgrid[:rows, :columns]
    radius = np.hypot(x - (columns - 1) / 2, y - (rows - 1) / 2) * 32 / min(rows, columns)
    inner = 7.0 - 3.0 * np.sin(np.pi * np.arange(phases) / phases)
    labels = np.zeros((phases, slices, rows, columns), dtype=np.uint8)
    for t in range(phases):
        labels[t, :, radius < inner[t] + 3] = 2
        labels[t, :, radius < inner[t]] = 1
    return labels


def cine_study(phases: int = 20, *, sha256: str = "study-a", name: str = "Doe^Jane") -> Study:
    """A study with a cine; apex first, so that `FakeEngine.orient` has something to do."""
    data = np.choose(beating_labels(phases), [20.0, 200.0, 80.0, 150.0]).astype(np.float32)
    data += np.linspace(0, 5, SHAPE[0], dtype=np.float32)[None, :, None, None]
    grid = grid_from_spacing(SHAPE, (1.5, 1.5, 10.0))
    cine = Cine(data, grid, regular_phase_ms(phases, RR_MS), RR_MS)
    return Study("study", cine=cine, patient=Patient(name=name, patient_id="P-77"), sha256=sha256)


def volume_study(hint: str | None = None) -> Study:
    """A study with a single volume."""
    cine = cine_study(4).cine
    return Study("volume", volume=cine.volume(0), sha256="volume-a", anchor_phase_hint=hint)


def ecg(sha256: str = "ecg-a") -> Ecg:
    """Ten seconds of nothing in particular."""
    return Ecg(np.zeros((12, 5000), dtype=np.float32), 500.0, ("I",), sha256=sha256)


def _zeros(samples: int) -> np.ndarray:
    return np.zeros((12, samples), np.float32)


def beat(rr_ms: float = 800.0) -> Beat:
    """A representative beat of a given length."""
    return Beat(
        np.zeros((12, 400), np.float32), np.zeros((12, 300), np.float32), -200.0, rr_ms, (0.0, rr_ms), 0, Intervals()
    )


def _result(ed: int, es: int, phase_ms: tuple[float, ...] | None, ef: float) -> Result:
    return Result(
        Function(ef_percent=ef, edv_ml=100.0, esv_ml=100.0 - ef, ed_phase=ed, es_phase=es, phase_ms=phase_ms),
        None,
        None,
        (),
        Provenance("test", {}),
    )


class FakeEngine:
    """Counts what it is asked; can be held at a gate, and can fail."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.generated_with: list[dict[str, object]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.heart = True
        self.error: Exception | None = None

    def orient(self, study: Study, cancel: CancelToken = NEVER) -> Study:
        self.calls.append("orient")
        if not self.heart:
            raise UserError('No heart found in "study". Open a short-axis stack of the heart.', code="no-heart")
        return study.with_slices_reversed()

    def _work(self, name: str, progress: Progress, cancel: CancelToken) -> None:
        self.calls.append(name)
        if self.error is not None:
            raise self.error
        progress(0.5, f"{name} half done")
        while not self.gate.wait(0.005):
            cancel.raise_if_cancelled()
        cancel.raise_if_cancelled()

    def segment(self, volume: Volume, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> LabelMap:
        self._work("segment", progress, cancel)
        return LabelMap(beating_labels(2, volume.grid.shape)[0], volume.grid)

    def measure(self, study: Study, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> Measurement:
        self._work("measure", progress, cancel)
        cine = study.cine
        labels = LabelCine(beating_labels(cine.phases, cine.grid.shape), cine.grid)
        return Measurement(cine, labels, _result(0, cine.phases // 2, cine.phase_ms, 60.0))

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
        options = {"anchor_phase": anchor_phase, "phases": phases, "members": members, "steps": steps, "seed": seed}
        es_ms = timing.es_ms if timing else None
        self.generated_with.append({**options, "measured": measured, "ecg": ecg.sha256, "es_ms": es_ms})
        count = phases or (study.cine.phases if study.cine else 50)
        es = count * 2 // 5 if es_ms is None else round(es_ms / 800.0 * count)
        if seen_first is not None:
            moving = np.full((count, 2, 2, 2, 3), es, np.float32)
            grid = (study.cine or study.volume).grid
            first = _result(0, es, regular_phase_ms(count, 800.0), 55.0).function
            seen_first(Motion(grid, moving, moving, 0), first)
        self._work("generate", progress, cancel)
        anchor = study.cine.volume(0) if study.cine else study.volume
        grid = anchor.grid
        times = regular_phase_ms(count, 800.0)
        cine = Cine(np.repeat(anchor.data[None], count, axis=0), grid, times, 800.0)
        labels = LabelCine(beating_labels(count, grid.shape), grid)
        motion = Motion(grid, np.zeros((count, 2, 2, 2, 3), np.float32), np.zeros((count, 2, 2, 2, 3), np.float32), 0)
        result = _result(0, es, times, 55.0)
        return Generation(cine, labels, anchor, labels.label_map(0), 0, motion, np.zeros((members, count)), result)

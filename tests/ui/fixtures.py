"""A case for tests of the window: a simulated patient with labels, numbers, ECG and beat; no weights, no files.

`make_session_with_case()` gives a `Session` that holds it, as if it had been opened, measured and generated.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from cof_viewer.anatomy.function import function_from_curves, function_from_labels
from cof_viewer.app.engine_port import EnginePort
from cof_viewer.app.library import Library
from cof_viewer.app.session import Session
from cof_viewer.app.settings import Settings
from cof_viewer.app.state import CaseState
from cof_viewer.app.windowing import auto_window
from cof_viewer.cohort.simulator import SimulatedCase, simulate
from cof_viewer.domain.ecg import SAMPLING_HZ, Beat, Ecg, Intervals
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.function import Agreement, Function, Provenance, Result, Source
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import Label
from cof_viewer.domain.study import Finding, Patient, SeriesKind, Study

Content = Literal["opened", "measured", "generated", "withheld", "volume"]
"""What has been made: a cine just opened; measured; generated beside it; generated with a stop; one volume only."""

_NO_FILE = Path("no-such-folder") / "library.sqlite"

STOP = Flag(
    "ecg-irregular",
    Severity.STOP,
    "This ECG has no regular beat to follow, and the motion folds the wall. Do not read EF or ESV from this cine.",
    ("ef_percent", "esv_ml", "sv_ml", "cardiac_output_l_min"),
)
CAUTION = Flag("anchor-phase-guessed", Severity.CAUTION, "The phase of the anchor is estimated from its picture.")
NOTE = Flag("simulated", Severity.NOTE, "This patient is simulated. The numbers describe no person.")


@dataclass(frozen=True, eq=False)
class FakeCase:
    """Everything a session can hold about one patient."""

    study: Study
    ecg: Ecg
    beat: Beat
    measurement: Measurement
    generation: Generation


@lru_cache(maxsize=4)
def _simulated(phases: int, size: int) -> SimulatedCase:
    return simulate(11, "dilated", "F", heart_rate_bpm=79.0, lbbb=False, phases=phases, slices=10, size=size)


def make_case(phases: int = 30, size: int = 128, *, withheld: bool = False) -> FakeCase:
    """A dilated heart at 79 a minute: study, ECG, beat, measurement, generation; quick after the first call."""
    case = _simulated(phases, size)
    assert case.cine is not None
    assert case.labels is not None
    patient = Patient("Sample, Anna", "COF-0056", "F", 72.0, 170.0, 62.0)
    finding = Finding("sample/cine.nii.gz", SeriesKind.SHORT_AXIS_CINE, "MR", "Short axis", 10, phases)
    study = Study(
        "sample", cine=case.cine, patient=patient, description="Short-axis cine", series=(finding,), sha256="ab" * 32
    )
    measured = function_from_labels(case.labels, phase_ms=case.cine.phase_ms, rr_ms=case.cine.rr_ms)
    provenance = Provenance("0.1.0", {"flow": "cd" * 32}, seed=0, members=12, steps=20, anchor="ab", anchor_phase=0)
    measurement = Measurement(case.cine, case.labels, Result(measured, None, None, (), provenance))
    generation = _generation(case, measured, provenance, withheld)
    return FakeCase(study, case.ecg, _beat(case), measurement, generation)


def _generation(case: SimulatedCase, measured: Function, provenance: Provenance, withheld: bool) -> Generation:
    assert case.cine is not None
    assert case.labels is not None
    function = _generated_function(case)
    dice = tuple(0.9 for _ in range(case.cine.phases))
    flags = (STOP, CAUTION) if withheld else (CAUTION, NOTE)
    result = Result(function, measured, Agreement(dice, dice, dice), flags, provenance)
    lv = np.array(function.lv_volume_ml)
    members = lv + np.linspace(-8, 8, 12)[:, None] * np.sin(np.linspace(0, np.pi, len(lv)))
    labels = case.labels
    anchor = case.cine.volume(0)
    return Generation(
        replace(case.cine, name="generated"),
        labels,
        anchor,
        labels.label_map(0),
        0,
        case.motion(),
        members,
        result,
        labels,
    )


def _generated_function(case: SimulatedCase) -> Function:
    """Numbers of the labels, called generated but for those of the anchor, with intervals round them."""
    assert case.cine is not None
    assert case.labels is not None
    lv, rv = case.labels.voxels(Label.LV), case.labels.voxels(Label.RV)
    function = function_from_curves(
        lv[0] - 1.15 * (lv[0] - lv),  # a little more motion than was measured, so that the two curves part
        rv[0] - 1.1 * (rv[0] - rv),
        case.labels.voxels(Label.MYO),
        voxel_ml=case.labels.grid.voxel_volume_ml,
        phase_ms=case.cine.phase_ms,
        rr_ms=case.cine.rr_ms,
        source=Source.GENERATED,
        anchor_phase=0,
    )
    assert function.lv_volume_ml is not None
    assert function.rv_volume_ml is not None
    spread = {"ef_percent": 6.0, "esv_ml": 12.0, "sv_ml": 12.0, "cardiac_output_l_min": 0.9, "rv_ef_percent": 8.0}
    intervals = {
        name: (getattr(function, name) - half, getattr(function, name) + half) for name, half in spread.items()
    }
    return replace(
        function,
        interval90=intervals,
        lv_band_ml=_band(function.lv_volume_ml),
        rv_band_ml=_band(function.rv_volume_ml),
    )


def _band(curve: tuple[float, ...]) -> tuple[tuple[float, float], ...]:
    half = 12.0 * np.sin(np.linspace(0.0, np.pi, len(curve)))
    return tuple((v - h, v + h) for v, h in zip(curve, half.tolist(), strict=True))


def _beat(case: SimulatedCase) -> Beat:
    """The cycle from the third R peak on, with the intervals that were simulated."""
    truth, chosen = case.truth, 3
    start, end = (round(case.r_peaks_ms[k] * SAMPLING_HZ / 1000) for k in (chosen, chosen + 1))
    before = round(0.25 * SAMPLING_HZ)
    pr = truth.pr_ms or 160.0
    onset = -0.45 * truth.qrs_ms
    intervals = Intervals(
        rr_ms=truth.rr_ms,
        pr_ms=pr,
        qrs_ms=truth.qrs_ms,
        qt_ms=truth.qt_ms,
        p_ms=100.0,
        axis_degrees=42.0,
        p_onset_at_ms=onset - pr,
        p_end_at_ms=onset - pr + 100.0,
        qrs_onset_at_ms=onset,
        qrs_end_at_ms=onset + truth.qrs_ms,
        t_peak_at_ms=onset + truth.qt_ms - 90.0,
        t_end_at_ms=onset + truth.qt_ms,
    )
    signal = case.ecg.signal_mv
    return Beat(
        signal[:, start:end], signal[:, start - before : end], -250.0, truth.rr_ms, case.r_peaks_ms, chosen, intervals
    )


def make_session_with_case(content: Content = "generated", phases: int = 30) -> Session:
    """A session that holds the case, as if it had been opened and worked on; no engine, no files, no threads.

    Args:
        content: how far the work has come, see `Content`.
        phases: T.
    """
    case = make_case(phases, withheld=content == "withheld")
    study = case.study
    if content == "volume":
        assert study.cine is not None
        study = replace(study, cine=None, volume=study.cine.volume(0))
    session = Session(Settings(measure_on_open=False), engine_loader=_no_engine, library=Library(_NO_FILE))
    window = auto_window(study.stack.data)
    session._replace_document(CaseState(study, case.ecg, case.beat, None, "sample", "ecg"), window)
    session._change_case(oriented=True)
    if content in ("measured", "generated", "withheld"):
        session._change_result(measurement=case.measurement)
    if content in ("generated", "withheld"):
        inputs = session.case.inputs
        session._change_result(generation=case.generation, shown="generated", inputs=inputs)
    return session


def _no_engine(_device: str) -> EnginePort:
    raise UserError("The weights are missing. Put them into the folder of the models.")

"""Learning Stage 2 in small: a fit that reaches ES, modes that span, a training that runs and can be loaded."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cof_viewer.cohort.real.match import Matcher
from cof_viewer.domain.image import Label
from cof_viewer.domain.split import Split
from cof_viewer.engine.beat_code import CodeStatistics, DrawnBeat
from cof_viewer.engine.flow import FlowConfig, FlowNetwork
from cof_viewer.engine.motion.features import anatomy_features
from cof_viewer.engine.motion.frame import frame_from_labels
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.engine.weights import load_weights
from cof_viewer.learning.flow import train as training
from cof_viewer.learning.flow.build import marks_of
from cof_viewer.learning.flow.cases import EcgCase, LearningCase, load_cases, save_case
from cof_viewer.learning.flow.config import FlowTraining
from cof_viewer.learning.flow.fit import base_is_lost, fit_beat
from cof_viewer.learning.flow.statistics import time_shifts_ms
from cof_viewer.signal.features import FEATURE_NAMES
from tests.engine.test_motion_frame import rings


def contracted(lost_base: bool = False) -> np.ndarray:
    """ES of the made heart: a smaller cavity, a thicker wall."""
    es = rings(endo_mm=15.0, epi_mm=29.0)
    if lost_base:
        es[0] = 0
    return es


def test_a_fit_reaches_es() -> None:
    beat = fit_beat(rings(), contracted(), 10.0, steps=40)
    assert beat.dice[0] > 0.9
    assert beat.dice[1] > 0.82
    assert beat.ef_percent == pytest.approx(100 * (1 - (15 / 22) ** 2), abs=2.0)
    assert not beat.base_is_lost


def test_a_lost_base_is_seen() -> None:
    assert base_is_lost(rings(), contracted(lost_base=True))
    assert not base_is_lost(rings(), contracted())


def made_case(index: int, part: Split = Split.TRAIN) -> LearningCase:
    """A case with random motion; its shape varies."""
    rng = np.random.default_rng(index)
    ed, es = rings(endo_mm=18 + 8 * rng.random()), contracted()
    beat = fit_beat(ed, es, 10.0, steps=3)
    features = [anatomy_features(x, frame_from_labels(x), 10.0) for x in (ed, es)]
    return LearningCase(f"acdc:made{index}", "NOR" if index % 2 else "DCM", part, features[0], features[1], beat)


def made_ecg(index: int, group: str) -> EcgCase:
    rng = np.random.default_rng(index)
    numbers = rng.standard_normal(len(FEATURE_NAMES)).astype(np.float32)
    numbers[3] = np.nan if index % 2 else 0.0
    return EcgCase(group, numbers, np.zeros(768, np.float32), TimeMarks(150.0, 320.0, 520.0, 900.0))


@pytest.fixture(scope="module")
def cases() -> list[LearningCase]:
    return [made_case(k) for k in range(6)]


def test_cases_are_kept_and_read_back(cases, tmp_path) -> None:
    save_case(cases[0], tmp_path)
    (back,) = load_cases(tmp_path)
    assert back.patient_id == cases[0].patient_id
    assert np.array_equal(back.beat.code, cases[0].beat.code)
    assert back.part is Split.TRAIN


def test_matches_keep_company() -> None:
    matcher = Matcher(["normal", "lbbb", "lvh", "mi_anterior", "rbbb"])
    assert matcher.candidates("DCM", 20.0) == [1]
    assert 3 in matcher.candidates("mnms-siemens", 25.0)
    assert 1 not in matcher.candidates("mnms-siemens", 60.0)


def by_cause(index: int, part: Split = Split.TRAIN) -> LearningCase:
    """A made case that has its own ECG and times, as a simulated patient has."""
    case = made_case(index, part)
    marks = TimeMarks(160.0, 340.0 + index, 530.0, 900.0)
    return replace(case, patient_id=f"sim:{index:06d}", kind="simulated", ecg=made_ecg(index, "normal"), marks=marks)


def test_a_case_by_cause_keeps_its_ecg_and_marks(tmp_path) -> None:
    case = by_cause(3)
    save_case(case, tmp_path)
    (back,) = load_cases(tmp_path)
    assert back.by_cause
    assert back.marks == case.marks
    assert back.ecg is not None
    assert np.array_equal(back.ecg.intervals, case.ecg.intervals, equal_nan=True)


def test_time_shifts_are_the_inverse_of_the_drawn_marks() -> None:
    expected, true = TimeMarks(150.0, 320.0, 520.0, 900.0), TimeMarks(175.0, 350.0, 560.0, 900.0)
    half, es, filling = time_shifts_ms(true, expected)
    back = DrawnBeat((0.0,), 0.5, False, half, es, filling).marks(expected)
    assert back.half_ejection_ms == pytest.approx(175.0)
    assert back.es_ms == pytest.approx(350.0)
    assert back.half_filling_ms == pytest.approx(560.0)


def test_the_marks_of_a_case_are_read_off_its_labels() -> None:
    from cof_viewer.cohort.simulator.source import SimulatedPatients

    source = SimulatedPatients(1050)
    request = next(r for r in source.requests() if r.group == "normal")
    case = source.make(request)
    marks = marks_of(case)
    assert marks.half_ejection_ms < marks.es_ms < marks.half_filling_ms < case.rr_ms
    assert marks.es_ms == pytest.approx(case.numbers["es_ms"])
    volume = (case.labels == 1).sum(axis=(1, 2, 3))
    k = int(np.searchsorted(case.phase_ms, marks.half_ejection_ms))
    assert volume[k] <= (volume[0] + volume[case.es_phase]) / 2 + 0.12 * volume[0]


def test_training_runs_and_its_weights_load(cases, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    for case in [*cases, made_case(9, Split.VALIDATION), by_cause(1), by_cause(2), by_cause(5, Split.VALIDATION)]:
        save_case(case, folder)
    groups = ("normal", "lbbb", "lvh", "mi_anterior", "rbbb")
    monkeypatch.setattr(training, "load_ecgs", lambda *_: [made_ecg(k, groups[k % 5]) for k in range(10)])
    config = FlowTraining(steps=20, batch=8, modes=3, width=16, blocks=1)
    training.main(config, tmp_path / "run", data=tmp_path, cases=folder)
    figures = training.publish(tmp_path / "run", tmp_path / "models").about["validation"]
    assert 0 <= figures["real_ef_mae_matched"] <= 100
    assert 0 <= figures["cause_ef_mae_shuffled"] <= 100
    tensors, entry = load_weights(tmp_path / "models", "flow")
    network = FlowNetwork(FlowConfig(**entry.config))
    network.load_state_dict({k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")})
    statistics = CodeStatistics.from_tensors(
        {k.removeprefix("statistics."): v for k, v in tensors.items() if k.startswith("statistics.")}
    )
    drawn = statistics.read(torch.zeros(statistics.beat_numbers))
    assert 0.04 <= drawn.ef <= 0.88
    assert len(drawn.coefficients) == 3
    ed = torch.from_numpy(np.mean([c.ed_features for c in cases], axis=0))
    es = torch.from_numpy(np.mean([c.es_features for c in cases], axis=0))
    assert statistics.chance_of_es(ed) < statistics.chance_of_es(es)


def test_labels_used_are_those_of_the_project() -> None:
    assert (Label.LV, Label.MYO, Label.RV) == (1, 2, 3)

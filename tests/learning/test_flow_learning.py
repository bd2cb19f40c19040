"""Learning Stage 2 in small: a fit that reaches ES, modes that span, a training that runs and can be loaded."""

import numpy as np
import pytest
import torch

from cof_viewer.domain.image import Label
from cof_viewer.domain.split import Split
from cof_viewer.engine.beat_code import CodeStatistics
from cof_viewer.engine.flow import FlowConfig, FlowNetwork
from cof_viewer.engine.motion.features import anatomy_features
from cof_viewer.engine.motion.frame import frame_from_labels
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.engine.weights import load_weights
from cof_viewer.learning.flow import train as training
from cof_viewer.learning.flow.build import LearningCase, load_cases, save_case
from cof_viewer.learning.flow.ecgs import EcgCase, Matcher
from cof_viewer.learning.flow.fit import base_is_lost, fit_beat
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


def test_training_runs_and_its_weights_load(cases, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    for case in cases:
        save_case(case, folder)
    save_case(made_case(9, Split.VALIDATION), folder)
    groups = ("normal", "lbbb", "lvh", "mi_anterior", "rbbb")
    monkeypatch.setattr(training, "load_ecgs", lambda *_: [made_ecg(k, groups[k % 5]) for k in range(10)])
    config = training.TrainConfig(steps=20, batch=8, modes=3, width=16, blocks=1)
    figures = training.train(config, folder, tmp_path, tmp_path / "run", tmp_path / "models")
    assert 0 <= figures["ef_mae_matched"] <= 100
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
    assert statistics.chance_of_es(ed) < 0.5 < statistics.chance_of_es(es)


def test_labels_used_are_those_of_the_project() -> None:
    assert (Label.LV, Label.MYO, Label.RV) == (1, 2, 3)

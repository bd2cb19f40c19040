"""Cross-fitting: folds by patient and diagnosis, nothing learned from who is predicted, a page that is resumed."""

from pathlib import Path

import numpy as np
import pytest

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.evaluation import crossfit
from cof_viewer.evaluation.crossfit import Plan, cross_fit, folds_of
from cof_viewer.evaluation.crossfit_report import HeldOut, difference, page, write_crossfit
from cof_viewer.evaluation.crossfit_ways import MATCHES, WAYS
from cof_viewer.learning.flow.cases import EcgCase
from cof_viewer.learning.flow.config import FlowTraining
from cof_viewer.signal.features import FEATURE_NAMES
from tests.learning.made import GROUPS, hearts

_CLASSES = ("normal", "lbbb", "lvh", "mi_anterior", "rbbb")


def ecgs() -> dict[Split, list[EcgCase]]:
    rng = np.random.default_rng(0)

    def some() -> list[EcgCase]:
        marks = TimeMarks(150.0, 320.0, 520.0, 900.0)
        return [
            EcgCase(group, rng.standard_normal(len(FEATURE_NAMES)).astype(np.float32), np.zeros(768, np.float32), marks)
            for group in _CLASSES * 2
        ]

    return {Split.TRAIN: some(), Split.VALIDATION: some()}


def test_folds_deal_out_every_diagnosis() -> None:
    real = hearts(50)
    fold_of = folds_of(real, 5, seed=1)
    assert set(fold_of) == {case.patient_id for case in real}
    for group in GROUPS:
        counts = np.bincount([fold_of[case.patient_id] for case in real if case.group == group], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert folds_of(real[::-1], 5, seed=1) == fold_of


def test_a_small_cross_fit_runs_resumes_and_writes_a_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(2, (Split.TRAIN,), FlowTraining(steps=3, batch=8, width=16, blocks=1, modes=3), trees=5)
    real, met = hearts(20), ecgs()
    found = cross_fit(real, hearts(6, seed=9), met, plan, tmp_path)
    assert {h.patient_id for h in found} == {case.patient_id for case in real}
    assert all(set(h.said) == set(WAYS) and len(h.said["cof, matched ECG"]) == MATCHES for h in found)
    monkeypatch.setattr(crossfit, "predict", lambda *_: pytest.fail("a finished fold was made again"))
    assert cross_fit(real, hearts(6, seed=9), met, plan, tmp_path) == found
    text = write_crossfit(found, tmp_path).read_text(encoding="utf-8")
    assert all(way in text for way in WAYS)


def test_who_is_predicted_is_not_learned_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def watched(learned, held, *_):
        assert not {case.patient_id for case in learned} & {case.patient_id for case in held}
        return []

    monkeypatch.setattr(crossfit, "predict", watched)
    cross_fit(hearts(20), [], {}, Plan(5, (Split.TRAIN,), FlowTraining()), tmp_path)


def test_too_few_hearts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Only 3 real hearts"):
        cross_fit(hearts(3), [], {}, Plan(5, (Split.TRAIN,), FlowTraining()), tmp_path)


def held(patient: str, truth: float, said: float) -> HeldOut:
    return HeldOut(
        patient, "NOR", "train", 150.0, truth, {way: (said, said + 2.0) for way in WAYS} | {"trees": (truth,)}
    )


def test_errors_by_hand() -> None:
    heart = held("a", 60.0, 50.0)
    assert heart.error("forest") == pytest.approx(9.0)
    assert heart.bias("forest") == pytest.approx(-9.0)
    assert heart.esv_error_ml("forest") == pytest.approx(13.5)
    apart = difference([heart, held("b", 40.0, 45.0)], "forest", "trees")
    assert apart.value == pytest.approx((9.0 + 6.0) / 2)
    assert "+7.50" not in page([heart]).split("difference")[0]

"""Probes of the ECG encoder on made records whose truth is known, and AUROC by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.real.ecgs import Record
from cof_viewer.domain.split import Split
from cof_viewer.evaluation import ecg_probe
from cof_viewer.evaluation.ecg_probe import Heard, auroc, delineation, probe, table, write


def made(index: int, rng: np.random.Generator, part: Split) -> Heard:
    """Rate in the embedding, QRS in the features, hypertrophy in neither alone but in both together."""
    rate, qrs = rng.normal(75, 12), rng.normal(95, 15)
    one, two = rng.normal(size=2)
    row = {
        "hr_nk": f"{rate}",
        "qrs_ms_ref": f"{qrs}" if index % 2 else "",
        "pr_ms_ref": "",
        "qt_ms_ref": f"{400 + one}",
        "tags": "lvh;normal" if one + two > 0 else "normal",
        "dataset": "LUDB",
    }
    record = Record(f"{index}", f"{part}{index}", "normal", part, "ok", row, np.zeros((12, 5000), np.float32))
    embedding = np.array([rate / 10, one, rng.normal()])
    features = np.array([qrs, two, np.nan if index % 7 == 0 else rng.normal()])
    return Heard(record, embedding, features, {"qrs_ms": qrs + 4, "pr_ms": None, "qt_ms": 400 + one - 2})


@pytest.fixture(scope="module")
def groups():
    rng = np.random.default_rng(0)
    train = [made(i, rng, Split.TRAIN) for i in range(150)]
    return train, [made(i, rng, Split.TEST) for i in range(100)]


def test_each_input_tells_what_it_holds(groups):
    scores = {(s.target, s.told_by): s for s in probe(*groups)}
    assert scores["rate", "embedding"].figure.value < 0.5
    assert scores["rate", "features"].figure.value == pytest.approx(scores["rate", "constant"].figure.value, rel=0.15)
    assert scores["rate", "constant"].figure.value == pytest.approx(12 * np.sqrt(2 / np.pi), rel=0.25)
    assert scores["QRS", "features"].figure.value < 1
    assert scores["QRS", "features"].records == 50
    assert scores["hypertrophy", "both"].figure.value > 0.97
    assert 0.65 < scores["hypertrophy", "embedding"].figure.value < 0.95
    assert ("infarct", "both") not in scores
    low, high = scores["hypertrophy", "features"].figure.low, scores["hypertrophy", "features"].figure.high
    assert low < scores["hypertrophy", "features"].figure.value < high


def test_a_patient_in_both_groups_is_refused(groups):
    with pytest.raises(ValueError, match="learned from and judged"):
        probe(groups[0], groups[0])


def test_marks_are_compared_where_both_have_them(groups, tmp_path):
    marks = delineation(groups[1])
    assert set(marks) == {"qrs_ms", "qt_ms"}
    assert (marks["qrs_ms"][0].value, marks["qrs_ms"][1], marks["qrs_ms"][2]) == (
        pytest.approx(4),
        pytest.approx(4),
        50,
    )
    assert marks["qt_ms"][1] == pytest.approx(-2)
    scores = probe(*groups)
    assert "| QRS | 50 | 4.0 [4.0, 4.0] | +4.0 |" in table(scores, marks, "made")
    write(scores, marks, "made", tmp_path)
    assert (tmp_path / "ecg.csv").read_text().count("\n") == 1 + len(scores) + 2
    assert (tmp_path / "ecg.md").read_text().startswith("made\n")


def test_auroc_by_hand():
    truth = np.array([0.0, 0.0, 1.0, 1.0])
    assert auroc(truth, np.array([1.0, 2.0, 3.0, 4.0])) == 1.0
    assert auroc(truth, np.array([1.0, 3.0, 2.0, 4.0])) == 0.75
    assert auroc(truth, np.ones(4)) == 0.5
    assert np.isnan(auroc(np.ones(3), np.ones(3)))


def test_tags_of_the_real_table_are_read():
    rng = np.random.default_rng(1)
    heard = made(0, rng, Split.TEST)
    heard.record.row["tags"] = "normal,rbbb"
    by_name = {t.name: t for t in ecg_probe.TARGETS}
    assert by_name["bundle branch block"].truth(heard.record) == 1.0
    assert by_name["infarct"].truth(heard.record) == 0.0

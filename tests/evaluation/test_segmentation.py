"""The segmenter beside others, on made patients by hand; myopari's preparation on known pictures."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.real.mri import Pair, Row
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.evaluation import peers
from cof_viewer.evaluation.segmentation import CELLS, Judged, judge, report, write


def made_pair(name: str, *, spacing_known: bool = True) -> Pair:
    ed, es = np.zeros((2, 20, 20), np.uint8), np.zeros((2, 20, 20), np.uint8)
    for labels, half in ((ed, 4), (es, 2)):
        labels[:, 4:16, 4:16] = 2
        labels[:, 10 - half : 10 + half, 10 - half : 10 + half] = 1
        labels[:, 4:16, 0:3] = 3
    row = Row(Path(name), name, "acdc", "NOR", "pair", True, spacing_known, Split.VALIDATION, math.nan, math.nan, 75.0)
    return Pair(row, (ed * 50, es * 50), (ed, es), (8.0, 2.0, 2.0))


def test_a_perfect_method_scores_one_and_a_shifted_one_by_hand():
    pair = made_pair("a")
    perfect = judge(pair, "ours", lambda volume: (volume.data / 50).astype(np.uint8))
    assert set(perfect.dice) == set(CELLS)
    assert set(perfect.dice.values()) == {1.0}
    assert set(perfect.hd95_mm.values()) == {0.0}
    assert perfect.ef_error_points == 0.0
    shifted = judge(pair, "late", lambda volume: np.roll((volume.data / 50).astype(np.uint8), 1, axis=1))
    assert shifted.dice["ed_lv"] == pytest.approx(7 / 8)
    assert shifted.dice["es_lv"] == pytest.approx(3 / 4)
    assert shifted.hd95_mm["ed_lv"] == pytest.approx(2.0)
    nothing = judge(pair, "none", lambda volume: np.zeros(volume.data.shape, np.uint8))
    assert nothing.dice["ed_rv"] == 0.0
    assert math.isnan(nothing.ef_error_points)
    assert math.isnan(judge(made_pair("b", spacing_known=False), "x", lambda v: pair.labels[0]).hd95_mm["ed_lv"])


def scored(patient: str, method: str, dice: float, ef: float) -> Judged:
    return Judged(patient, method, dict.fromkeys(CELLS, dice), dict.fromkeys(CELLS, 4.0 - dice), ef, 1.0)


def test_the_report_pairs_methods_by_patient(tmp_path):
    judged = [scored(p, m, d, e) for p in "abc" for m, d, e in (("ours", 0.9, -2.0), ("theirs", 0.8, 3.0))]
    text = report(judged, "made")
    assert "| ours | 0.900 |" in text
    assert "2.0 (-2.0)" in text
    assert "| Dice, mean of six | +0.100 [+0.100, +0.100] |" in text
    assert "| EF error, points | -1.0 [-1.0, -1.0] |" in text
    assert "| HD95, mean of six, mm | -0.1 [-0.1, -0.1] |" in text
    write(judged, tmp_path, "made", {"ours": "0"})
    assert (tmp_path / "segmentation.csv").read_text().count("\n") == 7
    with pytest.raises(ValueError, match="different patients"):
        report([scored("a", "ours", 1, 0), scored("b", "theirs", 1, 0)])


def test_myopari_sees_the_middle_square_scaled_to_one():
    stack = np.zeros((3, 60, 40))
    stack[:, 5:55, 10:30] = np.linspace(10, 90, 20)
    square, box = peers.heart_square(stack)
    assert box == (slice(0, 3), slice(20, 39), slice(11, 30))
    assert square.shape == (3, 256, 256)
    assert square.min() >= 0
    assert square.max() == pytest.approx(1, abs=0.01)


def test_small_parts_go_and_labels_come_back_by_the_nearest_pixel():
    labels = np.zeros((1, 40, 40), np.uint8)
    labels[0, 2:32, 2:32], labels[0, 36:39, 36:39] = 2, 1
    kept = peers._without_crumbs(labels)
    assert (kept == 2).sum() == 900
    assert not (kept == 1).any()
    assert np.array_equal(peers._nearest(labels, (20, 20)), labels[:, 1::2, 1::2])


def test_labels_of_the_peer_are_turned_into_ours(monkeypatch):
    """A stand-in session answers RV (1), wall (2), LV (3) by columns of the square it is shown."""

    class Session:
        def get_inputs(self):
            return [type("Input", (), {"name": "input"})]

        def run(self, _, inputs):
            images = inputs["input"]
            assert images.shape[1:] == (1, 256, 256)
            assert images.dtype == np.float32
            shares = np.zeros((len(images), 4, 256, 256), np.float32)
            for k in range(4):
                shares[:, k, 64 * k : 64 * (k + 1)] = 1
            return [shares]

    peer = peers.Myopari.__new__(peers.Myopari)
    peer._session = Session()
    stack = np.random.default_rng(0).uniform(1, 100, (9, 64, 64))
    found = peer.labels(stack)
    assert found.shape == stack.shape
    columns = [np.unique(found[:, 2:-2, 16 * k + 4 : 16 * k + 12]).tolist() for k in range(4)]
    assert columns == [[0], [3], [2], [1]]


def test_what_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(peers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="pip install --no-deps myopari"):
        peers.peers(("myopari",))
    with pytest.raises(UserError, match='no peer "nobody"'):
        peers.peers(("nobody",))

"""Counting the gate's alarms, and the ways in which good inputs are spoiled."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.domain.ecg import LEADS, Ecg
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Volume
from cof_viewer.evaluation.gate import ecg_codes, row_of, table, worrying
from cof_viewer.evaluation.spoiled import (
    SPOILED_ANCHORS,
    SPOILED_ECGS,
    arms_exchanged,
    empty_slices,
    leg_exchanged,
    like_ct,
    long_axis,
    negative,
    paced,
    spoiled_ecg,
)
from cof_viewer.io import open_ecg
from cof_viewer.signal import r_peaks
from tests.conftest import ROOT

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    return open_ecg(ROOT / "resources" / "demo" / "normal" / "ecg.hea")


def test_good_cases_are_right_when_silent_bad_ones_when_heard() -> None:
    good = row_of("good", [(), ("a",), (), ()], good=True)
    assert (good.count, good.heard, good.right) == (4, 1, 0.75)
    bad = row_of("bad", [("a", "b"), ("c",), ()], good=False, expected=("b", "c"))
    assert bad.right == pytest.approx(2 / 3)
    assert bad.codes == {"a": 1, "b": 1, "c": 1}
    assert row_of("bad", [("x",), ("a",)], good=False, expected=("a",)).right == 0.5, "another code is no hit"
    assert row_of("bad", [("x",), ()], good=False).right == 0.5
    text = table([good, bad])
    assert "| good | 4 | silent | 75 % | a 1 |" in text
    assert "heard as b or c" in text


def test_notes_are_no_alarms() -> None:
    flags = [
        Flag("n", Severity.NOTE, "."), Flag("c", Severity.CAUTION, "."),
        Flag("c", Severity.CAUTION, ";"), Flag("s", Severity.STOP, "."),
    ]  # fmt: skip
    assert worrying(flags) == ("c", "s")


@pytest.mark.parametrize("spoil", [arms_exchanged, leg_exchanged])
def test_exchanged_limb_electrodes_keep_einthoven_and_goldberger(ecg: Ecg, spoil) -> None:
    first, second, third, right, left, foot = spoil(ecg.signal_mv, RNG)[:6]
    assert third == pytest.approx(second - first, abs=0.06)
    assert right == pytest.approx(-(first + second) / 2, abs=0.06)
    assert left == pytest.approx(first - second / 2, abs=0.06)
    assert foot == pytest.approx(second - first / 2, abs=0.06)


def test_every_way_of_spoiling_leaves_a_record(ecg: Ecg) -> None:
    for kind in SPOILED_ECGS:
        spoiled = spoiled_ecg(ecg, kind, 1)
        assert spoiled.signal_mv.shape == (len(LEADS), ecg.signal_mv.shape[1])
        assert np.isfinite(spoiled.signal_mv).all()
        assert not np.array_equal(spoiled.signal_mv, ecg.signal_mv)
        assert np.array_equal(spoiled.signal_mv, spoiled_ecg(ecg, kind, 1).signal_mv), "the seed repeats it"


def test_a_spike_stands_before_every_beat(ecg: Ecg) -> None:
    added = np.abs(paced(ecg.signal_mv, RNG) - ecg.signal_mv).max(axis=0)
    assert np.flatnonzero(added).tolist() == [p - 30 for p in r_peaks(ecg).tolist() if p >= 30]


def test_an_unusable_record_is_refused(ecg: Ecg) -> None:
    flat = Ecg(np.zeros_like(ecg.signal_mv), 500.0, ())
    assert ecg_codes(flat) == ("refused",)


def test_spoiled_stacks() -> None:
    data = RNG.random((9, 40, 30)).astype(np.float32) * 100
    labels = np.zeros(data.shape, np.uint8)
    labels[:, 15:25, 10:20], labels[:, 17:23, 12:18] = 2, 1
    volume = Volume(data, grid_from_spacing(data.shape, (2.0, 2.0, 8.0)))
    assert np.ptp(empty_slices(volume, labels, RNG).data, axis=(1, 2)).nonzero()[0].tolist() == [0, 2, 3, 5, 6, 8]
    assert negative(volume, labels, RNG).data + data == pytest.approx(data.max())
    cut = long_axis(volume, labels, RNG)
    assert cut.data.shape == (10, 96, 30)
    assert cut.grid.spacing_mm == pytest.approx((2.0, 2.0, 8.0))
    heart = like_ct(volume, labels, RNG).data[labels > 0]
    assert heart.std() < 6.0 < data[labels > 0].std()
    for spoil in SPOILED_ANCHORS.values():
        assert np.isfinite(spoil(volume, labels, np.random.default_rng(2)).data).all()

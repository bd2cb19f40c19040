"""The gate of the ECG: silent on a real adult record, and each fault by its own code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.domain.ecg import LEADS, Ecg
from cof_viewer.domain.flag import Severity
from cof_viewer.engine.gate_ecg import ecg_flags, ecg_signs, oddities
from cof_viewer.evaluation.spoiled import SPOILED_ECGS, spoiled_ecg
from cof_viewer.io import open_ecg
from cof_viewer.signal import representative_beat
from tests.conftest import ROOT
from tests.engine.test_generate import cycle


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    return open_ecg(ROOT / "resources" / "demo" / "normal" / "ecg.hea")


def codes(ecg: Ecg) -> set[str]:
    return {flag.code for flag in ecg_flags(ecg, representative_beat(ecg)) if flag.severity is not Severity.NOTE}


def test_a_good_record_is_silent(ecg: Ecg) -> None:
    assert codes(ecg) == set()


@pytest.mark.parametrize("kind", SPOILED_ECGS)
def test_each_fault_is_heard(ecg: Ecg, kind: str) -> None:
    _, expected = SPOILED_ECGS[kind]
    assert codes(spoiled_ecg(ecg, kind, 3)) & set(expected), kind


def test_a_child_by_its_age(ecg: Ecg) -> None:
    assert codes(replace(ecg, age_years=7.0)) == {"child"}
    assert not codes(replace(ecg, age_years=16.0))


def test_rhythm_rate_and_what_the_reader_said(ecg: Ecg) -> None:
    beat = representative_beat(ecg)
    assert {f.code for f in ecg_flags(ecg, replace(beat, irregular=True))} == {"irregular-rhythm"}
    assert {f.code for f in ecg_flags(ecg, replace(beat, rr_ms=350.0))} == {"rate-not-learned"}
    assert {f.code for f in ecg_flags(ecg, replace(beat, excluded=tuple(range(9))))} == {"many-ectopics"}
    told = replace(ecg, problems=(("lead-flat", "Lead V3 is flat."),))
    (flag,) = ecg_flags(told, beat)
    assert (flag.severity, flag.text) == (Severity.NOTE, "Lead V3 is flat.")


def test_signs_by_hand(ecg: Ecg) -> None:
    signs = ecg_signs(ecg, representative_beat(ecg))
    assert signs.arm > 0.5
    assert signs.spikes == 0.0
    assert not oddities(signs)
    noise = np.random.default_rng(0).normal(0.0, 0.1, ecg.signal_mv.shape).astype(np.float32)
    loud = replace(ecg, signal_mv=noise)
    plain = representative_beat(ecg)
    spike = np.zeros_like(plain.median_mv)
    spike[:, round(-plain.median_start_ms / 2.0)] = 1.0
    beat = replace(plain, median_mv=spike)
    assert ecg_signs(loud, beat).noise == pytest.approx(0.1, rel=0.03), "white noise of .1 mV over a QRS of 1 mV"


def test_a_beat_without_anything_is_no_reason_to_fail() -> None:
    silent = Ecg(np.zeros((len(LEADS), 5000), np.float32), 500.0, ())
    assert isinstance(ecg_flags(silent, cycle()), list)

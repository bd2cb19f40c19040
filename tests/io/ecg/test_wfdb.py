"""WFDB records that the tests write: standard form, derived leads, flags and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cof_viewer.domain.ecg import LEADS
from cof_viewer.domain.errors import UserError
from cof_viewer.io.ecg import open_ecg, read_record, sniff
from tests.io.ecg.makers import wave_train, write_wfdb


def test_a_plain_record_comes_back_as_written(tmp_path: Path):
    signal = wave_train()
    ecg = open_ecg(write_wfdb(tmp_path, signal, comments=("Age: 61", "Sex: Male")))
    np.testing.assert_allclose(ecg.signal_mv, signal, atol=6e-4)
    assert ecg.problems == ()
    assert (ecg.age_years, ecg.sex, ecg.simulated, ecg.name) == (61, "M", False, "ecg.hea")


def test_the_signal_file_opens_its_record(tmp_path: Path):
    header = write_wfdb(tmp_path, wave_train())
    assert sniff(header.with_suffix(".dat"))
    assert open_ecg(header.with_suffix(".dat")).sha256 == open_ecg(header).sha256


def test_the_checksum_knows_the_signal_not_the_name(tmp_path: Path):
    one = open_ecg(write_wfdb(tmp_path, wave_train(), name="one"))
    two = open_ecg(write_wfdb(tmp_path, wave_train(), name="two", comments=("Age: 50",)))
    other = open_ecg(write_wfdb(tmp_path, wave_train(rate_bpm=70), name="other"))
    assert one.sha256 == two.sha256 != other.sha256


@pytest.mark.parametrize("word", ["simulated", "Simulated by the program"])
def test_a_simulated_record_says_so(tmp_path: Path, word: str):
    assert open_ecg(write_wfdb(tmp_path, wave_train(), comments=(word,))).simulated


def test_leads_are_ordered_and_limb_leads_derived(tmp_path: Path):
    signal = wave_train()
    keep = ("V6", "V5", "V4", "V3", "V2", "V1", "II", "I")
    rows = signal[[LEADS.index(lead) for lead in keep]]
    ecg = open_ecg(write_wfdb(tmp_path, rows, leads=tuple(lead.lower() for lead in keep)))
    np.testing.assert_allclose(ecg.signal_mv, signal, atol=1.5e-3)
    assert ecg.source_leads == keep


def test_limb_leads_are_found_from_any_two(tmp_path: Path):
    signal = wave_train()
    keep = ("III", "aVR", "V1", "V2", "V3", "V4", "V5", "V6")
    rows = signal[[LEADS.index(lead) for lead in keep]]
    ecg = open_ecg(write_wfdb(tmp_path, rows, leads=keep))
    np.testing.assert_allclose(ecg.signal_mv, signal, atol=3e-3)


@pytest.mark.parametrize("hz", [100.0, 240.0, 257.0, 1000.0])
def test_any_rate_becomes_500_hz(tmp_path: Path, hz: float):
    ecg = open_ecg(write_wfdb(tmp_path, wave_train(hz), hz=hz))
    expected = wave_train()[:, : ecg.signal_mv.shape[1]]
    assert abs(ecg.signal_mv.shape[1] - 5000) <= 2
    inside = slice(250, 4700)
    tolerance = 0.06 if hz < 200 else 0.01
    np.testing.assert_allclose(ecg.signal_mv[:, inside], expected[:, inside], atol=tolerance)


def test_microvolts_taken_as_millivolts_are_rescaled(tmp_path: Path):
    header = write_wfdb(tmp_path, wave_train() * 1000, gain=1.0)
    ecg = open_ecg(header)
    assert "microvolt" in dict(ecg.problems)
    assert ecg.signal_mv.max() == pytest.approx(wave_train().max(), rel=0.01)


def test_a_true_large_heart_is_not_rescaled(tmp_path: Path):
    assert "microvolt" not in dict(open_ecg(write_wfdb(tmp_path, wave_train() * 4)).problems)


def test_one_flat_chest_lead_is_flagged_and_zero(tmp_path: Path):
    signal = wave_train()
    signal[8] = 0.3
    ecg = open_ecg(write_wfdb(tmp_path, signal))
    assert ecg.flat_leads == ("V3",)
    problem = dict(ecg.problems)["lead-flat"]
    assert problem == 'Lead V3 is flat in "ecg.hea". Generation uses the other 11 leads; check the electrode.'
    assert not ecg.lead("V3").any()


def test_a_flat_limb_lead_is_derived_from_the_others(tmp_path: Path):
    signal = wave_train()
    expected = signal[1].copy()
    signal[1] = 0.0
    ecg = open_ecg(write_wfdb(tmp_path, signal))
    assert ecg.flat_leads == ("II",)
    np.testing.assert_allclose(ecg.lead("II"), expected, atol=3e-3)


def test_gaps_are_bridged_and_named(tmp_path: Path):
    header = write_wfdb(tmp_path, wave_train())
    counts = np.fromfile(tmp_path / "ecg.dat", dtype="<i2").reshape(-1, 12)
    counts[100:110, 7] = -32768  # WFDB's mark of a missing sample
    (tmp_path / "ecg.dat").write_bytes(counts.tobytes())
    ecg = open_ecg(header)
    assert np.isfinite(ecg.signal_mv).all()
    assert "V2" in dict(ecg.problems)["samples-missing"]


def test_unnamed_leads_in_standard_order_are_recognised(tmp_path: Path):
    ecg = open_ecg(write_wfdb(tmp_path, wave_train(), leads=("",) * 12))
    assert "leads-unnamed" in dict(ecg.problems)
    np.testing.assert_allclose(ecg.signal_mv, wave_train(), atol=6e-4)


def test_unnamed_leads_in_unknown_order_are_refused(tmp_path: Path):
    with pytest.raises(UserError, match="no named leads"):
        open_ecg(write_wfdb(tmp_path, wave_train()[::-1], leads=("",) * 12))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        open_ecg(path)
    assert caught.value.sentence.endswith(".")
    return caught.value.sentence


def test_refusals_are_sentences_that_name_the_file(tmp_path: Path):
    signal = wave_train()
    assert "All leads are flat" in refusal(write_wfdb(tmp_path, signal * 0, name="flat"))
    few = write_wfdb(tmp_path, signal[:7], name="few", leads=LEADS[:7])
    assert refusal(few).startswith('"few.hea" holds 3 independent leads')
    seven = [i for i, lead in enumerate(LEADS) if lead != "V3"]
    missing = write_wfdb(tmp_path, signal[seven], name="seven", leads=tuple(LEADS[i] for i in seven))
    assert "V3 missing" in refusal(missing)
    assert "lasts 4.0 s" in refusal(write_wfdb(tmp_path, signal[:, :2000], name="short"))
    noise = np.random.default_rng(1).normal(0, 0.05, signal.shape)
    assert "No heart beat" in refusal(write_wfdb(tmp_path, noise, name="noise"))
    two_flat = signal.copy()
    two_flat[[8, 9]] = 0
    assert "Leads V3, V4 are flat" in refusal(write_wfdb(tmp_path, two_flat, name="two"))


def test_broken_files_are_refused(tmp_path: Path):
    header = write_wfdb(tmp_path, wave_train())
    data = tmp_path / "ecg.dat"
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    assert "cut short" in refusal(header)
    data.unlink()
    assert '"ecg.dat"' in refusal(header)
    header.write_text("ecg 12 500 5000\necg.dat 16\n", encoding="utf-8")
    refusal(header)
    text = tmp_path / "notes.hea"
    text.write_text("Dear colleague,\nthis is no ECG.\n", encoding="utf-8")
    assert "is not an ECG" in refusal(text)
    assert "was not found" in refusal(tmp_path / "nothing.hea")
    assert "is a folder" in refusal(tmp_path)
    blob = tmp_path / "blob.dat"
    blob.write_bytes(bytes(range(256)) * 40)
    assert "is not an ECG" in refusal(blob)


def test_listing_reads_what_opening_refuses(tmp_path: Path):
    raw = read_record(write_wfdb(tmp_path, wave_train()[:3, :1500], leads=LEADS[:3]))
    assert raw.signal_mv.shape == (3, 1500)
    assert raw.seconds == 3

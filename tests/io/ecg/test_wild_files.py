"""Every DICOM and WFDB sample reads as the table beside the samples says, or is refused with a sentence."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.domain.errors import UserError
from cof_viewer.io.ecg import open_ecg, read_record, sniff
from cof_viewer.io.ecg.leads import standard_name
from cof_viewer.signal import representative_beat

KNOWN = ("dicom", "wfdb")


@pytest.fixture(scope="session")
def table(data_dir: Path) -> dict[str, dict[str, str]]:
    path = data_dir / "ecg" / "formats" / "formats.csv"
    with path.open(newline="", encoding="utf-8") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


def test_readable_samples_read_as_the_table_says(table: dict[str, dict[str, str]], data_dir: Path):
    rows = [row for row in table.values() if row["format"] in KNOWN and row["expect"] in {"read", "warn"}]
    assert len(rows) >= 12
    for row in rows:
        path = data_dir / "ecg" / row["file"]
        assert sniff(path), path.name
        raw = read_record(path)
        assert raw.signal_mv.shape[0] == int(row["n_leads"]), path.name
        assert raw.hz == float(row["fs_hz"])
        assert raw.seconds == pytest.approx(float(row["seconds"]))
        two = raw.signal_mv[[standard_name(name) for name in raw.names].index("II")]
        expected = [float(value) for value in row["lead_II_first8_mV"].split()]
        np.testing.assert_allclose(two[:8], expected, atol=1.01e-4)
        low, high = (float(value) for value in row["min_max_II_mV"].split())
        assert two.min() == pytest.approx(low, abs=1.01e-3)
        assert two.max() == pytest.approx(high, abs=1.01e-3)
        ecg = open_ecg(path)
        assert ecg.seconds == pytest.approx(float(row["seconds"]))
        beat = representative_beat(ecg)
        assert 60_000 / (beat.intervals.rr_ms or 0) == pytest.approx(float(row["hr_nk"]), rel=0.03), path.name


def test_other_samples_are_refused_with_their_name(table: dict[str, dict[str, str]], data_dir: Path):
    rows = [row for row in table.values() if row["format"] not in KNOWN or row["expect"] == "refuse"]
    for row in rows:
        path = data_dir / "ecg" / row["file"]
        if row["format"] not in KNOWN and sniff(path):
            continue  # a format that was added since
        with pytest.raises(UserError, match=path.name.replace(".", r"\.")):
            open_ecg(path)


def test_wrong_gains_of_ludb_are_found_by_einthoven(data_dir: Path):
    ecg = open_ecg(data_dir / "ecg" / "formats" / "wfdb" / "1.hea")
    problems = dict(ecg.problems)
    assert "einthoven" in problems
    assert '(0.29 mV off): the gains in "1.hea" look wrong.' in problems["einthoven"]


def test_true_samples_have_no_einthoven_problem(data_dir: Path):
    formats = data_dir / "ecg" / "formats"
    for name in ("dicom/mortara_1000hz.dcm", "dicom/hemodynamic_240hz.dcm", "wfdb/A0002.hea", "wfdb/s0010cut.hea"):
        assert "einthoven" not in dict(open_ecg(formats / name).problems)


def test_the_rhythm_not_the_median_beat_is_read(data_dir: Path):
    raw = read_record(data_dir / "ecg" / "formats" / "dicom" / "ge_488uv.dcm")
    assert raw.signal_mv.shape == (12, 5000)


def test_a_slow_rate_is_named(data_dir: Path):
    ecg = open_ecg(data_dir / "ecg" / "formats" / "wfdb" / "00001_lr.hea")
    assert ecg.source_hz == 100
    assert ecg.signal_mv.shape == (12, 5000)
    assert "low-rate" in dict(ecg.problems)


def test_age_and_sex_come_along_but_no_name(data_dir: Path):
    formats = data_dir / "ecg" / "formats"
    wfdb, dicom = open_ecg(formats / "wfdb" / "00841_hr.hea"), open_ecg(formats / "dicom" / "mortara_1000hz.dcm")
    assert (wfdb.age_years, wfdb.sex, wfdb.recorded) == (73, "F", "1987-06-28")
    assert (dicom.age_years, dicom.sex, dicom.recorded) == (42, "F", "2013-01-25T10:59:19")


def test_a_truncated_dicom_is_refused(data_dir: Path, tmp_path: Path):
    whole = (data_dir / "ecg" / "formats" / "dicom" / "ecgtoolkit_example.dcm").read_bytes()
    cut = tmp_path / "cut.dcm"
    for share in (0.3, 0.6):
        cut.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(UserError, match=r"cut\.dcm"):
            open_ecg(cut)


def test_an_image_is_no_ecg(data_dir: Path):
    pictures = sorted((data_dir / "mri").rglob("*.dcm"))[:2]
    assert all(not sniff(path) for path in pictures)

"""CardioSoft's XML against the values that another reader gave for the same file, and damaged files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import SeriesKind
from cof_viewer.io import inspect
from cof_viewer.io.ecg import find_format, open_ecg, read_record
from tests.cohort.readers.made import ECG_XML

_ROW = ",".join(str(40 * (i % 50 == 0)) for i in range(3000))
_NAMES = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
_WAVES = "".join(f'<WaveformData lead="{name}">\t{_ROW}</WaveformData>' for name in _NAMES)
_STRIP = (
    f'<StripData><SampleRate units="Hz">500</SampleRate><Resolution units="uVperLsb">5</Resolution>{_WAVES}</StripData>'
)


def _file(tmp_path: Path, body: str, before: str = "") -> Path:
    path = tmp_path / "ecg.xml"
    path.write_text(f'<?xml version="1.0"?>{before}<CardiologyXML>{body}</CardiologyXML>', encoding="latin-1")
    return path


def test_real_file_has_the_values_of_another_reader(data_dir: Path) -> None:
    form = find_format(data_dir / ECG_XML)
    assert form is not None
    assert form.NAME == "CardioSoft XML"
    ecg = open_ecg(data_dir / ECG_XML)
    lead = ecg.lead("II")
    assert lead[:8].tolist() == pytest.approx([0.110, 0.115, 0.115, 0.100, 0.090, 0.090, 0.090, 0.075], abs=1e-6)
    assert (lead.min(), lead.max()) == pytest.approx((-0.455, 1.020), abs=1e-6)
    assert (ecg.seconds, ecg.source_hz, ecg.age_years, ecg.sex) == (10.0, 500.0, 53.0, "M")
    assert ecg.recorded == "2018-07-19"
    assert ecg.problems == ()


def test_it_is_found_beside_a_study_like_other_records(data_dir: Path) -> None:
    (row,) = inspect([data_dir / ECG_XML])
    assert row.kind is SeriesKind.ECG
    assert row.leads is not None
    assert len(row.leads) == 12
    assert row.problems == ()


def test_other_xml_is_none(tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_text("<?xml version='1.0'?><AnnotatedECG></AnnotatedECG>")
    assert find_format(other) is None


def test_resolution_is_the_files_own(tmp_path: Path) -> None:
    five = np.nanmax(read_record(_file(tmp_path, _STRIP)).signal_mv[3])
    ten = np.nanmax(read_record(_file(tmp_path, _STRIP.replace('uVperLsb">5', 'uVperLsb">10'))).signal_mv[3])
    assert (five, ten) == pytest.approx((0.2, 0.4))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "no rhythm strip"),
        (_STRIP.replace("40", "x", 1), "no numbers"),
        (_STRIP.replace('units="uVperLsb">5', 'units="furlong">5'), "Resolution"),
        (_STRIP.replace('units="Hz">500', 'units="Hz">0'), "SampleRate"),
        ("<StripData>", "damaged"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, body: str, words: str) -> None:
    with pytest.raises(UserError, match=f'"ecg.xml".*{words}'):
        read_record(_file(tmp_path, body))


def test_entities_are_not_unfolded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    with pytest.raises(UserError, match="damaged"):
        read_record(_file(tmp_path, _STRIP, bomb))

"""A real exam in UK Biobank's layout becomes a case that the store's checks accept."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.case import Kind
from cof_viewer.cohort.check import check_case
from cof_viewer.cohort.readers import UkBiobank
from tests.cohort.readers.made import ECG_XML, uk_biobank_zip

MODELS = Path(__file__).resolve().parents[3] / "models"


@pytest.mark.skipif(not (MODELS / "manifest.json").is_file(), reason="the weights are not in the checkout")
def test_real_exam_and_ecg_become_a_measured_pair(tmp_path: Path, data_dir: Path) -> None:
    uk_biobank_zip(data_dir, tmp_path / "1000001_20209_2_0.zip")
    shutil.copy(data_dir / ECG_XML, tmp_path / "1000001_20205_2_0.xml")
    source = UkBiobank(tmp_path, MODELS)
    (request,) = source.requests()
    case = source.make(request)
    assert check_case(case) == []
    assert case.kind is Kind.MEASURED_PAIR
    assert case.origins["ecg"] == case.origins["times"] == "measured"
    assert case.ecg_mv is not None
    assert case.ecg_mv.shape == (12, 5000)
    assert case.numbers["cine_rr_ms"] == pytest.approx(case.rr_ms)
    assert 776 <= case.rr_ms <= 863
    assert case.numbers["ecg_rr_ms"] == pytest.approx(1202, abs=60)
    assert 100 < case.numbers["edv_ml"] < 220
    assert np.count_nonzero(case.image) > 0

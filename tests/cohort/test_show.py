"""A case as a picture and as a study that the window opens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cof_viewer.cohort.case import COMPONENTS
from cof_viewer.cohort.show import draw_case, lv_volume_ml, shown_phases, shown_slices
from cof_viewer.cohort.study_files import write_study
from cof_viewer.io import open_ecg, open_study
from tests.cohort.fake_source import request_for, ring_case


@pytest.fixture(scope="module")
def case():
    made = ring_case(request_for("ring"))
    t = np.arange(5000) / 500.0
    ecg = np.stack([np.exp(-((((t % 1.0) - 0.3) / 0.02) ** 2)) * (lead + 1) / 12 for lead in range(12)])
    ecg[2] = ecg[1] - ecg[0]
    ecg[3], ecg[4], ecg[5] = -(ecg[0] + ecg[1]) / 2, ecg[0] - ecg[1] / 2, ecg[1] - ecg[0] / 2
    return replace(made, ecg_mv=ecg.astype(np.float32), sex="F", age_years=61.0)


def test_phases_slices_and_volumes_that_are_shown(case):
    assert shown_phases(case) == [(0, "ED"), (4, "systole"), (9, "ES"), (17, "filling")]
    assert [name for _, name in shown_phases(replace(case, es_phase=1))] == ["ED", "ES", "filling"]
    assert shown_slices(case) == [0, 1, 2]
    tall = np.zeros((25, 14, 96, 96), np.uint8)
    tall[0, 3:6] = 1
    assert shown_slices(replace(case, image=tall, labels=tall)) == [2, 3, 4, 5, 6]
    assert len(shown_slices(replace(case, image=tall, labels=np.ones_like(tall)))) == 9
    assert lv_volume_ml(case)[0] == pytest.approx(case.numbers["edv_ml"])


def test_the_picture_is_of_the_case(case, tmp_path):
    draw_case(case, tmp_path / "case.png")
    draw_case(replace(case, ecg_mv=None, labels=np.zeros_like(case.labels), numbers={}), tmp_path / "bare.png")
    with Image.open(tmp_path / "case.png") as one, Image.open(tmp_path / "bare.png") as other:
        assert min(one.size) > 700
        orange = np.all(np.abs(np.asarray(one)[..., :3].astype(int) - (0xEA, 0x6A, 0x10)) < 40, axis=-1)
        assert orange.sum() > 500
        assert np.all(np.abs(np.asarray(other)[..., :3].astype(int) - (0xEA, 0x6A, 0x10)) < 40, axis=-1).sum() < 500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.png", "case.png"]


def test_a_case_opens_as_a_study_that_says_what_it_is(case, tmp_path):
    cine, ecg = write_study(case, tmp_path)
    study = open_study(cine)
    assert study.simulated
    assert study.cine is not None
    np.testing.assert_allclose(study.cine.data, case.image)
    assert study.cine.grid.spacing_mm == pytest.approx((1.5, 1.5, 8.0))
    assert study.cine.rr_ms == pytest.approx(1000.0)
    assert "ring" in str(study.patient.name)
    assert ecg is not None
    record = open_ecg(ecg)
    assert record.simulated
    np.testing.assert_allclose(record.signal_mv, case.ecg_mv, atol=2e-3)


def test_a_measured_case_is_not_called_simulated(case, tmp_path):
    origins = dict.fromkeys(COMPONENTS, "measured")
    cine, ecg = write_study(replace(case, origins=origins), tmp_path)
    assert not open_study(cine).simulated
    assert ecg is not None
    assert not open_ecg(ecg).simulated

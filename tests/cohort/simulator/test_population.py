"""Populations drawn by the simulator beside published means (Petersen 2017; ACDC's groups)."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.simulator import Condition
from cof_viewer.cohort.simulator.anatomy import build_anatomy
from cof_viewer.cohort.simulator.draw import draw_subject
from cof_viewer.cohort.simulator.subject import Subject

PUBLISHED = [
    # condition, sex, name, mean, SD
    (Condition.NORMAL, "M", "edv_ml", 166, 32),
    (Condition.NORMAL, "F", "edv_ml", 124, 21),
    (Condition.NORMAL, "M", "ef", 0.58, 0.05),
    (Condition.NORMAL, "F", "ef", 0.61, 0.05),
    (Condition.NORMAL, "M", "mass_g", 103, 21),
    (Condition.NORMAL, "F", "mass_g", 70, 13),
    (Condition.NORMAL, "M", "rv_edv_ml", 182, 36),
    (Condition.NORMAL, "F", "rv_edv_ml", 130, 24),
    (Condition.NORMAL, "M", "rv_ef", 0.54, 0.06),
    (Condition.DILATED, "M", "edv_ml", 287, 50),
    (Condition.DILATED, "M", "ef", 0.198, 0.085),
    (Condition.HYPERTROPHIC, "M", "ef", 0.703, 0.089),
    (Condition.INFARCT_ANTERIOR, "M", "ef", 0.299, 0.073),
]


def _subjects(condition: Condition, sex: str, count: int = 200) -> list[Subject]:
    return [draw_subject(np.random.default_rng([seed, 1]), condition, sex=sex) for seed in range(count)]


@pytest.mark.parametrize(("condition", "sex", "name", "mean", "sd"), PUBLISHED)
def test_means_within_half_a_published_sd(condition, sex, name, mean, sd):
    values = [getattr(subject, name) for subject in _subjects(condition, sex)]
    assert abs(np.mean(values) - mean) < 0.5 * sd
    assert 0.55 * sd < np.std(values) < 1.5 * sd


@pytest.mark.parametrize(("sex", "mean", "sd"), [("M", 6.3, 1.1), ("F", 5.3, 0.9)])
def test_mid_wall_thickness(sex, mean, sd):
    thickness = []
    for seed, subject in enumerate(_subjects(Condition.NORMAL, sex, 30)):
        anatomy = build_anatomy(subject, np.random.default_rng([seed, 2]))
        row = int(np.argmin(np.abs(anatomy.levels - 0.45 * anatomy.length_mm)))
        thickness.append(float((anatomy.epi - anatomy.endo)[row].mean()))
    assert abs(np.mean(thickness) - mean) < 0.5 * sd


def test_hypertrophic_hearts_are_thick_somewhere():
    thickest = []
    for seed, subject in enumerate(_subjects(Condition.HYPERTROPHIC, "M", 30)):
        anatomy = build_anatomy(subject, np.random.default_rng([seed, 2]))
        thickest.append(float((anatomy.epi - anatomy.endo)[anatomy.levels > 5].max()))
    assert np.median(thickest) >= 15


def test_failing_hearts_descend_less():
    normal = [s.descent_mm for s in _subjects(Condition.NORMAL, "M", 60)]
    failing = [s.descent_mm for s in _subjects(Condition.DILATED, "M", 60)]
    assert np.percentile(normal, 5) >= 10
    assert np.percentile(normal, 95) <= 16
    assert min(failing) >= 4
    assert np.median(failing) <= 8.5


def test_tables_meet_the_subject():
    for condition in Condition:
        subject = draw_subject(np.random.default_rng([3, 1]), condition)
        anatomy = build_anatomy(subject, np.random.default_rng([3, 2]))
        assert anatomy.lv_volume_ml() == pytest.approx(subject.edv_ml, rel=1e-4)
        assert anatomy.wall_volume_ml() * 1.05 == pytest.approx(subject.mass_g, rel=1e-3)
        assert anatomy.rv_volume_ml() == pytest.approx(subject.rv_edv_ml, rel=1e-4)


def test_given_sex_and_rate_are_kept():
    subject = draw_subject(np.random.default_rng(1), Condition.NORMAL, sex="F", heart_rate_bpm=140.0)
    assert subject.sex == "F"
    assert subject.heart_rate_bpm == 140.0

"""Shape and function against a tube whose numbers are known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.audits.shape import anatomy_numbers, function_numbers, sector_sd_ms, volume_curve
from tests.cohort.audits.made import tube


def test_tube_has_its_own_numbers() -> None:
    case = tube()
    anatomy, function = anatomy_numbers(case), function_numbers(case)
    assert anatomy["lv_ml"] == pytest.approx(np.pi * 2.4**2 * 7, rel=0.01)
    assert anatomy["wall_mid_mm"] == pytest.approx(8.0, abs=0.2)
    assert anatomy["lv_mid_diameter_mm"] == pytest.approx(48.0, abs=0.4)
    assert anatomy["septum_over_lateral"] == pytest.approx(1.0, abs=0.2)
    assert function["ef_percent"] == pytest.approx(100 * (1 - (16 / 24) ** 2), abs=1.0)
    assert function["lv_mass_g"] == pytest.approx(1.05 * np.pi * (3.2**2 - 2.4**2) * 7, rel=0.02)
    # middle of the wall: 28 mm at ED, 22 mm at ES
    assert function["gcs_percent"] == pytest.approx(100 * (22 / 28 - 1), abs=1.0)
    # 12 mm over the 80 mm between first and last slice: the base comes towards the apex
    assert function["gls_percent"] == pytest.approx(-100 * 12 / 80, abs=0.2)
    assert function["es_ms"] == 320.0
    assert np.isnan(function["rv_edv_ml"])


def test_motion_tracked_in_plane_tells_no_longitudinal_strain() -> None:
    assert np.isnan(function_numbers(tube(descent_mm=0.0))["gls_percent"])


def test_stated_numbers_go_before_counted_ones() -> None:
    case = tube()
    stated = type(case)(**{**vars(case), "numbers": {"ef_percent": 61.5}})
    assert function_numbers(stated)["ef_percent"] == 61.5


def test_volume_curve_goes_from_one_to_zero() -> None:
    curve = volume_curve(tube())
    assert (curve[0], curve.min(), int(np.argmin(curve))) == (1.0, 0.0, 10)
    assert np.isnan(volume_curve(tube(radius_mm=(20, 20), wall_mm=(8, 8)))).all()


def test_a_late_side_makes_dyssynchrony() -> None:
    even = tube()
    labels = even.labels.copy()
    labels[..., 48:] = np.roll(even.labels, 4, axis=0)[..., 48:]
    uneven = type(even)(**{**vars(even), "labels": labels})
    assert sector_sd_ms(even) < 3.0
    assert sector_sd_ms(uneven) > 40.0


def test_a_case_without_an_lv_has_no_numbers_and_no_error() -> None:
    case = tube()
    empty = type(case)(**{**vars(case), "labels": np.zeros_like(case.labels)})
    assert np.isnan(anatomy_numbers(empty)["wall_mid_mm"])
    assert np.isnan(function_numbers(empty)["gcs_percent"])

"""Ranges only where sex, age, convention and trust allow."""

import csv

import pytest

from cof_viewer.anatomy.norms import _table, lookup
from cof_viewer.domain.function import PAPILLARIES_IN_VOLUME

VOLUME = PAPILLARIES_IN_VOLUME


def test_ejection_fraction_of_a_woman_of_60():
    norm = lookup("ef_percent", "F", 60, None, VOLUME)
    assert norm is not None
    assert (norm.low, norm.high, norm.mean, norm.sd) == (51.0, 71.0, 61.0, 5.0)  # 61 ± 2 x 5
    assert "Petersen 2017" in norm.source
    assert [norm.side_of(value) for value in (34, 51, 71, 72)] == [-1, 0, 0, 1]


def test_mass_needs_body_surface():
    assert lookup("lv_mass_g", "M", 60, None, VOLUME) is None
    norm = lookup("lv_mass_g", "M", 60, 2.0, VOLUME)
    assert norm is not None
    assert norm.indexed
    assert (norm.low, norm.high) == (70.0, 142.0)  # (53 ± 2 x 9) x 2.0


def test_convention_chooses_the_table():
    volume, mass = (
        lookup("ef_percent", "M", 60, None, VOLUME),
        lookup("ef_percent", "M", 60, None, "papillaries-in-mass"),
    )
    assert volume is not None
    assert mass is not None
    assert volume.mean == 58
    assert mass.mean == 67


@pytest.mark.parametrize(
    ("metric", "sex", "age", "convention"),
    [
        ("ef_percent", None, 60, VOLUME),
        ("ef_percent", "F", None, VOLUME),
        ("ef_percent", "F", 20, VOLUME),
        ("ef_percent", "F", 60, None),
        ("ef_percent", "F", 60, "unknown"),
        ("heart_rate_bpm", "F", 60, VOLUME),
        ("rv_ef_percent", "F", 60, VOLUME),
        ("edv_ml", "F", 60, VOLUME),  # its SD was seen once only
    ],
)
def test_no_range_without_a_trusted_fit(metric, sex, age, convention):
    assert lookup(metric, sex, age, None, convention) is None


def test_age_outside_the_band_falls_back_to_all_ages():
    norm = lookup("ef_percent", "M", 30, None, VOLUME)
    assert norm is not None
    assert (norm.low, norm.high) == (52, 73)
    banded = lookup("ef_percent", "M", 74.9, None, VOLUME)
    assert banded is not None
    assert "Petersen" in banded.source


def test_shipped_rows_are_trusted():
    with _table().open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["grade"] for row in rows} <= {"P", "R", "S"}
    assert all("NOT" not in row["remark"] for row in rows)
    assert all(row["convention"] in ("in volume", "in mass") for row in rows)

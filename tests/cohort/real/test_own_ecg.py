"""The simulated ECG of a heart's own geometry and motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.cohort.case import Origin
from cof_viewer.cohort.check import broken
from cof_viewer.cohort.real.own_ecg import OwnHeart, condition_of, own_ecg, with_own_ecg
from cof_viewer.cohort.real.own_shape import surfaces_of, weakest_angle, with_own_shape
from cof_viewer.cohort.simulator.anatomy import build_anatomy
from cof_viewer.cohort.simulator.draw import draw_subject
from cof_viewer.cohort.simulator.subject import Condition
from cof_viewer.domain.ecg import Ecg
from cof_viewer.signal import representative_beat
from tests.cohort.fake_source import request_for, ring_case

ANGLES = -np.pi + 2 * np.pi * np.arange(96) / 96


def heart(radius: float, wall: float, slices: int = 9, shift: float = 0.0) -> np.ndarray:
    """[z, 96, 96]: cavity, wall and an RV on the left, round (47.5 + shift, 47.5)."""
    y, x = np.mgrid[:96, :96] - 47.5
    far = np.hypot(x - shift, y)
    rv = (np.hypot(x + radius + wall, y) < 0.9 * (radius + wall)) & (x < 0)
    plane = np.where(far < radius, 1, np.where(far < radius + wall, 2, np.where(rv, 3, 0)))
    return np.repeat(plane[None].astype(np.uint8), slices, axis=0)


def own(ed: np.ndarray, es: np.ndarray, group: str = "NOR", **known: float) -> OwnHeart:
    return OwnHeart(group, ed, es, 10.0, **known)  # type: ignore[arg-type]


def test_radii_by_hand() -> None:
    surfaces = surfaces_of(heart(16, 6), ANGLES)
    assert surfaces.endo.shape == (9, 96)
    np.testing.assert_allclose(surfaces.endo, 16 * 1.5, atol=1.2)
    np.testing.assert_allclose(surfaces.epi, 22 * 1.5, atol=1.2)
    assert (surfaces.rv[:, 48 + 40 : 48 + 47] > surfaces.epi[:, 88:95] + 5).any()  # towards the left
    np.testing.assert_allclose(surfaces.rv[:, 48], surfaces.epi[:, 48])  # lateral: no RV


def test_the_weakest_sector_is_where_the_wall_stays() -> None:
    ed, es = surfaces_of(heart(16, 6), ANGLES), surfaces_of(heart(10, 6), ANGLES)
    lazy = np.abs(ANGLES - 1.75) < 0.5
    stays = replace(es, endo=np.where(lazy[None], ed.endo, es.endo))
    assert weakest_angle(ed, stays) == pytest.approx(1.75, abs=0.2)


def test_measured_surfaces_stand_where_slices_were() -> None:
    subject = draw_subject(np.random.default_rng(0), Condition.NORMAL)
    model = build_anatomy(subject, np.random.default_rng(1))
    shaped = with_own_shape(model, surfaces_of(heart(14, 7, slices=6), ANGLES), 10.0)
    rows = [int(np.argmin(np.abs(model.levels - level))) for level in (15.0, 35.0)]
    np.testing.assert_allclose(shaped.endo[rows], 14 * 1.5, atol=1.5)
    np.testing.assert_allclose((shaped.epi - shaped.endo)[rows], 7 * 1.5, atol=1.8)
    assert (shaped.rv >= shaped.epi - 1e-6).all()
    assert np.isfinite(shaped.outer).all()


@pytest.mark.parametrize(
    ("group", "ef", "thickness", "angle", "condition"),
    [
        ("DCM", 0.2, 0.6, 0.0, Condition.DILATED),
        ("MINF", 0.3, 0.6, 1.6, Condition.INFARCT_INFERIOR),
        ("MINF", 0.3, 0.6, 0.5, Condition.INFARCT_LATERAL),
        ("MINF", 0.3, 0.6, -2.4, Condition.INFARCT_ANTERIOR),
        ("mnms-GE", 0.3, 0.6, 0.0, Condition.DILATED),
        ("mnms-GE", 0.6, 1.2, 0.0, Condition.HYPERTENSIVE),
        ("", 0.6, 0.6, 0.0, Condition.NORMAL),
    ],
)
def test_condition_of_a_heart(group: str, ef: float, thickness: float, angle: float, condition: Condition) -> None:
    assert condition_of(group, ef, thickness, angle) is condition


def test_the_record_has_the_beat_of_the_heart() -> None:
    ecg = own_ecg(own(heart(16, 6), heart(11, 8), es_share=0.36), np.random.default_rng(4))
    assert ecg.origin is Origin.SIMULATED
    assert ecg.es_ms == pytest.approx(0.36 * ecg.rr_ms)
    beat = representative_beat(Ecg(ecg.ecg_mv, source_hz=500.0, source_leads=()))
    assert beat.rr_ms == pytest.approx(ecg.rr_ms, rel=0.06)
    assert beat.intervals.t_end_at_ms == pytest.approx(ecg.es_ms, abs=60.0)
    again = own_ecg(own(heart(16, 6), heart(11, 8), es_share=0.36), np.random.default_rng(4))
    assert (again.ecg_mv == ecg.ecg_mv).all()


def test_a_longer_systole_is_a_faster_heart_and_a_recorded_rate_stays() -> None:
    ends = heart(16, 6), heart(11, 8)
    slow, fast = (own_ecg(own(*ends, es_share=share), np.random.default_rng(4)).rr_ms for share in (0.34, 0.44))
    assert fast < slow
    assert own_ecg(own(*ends, es_share=0.36, rr_ms=750.0), np.random.default_rng(4)).rr_ms == pytest.approx(750.0)


def test_a_thick_wall_gives_higher_voltage() -> None:
    thin, thick = (
        np.mean(
            [
                np.abs(own_ecg(own(heart(15, w), heart(10, w + 2)), np.random.default_rng(k)).ecg_mv).max()
                for k in range(4)
            ]
        )
        for w in (5, 11)
    )
    assert thick > 1.1 * thin


def test_a_case_with_its_own_ecg_says_so() -> None:
    case = replace(ring_case(request_for("a")), ecg_mv=None, origins={"ecg": "none", "times": "rule"})
    made = with_own_ecg(case, None, np.random.default_rng(2))
    assert broken(made) == []
    assert made.origins["ecg"] == Origin.SIMULATED.value
    assert made.phase_ms[1] == pytest.approx(made.rr_ms / 25)
    assert made.numbers["es_ms"] == pytest.approx(case.es_phase / 25 * made.rr_ms)
    assert with_own_ecg(case, 800.0, np.random.default_rng(2)).rr_ms == pytest.approx(800.0)

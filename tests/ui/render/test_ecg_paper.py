"""ECG paper: proportions, columns and moments by hand."""

from __future__ import annotations

import pytest

from cof_viewer.domain.ecg import LEADS
from cof_viewer.ui.render.ecg_paper import ARRANGEMENTS, beat_fraction, lay_paper


def test_ten_seconds_fit_a_narrow_place_and_true_size_is_the_limit():
    narrow = lay_paper(518, 160, 10.0, true_px_per_mm=3.78)
    assert narrow.px_per_mm == pytest.approx(518 / (250 + 8.5))
    assert narrow.seconds == pytest.approx(10.0)
    wide = lay_paper(3000, 400, 60.0, true_px_per_mm=3.78)
    assert wide.px_per_mm == pytest.approx(3.78)
    assert wide.seconds == pytest.approx((3000 / 3.78 - 8.5) / 25)


def test_a_whole_record_grows_into_the_room_that_is_left():
    paper = lay_paper(1600, 700, 10.0, true_px_per_mm=3.78)
    assert paper.px_per_mm == pytest.approx(1600 / 258.5)
    assert paper.x_of(10.0) == pytest.approx(1600)
    assert lay_paper(4000, 700, 10.0, true_px_per_mm=3.78).px_per_mm == pytest.approx(1.8 * 3.78)
    assert lay_paper(1600, 300, 10.0, true_px_per_mm=3.78).px_per_mm == pytest.approx(300 / 4 / 18)


def test_proportions_are_true():
    paper = lay_paper(700, 166, 10.0, speed_mm_s=50.0, gain_mm_mv=20.0)
    assert paper.px_per_second / 50.0 == pytest.approx(paper.px_per_mv / 20.0)
    assert paper.x_of(paper.start_s + 0.2) - paper.left == pytest.approx(10 * paper.px_per_mm)
    assert paper.time_at(paper.x_of(1.234)) == pytest.approx(1.234)


def test_twice_the_speed_shows_half_the_time_round_the_beat():
    paper = lay_paper(700, 166, 10.0, speed_mm_s=50.0, around_s=8.0)
    assert paper.seconds == pytest.approx(5.0, abs=0.15)
    assert paper.start_s <= 8.0 <= paper.start_s + paper.seconds
    assert paper.start_s + paper.seconds <= 10.0 + 1e-9


@pytest.mark.parametrize(("arrangement", "rows"), [("3 × 4", 4), ("6 × 2", 7), ("12 × 1", 12), ("II", 1)])
def test_every_lead_has_its_place(arrangement, rows):
    paper = lay_paper(700, 400, 10.0, arrangement=arrangement)
    assert paper.rows == rows
    assert arrangement in ARRANGEMENTS
    leads = [strip.lead for strip in paper.strips]
    if arrangement != "II":
        assert set(leads) == set(LEADS)
    if arrangement == "3 × 4":
        strips = {(s.lead, s.row): (s.start_s, s.end_s) for s in paper.strips}
        assert strips["aVL", 1] == pytest.approx((2.5, 5.0))
        assert strips["V6", 2] == pytest.approx((7.5, 10.0))
        assert strips["II", 3] == pytest.approx((0.0, 10.0))


def test_moment_between_peaks():
    peaks = (500.0, 1300.0, 2300.0)
    assert beat_fraction(700.0, peaks) == pytest.approx(0.25)
    assert beat_fraction(1800.0, peaks) == pytest.approx(0.5)
    assert beat_fraction(100.0, peaks) is None
    assert beat_fraction(2300.0, peaks) is None

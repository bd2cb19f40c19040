"""Rounding, wrapping, slices, windows and axes worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.anatomy import function_from_curves
from cof_viewer.domain.ecg import Intervals
from cof_viewer.domain.function import Agreement
from cof_viewer.report.comparison import dice_sentence
from cof_viewer.report.curve import nice_step
from cof_viewer.report.facts import ReportFacts, rounded, span
from cof_viewer.report.page import fitted, printable, width_of, wrapped
from cof_viewer.report.pictures import blood_muscle_window, chosen_slices, heart_crop
from cof_viewer.report.words import day, short
from tests.report.made import made_generation


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(34.5, 0, "35"), (2.5, 0, "3"), (-0.4, 0, "0"), (-1.2, 0, "−1"), (4.849999, 1, "4.8"), (0.05, 1, "0.1")],
)
def test_rounding(value, decimals, text):
    assert rounded(value, decimals) == text


def test_span_and_dates():
    assert span(27.6, 40.2) == "28–40"
    assert day("2025-05-14T10:11:12") == "14 May 2025"
    assert day("2012-00-00") == "2012-00-00"
    assert day(None) is None
    assert short("ab" * 32) == "abab…abab"


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab cdefghij\n–µ漢", max_size=200), st.floats(20, 200))
def test_wrapped_lines_fit_and_lose_nothing(text, width):
    lines = wrapped(text, width, 8)
    for line in lines:
        assert sum(width_of(printable(part.rstrip(), font), 8, font) for part, font in line[-1:]) <= width + 8
    joined = "".join(part for line in lines for part, _ in line)
    assert joined.replace(" ", "") == text.replace(" ", "").replace("\n", "")


def test_bold_and_plain_in_one_paragraph():
    lines = wrapped([("Generated.", "Inter-SemiBold"), ("They were not measured.", "Inter")], 60, 8)
    assert lines[0][0] == ("Generated.", "Inter-SemiBold")
    assert [font for (font,) in {(run[1],) for line in lines[1:] for run in line}] == ["Inter"]


def test_fitted_and_printable():
    assert fitted("short", 100) == "short"
    cut = fitted("a rather long name that has no room", 60)
    assert cut.endswith("…")
    assert width_of(cut) <= 60
    assert printable("漢a", "Inter") == "?a"


def test_nice_steps():
    assert [nice_step(v) for v in (0.9, 1.0, 17, 23, 41, 160)] == [1.0, 1.0, 20, 40, 50, 200]


def test_base_middle_apex():
    labels = np.zeros((12, 4, 4), dtype=np.uint8)
    labels[2:11, 1, 1] = 1
    labels[11, 1, 1] = 2
    assert chosen_slices(labels) == (3, 6, 9)
    assert chosen_slices(labels, 5) == (2, 4, 6, 8, 10)
    assert chosen_slices(np.zeros((3, 2, 2), dtype=np.uint8)) == ()
    labels[3:] = 0
    assert chosen_slices(labels) == (2,)


def test_window_between_blood_and_muscle():
    study, generation = made_generation()
    window = blood_muscle_window(ReportFacts(study, generation, None, None), 0)
    assert window.centre == pytest.approx((210 + 90) / 2, abs=2)
    assert window.width == pytest.approx(2.2 * 120, abs=4)
    grey = window.apply(np.array([window.centre - window.width, window.centre, 1e9, np.nan], dtype=np.float32))
    assert grey[0] == 0
    assert grey[1] in (127, 128)
    assert grey[2] == 255


def test_crop_holds_the_heart_at_the_right_shape():
    study, generation = made_generation()
    facts = ReportFacts(study, generation, None, None)
    crop = heart_crop(facts, [0], 1.25)
    assert crop.half_width / crop.half_height == pytest.approx(1.25)
    rows = np.flatnonzero((generation.labels.data[0] > 0).any(axis=(0, 2)))
    assert crop.y - crop.half_height < rows[0]
    assert crop.y + crop.half_height > rows[-1]


def test_dice_is_told_where_the_anchor_is_not():
    function = function_from_curves([9.0, 4.0])
    scores = Agreement((1.0, 0.81), (0.99, 0.72), (0.98, 0.63))
    assert dice_sentence(scores, function, 0) == "Dice at ES: LV 0.81 · Myo 0.72 · RV 0.63"
    assert dice_sentence(scores, function, 1) == "Dice at ED: LV 1.00 · Myo 0.99 · RV 0.98"
    assert dice_sentence(None, function, 0) == ""


def test_corrected_qt_of_the_made_beat():
    found = Intervals(rr_ms=764.0, qt_ms=350.0)
    assert found.qtc_fridericia_ms == pytest.approx(382.9, abs=0.1)

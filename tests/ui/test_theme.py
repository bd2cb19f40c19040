"""The theme: contrasts as DESIGN demands, sizes by density, figures of equal width."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QColor, QFontMetricsF

from cof_viewer.ui.theme import FAMILY, Theme
from cof_viewer.ui.tokens import PALETTES


def _luminance(color: QColor) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def _contrast(first: str, second: str) -> float:
    low, high = sorted((_luminance(QColor(first)), _luminance(QColor(second))))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize("ink", ["t1", "t2", "t3", "amber", "red"])
@pytest.mark.parametrize("ground", ["panel", "win", "raised"])
def test_text_reads_on_every_ground(mode, ink, ground):
    assert round(_contrast(PALETTES[mode][ink], PALETTES[mode][ground]), 1) >= 4.5


@pytest.mark.parametrize("mode", ["dark", "light"])
@pytest.mark.parametrize(
    ("ink", "ground"), [("t3", "hover"), ("t1", "active"), ("on_accent", "accent"), ("red", "redbg")]
)
def test_text_reads_in_every_state(mode, ink, ground):
    assert round(_contrast(PALETTES[mode][ink], PALETTES[mode][ground]), 1) >= 4.5


def test_the_checker_agrees_with_the_design():
    assert _contrast("#ECEDEF", "#191A1D") == pytest.approx(14.9, abs=0.1)
    assert _contrast("#8F939B", "#191A1D") == pytest.approx(5.6, abs=0.1)


def test_both_palettes_have_the_same_tokens():
    assert PALETTES["dark"].keys() == PALETTES["light"].keys()


def test_sizes_follow_the_density(qtbot, theme):
    assert (theme.px(32, 36), theme.px(12)) == (32, 12)
    with qtbot.waitSignal(theme.changed):
        theme.set_density("comfortable")
    assert (theme.px(32, 36), theme.px(12)) == (36, 12)


def test_the_font_that_ships_is_used(theme):
    assert theme.font("base").family() == FAMILY
    assert QFontMetricsF(theme.font("base")).height() == pytest.approx(14.5, abs=1.5)


def test_tabular_figures_are_equally_wide(theme):
    metrics = QFontMetricsF(theme.font("base", tabular=True))
    assert metrics.horizontalAdvance("111") == pytest.approx(metrics.horizontalAdvance("888"))
    prose = QFontMetricsF(theme.font("base"))
    assert prose.horizontalAdvance("111") < prose.horizontalAdvance("888")


def test_modes_change_the_colours(qtbot):
    theme = Theme("light")
    assert theme.color("panel") == QColor("#F7F7F8")
    with qtbot.waitSignal(theme.changed):
        theme.set_mode("dark")
    assert theme.color("panel") == QColor("#191A1D")
    assert theme.color("endo", 0.5).alphaF() == pytest.approx(0.5, abs=0.01)

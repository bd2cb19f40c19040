"""The small parts, pixel by pixel: tags, glyphs, strips, buttons, choices, rows, progress."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter, QPixmap, QRegion
from PySide6.QtWidgets import QWidget

from cof_viewer.domain.function import Source
from cof_viewer.ui.tokens import DARK
from cof_viewer.ui.widgets.buttons import IconButton, PushButton, SegmentedControl
from cof_viewer.ui.widgets.icons import pixmap
from cof_viewer.ui.widgets.list_row import ListRow
from cof_viewer.ui.widgets.panel import Panel
from cof_viewer.ui.widgets.progress import ProgressBar
from cof_viewer.ui.widgets.range_strip import RangeStrip, StripData
from cof_viewer.ui.widgets.tag import Tag, paint_glyph


def _image(widget: QWidget) -> QImage:
    """The widget alone on the dark panel's colour, whatever palette other tests have left behind."""
    widget.resize(widget.sizeHint())
    image = QImage(widget.size(), QImage.Format.Format_RGB32)
    image.fill(QColor(DARK["panel"]))
    widget.render(image, QPoint(), QRegion(), QWidget.RenderFlag.DrawChildren)
    return image


def _near(a: QColor, b: QColor, tolerance: int = 16) -> bool:
    return all(abs(x - y) <= tolerance for x, y in zip(a.getRgb()[:3], b.getRgb()[:3], strict=True))


def _places(image: QImage, color: QColor, row: int | None = None) -> list[int]:
    rows = range(image.height()) if row is None else [row]
    return [x for y in rows for x in range(image.width()) if _near(image.pixelColor(x, y), color)]


def _runs(xs: list[int]) -> int:
    """Number of unbroken runs."""
    return sum(1 for k, x in enumerate(xs) if k == 0 or x != xs[k - 1] + 1)


def _upper_edge(theme, source: Source) -> int:
    tag = Tag(theme, source)
    tag.setVisible(True)
    image = _image(tag)
    xs = [x for x in range(8, image.width() - 8) if _near(image.pixelColor(x, 0), theme.color("t3"), 40)]
    return _runs(xs)


def test_the_frame_of_a_tag_says_the_source(theme):
    assert _upper_edge(theme, Source.MEASURED) == 1
    assert 4 < _upper_edge(theme, Source.GENERATED) < _upper_edge(theme, Source.SIMULATED)


def test_a_stop_turns_the_tag_red_and_says_so(theme):
    tag = Tag(theme, Source.GENERATED)
    usual = tag.sizeHint().width()
    assert _places(_image(tag), theme.color("red")) == []
    tag.set_source(Source.GENERATED, stopped=True, text="Generated, not reliable")
    assert tag.text == "Generated, not reliable"
    assert tag.sizeHint().width() > usual + 60
    assert len(_places(_image(tag), theme.color("red"))) > 60


def test_the_words_of_a_tag_fit(theme):
    for source in Source:
        tag = Tag(theme, source)
        words = QFontMetricsF(theme.font("micro")).horizontalAdvance(tag.text)
        assert tag.sizeHint().width() >= words + 14


def test_glyphs_are_solid_dashed_and_dotted(theme):
    runs = []
    for source in (Source.MEASURED, Source.GENERATED, Source.SIMULATED):
        image = QImage(14, 10, QImage.Format.Format_RGB32)
        image.fill(theme.color("panel"))
        painter = QPainter(image)
        paint_glyph(painter, theme, source, 0.0, 5.0)
        painter.end()
        runs.append(_runs([x for x in range(14) if image.pixelColor(x, 5).lightness() > 110]))
    assert runs[0] == 1
    assert runs[0] < runs[1] < runs[2]


@pytest.mark.parametrize(
    ("value", "normal", "token", "outside"),
    [(34.0, (57.0, 77.0), "amber", -1), (80.0, (57.0, 77.0), "amber", 1), (60.0, (57.0, 77.0), "t1", 0),
     (34.0, None, "t1", 0)],
)  # fmt: skip
def test_the_dot_is_amber_only_outside_a_known_range(theme, value, normal, token, outside):
    data = StripData(value, Source.GENERATED, (value - 3, value + 3), normal)
    assert data.outside == outside
    image = _image(RangeStrip(theme, data))
    assert len(_places(image, theme.color(token))) >= 8
    assert (len(_places(image, theme.color("amber"))) > 0) == (token == "amber")
    assert (len(_places(image, theme.color("norm"), 5)) > 10) == (normal is not None)


def test_the_dot_stands_left_of_the_bar_when_low(theme):
    image = _image(RangeStrip(theme, StripData(34.0, Source.MEASURED, None, (57.0, 77.0))))
    assert max(_places(image, theme.color("amber"))) < min(_places(image, theme.color("norm"), 4))


def test_every_shown_value_lies_on_the_axis():
    data = StripData(10.0, Source.GENERATED, (5.0, 140.0), (57.0, 77.0), measured=200.0)
    low, high = data.limits()
    assert low < 5.0
    assert high > 200.0


def test_the_chosen_segment_is_lit_and_a_click_chooses(theme, qtbot):
    control = SegmentedControl(theme, [("a", "One", ""), ("b", "Two", ""), ("c", "Three", "")])
    qtbot.addWidget(control)
    control.show()
    with qtbot.waitSignal(control.chosen) as told:
        qtbot.mouseClick(control, Qt.MouseButton.LeftButton, pos=control._boxes()[1].center().toPoint())
    assert told.args == ["b"]
    image = control.grab().toImage()
    corner = control._boxes()[1].topLeft().toPoint() + QPoint(5, 3)
    assert image.pixelColor(corner) == theme.color("active")
    assert image.pixelColor(control._boxes()[2].topLeft().toPoint() + QPoint(5, 3)) == theme.color("win")


def test_a_segment_that_is_not_available_cannot_be_chosen(theme, qtbot):
    control = SegmentedControl(theme, [("a", "One", ""), ("b", "Two", "")])
    qtbot.addWidget(control)
    control.set_available("b", False)
    qtbot.mouseClick(control, Qt.MouseButton.LeftButton, pos=control._boxes()[1].center().toPoint())
    assert control.current == "a"


def test_the_primary_button_is_filled_and_words_fit(theme):
    button = PushButton(theme, "Open study…", icon="folder-open", key="Ctrl O", primary=True)
    image = _image(button)
    assert image.pixelColor(6, 6) == theme.color("accent")
    words = QFontMetricsF(theme.font("base", bold=True)).horizontalAdvance("Open study…")
    assert button.sizeHint().width() > words + 26 + 23


def test_the_focus_ring_is_for_the_keyboard_only(theme, qtbot):
    button = IconButton(theme, "eye", "Contours")
    qtbot.addWidget(button)
    with qtbot.waitExposed(button):
        button.show()
    button.activateWindow()
    button.setFocus(Qt.FocusReason.MouseFocusReason)
    assert _places(button.grab().toImage(), theme.color("cursor")) == []
    button.clearFocus()
    button.setFocus(Qt.FocusReason.TabFocusReason)
    assert len(_places(button.grab().toImage(), theme.color("cursor"))) > 40


def test_enter_presses_and_space_is_left_to_playing(theme, qtbot):
    button = PushButton(theme, "Generate")
    qtbot.addWidget(button)
    with qtbot.waitSignal(button.clicked):
        qtbot.keyClick(button, Qt.Key.Key_Return)


def test_icons_are_drawn_in_the_colour_that_is_asked_for():
    image = pixmap("eye", QColor("#ff8800"), 16, 2.0).toImage()
    inked = [c for x in range(32) for y in range(32) if (c := image.pixelColor(x, y)).alpha() > 250]
    assert len(inked) > 20
    assert all(_near(color, QColor("#ff8800")) for color in inked)


def test_a_row_marks_what_is_shown(theme):
    picture = QPixmap(36, 36)
    picture.fill(QColor("#204060"))
    row = ListRow(theme, "Generated cine", "30 phases", picture=picture, source=Source.GENERATED, chosen=True)
    row.resize(216, 46)
    image = row.grab().toImage()
    assert image.pixelColor(0, 20) == theme.color("accent")
    assert image.pixelColor(100, 2) == theme.color("raised")
    assert image.pixelColor(12 + 18, 23) == QColor("#204060")


def test_progress_is_as_long_as_it_is_far(theme):
    bar = ProgressBar(theme)
    bar.resize(200, 34)
    bar.set_progress(0.25, "Measuring")
    assert max(_places(bar.grab().toImage(), theme.color("accent"), 29)) == pytest.approx(49, abs=2)
    bar.set_progress(1.7, "Measuring")
    assert max(_places(bar.grab().toImage(), theme.color("accent"), 29)) == pytest.approx(199, abs=2)


def test_a_panel_has_its_header_and_asks_to_fill_the_window(theme, qtbot):
    panel = Panel("ECG", theme)
    qtbot.addWidget(panel)
    panel.resize(400, 200)
    panel.show()
    button = panel.add_maximise()
    assert panel.header.height() == 32
    assert panel.grab().toImage().pixelColor(200, 150) == theme.color("panel")
    with qtbot.waitSignal(panel.maximise_requested):
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(panel.maximise_requested):
        qtbot.mouseDClick(panel.header, Qt.MouseButton.LeftButton)
    theme.set_density("comfortable")
    assert panel.header.height() == 36

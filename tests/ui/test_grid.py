"""The grid: DESIGN section 4 to the pixel, its limits, its splitters."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QRect

from cof_viewer.ui.grid import PLACES, Lines, WindowGrid, compute
from cof_viewer.ui.widgets.panel import Panel


def test_1280_by_800_is_the_design():
    places = compute(1280, 710, Lines(), comfortable=False)  # 800 less bar 40, transport 48, two gaps
    assert places["rail"] == QRect(0, 0, 216, 710)
    assert places["slices"] == QRect(217, 0, 702, 511)
    assert places["heart"] == QRect(920, 0, 360, 220)
    assert places["ecg"] == QRect(217, 512, 702, 198)
    assert places["curve"] == QRect(920, 512, 360, 198)


def test_2560_by_1440_is_the_design():
    places = compute(2560, 1338, Lines(), comfortable=True)
    assert places["rail"].width() == 272
    assert places["slices"].size().toTuple() == (1486, 937)
    assert places["heart"].size().toTuple() == (800, 416)
    assert places["ecg"].height() == 400


@pytest.mark.parametrize("size", [(1024, 590), (1280, 710), (1600, 900), (1920, 978), (2560, 1338), (3440, 1338)])
def test_panels_never_overlap_and_leave_only_the_gaps(size):
    places = compute(*size, Lines(), comfortable=size[0] >= 1900)
    rects = [rect for rect in places.values() if not rect.isEmpty()]
    assert not any(a.intersects(b) for k, a in enumerate(rects) for b in rects[k + 1 :])
    assert all(QRect(0, 0, *size).contains(rect) for rect in rects)
    covered = sum(rect.width() * rect.height() for rect in rects)
    assert covered > 0.99 * size[0] * size[1]


def test_the_smallest_window_keeps_the_slices_readable():
    places = compute(1024, 590, Lines(), comfortable=False)
    assert places["slices"].width() >= 420
    assert places["slices"].height() >= 360
    assert places["heart"].height() >= 160
    assert places["heart"].width() >= 340


def test_a_collapsed_rail_gives_its_room_to_the_slices():
    places = compute(1280, 710, Lines(rail=0), comfortable=False)
    assert places["rail"].isEmpty()
    assert places["slices"].left() == 0
    assert places["slices"].width() == 919


def test_one_panel_can_fill_the_area():
    places = compute(1280, 710, Lines(filled="ecg"), comfortable=False)
    assert places["ecg"] == QRect(0, 0, 1280, 710)
    assert [place for place in PLACES if not places[place].isEmpty()] == ["ecg"]


def test_numbers_that_need_more_room_take_it_from_the_heart():
    usual = compute(1280, 710, Lines(), comfortable=False)
    more = compute(1280, 710, Lines(readouts_min=330), comfortable=False)
    assert more["readouts"].height() == 330
    assert more["heart"].height() == usual["heart"].height() - (330 - usual["readouts"].height())


def test_lines_can_be_dragged_and_restored(qtbot, theme):
    grid = WindowGrid(theme)
    qtbot.addWidget(grid)
    grid.resize(1280, 710)
    for place in PLACES:
        grid.put(place, Panel(place, theme))
    moves = []
    grid.moved.connect(lambda *widths: moves.append(widths))
    grid.drag("right", QPointF(800, 100))
    assert grid.panel("heart").width() == 480
    assert moves[-1] == (216, 480)
    grid.drag("left", QPointF(20, 100))
    assert grid.panel("rail").isHidden()
    grid.drag("lower", QPointF(500, 410))
    assert grid.panel("ecg").height() == 300
    for line in ("left", "right", "lower"):
        grid.restore(line)
    assert grid.panel("heart").width() == 360
    assert grid.panel("rail").width() == 216
    assert grid.panel("ecg").height() == 198

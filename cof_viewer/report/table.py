"""The table of numbers: line of origin, value, interval, per m², normal range in figures and as a strip."""

from __future__ import annotations

from cof_viewer.domain.function import Source
from cof_viewer.report import words
from cof_viewer.report.facts import NumberRow, ReportFacts, span
from cof_viewer.report.page import Page, fitted
from cof_viewer.report.style import (
    AMBER,
    BODY,
    DASHES,
    HAIRLINE,
    INK,
    LEFT,
    NORM,
    RED,
    RIGHT,
    RULE,
    SEMIBOLD,
    SMALL,
    TEXT2,
    TEXT3,
)

_PITCH = 14.0
_NAME, _VALUE, _UNIT, _INTERVAL, _PER_M2, _NORMAL, _ARROW = 54.0, 140.5, 145.0, 229.0, 283.5, 346.0, 356.0
_STRIP, _STRIP_WIDTH = 366.0, 112.0


def draw_table(page: Page, facts: ReportFacts, y: float) -> float:
    """Draw head, ten rows and the line of sources from y down; returns the lower edge."""
    sex = facts.study.patient.sex
    normal = f"Normal, {sex}" if sex else "Normal"
    heads = ((_VALUE, "Value"), (_INTERVAL, "90 % interval"), (_PER_M2, "per m²"), (_NORMAL, normal), (RIGHT, "Source"))
    for x, head in heads:
        page.text(x, y + 8, head, SMALL, color=TEXT2, align="right")
    y += 12.5
    reasons: set[str] = set()
    for row in facts.rows:
        page.line([(LEFT, y), (RIGHT, y)], RULE if row is facts.rows[0] else HAIRLINE, 0.6)
        _draw_row(page, row, y + 9.9, reasons)
        y += _PITCH
    return page.paragraph(LEFT, y + 8, RIGHT - LEFT, words.norm_sources(facts), SMALL, TEXT2, most=2) - SMALL


def draw_glyph(page: Page, x: float, y: float, source: Source, color: str = INK, width: float = 11.0) -> None:
    """A short line, solid, dashed or dotted: where a thing comes from."""
    page.line([(x, y), (x + width, y)], color, 1.1, DASHES[source])


def _draw_row(page: Page, row: NumberRow, y: float, reasons: set[str]) -> None:
    """One row with its baseline at y; a reason for withholding that was given before is not repeated."""
    first = row.metric == "ef_percent"
    page.text(_NAME, y, row.name, BODY + 1 if first else BODY, SEMIBOLD if first else "Inter")
    if row.withheld_by is not None:
        page.text(_VALUE, y, "withheld", BODY, SEMIBOLD, RED, "right")
        known = row.withheld_by.code in reasons
        reason = "for the same reason" if known else fitted(row.withheld_by.text, RIGHT - _UNIT - 8, SMALL)
        reasons.add(row.withheld_by.code)
        page.text(_UNIT + 8, y, reason, SMALL, color=RED)
        return
    if row.value is None:
        page.text(_VALUE, y, "not known", BODY, color=TEXT3, align="right")
        return
    size = BODY + 1 if first else BODY
    page.text(_VALUE, y, row.rounded(row.value), size, SEMIBOLD, align="right")
    page.text(_UNIT, y, row.unit, size, color=TEXT2)
    decimals = 1 if row.metric == "cardiac_output_l_min" else 0
    if row.interval is not None:
        page.text(_INTERVAL, y, span(*row.interval, decimals), size, align="right")
    if row.per_m2 is not None:
        page.text(_PER_M2, y, row.rounded(row.per_m2), BODY, color=TEXT2, align="right")
    if row.source is not None:
        draw_glyph(page, LEFT, y - 2.8, row.source)
        page.text(RIGHT, y, "ECG" if row.source is Source.ECG else str(row.source), BODY, color=TEXT2, align="right")
    if row.norm is not None:
        page.text(_NORMAL, y, span(row.norm.low, row.norm.high, decimals), size, color=TEXT2, align="right")
        if row.side:
            page.arrow(_ARROW, y - 2.8, row.side, AMBER)
        _draw_strip(page, row, y - 2.8)


def _draw_strip(page: Page, row: NumberRow, y: float) -> None:
    """Normal range as a bar, interval as a line in its source's dash, value as a dot, measured value as a tick."""
    assert row.norm is not None
    assert row.value is not None
    low, high = row.norm.low, row.norm.high
    shown = [row.value, *(row.interval or ()), *([row.measured] if row.measured is not None else [])]
    start = min(low - 0.6 * (high - low), *shown)
    end = max(high + 0.6 * (high - low), *shown)
    start, end = start - 0.03 * (end - start), end + 0.03 * (end - start)

    def place(value: float) -> float:
        return float(_STRIP + _STRIP_WIDTH * (value - start) / (end - start))

    page.line([(_STRIP, y), (_STRIP + _STRIP_WIDTH, y)], RULE, 0.6)
    page.box(place(low), y - 2.7, place(high) - place(low), 5.4, fill=NORM, radius=1)
    if row.interval is not None and row.source is not None:
        page.line([(place(row.interval[0]), y), (place(row.interval[1]), y)], INK, 1.3, DASHES[row.source])
    if row.measured is not None:
        page.line([(place(row.measured), y - 4), (place(row.measured), y + 4)], INK, 1.1)
    page.disc(place(row.value), y, 2.4, AMBER if row.side else INK)

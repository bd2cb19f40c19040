"""Measured beside generated: the numbers of both and how far their labels agree."""

from __future__ import annotations

from cof_viewer.domain.function import Agreement, Source
from cof_viewer.report.facts import MINUS, NumberRow, ReportFacts, rounded
from cof_viewer.report.page import Page
from cof_viewer.report.style import BODY, HAIRLINE, RED, RULE, SEMIBOLD, SMALL, TEXT2
from cof_viewer.report.table import draw_glyph

_PITCH = 11.8
_SHOWN = ("ef_percent", "edv_ml", "esv_ml", "sv_ml", "rv_ef_percent")


def draw_comparison(page: Page, facts: ReportFacts, box: tuple[float, float, float, float]) -> None:
    """Draw the small table into (left, top, right, bottom); only for generations of a study with a cine."""
    left, top, right, _ = box
    page.text(left, top + 6, "Measured beside generated", BODY, SEMIBOLD)
    columns = (right - 84, right - 40, right)
    y = top + 18
    for x, head in zip(columns, ("Measured", "Generated", "Difference"), strict=True):
        page.text(x, y, head, SMALL, color=TEXT2, align="right")
    draw_glyph(page, columns[0] - 48, y - 2.5, Source.MEASURED, width=9)
    for metric in _SHOWN:
        y += _PITCH
        page.line([(left, y - 8.4), (right, y - 8.4)], RULE if metric == _SHOWN[0] else HAIRLINE, 0.5)
        _draw_row(page, facts.row(metric), left, columns, y)
    text = dice_sentence(facts.result.agreement, facts.function.ed_phase, facts.function.es_phase)
    if text:
        page.line([(left, y + 3.4), (right, y + 3.4)], HAIRLINE, 0.5)
        page.paragraph(left, y + 12.6, right - left, text, SMALL, TEXT2, most=2)


def dice_sentence(agreement: Agreement | None, ed_phase: int | None, es_phase: int | None) -> str:
    """Dice at ED and ES in words; empty where there is no agreement."""
    if agreement is None or ed_phase is None or es_phase is None or es_phase >= len(agreement.lv_dice):
        return ""
    parts = [
        f"{name} {dice[ed_phase]:.2f} / {dice[es_phase]:.2f}"
        for name, dice in (("LV", agreement.lv_dice), ("Myo", agreement.myo_dice), ("RV", agreement.rv_dice))
    ]
    return "Dice at ED / ES: " + ", ".join(parts) + "."


def _draw_row(page: Page, row: NumberRow, left: float, columns: tuple[float, float, float], y: float) -> None:
    """Name, measured, generated, difference (EF in points)."""
    page.text(left, y, f"{row.name}, {row.unit}", SMALL)
    if row.measured is not None:
        page.text(columns[0], y, row.rounded(row.measured), SMALL, SEMIBOLD, align="right")
    if row.withheld_by is not None:
        page.text(columns[1], y, "withheld", SMALL, color=RED, align="right")
    elif row.value is not None:
        page.text(columns[1], y, row.rounded(row.value), SMALL, SEMIBOLD, align="right")
        if row.measured is not None:
            gap = row.value - row.measured
            text = rounded(abs(gap))
            sign = "" if text == "0" else ("+" if gap > 0 else MINUS)
            page.text(columns[2], y, sign + text, SMALL, color=TEXT2, align="right")

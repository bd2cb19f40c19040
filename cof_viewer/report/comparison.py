"""Measured beside generated: the numbers of both and how far their labels agree."""

from __future__ import annotations

from cof_viewer.domain.function import Agreement, Function
from cof_viewer.report.facts import MINUS, NumberRow, ReportFacts, rounded
from cof_viewer.report.page import Page
from cof_viewer.report.style import BODY, HAIRLINE, RED, RULE, SEMIBOLD, SMALL, TEXT2

_PITCH = 11.8
_SHOWN = ("ef_percent", "edv_ml", "esv_ml", "sv_ml", "rv_ef_percent")


def draw_comparison(page: Page, facts: ReportFacts, box: tuple[float, float, float, float]) -> None:
    """Draw the small table into (left, top, right, bottom); only for generations of a study with a cine."""
    left, top, right, _ = box
    page.text(left, top + 6, "Measured beside generated", BODY, SEMIBOLD)
    columns = (right - 92, right - 46, right)
    y = top + 18
    for x, head in zip(columns, ("Measured", "Generated", "Difference"), strict=True):
        page.text(x, y, head, SMALL, color=TEXT2, align="right")
    for metric in _SHOWN:
        y += _PITCH
        page.line([(left, y - 8.4), (right, y - 8.4)], RULE if metric == _SHOWN[0] else HAIRLINE, 0.5)
        _draw_row(page, facts.row(metric), left, columns, y)
    text = dice_sentence(
        facts.result.agreement, facts.function, facts.generated.anchor_phase if facts.generated else None
    )
    if text:
        page.line([(left, y + 3.4), (right, y + 3.4)], HAIRLINE, 0.5)
        page.paragraph(left, y + 12.6, right - left, text, SMALL, TEXT2, most=1)


def dice_sentence(agreement: Agreement | None, function: Function, anchor_phase: int | None) -> str:
    """Dice at ES in words (at ED for an anchor at ES: the anchor agrees with itself); empty without an agreement."""
    name, phase = ("ED", function.ed_phase) if anchor_phase == function.es_phase else ("ES", function.es_phase)
    if agreement is None or phase is None or phase >= len(agreement.lv_dice):
        return ""
    scores = (("LV", agreement.lv_dice), ("Myo", agreement.myo_dice), ("RV", agreement.rv_dice))
    return f"Dice at {name}: " + " · ".join(f"{part} {dice[phase]:.2f}" for part, dice in scores)


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

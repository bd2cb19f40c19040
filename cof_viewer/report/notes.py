"""Bottom of the page: conclusion, flags with their reasons, signature, provenance, and the research line."""

from __future__ import annotations

from collections.abc import Sequence

from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.report import words
from cof_viewer.report.facts import ReportFacts
from cof_viewer.report.page import Page, Run, wrapped
from cof_viewer.report.style import (
    AMBER,
    BODY,
    INK,
    LEADING,
    LEFT,
    RED,
    RIGHT,
    RULE,
    SEMIBOLD,
    SMALL,
    TEXT2,
    TEXT3,
)

_WIDTH = 252.0
_RIGHT_COLUMN = 306.5
_LINE = BODY * LEADING
_FLAG_LINE = SMALL * LEADING
_FLAG_GAP = 3.0

PROVENANCE_TOP = 779.0
FOOT = 800.0


def draw_notes(page: Page, facts: ReportFacts, y: float, bottom: float) -> bool:
    """Draw conclusion (left) and flags (right) between y and bottom, signature lines below.

    Returns:
        Whether anything did not fit, so that a second page must hold it whole.
    """
    title, text = _conclusion(facts)
    _heading(page, LEFT, y, _WIDTH, title)
    _heading(page, _RIGHT_COLUMN, y, RIGHT - _RIGHT_COLUMN, flags_title(facts.flags))
    room = int((bottom - y - 16) / _LINE) + 1
    cut = len(wrapped(text, _WIDTH, BODY)) > room
    page.paragraph(LEFT, y + 16, _WIDTH, text, BODY, most=room)
    left_over = draw_flags(page, facts.flags, _RIGHT_COLUMN, y + 16, RIGHT - _RIGHT_COLUMN, bottom)
    _signature(page, bottom + 13)
    return cut or left_over > 0


def draw_notes_page(page: Page, facts: ReportFacts) -> None:
    """The whole conclusion and all flags on a page of their own."""
    title, text = _conclusion(facts)
    page.text(LEFT, 41, "Cardiac function, continued", BODY + 2, SEMIBOLD)
    page.line([(LEFT, 49), (RIGHT, 49)], INK, 1.2)
    _heading(page, LEFT, 68, RIGHT - LEFT, title)
    y = page.paragraph(LEFT, 85, RIGHT - LEFT, text, BODY, most=24)
    _heading(page, LEFT, y + 12, RIGHT - LEFT, flags_title(facts.flags))
    draw_flags(page, facts.flags, LEFT, y + 29, RIGHT - LEFT, 785)


def flags_title(flags: Sequence[Flag]) -> str:
    """How many flags of which kind."""
    if not flags:
        return "Flags: none"
    names = {Severity.STOP: "stop", Severity.CAUTION: "caution", Severity.NOTE: "note"}
    parts = []
    for severity, name in names.items():
        count = sum(flag.severity is severity for flag in flags)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return f"Flags: {', '.join(parts)}"


def draw_flags(page: Page, flags: Sequence[Flag], x: float, y: float, width: float, bottom: float) -> int:
    """Draw flags with their signs from y down; returns how many found no room."""
    if not flags:
        page.text(x, y, "Nothing about the input or the result calls for caution.", SMALL, color=TEXT2)
        return 0
    for place, flag in enumerate(flags):
        lines = wrapped(flag.text, width - 15, SMALL)
        last = place == len(flags) - 1
        needed = (len(lines) - 1) * _FLAG_LINE + (0.0 if last else _FLAG_LINE + _FLAG_GAP)
        if y + needed > bottom + 2:
            count = len(flags) - place
            page.text(x + 15, y, f"and {count} more on the next page", SMALL, color=TEXT3)
            return count
        _sign(page, x + 4, y - 2.6, flag.severity)
        color = {Severity.STOP: RED, Severity.CAUTION: INK, Severity.NOTE: TEXT2}[flag.severity]
        y = page.paragraph(x + 15, y, width - 15, flag.text, SMALL, color) + _FLAG_GAP
    return 0


def draw_provenance(page: Page, facts: ReportFacts) -> None:
    """Technique, versions and checksums: what makes the result again."""
    runs: list[Run] = [("Provenance.", SEMIBOLD), (words.provenance(facts), "Inter")]
    page.paragraph(LEFT, PROVENANCE_TOP, RIGHT - LEFT, runs, SMALL, TEXT2, most=2)


def draw_foot(page: Page, facts: ReportFacts, number: int, pages: int) -> None:
    """The research line, who it is about, page n of m."""
    page.line([(LEFT, FOOT), (RIGHT, FOOT)], INK, 1.2)
    page.text(LEFT, FOOT + 13, words.RESEARCH_ONLY, BODY, SEMIBOLD)
    patient = facts.study.patient
    name = patient.name or patient.patient_id
    where = f"page {number} of {pages}"
    page.text(RIGHT, FOOT + 13, f"{name} · {where}" if name else where, BODY, color=TEXT2, align="right")


def _conclusion(facts: ReportFacts) -> tuple[str, str]:
    """The reader's own words, or the main numbers in words."""
    written = facts.conclusion.strip()
    return ("Conclusion", written) if written else ("Summary", words.summary(facts))


def _heading(page: Page, x: float, y: float, width: float, text: str) -> None:
    page.text(x, y, text, BODY, SEMIBOLD)
    page.line([(x, y + 5.5), (x + width, y + 5.5)], RULE, 0.5)


def _signature(page: Page, y: float) -> None:
    """Lines to sign on."""
    for x, width, label in ((LEFT, _WIDTH, "Read by"), (_RIGHT_COLUMN, RIGHT - _RIGHT_COLUMN, "Date, signature")):
        page.text(x, y - 2, label, SMALL, color=TEXT2)
        page.line([(x, y + 8), (x + width, y + 8)], RULE, 0.6)


def _sign(page: Page, x: float, y: float, severity: Severity) -> None:
    """Octagon for a stop, triangle for a caution, i in a circle for a note; shape tells them apart in grey."""
    if severity is Severity.STOP:
        near, far = 1.65, 4.0
        corners = [(near, far), (far, near), (far, -near), (near, -far), (-near, -far), (-far, -near), (-far, near)]
        page.line([(x + dx, y + dy) for dx, dy in [*corners, (-near, far)]], RED, 0.9, closed=True)
    elif severity is Severity.CAUTION:
        page.line([(x, y - 3.8), (x + 4.2, y + 3.4), (x - 4.2, y + 3.4)], AMBER, 0.9, closed=True)
    else:
        page.disc(x, y, 3.8, "#FFFFFF", TEXT2)
        page.line([(x, y - 0.6), (x, y + 2.0)], TEXT2, 0.8)
        page.disc(x, y - 2.0, 0.5, TEXT2)
        return
    color = RED if severity is Severity.STOP else AMBER
    page.line([(x, y - 1.8), (x, y + 0.8)], color, 0.8)
    page.disc(x, y + 2.0, 0.45, color)

"""The median beat on millimetre paper with its measures, in true millimetres on the printed page."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Beat, Intervals
from cof_viewer.report.facts import ReportFacts, rounded
from cof_viewer.report.page import Page, width_of
from cof_viewer.report.style import (
    BODY,
    CALIPER,
    MM,
    PAPER,
    PAPER_1MM,
    PAPER_5MM,
    SEMIBOLD,
    SMALL,
    TEXT2,
    TEXT3,
    TRACE,
)

_MEASURES_MM = 12.0
"""Room at the bottom of the paper for three caliper lines."""


def draw_ecg_cycle(page: Page, facts: ReportFacts, box: tuple[float, float, float, float]) -> None:
    """Draw title, paper, beat, calipers and the line of measures into (left, top, right, bottom)."""
    left, top, right, bottom = box
    beat = facts.beat
    if beat is None:
        page.text(left, top + 6, "ECG cycle", BODY, SEMIBOLD)
        page.text(left, top + 24, "No ECG belongs to this report.", SMALL, color=TEXT3)
        return
    lead = _lead(facts)
    trace = beat.median_mv[LEADS.index(lead)].astype(np.float64)
    times = beat.median_start_ms + np.arange(len(trace), dtype=np.float64) * (1000.0 / SAMPLING_HZ)
    paper = (left, top + 12, right, bottom - 12)
    speed, gain = _scale(times, trace, paper)
    page.text(left, top + 6, f"ECG cycle, lead {lead}", BODY, SEMIBOLD)
    scale = f"median beat, {rounded(speed)} mm/s, {rounded(gain)} mm/mV"
    page.text(right, top + 6, scale, SMALL, color=TEXT3, align="right")
    with page.clipped(paper[0], paper[1], paper[2] - paper[0], paper[3] - paper[1]):
        _draw_paper(page, paper)
        _draw_beat(page, beat, times, trace, paper, speed, gain)
    page.box(paper[0], paper[1], paper[2] - paper[0], paper[3] - paper[1], stroke=PAPER_5MM, line_width=0.5)
    page.text(left, bottom - 1, measures(beat), SMALL, color=TEXT2)


def measures(beat: Beat) -> str:
    """The measures in one line; what could not be measured is left out."""
    found = beat.intervals
    parts = [
        f"{name} {rounded(value)}"
        for name, value in (("PR", found.pr_ms), ("QRS", found.qrs_ms), ("QT", found.qt_ms))
        if value is not None
    ]
    if found.qtc_fridericia_ms is not None:
        parts.append(f"QTcF {rounded(found.qtc_fridericia_ms)}")
    if not parts:
        return f"RR {rounded(beat.rr_ms)} ms. No interval could be measured."
    parts[-1] += " ms"
    if found.axis_degrees is not None:
        parts.append(f"axis {rounded(found.axis_degrees)}°")
    return " · ".join(parts)


def _lead(facts: ReportFacts) -> str:
    """II, or the first lead that has a signal."""
    flat = facts.ecg.flat_leads if facts.ecg is not None else ()
    return next((lead for lead in ("II", *LEADS) if lead not in flat), "II")


def _scale(
    times: NDArray[np.float64], trace: NDArray[np.float64], paper: tuple[float, float, float, float]
) -> tuple[float, float]:
    """Paper speed (mm/s) and gain (mm/mV): the largest usual ones at which the beat fits."""
    width_mm, height_mm = (paper[2] - paper[0]) / MM, (paper[3] - paper[1]) / MM
    seconds = (times[-1] - times[0]) / 1000.0
    speed = next((s for s in (50.0, 25.0) if seconds * s <= width_mm - 2), 12.5)
    height = float(np.ptp(trace))
    room = height_mm - _MEASURES_MM - 4
    gain = next((g for g in (10.0, 5.0, 2.5) if height * g <= room), 1.0)
    return speed, gain


def _draw_paper(page: Page, paper: tuple[float, float, float, float]) -> None:
    """A grid of 1 mm and 5 mm."""
    left, top, right, bottom = paper
    page.box(left, top, right - left, bottom - top, fill=PAPER)
    for every, color, width in ((1, PAPER_1MM, 0.35), (5, PAPER_5MM, 0.5)):
        for step in range(0, int((right - left) / MM) + 1, every):
            page.line([(left + step * MM, top), (left + step * MM, bottom)], color, width)
        for step in range(0, int((bottom - top) / MM) + 1, every):
            page.line([(left, top + step * MM), (right, top + step * MM)], color, width)


def _draw_beat(
    page: Page,
    beat: Beat,
    times: NDArray[np.float64],
    trace: NDArray[np.float64],
    paper: tuple[float, float, float, float],
    speed: float,
    gain: float,
) -> None:
    """The trace in the upper part, the calipers below it."""
    left, top, right, bottom = paper
    start = (left + right) / 2 - (times[0] + times[-1]) / 2 * speed / 1000.0 * MM

    def x(time_ms: float) -> float:
        return float(start + time_ms * speed / 1000.0 * MM)

    middle = (float(trace.max()) + float(trace.min())) / 2
    centre = top + ((bottom - top) - _MEASURES_MM * MM) / 2 + 1.5 * MM
    points = [(x(t), centre - (v - middle) * gain * MM) for t, v in zip(times, trace, strict=True)]
    page.line(points, TRACE, 0.9)
    low = bottom - _MEASURES_MM * MM
    calipers = _calipers(beat.intervals)
    for row, (_, _, begin, end) in enumerate(calipers):
        y = low + (row + 0.6) * _MEASURES_MM / 3 * MM
        for edge in (begin, end):
            page.line([(x(edge), top + 4), (x(edge), y)], CALIPER, 0.4, (2.0, 2.0))
            page.line([(x(edge), y - 2.5), (x(edge), y + 2.5)], CALIPER, 0.9)
        page.line([(x(begin), y), (x(end), y)], CALIPER, 0.9)
    for row, (name, value, begin, end) in enumerate(calipers):
        y = low + (row + 0.6) * _MEASURES_MM / 3 * MM
        text = f"{name} {rounded(value)} ms"
        fits = x(end) + 5 + width_of(text, SMALL) < right - 2
        at = x(end) + 5 if fits else x(begin) - 5 - width_of(text, SMALL)
        page.box(at - 1.5, y - 4, width_of(text, SMALL) + 3, 8, fill=PAPER)
        page.text(at, y + 2.6, text, SMALL)


def _calipers(found: Intervals) -> list[tuple[str, float, float, float]]:
    """(name, ms, from, to) of the intervals that were measured, times after R."""
    spans = (
        ("PR", found.pr_ms, found.p_onset_at_ms, found.qrs_onset_at_ms),
        ("QRS", found.qrs_ms, found.qrs_onset_at_ms, found.qrs_end_at_ms),
        ("QT", found.qt_ms, found.qrs_onset_at_ms, found.t_end_at_ms),
    )
    return [
        (name, value, begin, end)
        for name, value, begin, end in spans
        if value is not None and begin is not None and end is not None
    ]

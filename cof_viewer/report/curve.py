"""Volume over the beat: generated dashed, measured solid, the 90 % band, ED and ES, and the ECG's waves below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.function import Function, Source
from cof_viewer.report.facts import ReportFacts, rounded
from cof_viewer.report.page import Page, width_of
from cof_viewer.report.style import (
    BAND,
    BODY,
    DASHES,
    ENDO_PLOT,
    HAIRLINE,
    RV_PLOT,
    SEMIBOLD,
    SMALL,
    TEXT2,
    TEXT3,
    TINY,
)


@dataclass(frozen=True)
class Frame:
    """The rectangle of a plot and the values at its borders."""

    left: float
    top: float
    right: float
    bottom: float
    low: float
    high: float
    span: float

    def x(self, value: float) -> float:
        """Place of a time (or of a percentage of RR)."""
        return self.left + (self.right - self.left) * value / self.span

    def y(self, value: float) -> float:
        """Place of a volume."""
        return self.bottom - (self.bottom - self.top) * (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Curve:
    """One closed curve: times (one more than phases, the beat being a circle) and values."""

    times: NDArray[np.float64]
    values: NDArray[np.float64]
    source: Source


def draw_lv_curve(page: Page, facts: ReportFacts, box: tuple[float, float, float, float]) -> None:
    """Draw the LV's volume into (left, top, right, bottom), title included."""
    _draw(page, facts, box, "LV", ENDO_PLOT)


def draw_rv_curve(page: Page, facts: ReportFacts, box: tuple[float, float, float, float]) -> None:
    """Draw the RV's volume likewise; a sentence where there is none."""
    _draw(page, facts, box, "RV", RV_PLOT)


def _draw(page: Page, facts: ReportFacts, box: tuple[float, float, float, float], side: str, color: str) -> None:
    left, top, right, bottom = box
    in_ml, values = _values(facts.function, side)
    unit = "mL" if in_ml else "% of the largest"
    hidden = facts.hides_curve if side == "LV" else "rv_ef_percent" in facts.result.withheld
    title = f"{side} volume over the beat" + (", shape only" if hidden else f", {unit}")
    page.text(left, top + 6, title, BODY, SEMIBOLD)
    if not values:
        page.text(left, top + 24, f"No {side} volume is known.", SMALL, color=TEXT3)
        return
    span = facts.rr_ms or 100.0
    curves = [_closed(values, facts.function, span, _curve_source(facts))]
    if facts.result.measured is not None and not hidden:
        same_unit, measured = _values(facts.result.measured, side)
        if measured and same_unit == in_ml:
            curves.append(_closed(measured, facts.result.measured, span, Source.MEASURED))
    band = facts.function.lv_band_ml if side == "LV" else facts.function.rv_band_ml
    if hidden or not in_ml:
        band = None
    frame, ticks = _frame((left + 20, top + 16, right - 2, bottom - 21), curves, band, span)
    _draw_grid(page, frame, ticks, hidden)
    _draw_waves(page, facts, frame)
    _draw_time_axis(page, facts, frame)
    if band is not None:
        _draw_band(page, frame, curves[0].times, band, color)
    for curve in reversed(curves):
        points = [(frame.x(t), frame.y(v)) for t, v in zip(curve.times, curve.values, strict=True)]
        page.line(points, color, 1.3 if curve is curves[0] else 1.0, DASHES[curve.source])
    _draw_marks(page, facts, frame, curves[0], color, "" if hidden else (" mL" if in_ml else " %"))


def _values(function: Function, side: str) -> tuple[bool, Sequence[float]]:
    """Whether the curve is in mL, and the curve (else in percent of its largest)."""
    known = function.lv_volume_ml if side == "LV" else function.rv_volume_ml
    if known:
        return True, known
    relative = function.lv_relative if side == "LV" else function.rv_relative
    return False, [100.0 * value for value in relative]


def _curve_source(facts: ReportFacts) -> Source:
    """Line of the curve on top."""
    if facts.generated is not None:
        return Source.GENERATED
    return Source.SIMULATED if facts.study.simulated else Source.MEASURED


def _closed(values: Sequence[float], function: Function, span: float, source: Source) -> Curve:
    """A curve whose last point repeats the first one a beat later; at equal fraction of RR."""
    fractions = np.arange(len(values)) / len(values)
    if function.phase_ms is not None and function.heart_rate_bpm is not None:
        fractions = np.asarray(function.phase_ms) * function.heart_rate_bpm / 60_000.0
    order = np.argsort(fractions, kind="stable")
    fractions, sizes = fractions[order], np.asarray(values, dtype=np.float64)[order]
    at_edge = float(np.interp(0.0, fractions, sizes, period=1.0))
    inside = (fractions > 1e-9) & (fractions < 1 - 1e-9)
    times = np.concatenate([[0.0], fractions[inside], [1.0]]) * span
    return Curve(times, np.concatenate([[at_edge], sizes[inside], [at_edge]]), source)


def _frame(
    box: tuple[float, float, float, float],
    curves: Sequence[Curve],
    band: Sequence[tuple[float, float]] | None,
    span: float,
) -> tuple[Frame, list[float]]:
    """Axes with round figures round all that is drawn."""
    everything = np.concatenate([curve.values for curve in curves] + [np.ravel(band if band is not None else [])])
    low, high = float(everything.min()), float(everything.max())
    step = nice_step(max(high - low, 1.0) / 3.0)
    first, last = math.floor(low / step) * step, math.ceil(high / step) * step
    if last - first < step:
        last = first + step
    ticks = [first + k * step for k in range(round((last - first) / step) + 1)]
    room = 0.13 * (last - first)  # for the labels of ED above and ES below
    return Frame(*box, low=min(first, low - room), high=max(last, high + room), span=span), ticks


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 4, 5, 10 x 10^n that is no smaller than `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1.0, 2.0, 4.0, 5.0, 10.0) if factor * power >= rough * (1 - 1e-9))


def _draw_grid(page: Page, frame: Frame, ticks: Sequence[float], hidden: bool) -> None:
    """Flat lines and their figures; no figures where a volume is withheld."""
    decimals = 0 if ticks[1] - ticks[0] >= 1 else 1
    for tick in ticks:
        page.line([(frame.left, frame.y(tick)), (frame.right, frame.y(tick))], HAIRLINE, 0.6)
        if not hidden:
            page.text(frame.left - 4, frame.y(tick) + 2.6, rounded(tick, decimals), SMALL, color=TEXT3, align="right")


def _draw_time_axis(page: Page, facts: ReportFacts, frame: Frame) -> None:
    """Figures of time in ms, or in percent of RR where time is unknown."""
    unit = "ms" if facts.rr_ms else "% RR"
    last = f"{rounded(frame.span)} {unit}"
    page.text(frame.right, frame.bottom + 20, last, SMALL, color=TEXT3, align="right")
    step = nice_step(frame.span / 4.5)
    room = frame.right - width_of(last, SMALL) - 6
    tick = 0.0
    while tick < frame.span:
        label = rounded(tick)
        half = width_of(label, SMALL) / 2
        if frame.x(tick) + half < room:
            page.text(
                max(frame.x(tick), frame.left + half), frame.bottom + 20, label, SMALL, color=TEXT3, align="centre"
            )
        tick += step


def _draw_waves(page: Page, facts: ReportFacts, frame: Frame) -> None:
    """Where QRS, ST-T and P lie in the beat, as bars below the curve; parts before R stand at the beat's end."""
    beat = facts.beat
    if beat is None or not facts.rr_ms:
        return
    marks = beat.intervals
    shift = facts.rr_ms / beat.rr_ms if facts.generated is None else 1.0
    hides_p = facts.hides_curve and beat.irregular
    waves = (
        ("QRS", marks.qrs_onset_at_ms, marks.qrs_end_at_ms),
        ("ST–T", marks.qrs_end_at_ms, marks.t_end_at_ms),
        *(() if hides_p else (("P", marks.p_onset_at_ms, marks.p_end_at_ms),)),
    )
    for name, start, end in waves:
        if start is None or end is None or end <= start:
            continue
        for turn in (0.0, 1.0):
            x0 = frame.x(min(max(start * shift + turn * facts.rr_ms, 0.0), frame.span))
            x1 = frame.x(min(max(end * shift + turn * facts.rr_ms, 0.0), frame.span))
            if x1 - x0 < 1.0:
                continue
            page.box(x0, frame.bottom + 3, x1 - x0, 8.4, fill=BAND, radius=1.5)
            if x1 - x0 > width_of(name, TINY) + 2:
                page.text((x0 + x1) / 2, frame.bottom + 9.5, name, TINY, color=TEXT2, align="centre")


def _draw_band(
    page: Page, frame: Frame, times: NDArray[np.float64], band: Sequence[tuple[float, float]], color: str
) -> None:
    """The calibrated 90 % band round the curve."""
    closed = [*band, band[0]]
    if len(closed) != len(times):
        return
    upper = [(frame.x(t), frame.y(high)) for t, (_, high) in zip(times, closed, strict=True)]
    lower = [(frame.x(t), frame.y(low)) for t, (low, _) in zip(times, closed, strict=True)]
    page.polygon([*upper, *reversed(lower)], color, 0.18)


def _draw_marks(page: Page, facts: ReportFacts, frame: Frame, curve: Curve, color: str, unit: str) -> None:
    """ED and ES: a filled dot where the picture was measured, a ring where it is generated."""
    function = facts.function
    for name, phase in (("ED", function.ed_phase), ("ES", function.es_phase)):
        if phase is None:
            continue
        fraction = phase / facts.cine.phases
        if function.phase_ms is not None and function.heart_rate_bpm is not None:
            fraction = function.phase_ms[phase] * function.heart_rate_bpm / 60_000.0
        time = (fraction % 1.0) * frame.span
        value = float(np.interp(time, curve.times, curve.values))
        x, y = frame.x(time), frame.y(value)
        measured = facts.source_at(phase) is Source.MEASURED
        page.disc(x, y, 2.6, color if measured else "#FFFFFF", color)
        text = f"{name} {rounded(value)}{unit}" if unit else name
        _label(page, frame, x, y, text, above=name == "ED")


def _label(page: Page, frame: Frame, x: float, y: float, text: str, *, above: bool) -> None:
    """A label beside a mark, kept inside the frame."""
    width = width_of(text, SMALL)
    if above:
        at = x + 6 if x + 8 + width < frame.right else x - 6 - width
        page.text(at, max(y - 4.5, frame.top - 2), text, SMALL)
    else:
        at = min(max(x - width / 2, frame.left), frame.right - width)
        page.text(at, min(y + 11, frame.bottom - 1), text, SMALL)

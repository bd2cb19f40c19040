"""What the volume curve shows: read from the session's numbers, without drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cof_viewer.app.session import Session
from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.function import Function, Source
from cof_viewer.ui.render.plot_axes import slope

CurveKind = Literal["lv", "rv", "rate"]


@dataclass(frozen=True)
class Curve:
    """One line over one beat.

    Attributes:
        xs: times after the R peak in ms, or shares of the beat.
        ys: mL, % of the largest, or mL/s.
        source: sets the line's style.
        period: length of this curve's own beat on the x axis.
        band: (low, high) at each x, None without a calibrated interval.
        ed: index of end-diastole, None where it is not marked.
        es: index of end-systole.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    source: Source
    period: float
    band: tuple[tuple[float, float], ...] | None = None
    ed: int | None = None
    es: int | None = None


@dataclass(frozen=True)
class Wave:
    """A wave of the ECG along the time axis, in ms after the R peak."""

    name: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True)
class CurvesShown:
    """Everything that one plot shows.

    Attributes:
        curves: the shown cine's first, the measured one beside it second.
        kind: which quantity.
        unit: of the y axis.
        period: length of the shown beat; the x axis is as long as the longest.
        in_ms: whether x is in ms; else in % of the beat.
        withheld: a stop withholds volumes: then no figures are drawn.
        waves: of the ECG.
        members: LV volumes of each member of a generation at the main curve's times.
    """

    curves: tuple[Curve, ...] = ()
    kind: CurveKind = "lv"
    unit: str = "mL"
    period: float = 1.0
    in_ms: bool = True
    withheld: bool = False
    waves: tuple[Wave, ...] = ()
    members: tuple[tuple[float, ...], ...] = ()

    @property
    def x_end(self) -> float:
        """Length of the x axis."""
        return max([self.period, *(curve.period for curve in self.curves)])

    @property
    def main(self) -> Curve | None:
        """The curve of what is shown."""
        return self.curves[0] if self.curves else None

    def with_waves(self, waves: tuple[Wave, ...]) -> CurvesShown:
        """The same with the ECG's waves; none while volumes are withheld, when there is no beat to read."""
        return self if self.withheld else replace(self, waves=waves)


def curves_of(session: Session, kind: CurveKind) -> CurvesShown:
    """Read the curves of the session; empty before anything is measured or generated."""
    numbers, function = session.numbers, session.function
    if numbers is None or function is None:
        return CurvesShown(kind=kind)
    beside = session.result.measurement.result.function if session.result.measurement else numbers.measured
    period, in_ms = _period(session, function)
    functions = [(function, session.source, period)]
    if session.result.shown == "generated" and beside is not None:
        cine = session.measured_cine
        own = cine.rr_ms if in_ms and cine is not None and beside.phase_ms else None
        functions.append((beside, _measured_source(session), own or period))
    in_ml = all(_volumes(f, kind) is not None for f, _, _ in functions)
    curves = [_curve(f, source, kind, in_ml, length, in_ms) for f, source, length in functions]
    withheld = session.result.shown == "generated" and bool(numbers.withheld)
    unit = "mL" if in_ml else "%"
    if kind == "rate":
        unit = ("mL/s" if in_ml else "%/s") if in_ms else f"{unit}/beat"
    return CurvesShown(
        tuple(curve for curve in curves if curve is not None),
        kind,
        "no scale" if withheld else unit,
        period,
        in_ms,
        withheld,
        members=_members(session) if kind == "lv" and in_ml else (),
    )


def waves_of(beat: Beat, period_ms: float) -> tuple[Wave, ...]:
    """P, QRS and T of the median beat laid on a beat of some length that begins at R.

    The start of T has no sharp edge and is not measured: the wave is drawn as far before its peak as after it.
    """
    found, waves = beat.intervals, []
    if found.qrs_onset_at_ms is not None and found.qrs_end_at_ms is not None:
        waves.append(Wave("QRS", 0.0, found.qrs_end_at_ms))
        waves.append(Wave("", period_ms + found.qrs_onset_at_ms, period_ms))
    if found.t_peak_at_ms is not None and found.t_end_at_ms is not None:
        waves.append(Wave("T", 2 * found.t_peak_at_ms - found.t_end_at_ms, found.t_end_at_ms))
    if found.p_onset_at_ms is not None and found.p_end_at_ms is not None and not beat.irregular:
        waves.append(Wave("P", period_ms + found.p_onset_at_ms, period_ms + found.p_end_at_ms))
    inside = [Wave(w.name, max(w.start_ms, 0.0), min(w.end_ms, period_ms)) for w in waves]
    return tuple(w for w in inside if w.end_ms > w.start_ms)


def _members(session: Session) -> tuple[tuple[float, ...], ...]:
    """Curves of the single members, where there is more than one."""
    generation = session.result.generation
    if session.result.shown != "generated" or generation is None or len(generation.member_lv_ml) < 2:
        return ()
    return tuple(tuple(member) for member in generation.member_lv_ml.tolist())


def _measured_source(session: Session) -> Source:
    study = session.case.study
    return Source.SIMULATED if study is not None and study.simulated else Source.MEASURED


def _period(session: Session, function: Function) -> tuple[float, bool]:
    """Length of the beat in ms where times are known, else 1 (a share of the beat)."""
    times = function.phase_ms
    beat = session.case.beat
    rr = session.rr_ms or (beat.rr_ms if beat is not None and session.source is Source.GENERATED else None)
    if not times or not rr:
        return 1.0, False
    return max(rr, times[-1]), True


def _volumes(function: Function, kind: CurveKind) -> tuple[float, ...] | None:
    return function.rv_volume_ml if kind == "rv" else function.lv_volume_ml


def _curve(
    function: Function, source: Source, kind: CurveKind, in_ml: bool, period: float, in_ms: bool
) -> Curve | None:
    """One curve in the plot's units; None where the function does not hold it."""
    relative = function.rv_relative if kind == "rv" else function.lv_relative
    volumes = _volumes(function, kind) if in_ml else tuple(100.0 * share for share in relative)
    if not volumes:
        return None
    xs = _places(function, len(volumes), period, in_ms)
    if kind == "rate":
        per_second = 1000.0 if in_ms else 1.0
        return Curve(xs, tuple(per_second * rate for rate in slope(xs, volumes, period)), source, period)
    band = (function.rv_band_ml if kind == "rv" else function.lv_band_ml) if in_ml else None
    return Curve(xs, tuple(volumes), source, period, band, function.ed_phase, function.es_phase)


def _places(function: Function, count: int, period: float, in_ms: bool) -> tuple[float, ...]:
    """Times where known, else evenly over the beat."""
    times: Sequence[float] | None = function.phase_ms
    if in_ms and times and len(times) == count and times[-1] <= period:
        return tuple(times)
    return tuple(period * k / count for k in range(count))

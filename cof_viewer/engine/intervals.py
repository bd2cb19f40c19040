"""90 % intervals of the numbers, by conformal calibration on patients that nothing was learned from.

The calibration is three half-widths found where the truth is known (`learning.calibrate`): of the generated EF on the
scale of its logit, so that an interval can't leave 0 to 100 % and is narrower near its ends; of the segmenter's EDV
and ESV as a share; of the segmenter's EF in points. Everything else follows from these.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cof_viewer.domain.function import Function, Source

_LIMITS = (0.02, 0.93)


@dataclass(frozen=True)
class GeneratedCalibration:
    """How far generated numbers lie from the truth.

    Attributes:
        ef_logit: half-width of the 90 % interval of logit(EF).
        edv_share: half-width of the anchor's EDV, as a share of it.
        patients: how many it was calibrated on.
    """

    ef_logit: float
    edv_share: float
    patients: int


@dataclass(frozen=True)
class MeasuredCalibration:
    """How far the segmenter's numbers lie from the experts'.

    Attributes:
        edv_share: half-width of EDV as a share of it.
        esv_share: half-width of ESV likewise.
        ef_points: half-width of EF in points.
        patients: how many it was calibrated on.
    """

    edv_share: float
    esv_share: float
    ef_points: float
    patients: int


def read_generated(about: Mapping[str, Any], *, simulated: bool) -> GeneratedCalibration | None:
    """The calibration kept beside the generator's weights; None before calibration."""
    found = about.get("calibration", {}).get("simulated" if simulated else "real")
    return GeneratedCalibration(**found) if found else None


def read_measured(about: Mapping[str, Any]) -> MeasuredCalibration | None:
    """The calibration kept beside the segmenter's weights; None before calibration."""
    found = about.get("calibration")
    return MeasuredCalibration(**found) if found else None


def with_generated_intervals(function: Function, calibration: GeneratedCalibration | None) -> Function:
    """The same numbers with intervals, and a band round the LV curve; unchanged before calibration.

    ESV and SV vary with EF at the anchor's EDV, whose own error is added in quadrature as a share.
    """
    if calibration is None or function.ef_percent is None:
        return function
    low, high = _ef_range(function.ef_percent / 100.0, calibration.ef_logit)
    intervals = {"ef_percent": (100 * low, 100 * high)}
    edv = function.edv_ml
    band = None
    if edv is not None and function.esv_ml is not None and function.sv_ml is not None:
        share = calibration.edv_share
        measured_edv = function.source.get("edv_ml") is Source.MEASURED
        intervals["edv_ml"] = (edv * (1 - share), edv * (1 + share))
        intervals["esv_ml"] = _widened(function.esv_ml, edv * (1 - high), edv * (1 - low), share)
        intervals["sv_ml"] = _widened(function.sv_ml, edv * low, edv * high, share)
        if function.cardiac_output_l_min is not None and function.heart_rate_bpm is not None:
            rate = function.heart_rate_bpm / 1000.0
            intervals["cardiac_output_l_min"] = (intervals["sv_ml"][0] * rate, intervals["sv_ml"][1] * rate)
        band = _band(function, low, high, share if measured_edv else 0.0)
    return replace(function, interval90={**function.interval90, **intervals}, lv_band_ml=band)


def with_measured_intervals(function: Function, calibration: MeasuredCalibration | None) -> Function:
    """The measured numbers with the segmenter's own error; unchanged before calibration."""
    if calibration is None:
        return function
    intervals: dict[str, tuple[float, float]] = {}
    if function.ef_percent is not None:
        points = calibration.ef_points
        intervals["ef_percent"] = (max(0.0, function.ef_percent - points), min(100.0, function.ef_percent + points))
    for name, share in (("edv_ml", calibration.edv_share), ("esv_ml", calibration.esv_share)):
        value = getattr(function, name)
        if value is not None:
            intervals[name] = (value * (1 - share), value * (1 + share))
    return replace(function, interval90={**function.interval90, **intervals})


def _ef_range(ef: float, half_width: float) -> tuple[float, float]:
    """EF either side on the logit scale."""
    held = min(max(ef, _LIMITS[0]), _LIMITS[1])
    middle = math.log(held / (1 - held))
    return _sigmoid(middle - half_width), _sigmoid(middle + half_width)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))


def _widened(value: float, low: float, high: float, share: float) -> tuple[float, float]:
    """An interval round a value, each side widened in quadrature by a share of the value."""
    return (
        max(0.0, value - math.hypot(value - low, share * value)),
        value + math.hypot(high - value, share * value),
    )


def _band(function: Function, low: float, high: float, share: float) -> tuple[tuple[float, float], ...] | None:
    """(low, high) mL per phase: the curve with its emptying scaled to either end of the EF interval."""
    curve, edv, sv = function.lv_volume_ml, function.edv_ml, function.sv_ml
    if curve is None or not edv or not sv:
        return None
    rows = []
    for volume in curve:
        emptied = (edv - volume) / sv
        rows.append(_widened(volume, edv * (1 - emptied * high), edv * (1 - emptied * low), share))
    return tuple(rows)

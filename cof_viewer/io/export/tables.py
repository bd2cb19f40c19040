"""The numbers of a result as `function.json` and the curves as `volume_curve.csv`: unrounded, null where not known."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cof_viewer.domain.flag import worst_first
from cof_viewer.domain.function import METRICS, Function, Provenance, Result
from cof_viewer.io.export.atomic import atomic_file

CSV_COLUMNS: tuple[str, ...] = (
    "phase",
    "time_ms",
    "lv_ml",
    "lv_lo_ml",
    "lv_hi_ml",
    "rv_ml",
    "rv_lo_ml",
    "rv_hi_ml",
    "measured_lv_ml",
    "measured_rv_ml",
)

METRICS_AS_WRITTEN: tuple[str, ...] = (
    "edv_ml",
    "esv_ml",
    "sv_ml",
    "ef_percent",
    "cardiac_output_l_min",
    "heart_rate_bpm",
    "lv_mass_g",
    "rv_edv_ml",
    "rv_esv_ml",
    "rv_ef_percent",
)
"""The single numbers in the order in which `function.json` has them."""


def function_json(result: Result) -> dict[str, Any]:
    """Everything but the pictures, as plain values for JSON.

    Args:
        result: of a generation (generated numbers on top, measured ones below) or of a measurement.

    Returns:
        A dictionary of numbers, strings, lists and None; never NaN.
    """
    measured = result.measured
    agreement = result.agreement
    return {
        **_numbers(result.function),
        "measured": _numbers(measured) if measured is not None else None,
        "source": {name: str(source) for name, source in _in_order(result.function.source)},
        "agreement": None
        if agreement is None
        else {
            "lv_dice": _floats(agreement.lv_dice),
            "myo_dice": _floats(agreement.myo_dice),
            "rv_dice": _floats(agreement.rv_dice),
        },
        "convention": result.function.convention,
        "flags": [
            {"code": flag.code, "severity": str(flag.severity), "text": flag.text} for flag in worst_first(result.flags)
        ],
        "withheld": list(result.withheld),
        "provenance": _provenance(result.provenance),
    }


def write_function_json(path: Path, result: Result) -> None:
    """Write `function_json` as UTF-8 with a line for each value.

    Raises:
        UserError: when the file can't be written.
    """
    text = json.dumps(function_json(result), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    with atomic_file(path) as file:
        file.write(text.encode("utf-8"))


def write_volume_curve_csv(path: Path, result: Result) -> None:
    """Write a row for every phase, columns as in `CSV_COLUMNS`; an empty field is not known.

    The measured curve of a generation is read at the same fraction of RR (linear between its phases, periodic).

    Raises:
        UserError: when the file can't be written.
    """
    lines = [",".join(CSV_COLUMNS)]
    lines += [",".join(_field(value) for value in row) for row in _rows(result)]
    with atomic_file(path) as file:
        file.write(("\n".join(lines) + "\n").encode("ascii"))


def at_fractions(function: Function, curve: Sequence[float], fractions: Sequence[float]) -> list[float]:
    """Values of a function's curve at fractions of RR, linear between phases, the beat being a circle.

    Args:
        function: gives the times of the phases and RR; without them phases are evenly spaced from the R peak.
        curve: a value for each of its phases.
        fractions: of RR, 0 to 1.
    """
    places = np.arange(len(curve)) / len(curve)
    if function.phase_ms is not None and function.heart_rate_bpm is not None:
        places = np.asarray(function.phase_ms) * function.heart_rate_bpm / 60_000.0
    values = np.interp(np.asarray(fractions), places, np.asarray(curve), period=1.0)
    return [float(value) for value in values]


def _rows(result: Result) -> Iterable[tuple[float | int | None, ...]]:
    """The table, a tuple for every phase."""
    function = result.function
    phases = len(function.lv_relative)
    fractions = [phase / phases for phase in range(phases)]
    unknown: list[float | None] = [None] * phases
    times = function.phase_ms or unknown
    lv, rv = function.lv_volume_ml or unknown, function.rv_volume_ml or unknown
    lv_band = function.lv_band_ml or [(None, None)] * phases
    rv_band = function.rv_band_ml or [(None, None)] * phases
    measured_lv: Sequence[float | None] = unknown
    measured_rv: Sequence[float | None] = unknown
    if result.measured is not None:
        measured = result.measured
        measured_lv = _measured(measured, measured.lv_volume_ml, fractions)
        measured_rv = _measured(measured, measured.rv_volume_ml, fractions)
    for k in range(phases):
        yield (k, times[k], lv[k], *lv_band[k], rv[k], *rv_band[k], measured_lv[k], measured_rv[k])


def _measured(measured: Function, curve: tuple[float, ...] | None, fractions: list[float]) -> Sequence[float | None]:
    """A measured curve at the generated phases; as it is where both have the same phases."""
    if curve is None:
        return [None] * len(fractions)
    if measured.phase_ms is None and len(curve) == len(fractions):
        return list(curve)
    return list(at_fractions(measured, curve, fractions))


def _numbers(function: Function) -> dict[str, Any]:
    """Single numbers, phases, curves and intervals of one function."""
    intervals = {name: _floats(function.interval90[name]) for name in METRICS if name in function.interval90}
    return {
        **{name: _float(getattr(function, name)) for name in METRICS_AS_WRITTEN},
        "ed_phase": function.ed_phase,
        "es_phase": function.es_phase,
        "phase_ms": _floats(function.phase_ms),
        "lv_volume_ml": _floats(function.lv_volume_ml),
        "rv_volume_ml": _floats(function.rv_volume_ml),
        "interval90": intervals or None,
    }


def _provenance(provenance: Provenance) -> dict[str, Any]:
    """What made the result; inputs by checksum."""
    return {
        "engine_version": provenance.engine_version,
        "weights_sha256": dict(sorted(provenance.weights_sha256.items())),
        "seed": provenance.seed,
        "members": provenance.members,
        "steps": provenance.steps,
        "device": provenance.device,
        "anchor": provenance.anchor,
        "ecg": provenance.ecg,
    }


def _in_order(source: dict[str, Any]) -> list[tuple[str, Any]]:
    """Metrics in the order of `METRICS`, anything else after them."""
    rank = {name: place for place, name in enumerate(METRICS)}
    return sorted(source.items(), key=lambda item: (rank.get(item[0], len(rank)), item[0]))


def _float(value: float | None) -> float | None:
    """A finite number, or None."""
    return float(value) if value is not None and math.isfinite(value) else None


def _floats(values: Iterable[float] | None) -> list[float | None] | None:
    """A list of finite numbers with None for others; None where there is no list."""
    return [_float(value) for value in values] if values is not None else None


def _field(value: float | int | None) -> str:
    """A CSV field: shortest text that reads back to the same number, empty where not known."""
    if value is None or not math.isfinite(value):
        return ""
    return str(value) if isinstance(value, int) else repr(float(value))

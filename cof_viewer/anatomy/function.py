"""The numbers of a beat, from its labels or from its volume curves.

ED is the phase of the largest, ES of the smallest LV volume, one pair for the whole heart, the earlier phase on a
tie, read from the unsmoothed curve that is shown (COF section 1). RV numbers are taken at the same two phases.
What needs millimetres is unknown without spacing, what needs milliseconds is unknown without time; EF needs neither.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cof_viewer.domain.function import METRICS, MYOCARDIUM_DENSITY_G_PER_ML, Function, Source
from cof_viewer.domain.image import Label, LabelCine

_AT_ED = ("edv_ml", "rv_edv_ml", "lv_mass_g")
_AT_ES = ("esv_ml", "rv_esv_ml")


def function_from_labels(
    labels: LabelCine,
    *,
    phase_ms: Sequence[float] | None = None,
    rr_ms: float | None = None,
    source: Source = Source.MEASURED,
    ed_phase: int | None = None,
    anchor_phase: int | None = None,
) -> Function:
    """Volumes and function of a labelled beat; soft volumes where the labels have them.

    Args:
        labels: labels of every phase.
        phase_ms: time of each phase after the R peak; None where not known.
        rr_ms: length of the beat; None where not known.
        source: where the labels come from.
        ed_phase: forces ED, for an anchor that was given or found as ED.
        anchor_phase: the phase whose labels were measured although `source` is generated; numbers that are read
            at this phase alone are marked as measured.

    Returns:
        The function; `interval90` and the bands stay empty, they come from calibration.
    """
    return function_from_curves(
        labels.voxels(Label.LV),
        labels.voxels(Label.RV),
        labels.voxels(Label.MYO),
        voxel_ml=labels.grid.voxel_volume_ml if labels.grid.spacing_known else None,
        phase_ms=phase_ms,
        rr_ms=rr_ms,
        source=source,
        ed_phase=ed_phase,
        anchor_phase=anchor_phase,
    )


def function_from_curves(
    lv: ArrayLike,
    rv: ArrayLike | None = None,
    myo: ArrayLike | None = None,
    *,
    voxel_ml: float | None = 1.0,
    phase_ms: Sequence[float] | None = None,
    rr_ms: float | None = None,
    source: Source = Source.MEASURED,
    ed_phase: int | None = None,
    anchor_phase: int | None = None,
) -> Function:
    """Function of a beat from the size of its parts at every phase.

    Args:
        lv: [t] size of the LV cavity, in units of `voxel_ml`.
        rv: [t] the same of the RV cavity; None or all zero where there is no RV.
        myo: [t] the same of the LV wall; None where not known.
        voxel_ml: mL of one unit (1 for curves in mL); None where spacing is unknown.
        phase_ms: as in `function_from_labels`, and so are the arguments after it.
        rr_ms: see there.
        source: see there.
        ed_phase: see there.
        anchor_phase: see there.

    Returns:
        The function, without intervals.

    Raises:
        ValueError: when the curve is empty or `ed_phase` is not one of its phases.
    """
    lv_units = np.asarray(lv, dtype=np.float64)
    if lv_units.ndim != 1 or not len(lv_units):
        raise ValueError(f"the LV curve must be [t], is {lv_units.shape}")
    if ed_phase is not None and not 0 <= ed_phase < len(lv_units):
        raise ValueError(f"ED phase {ed_phase} is not one of {len(lv_units)} phases")
    rr = rr_ms if rr_ms is not None and math.isfinite(rr_ms) and rr_ms > 0 else None
    function = Function(
        heart_rate_bpm=60_000.0 / rr if rr else None,
        phase_ms=tuple(float(t) for t in phase_ms) if phase_ms is not None else None,
    )
    function = _with_left(function, lv_units, voxel_ml, ed_phase)
    function = _with_right(function, rv, voxel_ml)
    function = _with_mass(function, myo, voxel_ml)
    if function.sv_ml is not None and function.heart_rate_bpm is not None:
        function = replace(function, cardiac_output_l_min=function.sv_ml * function.heart_rate_bpm / 1000.0)
    return replace(function, source=sources(function, source, anchor_phase))


def sources(function: Function, source: Source, anchor_phase: int | None = None) -> dict[str, Source]:
    """Where each known number comes from.

    Args:
        function: numbers with their ED and ES phases.
        source: of the labels as a whole.
        anchor_phase: the measured phase of a generated beat: its volumes (and at ED the mass) were measured.

    Returns:
        metric -> source, for the metrics that are known. The rate of a generated beat is the ECG's.
    """
    origin = dict.fromkeys((name for name in METRICS if getattr(function, name) is not None), source)
    if source is not Source.GENERATED:
        return origin
    measured: tuple[str, ...] = ()
    if anchor_phase is not None:
        measured += _AT_ED if anchor_phase == function.ed_phase else ()
        measured += _AT_ES if anchor_phase == function.es_phase else ()
    origin.update({name: Source.MEASURED for name in measured if name in origin})
    if "heart_rate_bpm" in origin:
        origin["heart_rate_bpm"] = Source.ECG
    return origin


def _with_left(
    function: Function, lv_units: NDArray[np.float64], voxel_ml: float | None, ed_phase: int | None
) -> Function:
    """Add curve, ED, ES and the LV's numbers; nothing where the LV is empty all over the beat."""
    largest = float(lv_units.max())
    if not largest > 0:
        return replace(function, lv_relative=(0.0,) * len(lv_units))
    ed = int(np.argmax(lv_units)) if ed_phase is None else ed_phase
    known = _milliliters(lv_units, voxel_ml)
    function = replace(
        function,
        ed_phase=ed,
        lv_volume_ml=known,
        lv_relative=tuple((lv_units / largest).tolist()),
        edv_ml=known[ed] if known else None,
    )
    if len(lv_units) < 2:
        return function
    es = int(np.argmin(lv_units))
    return replace(
        function,
        es_phase=es,
        esv_ml=known[es] if known else None,
        sv_ml=known[ed] - known[es] if known else None,
        ef_percent=_ejection_fraction(lv_units, ed, es),
    )


def _with_right(function: Function, rv: ArrayLike | None, voxel_ml: float | None) -> Function:
    """Add the RV's curve and numbers at the LV's phases; nothing where there is no RV."""
    rv_units = np.asarray(rv if rv is not None else (), dtype=np.float64)
    if not rv_units.any():
        return function
    known = _milliliters(rv_units, voxel_ml)
    relative = tuple((rv_units / rv_units.max()).tolist())
    function = replace(function, rv_volume_ml=known, rv_relative=relative)
    ed, es = function.ed_phase, function.es_phase
    if ed is not None:
        function = replace(function, rv_edv_ml=known[ed] if known else None)
    if ed is not None and es is not None:
        esv = known[es] if known else None
        function = replace(function, rv_esv_ml=esv, rv_ef_percent=_ejection_fraction(rv_units, ed, es))
    return function


def _with_mass(function: Function, myo: ArrayLike | None, voxel_ml: float | None) -> Function:
    """Add the LV mass: 1.05 g/mL x the wall's volume at ED."""
    if myo is None or voxel_ml is None or function.ed_phase is None:
        return function
    wall_ml = float(np.asarray(myo, dtype=np.float64)[function.ed_phase]) * voxel_ml
    return replace(function, lv_mass_g=MYOCARDIUM_DENSITY_G_PER_ML * wall_ml) if wall_ml > 0 else function


def _milliliters(units: NDArray[np.float64], voxel_ml: float | None) -> tuple[float, ...] | None:
    """The curve in mL, None where the size of a voxel is unknown."""
    return tuple((units * voxel_ml).tolist()) if voxel_ml is not None else None


def _ejection_fraction(units: NDArray[np.float64], ed: int, es: int) -> float | None:
    """100 (EDV - ESV) / EDV in percent; None for an empty cavity at ED."""
    return float(100.0 * (units[ed] - units[es]) / units[ed]) if units[ed] > 0 else None

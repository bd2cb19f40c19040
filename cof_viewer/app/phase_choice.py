"""ED and ES chosen by the reader: numbers of a measured cine follow, a generated beat's ES is told from its ED."""

from __future__ import annotations

from dataclasses import replace

from cof_viewer.domain.flag import Flag, Severity, worst_first
from cof_viewer.domain.function import MYOCARDIUM_DENSITY_G_PER_ML, Function
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import Label, LabelCine


def with_chosen_phases(measurement: Measurement, ed_phase: int | None, es_phase: int | None) -> Measurement:
    """The measurement with its numbers read at other phases, and a note that says so.

    Args:
        measurement: as the engine made it.
        ed_phase: 0-based, None leaves the phase of the largest volume.
        es_phase: 0-based, None leaves the phase of the smallest volume.
    """
    function = measurement.result.function
    ed = function.ed_phase if ed_phase is None else ed_phase
    es = function.es_phase if es_phase is None else es_phase
    if ed is None or es is None or (ed, es) == (function.ed_phase, function.es_phase):
        return measurement
    note = Flag("phases-chosen", Severity.NOTE, f"The reader chose ED and ES: phases {ed + 1} and {es + 1}.")
    result = replace(
        measurement.result,
        function=_read_at(function, measurement.labels, ed, es),
        flags=worst_first((*measurement.result.flags, note)),
    )
    return replace(measurement, result=result)


def after_end_diastole(generation: Generation, moment_ms: float) -> float | None:
    """Time of a moment of a generated beat after its ED, in whole ms; None where its times are unknown.

    Args:
        generation: its first phase is the R peak, its ED may be another.
        moment_ms: after the R peak.
    """
    cine, ed = generation.cine, generation.result.function.ed_phase
    if cine.phase_ms is None or not cine.rr_ms or ed is None:
        return None
    return float(round((moment_ms - cine.phase_ms[ed]) % cine.rr_ms))


def _read_at(function: Function, labels: LabelCine, ed: int, es: int) -> Function:
    edv, esv, sv = _volumes(function.lv_volume_ml, ed, es)
    rv_edv, rv_esv, _ = _volumes(function.rv_volume_ml, ed, es)
    rate = function.heart_rate_bpm
    mass = float(labels.voxels(Label.MYO)[ed]) * labels.grid.voxel_volume_ml * MYOCARDIUM_DENSITY_G_PER_ML
    return replace(
        function,
        ed_phase=ed,
        es_phase=es,
        edv_ml=edv,
        esv_ml=esv,
        sv_ml=sv,
        ef_percent=_ejection_percent(function.lv_relative, ed, es),
        cardiac_output_l_min=sv * rate / 1000.0 if sv is not None and rate is not None else None,
        lv_mass_g=mass if function.lv_mass_g is not None else None,
        rv_edv_ml=rv_edv,
        rv_esv_ml=rv_esv,
        rv_ef_percent=_ejection_percent(function.rv_relative, ed, es),
        interval90={},
    )


def _volumes(
    curve_ml: tuple[float, ...] | None, ed: int, es: int
) -> tuple[float, float, float] | tuple[None, None, None]:
    if curve_ml is None:
        return None, None, None
    return curve_ml[ed], curve_ml[es], curve_ml[ed] - curve_ml[es]


def _ejection_percent(relative: tuple[float, ...], ed: int, es: int) -> float | None:
    if not relative or relative[ed] <= 0:
        return None
    return 100.0 * (relative[ed] - relative[es]) / relative[ed]

"""Function: volumes, EF, the volume curve and the time of ES against the truth. Errors are signed, ours minus true."""

from __future__ import annotations

import numpy as np

from cof_viewer.evaluation.beat import EvaluatedBeat, Reference

ES_PHASES = 50
"""The paper counts the error of ES in phases of 50."""


def measure(reference: Reference, beat: EvaluatedBeat) -> dict[str, float]:
    """Errors of one beat.

    `edv_error_ml`, `esv_error_ml`, `sv_error_ml` (NaN without spacing), `ef_error_points`; `curve_rmse_ml` over phases
    at equal fraction of RR (COF section 1) and `curve_rmse_percent` of the true EDV, both against counted labels;
    `es_error_phases`, of 50, and `es_error_ms` of the true beat, the beat being a circle.
    """
    ml = 1.0 if reference.spacing_known else float("nan")
    es = es_error(beat.es_fraction, reference.es_fraction)
    rmse = float(np.sqrt(np.mean((beat.lv_ml - reference.lv_ml) ** 2)))
    true_sv = reference.edv_ml - reference.esv_ml
    return {
        "edv_error_ml": (beat.edv_ml - reference.edv_ml) * ml,
        "esv_error_ml": (beat.esv_ml - reference.esv_ml) * ml,
        "sv_error_ml": (beat.edv_ml - beat.esv_ml - true_sv) * ml,
        "ef_error_points": beat.ef_percent - reference.ef_percent,
        "curve_rmse_ml": rmse * ml,
        "curve_rmse_percent": 100.0 * rmse / max(float(reference.lv_ml[0]), 1e-9),
        "es_error_phases": es * ES_PHASES,
        "es_error_ms": es * reference.rr_ms,
    }


def es_error(ours: float, true: float) -> float:
    """Difference of two places on the beat's circle, as a share of RR in [-0.5, 0.5)."""
    return (ours - true + 0.5) % 1.0 - 0.5

"""Intervals: whether a beat's 90 % intervals hold the truth, and how wide they are."""

from __future__ import annotations

from cof_viewer.evaluation.beat import EvaluatedBeat, Reference

NOMINAL = 0.90
_IN_ML = ("edv_ml", "esv_ml", "sv_ml")


def measure(reference: Reference, beat: EvaluatedBeat) -> dict[str, float]:
    """`<number>_covered` (0 or 1) and `<number>_width` of every interval the beat has; `intervals_calibrated`."""
    truth = {
        "ef_percent": reference.ef_percent,
        "edv_ml": reference.edv_ml,
        "esv_ml": reference.esv_ml,
        "sv_ml": reference.edv_ml - reference.esv_ml,
        "es_ms": reference.es_fraction * reference.rr_ms,
    }
    out: dict[str, float] = {}
    for name, (low, high) in beat.intervals.items():
        if name not in truth or (name in _IN_ML and not reference.spacing_known):
            continue
        out[f"{name}_covered"] = float(low <= truth[name] <= high)
        out[f"{name}_width"] = high - low
    return out | ({"intervals_calibrated": float(beat.calibrated)} if out else {})

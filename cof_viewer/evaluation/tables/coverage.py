"""Coverage: how often 90 % intervals hold the truth, with the exact binomial interval of that share."""

from __future__ import annotations

import numpy as np

from cof_viewer.evaluation.metrics.intervals import NOMINAL
from cof_viewer.evaluation.statistics import binomial_interval
from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables.base import Table

NAME = "coverage"
_NUMBERS = {"ef_percent": "EF", "edv_ml": "EDV", "esv_ml": "ESV", "sv_ml": "SV", "es_ms": "ES time"}


def make(study: Study) -> Table | None:
    """The table; None where no method gives intervals."""
    lines = [line for method in study.methods for name in _NUMBERS for line in _lines(study, method, name)]
    if not lines:
        return None
    rows = tuple(
        (
            str(line["method"]),
            _NUMBERS[str(line["metric"])],
            str(line["patients"]),
            f"{100 * float(str(line['value'])):.0f} % [{100 * float(str(line['low'])):.0f}, "
            f"{100 * float(str(line['high'])):.0f}]",
            f"{float(str(line['width'])):.1f}",
            "yes" if line["calibrated"] else "no, raw spread of members",
        )
        for line in lines
    )
    note = (
        f"Nominal {100 * NOMINAL:.0f} %. In brackets the exact binomial 95 % interval (Clopper-Pearson) of the "
        "coverage over cases: an interval that holds the nominal value does not contradict it."
    )
    head = ("method", "number", "cases", "covered", "mean width", "calibrated")
    return Table(NAME, "Coverage of 90 % intervals", head, rows, (note, *study.notes), tuple(lines))


def _lines(study: Study, method: str, name: str) -> list[dict[str, object]]:
    records = [r for r in study.of(method) if np.isfinite(r.value(f"{name}_covered"))]
    if not records:
        return []
    covered = binomial_interval(sum(int(r.value(f"{name}_covered")) for r in records), len(records))
    return [
        {
            "table": NAME,
            "kind": study.kind.value,
            "part": study.part.value,
            "method": method,
            "metric": name,
            "patients": len(records),
            "value": repr(covered.value),
            "low": repr(covered.low),
            "high": repr(covered.high),
            "width": repr(float(np.mean([r.value(f"{name}_width") for r in records]))),
            "calibrated": all(r.value("intervals_calibrated") == 1.0 for r in records),
        }
    ]

"""The metrics: one file a family, each with `measure(reference, beat) -> {name: number}`.

A new family is one file here and one entry in `FAMILIES`. A number that can't be had is NaN, or left out where the
beat lacks what the whole family needs.
"""

from __future__ import annotations

from collections.abc import Callable

from cof_viewer.evaluation.beat import EvaluatedBeat, Reference
from cof_viewer.evaluation.metrics import function, intervals, motion, overlap, pictures

Numbers = dict[str, float]
Measure = Callable[[Reference, EvaluatedBeat], Numbers]

FAMILIES: dict[str, Measure] = {
    "function": function.measure,
    "overlap": overlap.measure,
    "motion": motion.measure,
    "pictures": pictures.measure,
    "intervals": intervals.measure,
}


def measure(reference: Reference, beat: EvaluatedBeat) -> Numbers:
    """Every number of every family."""
    return {name: value for family in FAMILIES.values() for name, value in family(reference, beat).items()}

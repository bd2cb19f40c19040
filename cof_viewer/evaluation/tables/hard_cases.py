"""Hard cases (COF section 6, row 4.7): the worst decile of EF error of `cof`, and where their error comes from."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from cof_viewer.evaluation.error_split import largest_part
from cof_viewer.evaluation.methods import OURS
from cof_viewer.evaluation.record import Record
from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables.base import Table

NAME = "hard-cases"
SHARE = 0.1
_PARTS = ("segmentation", "amplitude", "timing", "through_plane")


def make(study: Study) -> Table | None:
    """The table; None where `cof` was not judged."""
    judged = study.of(OURS)
    if not judged:
        return None
    worst = sorted(judged, key=lambda r: -abs(r.value("ef_error_points")))[: max(1, math.ceil(SHARE * len(judged)))]
    rows = [_row(record) for record in worst]
    rows += [_mean_row("mean of these, size", worst), _mean_row("mean of all, size", judged)]
    kinds = Counter(largest_part(record.metrics) for record in worst)
    named = ", ".join(f"{part.replace('_', '-')} {count}" for part, count in kinds.most_common())
    note = (
        "The LV volume at the true ES is wrong by the sum of these parts: segmentation (EDV of the anchor carried on "
        "by the true EF), amplitude (contraction in slices that both beats have), timing (what the curve holds there "
        f"above its own smallest volume), through-plane (cavity in slices that only one beat has). Largest: {named}."
    )
    head = ("case", "group", "EF error, points", *(f"{part.replace('_', '-')}, mL" for part in _PARTS), "largest")
    title = f"Hard cases of {OURS}: worst tenth by EF"
    return Table(NAME, title, head, tuple(rows), (note, *study.notes), _long(worst))


def _row(record: Record) -> tuple[str, ...]:
    parts = [f"{record.value(f'split_{part}_ml'):+.1f}" for part in _PARTS]
    error = f"{record.value('ef_error_points'):+.1f}"
    return (record.case_id, record.group, error, *parts, largest_part(record.metrics).replace("_", "-"))


def _mean_row(words: str, records: list[Record]) -> tuple[str, ...]:
    names = ("ef_error_points", *(f"split_{part}_ml" for part in _PARTS))
    return (words, "", *(_mean_size([record.value(name) for record in records]) for name in names), "")


def _mean_size(values: list[float]) -> str:
    known = [abs(value) for value in values if np.isfinite(value)]
    return f"{np.mean(known):.1f}" if known else "–"


def _long(records: list[Record]) -> tuple[dict[str, object], ...]:
    names = ("ef_error_points", *(f"split_{part}_ml" for part in _PARTS))
    return tuple({"case": r.case_id, "group": r.group, **{k: repr(r.value(k)) for k in names}} for r in records)

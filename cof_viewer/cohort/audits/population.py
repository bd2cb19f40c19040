"""Who is in the store: counts, and volumes, function and times by kind, condition and sex beside published values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.audits.measures import Measured
from cof_viewer.cohort.audits.published import MEAN_WITHIN_SD, PUBLISHED, SD_WITHIN, Published, family_of
from cof_viewer.cohort.case import COMPONENTS, Kind
from cof_viewer.domain.split import Split

METRICS: dict[str, str] = {
    "edv_ml": "EDV mL",
    "esv_ml": "ESV mL",
    "ef_percent": "EF %",
    "lv_mass_g": "LV mass g",
    "rv_edv_ml": "RV EDV mL",
    "rv_ef_percent": "RV EF %",
    "wall_mid_mm": "mid wall mm",
    "gcs_percent": "circumferential strain %",
    "gls_percent": "longitudinal strain %",
    "es_ms": "ES ms",
}
"""Number -> words."""

_FEWEST = 8


@dataclass(frozen=True)
class PopulationLine:
    """One number of one group.

    Attributes:
        kind: of the cases.
        family: condition.
        sex: "M", "F", or "" for all.
        metric: key of `METRICS`.
        n: cases with the number.
        mean: of them.
        sd: of them.
        published: to hold it against, if any.
        flags: sentences on what lies outside the bounds; empty where all is well or nothing is published.
    """

    kind: Kind
    family: str
    sex: str
    metric: str
    n: int
    mean: float
    sd: float
    published: Published | None
    flags: tuple[str, ...]


def population(cases: Sequence[Measured]) -> list[PopulationLine]:
    """Lines of every kind, condition and sex, metrics in order; groups of fewer than two cases are left out.

    Where a source does not tell the sex, and for values that are published for both, there is a line of all.
    """
    groups: defaultdict[tuple[Kind, str, str], list[Measured]] = defaultdict(list)
    for case in cases:
        family = family_of(case.row.group)
        groups[case.row.kind, family, ""].append(case)
        if case.row.sex:
            groups[case.row.kind, family, case.row.sex].append(case)
    lines = []
    for (kind, family, sex), members in sorted(groups.items()):
        for metric in METRICS:
            values = np.array([m.of.function[metric] for m in members])
            values = values[np.isfinite(values)]
            if len(values) > 1:
                lines.append(_line(kind, family, sex, metric, values))
    return lines


def counts(cases: Sequence[Measured]) -> list[tuple[str, str, list[int]]]:
    """(kind, group, cases in each part of `Split`) in order of kind and group."""
    number = Counter((c.row.kind.value, c.row.group, c.row.part) for c in cases)
    pairs = sorted({(kind, group) for kind, group, _ in number})
    return [(kind, group, [number[kind, group, part] for part in Split]) for kind, group in pairs]


def origins(cases: Sequence[Measured]) -> list[tuple[str, list[str]]]:
    """For each kind, for each of `COMPONENTS`, where it comes from with the number of cases."""
    by_kind: defaultdict[str, list[Measured]] = defaultdict(list)
    for case in cases:
        by_kind[case.row.kind.value].append(case)
    rows = []
    for kind, members in sorted(by_kind.items()):
        cells = []
        for component in COMPONENTS:
            number = Counter(m.row.origins.get(component, "") for m in members)
            cells.append(", ".join(f"{origin} {n}" for origin, n in number.most_common()))
        rows.append((kind, cells))
    return rows


def _line(kind: Kind, family: str, sex: str, metric: str, values: np.ndarray) -> PopulationLine:
    mean, sd = float(values.mean()), float(values.std(ddof=1))
    published = PUBLISHED.get((metric, family, sex)) if kind is Kind.SIMULATED else None
    flags = _flags(mean, sd, published) if published is not None and len(values) >= _FEWEST else ()
    return PopulationLine(kind, family, sex, metric, len(values), mean, sd, published, flags)


def _flags(mean: float, sd: float, published: Published) -> tuple[str, ...]:
    """What lies beyond the bounds."""
    away = (mean - published.mean) / published.sd
    ratio = sd / published.sd - 1.0
    found = [f"mean {away:+.2f} SD away"] if abs(away) > MEAN_WITHIN_SD else []
    return (*found, *([f"SD {100 * ratio:+.0f} %"] if abs(ratio) > SD_WITHIN else []))

"""Normal ranges that know their convention.

A range is given only where sex, age and contouring convention of the table fit the patient and the number, and only
from rows whose figures were seen at the source or in a reprint (grades P and R), or where two transcriptions agree
(grade S). Otherwise there is none: no colour, no arrow. Rows are in `resources/norms.csv`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from cof_viewer.domain.function import PAPILLARIES_IN_VOLUME


@dataclass(frozen=True)
class NormRange:
    """Normal range of one number for one patient.

    Attributes:
        low: mean - 2 SD, or the published lower limit.
        high: mean + 2 SD, or the published upper limit.
        mean: None where the source gives limits only.
        sd: see `mean`.
        source: short citation.
        indexed: whether the table is per m² of body surface and was scaled by the patient's.
    """

    low: float
    high: float
    mean: float | None
    sd: float | None
    source: str
    indexed: bool = False

    def side_of(self, value: float) -> int:
        """-1 below the range, 1 above it, 0 inside."""
        return -1 if value < self.low else int(value > self.high)


@dataclass(frozen=True)
class _Row:
    """One line of the table."""

    metric: str
    sex: str
    ages: tuple[float, float] | None
    per_m2: bool
    low: float
    high: float
    mean: float | None
    sd: float | None
    convention: str
    source: str


_METRIC_OF = {
    "LV EF": "ef_percent",
    "LV EDV": "edv_ml",
    "LV ESV": "esv_ml",
    "LV SV": "sv_ml",
    "LV mass": "lv_mass_g",
    "RV EDV": "rv_edv_ml",
    "RV ESV": "rv_esv_ml",
    "RV EF": "rv_ef_percent",
}
_CONVENTION_OF = {"in volume": PAPILLARIES_IN_VOLUME, "in mass": "papillaries-in-mass"}


def lookup(
    metric: str, sex: str | None, age: float | None, bsa: float | None = None, convention: str | None = None
) -> NormRange | None:
    """The normal range of a number, None where no trusted table fits.

    Args:
        metric: name of the `Function` field.
        sex: "M" or "F".
        age: years; with an unknown age only tables of all ages are used.
        bsa: body surface in m², needed where a table is indexed; such tables are used where none without index fits.
        convention: of the number, as `Function.convention`; an unknown one has no range.
    """
    fitting = [
        row
        for row in _rows()
        if row.metric == metric
        and row.sex == sex
        and row.convention == convention
        and (row.ages is None or (age is not None and row.ages[0] <= int(age) <= row.ages[1]))
        and (bsa is not None or not row.per_m2)
    ]
    if not fitting:
        return None
    row = min(fitting, key=lambda r: (r.per_m2, r.ages is None))  # absolute first, then the closer age band
    scale = bsa if row.per_m2 and bsa is not None else 1.0
    mean = row.mean * scale if row.mean is not None else None
    sd = row.sd * scale if row.sd is not None else None
    return NormRange(row.low * scale, row.high * scale, mean, sd, row.source, row.per_m2)


@lru_cache(maxsize=1)
def _rows() -> tuple[_Row, ...]:
    """The table as it ships."""
    with _table().open(encoding="utf-8", newline="") as file:
        return tuple(_row(line) for line in csv.DictReader(file) if line["quantity"] in _METRIC_OF)


def _table() -> Path:
    """Where the table lies: in the installed package's data, or beside the package in a checkout."""
    package = Path(str(resources.files("cof_viewer")))
    installed = package / "_data" / "resources" / "norms.csv"
    return installed if installed.is_file() else package.parent / "resources" / "norms.csv"


def _row(line: dict[str, str]) -> _Row:
    """Read one line; limits are the published ones, else mean ± 2 SD."""
    mean, sd, lower, upper = (float(line[key]) if line[key] else None for key in ("mean", "sd", "lower", "upper"))
    if lower is None or upper is None:
        if mean is None or sd is None:
            raise ValueError(f"norms.csv: {line['source']} {line['quantity']} has neither limits nor mean and SD")
        lower, upper = mean - 2 * sd, mean + 2 * sd
    band = line["age_band"]
    ages = None if band == "all" else tuple(float(part) for part in band.split("-"))
    return _Row(
        metric=_METRIC_OF[line["quantity"]],
        sex=line["sex"],
        ages=(ages[0], ages[1]) if ages else None,
        per_m2=line["index"] == "BSA",
        low=lower,
        high=upper,
        mean=mean,
        sd=sd,
        convention=_CONVENTION_OF.get(line["convention"], ""),
        source=line["source"],
    )

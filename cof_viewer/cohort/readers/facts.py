"""What a case folder says about its patient: `case.json` or `case.csv`."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label

NO_GROUP = "pairs"
"""Group of patients of whom no diagnosis is given; the split is stratified by it."""

_MOST_BYTES = 1 << 20
_SEXES = {"m": "M", "male": "M", "man": "M", "f": "F", "female": "F", "woman": "F", "": ""}
_OLDEST_YEARS = 120.0


@dataclass(frozen=True)
class Facts:
    """What is said of one case.

    Attributes:
        patient: who it is; two visits of one patient share it.
        visit: tells visits of one patient apart; empty where there is one.
        group: diagnosis or any class by which the split is stratified.
        sex: "M", "F" or "".
        age_years: NaN where not given.
        ed_phase: phase of ED, from 0, needed where a label file is called after ED; `es_phase` likewise.
        label_values: value in the label files of each structure; ours unless given.
    """

    patient: str
    visit: str = ""
    group: str = NO_GROUP
    sex: str = ""
    age_years: float = math.nan
    ed_phase: int | None = None
    es_phase: int | None = None
    label_values: dict[int, Label] = field(
        default_factory=lambda: {1: Label.LV, 2: Label.MYO, 3: Label.RV},
    )


def read_facts(folder: Path) -> Facts:
    """Read `case.json`, else `case.csv` (a header and one line), of a case folder.

    Known names: patient, visit, group, sex, age, ed_phase, es_phase, and in JSON `label_values`, such as
    `{"lv": 3, "myo": 2, "rv": 1}`.

    Returns:
        The facts; the folder's name stands for the patient where none is given.

    Raises:
        UserError: the file is damaged, or a value can't be used.
    """
    given = _given(folder)
    text = {name: str(value if value is not None else "").strip() for name, value in given.items()}
    sex = text.get("sex", "").lower()
    if sex not in _SEXES:
        raise UserError(f'The sex "{sex}" in the case file is not known. Write M, F or nothing.', code="case-file")
    values = given.get("label_values")
    facts = Facts(
        patient=text.get("patient") or folder.name,
        visit=text.get("visit", ""),
        group=text.get("group") or NO_GROUP,
        sex=_SEXES[sex],
        age_years=_age(text.get("age", "")),
        ed_phase=_phase("ed_phase", text.get("ed_phase", "")),
        es_phase=_phase("es_phase", text.get("es_phase", "")),
    )
    return replace(facts, label_values=_label_values(values)) if values else facts


def _given(folder: Path) -> dict[str, object]:
    """Names and values as written; empty where there is no file."""
    for name, parse in (("case.json", json.loads), ("case.csv", _first_line)):
        path = folder / name
        if not path.is_file():
            continue
        try:
            with path.open("rb") as stream:
                content = parse(stream.read(_MOST_BYTES).decode("utf-8-sig"))
        except (OSError, ValueError, csv.Error) as error:
            raise UserError(f'"{name}" is damaged. Repair it or remove it.', code="case-file") from error
        if not isinstance(content, dict):
            raise UserError(f'"{name}" does not hold names and values. Repair it or remove it.', code="case-file")
        return {str(key).strip().lower(): value for key, value in content.items()}
    return {}


def _first_line(text: str) -> dict[str, str]:
    """The first line below a CSV's header."""
    lines = csv.DictReader(text.splitlines())
    return {key: value for key, value in next(iter(lines), {}).items() if key is not None}


def _age(text: str) -> float:
    if not text:
        return math.nan
    try:
        age = float(text)
    except ValueError:
        age = math.inf
    if not 0.0 <= age <= _OLDEST_YEARS:
        raise UserError(f'The age "{text}" in the case file is not one in years. Correct it.', code="case-file")
    return age


def _phase(name: str, text: str) -> int | None:
    if text and not text.isdecimal():
        raise UserError(
            f'"{name}" in the case file is "{text}", not a phase counted from 0. Correct it.', code="case-file"
        )
    return int(text) if text else None


def _label_values(values: object) -> dict[int, Label]:
    """Value -> structure, as `case.json` gives it the other way round."""
    names = {"lv": Label.LV, "myo": Label.MYO, "rv": Label.RV}
    given = values if isinstance(values, dict) else {}
    numbers = [value for value in given.values() if type(value) is int and value > 0]
    if not {"lv", "myo"} <= set(given) <= set(names) or len(set(numbers)) < len(given):
        raise UserError(
            '"label_values" in the case file must give different whole numbers for "lv", "myo" and "rv". Correct it.',
            code="case-file",
        )
    return {int(value): names[name] for name, value in given.items()}

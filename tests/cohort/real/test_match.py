"""Which ECGs go with which heart, and the signs that decide it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.case import Origin
from cof_viewer.cohort.real import match
from cof_viewer.cohort.real.ecgs import Record
from cof_viewer.cohort.real.match import Matcher, UsableRecord, draw_ecg, signs_of
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split

GROUPS = ["normal", "lbbb", "lvh", "mi_anterior", "rbbb", "other"]
FEATURES = {
    "limb_qrs_mv": 1.2,
    "q_inferior": 0.0,
    "q_anterior": 0.0,
    "q_lateral": 0.0,
    "t_V5_mv": 0.3,
    "t_V6_mv": 0.2,
    "axis_cos": 0.7,
    "axis_sin": 0.7,
}


@pytest.mark.parametrize(("group", "wanted"), [("NOR", [0]), ("DCM", [1]), ("HCM", [2]), ("MINF", [3]), ("RV", [0, 4])])
def test_each_diagnosis_meets_its_company(group: str, wanted: list[int]) -> None:
    assert Matcher(GROUPS).candidates(group, 50.0) == wanted


def test_without_a_diagnosis_the_ef_class_decides() -> None:
    matcher = Matcher(GROUPS)
    assert matcher.candidates("mnms-GE", 20.0) == [1, 3]
    assert matcher.candidates("mnms-GE", 55.0) == [0, 4]
    assert matcher.candidates("mnms-GE", 75.0) == [2, 0]


def test_a_computed_sign_opens_a_group_to_any_record() -> None:
    signs = [frozenset[str]()] * 5 + [frozenset({"low_voltage"})]
    assert Matcher(GROUPS, signs).candidates("DCM", 20.0) == [1, 5]


@pytest.mark.parametrize("group", ["NOR", "DCM", "HCM", "MINF", "RV"])
def test_a_wrong_match_shares_nothing_with_the_right_one(group: str) -> None:
    matcher = Matcher(GROUPS)
    wrong = matcher.wrong_candidates(group, 50.0)
    assert wrong
    assert not set(wrong) & set(matcher.candidates(group, 50.0))


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({"limb_qrs_mv": 0.45}, "low_voltage"),
        ({"q_inferior": 1.0}, "q_waves"),
        ({"t_V5_mv": -0.2, "t_V6_mv": -0.15}, "t_inversion"),
        ({"axis_cos": -0.5, "axis_sin": 0.87}, "right_axis"),
    ],
)
def test_signs_by_textbook_criteria(change: dict[str, float], sign: str) -> None:
    assert signs_of(FEATURES) == frozenset()
    assert signs_of(FEATURES | change) == {sign}


def test_an_ecg_of_the_same_part_is_drawn_by_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def records(folder: Path, part: Split) -> tuple[UsableRecord, ...]:
        asked.append(part)
        flat = np.zeros((12, 5000), np.float32)
        return tuple(
            UsableRecord(Record(f"R{i}", f"p{i}", "normal", part, "ok", {}, flat), 900.0, 330.0, 500.0, frozenset())
            for i in range(9)
        )

    monkeypatch.setattr(match, "usable_records", records)
    drawn = [draw_ecg(Path(), Split.TEST, "NOR", 60.0, np.random.default_rng(s)).name for s in (1, 1, 2, 3, 4)]
    assert asked == [Split.TEST] * 5
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1
    one = draw_ecg(Path(), Split.TEST, "NOR", 60.0, np.random.default_rng(1))
    assert (one.origin, one.rr_ms, len(one.candidates)) == (Origin.MATCHED, 900.0, 9)
    with pytest.raises(UserError, match="DCM"):
        draw_ecg(Path(), Split.TEST, "DCM", 20.0, np.random.default_rng(1))

"""Simulated patients as a source of cases: who is simulated, which part each belongs to, and the case of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PHASES, BOX_PIXELS, BOX_SPACING_MM, COMPONENTS, MOTION_STEP, CohortCase, Kind
from cof_viewer.cohort.case import Origin as By
from cof_viewer.cohort.simulator.borrowed import borrow, lender_of
from cof_viewer.cohort.simulator.case import SimulatedCase, simulate
from cof_viewer.cohort.simulator.dyssynchrony import dyssynchrony
from cof_viewer.cohort.simulator.subject import Condition
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.domain.split import Split, patient_rank_key

SLICES = 12
PART_SHARES: tuple[tuple[Split, int], ...] = (
    (Split.TRAIN, 600),
    (Split.VALIDATION, 100),
    (Split.TEST, 200),
    (Split.ASSESSOR, 150),
)
"""Simulated patients in each part, of 1,050."""

CONDITION_SHARES: Mapping[Condition, int] = {
    Condition.NORMAL: 24,
    Condition.DILATED: 13,
    Condition.HYPERTROPHIC: 9,
    Condition.HYPERTENSIVE: 9,
    Condition.INFARCT_ANTERIOR: 8,
    Condition.INFARCT_INFERIOR: 7,
    Condition.INFARCT_LATERAL: 5,
    Condition.LBBB: 7,
    Condition.RBBB: 6,
    Condition.ATRIAL_FIBRILLATION: 6,
    Condition.RV_OVERLOAD: 6,
}
"""Percent of the patients with each condition: a quarter normal, the rest spread so that every range of EF is met."""

_WHITE_PERCENTILE = 99.8
_SEEDS_APART = 1_000_000


@dataclass(frozen=True)
class SimulatedPatients:
    """`count` simulated patients; the same `seed` gives the same patients. A `CaseSource`.

    Attributes:
        count: how many, all parts together.
        seed: another seed gives other patients.
        backgrounds: folder of real MRI with a `manifest.csv`; every case then borrows the chest of a real patient of
            its own part (see `borrowed`). None paints them.
    """

    count: int
    seed: int = 0
    backgrounds: Path | None = None

    def requests(self) -> list[CaseRequest]:
        """Every patient, in order of number."""
        conditions = _conditions(self.count)
        names = [f"sim:{self._number(i):06d}" for i in range(self.count)]
        part_of = _parts(dict(zip(names, conditions, strict=True)))
        return [
            CaseRequest(
                case_id=name.replace(":", "-"),
                patient_id=name,
                kind=Kind.SIMULATED,
                part=part_of[name],
                group=condition.value,
                what=self._what(i, name, part_of[name]),
            )
            for i, (name, condition) in enumerate(zip(names, conditions, strict=True))
        ]

    def make(self, request: CaseRequest) -> CohortCase:
        """Simulate one patient on the heart's box.

        Raises:
            UserError: the real background can't be read.
        """
        lender = None
        if self.backgrounds is not None:
            lender = lender_of(self.backgrounds, request.part, request.patient_id)
        patient = simulate(
            int(request.what[0]),
            request.group,
            phases=BOX_PHASES,
            slices=SLICES,
            size=BOX_PIXELS,
            spacing_mm=BOX_SPACING_MM,
            background=None if lender is None else partial(borrow, lender),
        )
        case = cohort_case(patient, request)
        if lender is None:
            return case
        return replace(case, recipe={**case.recipe, "background_of": lender.patient_id})

    def _what(self, index: int, patient_id: str, part: Split) -> tuple[str | int, ...]:
        """The seed and, where the background is borrowed, who lends it: another lender makes another case."""
        if self.backgrounds is None:
            return (self._number(index),)
        return self._number(index), lender_of(self.backgrounds, part, patient_id).patient_id

    def _number(self, index: int) -> int:
        return self.seed * _SEEDS_APART + index


def cohort_case(patient: SimulatedCase, request: CaseRequest) -> CohortCase:
    """A simulated patient, made with pictures on the heart's box, as a case of the cohort."""
    assert patient.cine is not None
    assert patient.labels is not None
    phases = len(patient.truth.phase_ms)
    return CohortCase(
        case_id=request.case_id,
        patient_id=request.patient_id,
        kind=request.kind,
        part=request.part,
        group=request.group,
        image=_bytes_of(patient.cine.data),
        labels=np.asarray(patient.labels.data, np.uint8),
        labels_by=(By.SIMULATED.value,) * phases,
        displacement_mm=patient.motion(MOTION_STEP, push=False, centred=True).pull_back_mm.astype(np.float16),
        slice_mm=float(patient.grid.spacing_mm[2]),
        rr_ms=patient.truth.rr_ms,
        phase_ms=patient.truth.phase_ms,
        es_phase=int(np.argmin(patient.truth.lv_volume_ml)),
        numbers=numbers_of(patient),
        origins={name: By.SIMULATED.value for name in COMPONENTS},
        ecg_mv=np.asarray(patient.ecg.signal_mv, np.float32),
        ecg_name=patient.ecg.name,
        age_years=float(patient.subject.age_years),
        sex=patient.subject.sex,
        recipe=recipe_of(patient),
    )


def numbers_of(patient: SimulatedCase) -> dict[str, float]:
    """The true numbers of a simulated patient; what does not exist (PR in fibrillation) is left out."""
    truth, uneven = patient.truth, dyssynchrony(patient.beat, patient.activation)
    names = (
        *("edv_ml", "esv_ml", "sv_ml", "ef_percent", "lv_mass_g", "rv_edv_ml", "rv_esv_ml", "rv_ef_percent"),
        *("heart_rate_bpm", "pr_ms", "qrs_ms", "qt_ms", "es_ms", "descent_mm"),
    )
    values = {name: getattr(truth, name) for name in names}
    values["dyssynchrony_ms"] = uneven.peak_sd_ms
    values["lateral_delay_ms"] = uneven.lateral_delay_ms
    return {name: float(value) for name, value in values.items() if value is not None}


def recipe_of(patient: SimulatedCase) -> dict[str, object]:
    """Arguments of `simulate` that make the patient again in full: 50 phases of 12 x 128 x 128.

    A case whose background is borrowed also names its lender, "background_of"; `borrowed.borrow` gives it again.
    """
    return {
        "seed": patient.seed,
        "condition": patient.subject.condition.value,
        "sex": patient.subject.sex,
        "phases": 50,
        "slices": SLICES,
        "size": 128,
        "spacing_mm": BOX_SPACING_MM,
    }


def _bytes_of(picture: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey levels 1 to 255 for 0 to the case's near-brightest signal; 0 would say that nothing was imaged."""
    white = float(np.percentile(picture[0], _WHITE_PERCENTILE))
    return np.asarray(np.clip(np.rint(picture * np.float32(255.0 / max(white, 1e-6))), 1, 255), np.uint8)


def _conditions(count: int) -> list[Condition]:
    """Conditions in an order whose every beginning has nearly the stated shares."""
    whole = sum(CONDITION_SHARES.values())
    given: Counter[Condition] = Counter()
    order = []
    for i in range(count):
        chosen = max(CONDITION_SHARES, key=lambda c: CONDITION_SHARES[c] * (i + 1) / whole - given[c])
        given[chosen] += 1
        order.append(chosen)
    return order


def _parts(condition_of: Mapping[str, Condition]) -> dict[str, Split]:
    """Part of every patient: by rank of the id's hash within the condition, as real patients within their group.

    The relative ranks of all conditions are merged before they are cut, so that the parts have the stated sizes. A
    rank is one among all patients of the source: a source of another `count` may put the same patient into another
    part, so a store is made from one count (`build` refuses a patient whose part would change).
    """
    members: defaultdict[Condition, list[str]] = defaultdict(list)
    for patient, condition in condition_of.items():
        members[condition].append(patient)
    placed: list[tuple[float, str, str]] = []
    for patients in members.values():
        ranked = sorted(patients, key=patient_rank_key)
        placed += [((i + 0.5) / len(ranked), patient_rank_key(p), p) for i, p in enumerate(ranked)]
    order = [patient for *_, patient in sorted(placed)]
    whole, start, reached = sum(n for _, n in PART_SHARES), 0, 0
    part_of: dict[str, Split] = {}
    for part, share in PART_SHARES:
        reached += share
        end = round(reached * len(order) / whole)
        part_of.update((patient, part) for patient in order[start:end])
        start = end
    return part_of

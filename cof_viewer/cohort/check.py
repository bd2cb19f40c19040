"""What can be wrong with a case and with a store, each as one sentence."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.case import (
    BOX_PHASES,
    BOX_PIXELS,
    BOX_SPACING_MM,
    COMPONENTS,
    MOTION_PIXELS,
    MOTION_STEP,
    CohortCase,
    Kind,
)
from cof_viewer.cohort.case import Origin as By
from cof_viewer.cohort.file import sha256_of
from cof_viewer.cohort.store import Store
from cof_viewer.domain.ecg import LEADS
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

EF_APART_POINTS = 12.0
"""Hard labels of 10 mm slices scatter (simulated patients: 2 points in the median, 8 at most); more is a mistake."""

FOLDED_SHARE = 0.005
"""Share of a phase's cells whose in-plane area ratio is not positive above which a motion is implausible. Tracked and
completed motion is unfolded before it is kept: none. A simulated motion has no folds, but the lattice that keeps it is
coarser: 34 of 1,050 fold there, at most .004 of a phase's cells."""

MOST_MM = 50.0
"""Further than this no tissue of the heart goes in a beat; real and simulated beats reach 27 mm."""

FOLLOWED_DICE = 0.7
"""LV Dice at ES of the labels carried there by the motion, below which the motion is not that of the labels. Good cases
of all kinds reach .81 to .99; a field whose sign or axes are wrong .2 to .5."""

BEYOND_ENDS = 1.25
"""How often as large as at ED, or as small as at ES, the LV may be at another phase: labels scatter by a tenth."""

_LV = 1
_LABELS = {By.EXPERT, By.SEGMENTED}
_TIMES = {By.MEASURED, By.RULE, By.MATCHED, By.FITTED}
_OTHERS_ECG = {By.MATCHED, By.SIMULATED, By.NONE}
_MADE = {name: {By.SIMULATED} for name in COMPONENTS}
_ALLOWED: dict[Kind, dict[str, set[By]]] = {
    Kind.MEASURED_PAIR: dict(image={By.MEASURED}, labels=_LABELS, motion={By.TRACKED}, times=_TIMES, ecg={By.MEASURED}),
    Kind.MEASURED_CINE: dict(image={By.MEASURED}, labels=_LABELS, motion={By.TRACKED}, times=_TIMES, ecg=_OTHERS_ECG),
    Kind.COMPLETED: dict(
        image={By.MEASURED, By.FITTED},
        labels=_LABELS | {By.FITTED},
        motion={By.FITTED},
        times=_TIMES | {By.SIMULATED},
        ecg=_OTHERS_ECG,
    ),
    Kind.ECG_FIRST: _MADE | {"times": _TIMES | {By.SIMULATED}, "ecg": {By.MEASURED}},
    Kind.SIMULATED: _MADE,
}


@dataclass(frozen=True)
class Finding:
    """Something wrong in a store: the case (empty for the store itself) and one sentence."""

    case_id: str
    sentence: str


def check_case(case: CohortCase) -> list[str]:
    """Everything wrong with a case, one sentence each; empty where it is good."""
    return broken(case) or doubts(case)


def broken(case: CohortCase) -> list[str]:
    """What makes a case unusable: shapes, types, values that are no numbers, labels that are missing."""
    wrong = _shapes(case)
    return wrong or _values(case) + _ecg(case)


def doubts(case: CohortCase) -> list[str]:
    """What a well-formed case says that can't be true."""
    return _times(case) + _motion(case) + _followed(case) + _volumes(case) + _ef(case) + _origins(case)


def check_store(store: Store, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> list[Finding]:
    """Everything wrong with a store: each file's checksum, each case, one part a patient.

    Raises:
        Cancelled: the token was set.
    """
    found = _parts(store)
    for i, row in enumerate(store.rows):
        cancel.raise_if_cancelled()
        progress(i / len(store.rows), f"Checking case {i + 1} of {len(store.rows)}")
        path = store.path(row)
        if not path.is_file():
            sentences = ["Its file is missing."]
        elif sha256_of(path) != row.sha256:
            sentences = ["Its file is not the one that was written: the checksum differs."]
        else:
            sentences = _loaded(store, row.case_id)
        found += [Finding(row.case_id, sentence) for sentence in sentences]
    return found


def _loaded(store: Store, case_id: str) -> list[str]:
    row = store.row(case_id)
    try:
        case = store.load(case_id)
    except UserError as error:
        return [error.sentence]
    same = (case.case_id, case.patient_id, case.kind, case.part) == (row.case_id, row.patient_id, row.kind, row.part)
    return check_case(case) + ([] if same else ["Its row in the table names another case, patient, kind or part."])


def _parts(store: Store) -> list[Finding]:
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for row in store.rows:
        parts[row.patient_id].add(row.part.value)
    return [
        Finding(row.case_id, f"Its patient is in more than one part: {', '.join(sorted(parts[row.patient_id]))}.")
        for row in store.rows
        if len(parts[row.patient_id]) > 1
    ]


def _shapes(case: CohortCase) -> list[str]:
    box = (BOX_PHASES, case.image.shape[1] if case.image.ndim == 4 else 0, BOX_PIXELS, BOX_PIXELS)
    wanted = {
        "image": (box, np.uint8),
        "labels": (box, np.uint8),
        "displacement_mm": ((*box[:2], MOTION_PIXELS, MOTION_PIXELS, 3), np.float16),
    }
    wrong = [
        f"{name} is {getattr(case, name).dtype} {getattr(case, name).shape}, should be {np.dtype(kind)} {shape}."
        for name, (shape, kind) in wanted.items()
        if getattr(case, name).shape != shape or getattr(case, name).dtype != kind
    ]
    if len(case.labels_by) != BOX_PHASES or len(case.phase_ms) != BOX_PHASES:
        wrong.append(f"labels_by and phase_ms must have {BOX_PHASES} entries.")
    if not 0 < case.es_phase < BOX_PHASES:
        wrong.append(f"The ES phase {case.es_phase} is not among phases 1 to {BOX_PHASES - 1}.")
    return wrong


def _values(case: CohortCase) -> list[str]:
    wrong = []
    if not np.isfinite(case.displacement_mm).all():
        wrong.append("The displacement has values that are no numbers.")
    elif case.displacement_mm[0].any():
        wrong.append("The displacement of phase 0, the anchor, is not zero.")
    if not np.isfinite([case.rr_ms, case.slice_mm, *case.phase_ms, *case.numbers.values()]).all():
        wrong.append("A time, a spacing or a number is no number.")
    elif case.rr_ms <= 0 or case.slice_mm <= 0:
        wrong.append("The RR interval or the slice distance is not above zero.")
    if case.labels.max() > 3:
        wrong.append(f"Label {case.labels.max()} is not known; labels are 0 to 3.")
    names = {0: "ED", case.es_phase: "ES"}
    without = np.flatnonzero(~(case.labels == _LV).any(axis=(1, 2, 3)))
    wrong += [f"There is no LV at {names.get(int(t), f'phase {t}')}." for t in without]
    return wrong if case.image.any() else [*wrong, "The picture is empty."]


def _ecg(case: CohortCase) -> list[str]:
    ecg, said = case.ecg_mv, case.origins.get("ecg")
    if (ecg is None) != (said == By.NONE):
        return ["Whether there is an ECG and what its origin says differ."]
    if ecg is None:
        return []
    if ecg.ndim != 2 or ecg.shape[0] != len(LEADS) or ecg.shape[1] == 0 or ecg.dtype != np.float32:
        return [f"The ECG is {ecg.dtype} {ecg.shape}, should be float32 ({len(LEADS)}, samples)."]
    return [] if np.isfinite(ecg).all() else ["The ECG has values that are no numbers."]


def _times(case: CohortCase) -> list[str]:
    times = np.asarray(case.phase_ms)
    if (np.diff(times) <= 0).any() or times[-1] - times[0] >= case.rr_ms:
        return ["The phase times do not rise within one RR interval."]
    return []


def _motion(case: CohortCase) -> list[str]:
    from cof_viewer.engine.motion.kept import folded_shares

    wrong = []
    field = case.displacement_mm.astype(np.float32)
    if np.abs(field).max() > MOST_MM:
        wrong.append(f"The displacement reaches {np.abs(field).max():.0f} mm.")
    folded = float(folded_shares(field, MOTION_STEP * BOX_SPACING_MM).max())
    if folded > FOLDED_SHARE:
        wrong.append(f"The displacement folds at {100 * folded:.1f} % of its points.")
    size = np.linalg.norm(field, axis=-1).mean(axis=(1, 2, 3))
    if size.max() > 1.0 and size[-1] > 0.75 * size.max():
        wrong.append("The last phase is nearly as far from ED as any: the motion is not periodic.")
    return wrong


def _followed(case: CohortCase) -> list[str]:
    """Whether the motion carries ED's labels to where ES's lie."""
    from cof_viewer.cohort.carried import carried_dice

    dice = carried_dice(case)[Label.LV]
    if dice >= FOLLOWED_DICE:
        return []
    return [f"The motion does not lead from the labels of ED to those of ES: the Dice of the LV is {dice:.2f}."]


def _volumes(case: CohortCase) -> list[str]:
    """Whether ED and ES are, but for the labels' scatter, the largest and the smallest LV."""
    voxels = (case.labels == _LV).sum(axis=(1, 2, 3)).astype(float)
    wrong = []
    if voxels.max() > BEYOND_ENDS * voxels[0]:
        wrong.append(f"The LV is {voxels.max() / voxels[0]:.2f} times as large at phase {voxels.argmax()} as at ED.")
    if voxels.min() * BEYOND_ENDS < voxels[case.es_phase]:
        times = voxels.min() / voxels[case.es_phase]
        wrong.append(f"The LV is {times:.2f} times as large at phase {voxels.argmin()} as at ES.")
    return wrong


def _ef(case: CohortCase) -> list[str]:
    if "ef_percent" not in case.numbers:
        return []
    ed, es = ((case.labels[t] == _LV).sum() for t in (0, case.es_phase))
    counted, said = 100.0 * (1.0 - float(es) / float(ed)), case.numbers["ef_percent"]
    if abs(counted - said) <= EF_APART_POINTS:
        return []
    return [f"The labels give an EF of {counted:.0f} %, the numbers say {said:.0f} %."]


def _origins(case: CohortCase) -> list[str]:
    return [
        f'The origin "{case.origins.get(name)}" of its {name} is none of a {case.kind.value} case.'
        for name, allowed in _ALLOWED[case.kind].items()
        if case.origins.get(name) not in {origin.value for origin in allowed}
    ]

"""What anatomy, ECG and heart rate tell about function: extra trees, cross-validated by patient, for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.audits.measures import Measured
from cof_viewer.cohort.case import Kind
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

Array = NDArray[np.float64]

TARGETS: dict[str, str] = {
    "ef_percent": "EF, points",
    "esv_ml": "ESV, mL",
    "es_ms": "ES time, ms",
    "sector_sd_ms": "dyssynchrony of six sectors, ms",
    "dyssynchrony_ms": "true dyssynchrony, ms",
}
"""What is predicted -> words and unit."""

KNOWN: tuple[str, ...] = ("nothing", "anatomy", "ECG", "both", "heart rate", "anatomy, another's ECG")
"""What the prediction is made from; "nothing" is the mean of the other patients."""

FEWEST = 25
"""Patients below which nothing is said."""

_FOLDS = 5
_TREES = 40
_RESAMPLES = 1000


@dataclass(frozen=True)
class Knowledge:
    """Error of one prediction.

    Attributes:
        kind: of the cases.
        target: key of `TARGETS`.
        known: one of `KNOWN`.
        n: patients.
        mae: mean absolute error over patients, in the target's unit.
        low: of the 95 % bootstrap interval over patients; `high` likewise.
        r: correlation of prediction and truth; NaN for "nothing".
    """

    kind: Kind
    target: str
    known: str
    n: int
    mae: float
    low: float
    high: float
    r: float


def knowledge(
    cases: Sequence[Measured], progress: Progress = no_progress, cancel: CancelToken = NEVER
) -> list[Knowledge]:
    """Errors for every kind with enough patients, every target and everything known.

    Raises:
        Cancelled: somebody asked to stop.
    """
    found: list[Knowledge] = []
    for number, kind in enumerate(Kind):
        members = [c for c in cases if c.row.kind is kind and c.of.ecg]
        for target in TARGETS:
            truth = np.array([c.of.function.get(target, c.of.truth.get(target, np.nan)) for c in members])
            held = [c for c, value in zip(members, truth, strict=True) if np.isfinite(value)]
            if len({c.row.patient_id for c in held}) < FEWEST:
                continue
            found += _of_target(kind, target, held, truth[np.isfinite(truth)], cancel)
        progress((number + 1) / len(Kind), "Asking what anatomy and ECG tell")
    return found


def _of_target(kind: Kind, target: str, cases: list[Measured], truth: Array, cancel: CancelToken) -> list[Knowledge]:
    patients = np.array([c.row.patient_id for c in cases])
    fold = folds_of(patients)
    rng = np.random.default_rng(0)
    lines = []
    for known in KNOWN:
        cancel.raise_if_cancelled()
        given = _features(cases, known, patients, rng)
        predicted = _cross_validated(given, truth, fold, cancel)
        error = _by_patient(np.abs(predicted - truth), patients)
        low, high = _interval(error, rng)
        r = float(np.corrcoef(predicted, truth)[0, 1]) if given is not None and np.std(predicted) > 0 else float("nan")
        lines.append(Knowledge(kind, target, known, len(error), float(error.mean()), low, high, r))
    return lines


def folds_of(patients: NDArray[np.str_]) -> NDArray[np.intp]:
    """Fold of each case; all cases of a patient are in one, patients by the order of a seeded shuffle."""
    unique = np.unique(patients)
    order = np.random.default_rng(1).permutation(len(unique))
    return np.asarray(order[np.searchsorted(unique, patients)] % _FOLDS, dtype=np.intp)


def _features(cases: list[Measured], known: str, patients: NDArray[np.str_], rng: np.random.Generator) -> Array | None:
    """[n, f] what is known; None for "nothing"."""
    anatomy = np.array([list(c.of.anatomy.values()) for c in cases])
    ecg = np.array([list(c.of.ecg.values()) for c in cases])
    rate = np.array([[c.of.ecg["rr_ms"]] for c in cases])
    others = ecg[_of_others(patients, rng)]
    return {
        "nothing": None,
        "anatomy": anatomy,
        "ECG": ecg,
        "both": np.hstack([anatomy, ecg]),
        "heart rate": rate,
        "anatomy, another's ECG": np.hstack([anatomy, others]),
    }[known]


def _of_others(patients: NDArray[np.str_], rng: np.random.Generator) -> NDArray[np.intp]:
    """For each case the index of a case of another patient: patients in a random ring, each given the next one's."""
    unique = rng.permutation(np.unique(patients))
    following = dict(zip(unique, np.roll(unique, -1), strict=True))
    first = {patient: int(np.flatnonzero(patients == patient)[0]) for patient in unique}
    return np.array([first[following[patient]] for patient in patients], dtype=np.intp)


def _cross_validated(given: Array | None, truth: Array, fold: NDArray[np.intp], cancel: CancelToken) -> Array:
    """Prediction of each case by a model that saw no case of its patient."""
    from sklearn.ensemble import ExtraTreesRegressor

    predicted = np.empty_like(truth)
    for k in range(_FOLDS):
        cancel.raise_if_cancelled()
        test = fold == k
        if given is None:
            predicted[test] = truth[~test].mean()
            continue
        filled = _filled(given, ~test)
        model = ExtraTreesRegressor(_TREES, min_samples_leaf=3, random_state=0)
        predicted[test] = model.fit(filled[~test], truth[~test]).predict(filled[test])
    return predicted


def _filled(given: Array, training: NDArray[np.bool_]) -> Array:
    """Gaps filled with the median of the training cases, 0 where none has the number."""
    known = np.where(np.isfinite(given), given, np.nan)
    sample = known[training]
    empty = ~np.isfinite(sample).any(axis=0)
    middle = np.zeros(given.shape[1])
    middle[~empty] = np.nanmedian(sample[:, ~empty], axis=0)
    return np.where(np.isfinite(known), known, middle)


def _by_patient(error: Array, patients: NDArray[np.str_]) -> Array:
    """Mean error of each patient."""
    _, index = np.unique(patients, return_inverse=True)
    return np.asarray(np.bincount(index, weights=error) / np.bincount(index))


def _interval(error: Array, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the mean."""
    draws = error[rng.integers(0, len(error), (_RESAMPLES, len(error)))].mean(axis=1)
    low, high = np.percentile(draws, (2.5, 97.5))
    return float(low), float(high)

"""What can be known is found, what can't is not, and no patient is in two folds."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.audits.knowing import folds_of, knowledge
from cof_viewer.cohort.audits.measures import Measured
from cof_viewer.cohort.case import Kind
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.progress import CancelToken
from tests.cohort.audits.made import measured


def _cases(count: int) -> list[Measured]:
    """EF is half in an ECG number and half in an anatomy number, nothing in the heart rate."""
    rng = np.random.default_rng(5)
    a, e, rate = rng.normal(size=(3, count))
    return [
        measured(i, Kind.SIMULATED, 50 + 10 * (a[i] + e[i]), {"qrs_ms": e[i], "rr_ms": rate[i]}, a[i])
        for i in range(count)
    ]


def test_both_know_more_than_either_and_another_ecg_takes_it_away() -> None:
    told = {line.known: line for line in knowledge(_cases(120)) if line.target == "ef_percent"}
    assert told["nothing"].mae == pytest.approx(10 * np.sqrt(2) * np.sqrt(2 / np.pi), rel=0.2)
    assert told["both"].mae < 0.75 * min(told["anatomy"].mae, told["ECG"].mae)
    assert told["anatomy, another's ECG"].mae > told["both"].mae * 1.2
    assert told["heart rate"].mae > 0.85 * told["nothing"].mae
    assert all(line.low < line.mae < line.high and line.n == 120 for line in told.values())
    assert told["both"].r > 0.7
    assert np.isnan(told["nothing"].r)


def test_kinds_with_few_patients_and_targets_without_truth_are_left_out() -> None:
    assert knowledge(_cases(20)) == []
    told = knowledge(_cases(30))
    targets = {line.target for line in told}
    assert targets == {"ef_percent", "esv_ml"}


def test_all_cases_of_a_patient_are_in_one_fold() -> None:
    patients = np.array([f"p{i % 13}" for i in range(60)])
    fold = folds_of(patients)
    assert all(len(set(fold[patients == p])) == 1 for p in set(patients))
    assert set(fold) == set(range(5))


def test_it_can_be_cancelled() -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        knowledge(_cases(30), cancel=token)

"""Real chests round simulated hearts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.check import check_case
from cof_viewer.cohort.real.mri import read_manifest
from cof_viewer.cohort.simulator.borrowed import lender_of, lenders
from cof_viewer.cohort.simulator.source import SimulatedPatients
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split


@pytest.fixture(scope="module")
def mri(data_dir: Path) -> Path:
    """The folder of real MRI."""
    return data_dir / "mri"


def test_every_case_borrows_from_its_own_part(mri):
    part_of = {row.patient_id: row.part for row in read_manifest(mri)}
    requests = SimulatedPatients(120, 0, mri).requests()
    assert {r.part for r in requests} == set(Split)
    assert all(part_of[str(r.what[1])] == r.part for r in requests)
    assert len({r.what[1] for r in requests if r.part == Split.TRAIN}) > 20


def test_lender_does_not_depend_on_the_count(mri):
    few, many = lender_of(mri, Split.TRAIN, "sim:000007"), lender_of(mri, Split.TRAIN, "sim:000007")
    assert few.patient_id == many.patient_id
    assert few in lenders(mri, Split.TRAIN)


def test_case_names_its_lender_and_holds(mri):
    source = SimulatedPatients(12, 0, mri)
    request = source.requests()[0]
    case, painted = source.make(request), SimulatedPatients(12).make(request)
    assert case.recipe["background_of"] == request.what[1]
    assert "background_of" not in painted.recipe
    assert check_case(case) == []
    assert np.array_equal(case.labels, painted.labels)
    assert np.array_equal(case.displacement_mm, painted.displacement_mm)
    assert np.array_equal(case.ecg_mv, painted.ecg_mv)
    assert np.abs(case.image.astype(int) - painted.image.astype(int)).mean() > 5
    assert case.image.tobytes() == source.make(request).image.tobytes()


def test_heart_of_the_lender_is_gone(mri):
    """No bright cavity is left in the middle of the hole: the background alone, without the simulated heart."""
    from cof_viewer.cohort.real.mri import load_pair
    from cof_viewer.cohort.simulator.borrowed import _holes, _without

    pair = load_pair(lenders(mri, Split.TRAIN)[0])
    middle = len(pair.images[0]) // 2
    before = pair.images[0, middle].astype(np.float32)
    after = _without(before, _holes(pair)[middle])
    cavity = pair.labels[0, middle] == 1
    assert after[cavity].mean() < 0.7 * before[cavity].mean()
    outside = ~_holes(pair)[middle]
    assert np.array_equal(after[outside], before[outside])


def test_folder_without_manifest_is_named(tmp_path):
    with pytest.raises(UserError, match=r"manifest\.csv"):
        SimulatedPatients(12, 0, tmp_path / "none").requests()

"""Simulated patients as a source of cases."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cof_viewer.cohort.case import CohortCase, Kind, lattice_pixels
from cof_viewer.cohort.simulator import simulate
from cof_viewer.cohort.simulator.mapping import lattice, pull_back
from cof_viewer.cohort.simulator.source import CONDITION_SHARES, SimulatedPatients
from cof_viewer.domain.split import Split


@pytest.fixture(scope="module")
def case() -> CohortCase:
    """The first patient of a small source."""
    source = SimulatedPatients(12)
    return source.make(source.requests()[0])


def test_parts_have_the_stated_sizes_and_every_condition():
    requests = SimulatedPatients(1050).requests()
    assert Counter(r.part for r in requests) == {
        Split.TRAIN: 600,
        Split.VALIDATION: 100,
        Split.TEST: 200,
        Split.ASSESSOR: 150,
    }
    for part in Split:
        assert {r.group for r in requests if r.part == part} == {c.value for c in CONDITION_SHARES}
    assert len({r.patient_id for r in requests}) == 1050


def test_mix_is_the_stated_one_from_the_start():
    for count in (100, 300):
        given = Counter(r.group for r in SimulatedPatients(count).requests())
        assert all(abs(given[c.value] - share * count / 100) <= 1 for c, share in CONDITION_SHARES.items())


def test_shares_are_percent():
    assert sum(CONDITION_SHARES.values()) == 100


def test_another_seed_gives_other_patients():
    first, second = (SimulatedPatients(5, seed).requests() for seed in (0, 1))
    assert not {r.patient_id for r in first} & {r.patient_id for r in second}
    assert not {r.what for r in first} & {r.what for r in second}


def test_case_is_whole(case):
    assert case.kind == Kind.SIMULATED
    assert case.image.shape == case.labels.shape == (25, 12, 96, 96)
    assert case.displacement_mm.shape == (25, 12, 24, 24, 3)
    assert case.displacement_mm.dtype == np.float16
    assert set(np.unique(case.labels)) == {0, 1, 2, 3}
    assert case.image.min() >= 1
    assert case.numbers["ef_percent"] == pytest.approx(100 * (1 - case.numbers["esv_ml"] / case.numbers["edv_ml"]))
    assert case.phase_ms[1] == pytest.approx(case.rr_ms / 25)
    assert abs(case.phase_ms[case.es_phase] - case.numbers["es_ms"]) <= case.rr_ms / 25
    assert case.ecg_mv is not None
    assert case.ecg_mv.shape == (12, 5000)


def test_displacement_lies_on_the_lattice_of_a_case(case):
    """The stored points, pulled back by the map itself at `lattice_pixels`."""
    source = SimulatedPatients(12)
    patient = simulate(
        int(source.requests()[0].what[0]), case.group, phases=25, slices=12, size=96, spacing_mm=1.5, picture=False
    )
    at_mm = (lattice_pixels() - 47.5) * 1.5
    z, y, x = np.meshgrid(patient.frame.z_mm, at_mm, at_mm, indexing="ij")
    shift_x, shift_y = patient.frame.shift_at(z)
    points = lattice(patient.anatomy, x + shift_x, y + shift_y, z)
    before = pull_back(patient.anatomy, patient.beat.states[case.es_phase], points)
    back_x, back_y = patient.frame.shift_at(before[2])
    expected = np.stack([before[0] - back_x - x, before[1] - back_y - y, before[2] - z], axis=-1)
    assert np.abs(expected - case.displacement_mm[case.es_phase]).max() < 0.02


def test_same_request_same_bytes(case):
    source = SimulatedPatients(12)
    again = source.make(source.requests()[0])
    assert again.image.tobytes() == case.image.tobytes()
    assert again.displacement_mm.tobytes() == case.displacement_mm.tobytes()


def test_recipe_makes_the_patient_again(case):
    recipe = dict(case.recipe)
    seed, condition, sex = int(str(recipe.pop("seed"))), str(recipe.pop("condition")), str(recipe.pop("sex"))
    full = simulate(seed, condition, sex, picture=False, spacing_mm=1.5, size=128, slices=12, phases=50)
    assert full.truth.edv_ml == case.numbers["edv_ml"]
    assert full.ecg.signal_mv.tobytes() == case.ecg_mv.tobytes()

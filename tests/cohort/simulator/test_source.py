"""Simulated patients as a source of cases."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

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


def test_displacement_is_the_motion_between_lattice_points(case):
    """At every pixel of the wall at ES it is the map itself within half a millimetre, nearer than samples are."""
    source = SimulatedPatients(12)
    patient = simulate(
        int(source.requests()[0].what[0]), case.group, phases=25, slices=12, size=96, spacing_mm=1.5, picture=False
    )
    es, pixels = case.es_phase, (np.arange(96) - 47.5) * 1.5
    every, coarse = _truth_at(patient, es, pixels), _truth_at(patient, es, (lattice_pixels() - 47.5) * 1.5)
    wall = case.labels[es] == 2
    fitted, sampled = (
        np.linalg.norm((_between_points(field) - every)[wall], axis=-1)
        for field in (case.displacement_mm[es].astype(np.float32), coarse)
    )
    assert fitted.mean() < 0.9 * sampled.mean()
    assert fitted.mean() < 0.5


def _truth_at(patient, phase: int, at_mm):
    """[z, y, x, 3] pull-back by the map itself at all pairs of places."""
    z, y, x = np.meshgrid(patient.frame.z_mm, at_mm, at_mm, indexing="ij")
    shift_x, shift_y = patient.frame.shift_at(z)
    before = pull_back(
        patient.anatomy, patient.beat.states[phase], lattice(patient.anatomy, x + shift_x, y + shift_y, z)
    )
    back_x, back_y = patient.frame.shift_at(before[2])
    return np.stack([before[0] - back_x - x, before[1] - back_y - y, before[2] - z], axis=-1)


def _between_points(field):
    """A field of the lattice at every pixel, bilinear."""
    z, y, x = np.indices((field.shape[0], 96, 96), dtype=np.float32)
    at = (z, (y - 1.5) / 4, (x - 1.5) / 4)
    return np.stack([ndimage.map_coordinates(field[..., k], at, order=1, mode="nearest") for k in range(3)], axis=-1)


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

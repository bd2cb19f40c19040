"""The conformal half-width."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cof_viewer.cohort.simulator.source import SimulatedPatients
from cof_viewer.domain.image import Label, LabelMap
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.learning import calibrate
from cof_viewer.learning.calibrate import conformal_half_width, simulated_errors
from cof_viewer.learning.flow.cases import EcgCase
from tests.learning.made import hearts


def test_ranks_by_hand():
    assert conformal_half_width(list(range(1, 20))) == 18  # ceil(.9 * 20) = 18th of 19
    assert conformal_half_width([3.0, -5.0, 1.0]) == 5.0  # too few: the largest


def test_it_covers_what_it_says_on_new_draws():
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        errors = rng.normal(size=60)
        covered.append(abs(rng.normal()) <= conformal_half_width(errors.tolist()))
    assert 0.86 < np.mean(covered) < 0.95


def test_no_errors_is_no_calibration():
    with pytest.raises(ValueError, match="no errors"):
        conformal_half_width([])


def test_simulated_hearts_are_calibrated_from_segmented_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    patients = SimulatedPatients(1050)
    truth = replace(patients.make(next(r for r in patients.requests() if r.group == "normal")), part=Split.VALIDATION)
    row = SimpleNamespace(patient_id=truth.patient_id, kind="simulated", case_id=truth.case_id)
    store = SimpleNamespace(choose=lambda **_: [row], load=lambda _: truth)
    shape = hearts(1)[0]
    ecg = EcgCase("normal", np.zeros(3, np.float32), np.zeros(768, np.float32), TimeMarks(150.0, 320.0, 520.0, 900.0))
    fitted = replace(shape, patient_id=truth.patient_id, kind="simulated", ecg=ecg)
    given: list[np.ndarray] = []

    def half_as_large(_segmenter, volume, _device):
        labels = np.zeros(volume.data.shape, np.uint8)
        labels.ravel()[: round(truth.numbers["edv_ml"] / 2 / volume.grid.voxel_volume_ml)] = Label.LV
        return SimpleNamespace(labels=LabelMap(labels, volume.grid), volume=volume, features=np.full(48, 7, np.float32))

    monkeypatch.setattr(calibrate.Segmenter, "load", lambda *_: None)
    monkeypatch.setattr(calibrate.Generator, "load", lambda *_: SimpleNamespace(network=None, statistics=None))
    monkeypatch.setattr(calibrate, "prepare_anchor", half_as_large)
    monkeypatch.setattr(
        calibrate, "logit_errors", lambda _n, _s, seen, _own: [given.append(c.ed_features) or 0.25 for c in seen]
    )
    ef, edv = simulated_errors(Path(), store, [fitted, shape])
    assert ef == [0.25]
    assert edv == pytest.approx([1.0], abs=0.02)
    assert np.all(given[0] == 7)  # the segmented anchor's shape, not the true one's

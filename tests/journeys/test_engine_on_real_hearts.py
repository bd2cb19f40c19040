"""The engine on real files: the exam, and held-out ED anchors with real ECGs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.real.mri import choose, load_pair, read_manifest
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.function import Source
from cof_viewer.domain.image import Label, Volume
from cof_viewer.domain.split import Split
from cof_viewer.engine.engine import Engine
from cof_viewer.engine.gate import jacobian
from cof_viewer.evaluation.pairs import ejection_fraction, structure_dice, volume_of
from cof_viewer.io import open_ecg, open_study
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(ROOT / "models", "cpu")


@pytest.fixture(scope="module")
def ecg(data_dir: Path):
    return open_ecg(data_dir / "ecg" / "formats" / "wfdb" / "00841_hr.hea")


def counted_ef(labels: np.ndarray) -> float:
    volume = np.count_nonzero(labels == Label.LV, axis=(1, 2, 3))
    return float(100 * (volume.max() - volume.min()) / volume.max())


def test_the_exam_is_measured(engine: Engine, data_dir: Path) -> None:
    study = engine.orient(open_study(data_dir / "mri" / "dicom" / "bivme_patient1_exam.zip"))
    measured = engine.measure(study)
    function = measured.result.function
    # A surface fitted to the same exam gives EDV 179 mL, EF 59.8 %. With slices 17.7 mm apart, whether the second one
    # still counts as LV at ES is worth 20 mL, which is why the result carries a caution.
    assert function.ef_percent == pytest.approx(59.8, abs=20.0)
    assert "coarse-stack" in {flag.code for flag in measured.result.flags}
    assert function.edv_ml == pytest.approx(179.0, rel=0.25)
    assert function.ef_percent == pytest.approx(counted_ef(measured.labels.data), abs=2.0)
    assert abs(function.es_phase - 9) <= 2


def test_a_demo_is_measured_as_it_was_made(engine: Engine, demo_dir: Path) -> None:
    study = engine.orient(open_study(demo_dir / "dilated-lbbb"))
    measured = engine.measure(study)
    function = measured.result.function
    assert function.ef_percent == pytest.approx(counted_ef(measured.labels.data), abs=2.0)
    truth = json.loads((demo_dir / "dilated-lbbb" / "study.json").read_text(encoding="utf-8"))["truth"]
    assert function.ef_percent == pytest.approx(truth["ef_percent"], abs=8.0)
    assert set(function.source.values()) == {Source.SIMULATED}


@pytest.fixture(scope="module")
def held_out(data_dir: Path):
    """A validation patient that no shipped weights learned from."""
    rows = choose(read_manifest(data_dir / "mri"), "pair", Split.VALIDATION, dataset="acdc")
    return load_pair(next(row for row in rows if row.group == "NOR"))


def test_a_held_out_anchor_moves_like_a_heart(engine: Engine, held_out, ecg) -> None:
    anchor = volume_of(held_out, 0)
    generation = engine.generate(anchor, ecg, anchor_phase="ed", phases=20)
    assert structure_dice(generation.labels.data[0], held_out.labels[0])[0] > 0.9
    function = generation.result.function
    assert generation.cine.data[0] == pytest.approx(anchor.data)
    assert 25 < function.ef_percent < 85
    assert function.ef_percent == pytest.approx(counted_ef(generation.labels.data), abs=2.0)
    assert jacobian(generation.motion).min() > 0
    assert generation.motion.push_forward_mm[function.es_phase, 0, 32, 32, 2] > 3.0, "the base descends"
    truth = ejection_fraction(*held_out.labels)
    assert function.ef_percent == pytest.approx(truth, abs=30.0)


@pytest.mark.parametrize(("turns", "mirrored", "apex_first"), [(1, False, False), (0, True, True), (2, True, False)])
def test_pose_is_found_out_and_undone(engine: Engine, held_out, turns, mirrored, apex_first) -> None:
    """Rotated, mirrored, apex first: the labels follow the picture."""
    plain = volume_of(held_out, 0)
    straight = engine.segment(plain).data

    def change(stack: np.ndarray) -> np.ndarray:
        stack = np.rot90(stack, turns, axes=(1, 2))
        stack = stack[:, :, ::-1] if mirrored else stack
        return np.ascontiguousarray(stack[::-1] if apex_first else stack)

    data = change(plain.data)
    from cof_viewer.domain.grid import grid_from_spacing

    grid = grid_from_spacing(data.shape, plain.grid.spacing_mm, orientation_known=False)
    turned = engine.segment(Volume(data, grid)).data
    scores = structure_dice(turned, change(straight))
    assert min(scores[:2]) > 0.93
    assert scores[2] > 0.85


def test_a_head_is_no_heart(engine: Engine, data_dir: Path) -> None:
    def look() -> None:
        engine.orient(open_study(data_dir / "mri" / "other" / "nibabel_anatomical.nii"))

    with pytest.raises(UserError, match=r"(?i)heart|head|short-axis"):
        look()


def test_a_swapped_ecg_moves_end_systole(engine: Engine, held_out, data_dir: Path) -> None:
    prepared = engine.prepare(volume_of(held_out, 0))
    from cof_viewer.signal import representative_beat

    found = {}
    for name in ("00841_hr.hea", "01612_hr.hea", "jhu315.hea"):
        try:
            record = open_ecg(data_dir / "ecg" / "formats" / "wfdb" / name)
            beat = representative_beat(record)
        except UserError:
            continue
        function = engine.generate(prepared, record, anchor_phase="ed", phases=40).result.function
        found[beat.intervals.t_end_at_ms or 0.0] = function.phase_ms[function.es_phase]
    assert len(found) >= 2
    early, late = min(found), max(found)
    assert late - early < 25 or found[late] > found[early]

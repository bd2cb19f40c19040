"""The assessor: its shape, its wall, and that it learns, resumes, is published and judges."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.cohort.real.mri import Row, read_manifest
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.weights import load_weights
from cof_viewer.evaluation.assessor import Assessor, as_beat, as_reference
from cof_viewer.evaluation.backbones import FRAMES, features_of, load_backbone
from cof_viewer.evaluation.beat import reference_of
from cof_viewer.learning.assessor import data, parts
from cof_viewer.learning.assessor.config import AssessorTraining, config_from_dict, read_config
from cof_viewer.learning.assessor.network import AssessorConfig, SegResNet, network_from, standardised
from cof_viewer.learning.assessor.parts import SplitBroken, assert_disjoint, assert_own_part
from cof_viewer.learning.assessor.publish import publish
from cof_viewer.learning.assessor.train import main
from tests.conftest import ROOT
from tests.evaluation.made import beat_of_truth, tube_case

CONFIGS = Path(parts.__file__).parent / "configs"
SMOKE = read_config(CONFIGS / "smoke.json")


def test_it_has_the_size_of_the_usual_segresnet():
    """1,576,436 numbers: SegResNet in two dimensions with 16 first filters, one channel in and four out."""
    network = SegResNet(AssessorConfig())
    assert sum(p.numel() for p in network.parameters()) == 1_576_436
    assert network(torch.zeros(2, 1, 32, 48)).shape == (2, 4, 32, 48)
    assert [maps.shape[1] for maps in network.levels(torch.zeros(1, 1, 32, 32))] == [16, 32, 64, 128]
    with pytest.raises(ValueError, match="levels down"):
        AssessorConfig(blocks_up=(1,))


@pytest.mark.parametrize("name", ["assessor", "smoke"])
def test_configs_survive_the_round_trip(name: str):
    config = read_config(CONFIGS / f"{name}.json")
    assert config_from_dict(json.loads(json.dumps(asdict(config)))) == config
    assert config.size % config.network.multiple == 0


def test_slices_are_standardised_over_what_was_imaged():
    slices = torch.zeros(1, 1, 4, 4)
    slices[..., :2] = torch.tensor([1.0, 3.0])
    out = standardised(slices)
    assert out[..., :2].unique().tolist() == [-1.0, 1.0]
    assert not out[..., 2:].any()
    assert standardised(10 * slices) == pytest.approx(out)
    assert torch.isfinite(standardised(torch.zeros(1, 1, 4, 4))).all()


def test_nobody_of_another_part_is_learned_from():
    assert_own_part([("a", Split.ASSESSOR)])
    with pytest.raises(SplitBroken, match="such as b"):
        assert_own_part([("a", Split.ASSESSOR), ("b", Split.TEST)])
    assert_disjoint(["a"], ["b"])
    with pytest.raises(SplitBroken, match="such as a"):
        assert_disjoint(["a", "b"], {"a": Split.TRAIN})


def test_a_patient_of_two_parts_stops_the_training():
    row = Row(Path("x"), "acdc:1", "acdc", "NOR", "pair", True, True, Split.ASSESSOR, 1.0, 1.0, 1.0)
    assert data.real_rows([row]) == [row]
    with pytest.raises(SplitBroken):
        data.real_rows([row, replace(row, kind="cine", part=Split.TRAIN)])


def test_no_data_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("cof_viewer.learning.assessor.train.default_folder", lambda: None)
    with pytest.raises(UserError, match="COF_DATA"):
        main(SMOKE, tmp_path)


@pytest.fixture(scope="module")
def trained(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("assessor")
    main(SMOKE, out, data=data_dir / "mri")
    return out


def test_it_learns_from_its_own_patients_and_names_them(trained: Path, data_dir: Path):
    part_of = {row.patient_id: row.part for row in read_manifest(data_dir / "mri")}
    people = json.loads((trained / "patients.json").read_text())
    everybody = people["learned_from"] + people["held_back"]
    assert len(everybody) == 3
    assert {part_of[patient] for patient in everybody} == {Split.ASSESSOR}
    assert not set(people["learned_from"]) & set(people["held_back"])
    assert len((trained / "log.csv").read_text().splitlines()) == 1 + SMOKE.steps // SMOKE.log_every


def test_it_resumes(trained: Path, data_dir: Path, tmp_path: Path):
    for name in ("checkpoint.pt", "patients.json"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    main(replace(SMOKE, steps=8), tmp_path, resume=True, data=data_dir / "mri")
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 8


def test_it_is_published_with_its_patients_and_judges_strangers_only(trained: Path, tmp_path: Path):
    publish(trained, tmp_path)
    tensors, entry = load_weights(tmp_path, "assessor")
    assert entry.about["data"]["part"] == "assessor"
    assert isinstance(network_from(entry.config, tensors), SegResNet)
    assessor = Assessor.load(tmp_path)
    assert assessor is not None
    assessor.assert_stranger_to(["acdc:nobody"])
    with pytest.raises(SplitBroken):
        assessor.assert_stranger_to(entry.about["data"]["learned_from"])
    with pytest.raises(SplitBroken):
        assessor.assert_stranger_to(entry.about["data"]["held_back"])


def test_features_of_a_beat_by_the_assessor(trained: Path, tmp_path: Path):
    publish(trained, tmp_path)
    picture = reference_of(tube_case()).picture
    image, temporal = features_of(picture, load_backbone("assessor", tmp_path))
    assert len(temporal) == FRAMES * len(image)
    assert image.shape == (2 * SMOKE.network.init_filters,)
    with pytest.raises(UserError, match="no backbone"):
        load_backbone("dinov2", tmp_path)


def test_a_torchscript_file_is_a_backbone(tmp_path: Path):
    class Mean(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=(2, 3))

    path = tmp_path / "mean.pt"
    torch.jit.script(Mean()).save(str(path))
    (tmp_path / "manifest.json").write_text('{"weights": {}}')
    image, _ = features_of(reference_of(tube_case()).picture, load_backbone(f"torchscript:{path}", tmp_path))
    assert image.shape == (3,)


class _Sees(torch.nn.Module):
    """Stands for a trained network: reads the class off the grey level of a tube."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        ranks = torch.stack(
            [images < -1, images > 2.3, (images > -1) & (images < 1), (images > 1) & (images <= 2.3)], 1
        )
        return 20.0 * ranks[:, :, 0].float()


def test_what_it_sees_becomes_the_truth_and_the_beat():
    reference = reference_of(tube_case())
    labels = reference.labels
    assessor = Assessor(_Sees(), frozenset(), "")  # type: ignore[arg-type]
    seen = assessor.see(reference.picture, 10.0)
    assert seen.labels.shape == labels.shape
    truth, beat = as_reference(reference, seen), as_beat(beat_of_truth(reference), seen)
    assert truth.edv_ml == beat.edv_ml == seen.lv_ml[0]
    assert beat.ef_percent == truth.ef_percent
    assert np.isfinite(seen.lv_ml).all()


def test_the_shipped_assessor_labels_the_hearts_of_strangers(data_dir: Path):
    """On ED of a validation patient, whom it never saw."""
    assessor = Assessor.load(ROOT / "models")
    if assessor is None:
        pytest.skip("the assessor's weights are not in models/")
    rows = [r for r in read_manifest(data_dir / "mri") if r.part is Split.VALIDATION and r.kind == "pair"][:2]
    assessor.assert_stranger_to(row.patient_id for row in rows)
    stacks = data.real_stacks(rows, 1.5)
    from cof_viewer.learning.assessor.task import AssessorTask

    task = AssessorTask.__new__(AssessorTask)
    task.config, task._looked_at = AssessorTraining(), [stack for stack in stacks if not stack.phase]
    scores = task.validate(assessor._network)
    assert scores["ed_lv"] > 0.88
    assert scores["ed_myo"] > 0.7

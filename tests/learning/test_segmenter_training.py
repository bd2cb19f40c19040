"""Training of segmenter and localiser: it learns, resumes, obeys the split, and its pieces do what they say."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.cohort.real.mri import choose, read_manifest
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.seg_network import ResidualUNet, UNetConfig
from cof_viewer.engine.seg_sampling import heart_placement, look_up
from cof_viewer.engine.weights import load_weights
from cof_viewer.learning.segmenter.augment import bend_intensities
from cof_viewer.learning.segmenter.config import (
    AugmentConfig,
    TrainConfig,
    config_from_dict,
    read_config,
)
from cof_viewer.learning.segmenter.localise_task import LocaliseTask
from cof_viewer.learning.segmenter.losses import deep_overlap_loss, masked_binary_loss, overlap_loss
from cof_viewer.learning.segmenter.phantoms import random_phantom
from cof_viewer.learning.segmenter.publish import publish
from cof_viewer.learning.segmenter.sampling import frame_of_labels, random_placement, take
from cof_viewer.learning.segmenter.segment_task import SegmentTask
from cof_viewer.learning.segmenter.train import main

CONFIGS = Path(main.__globals__["__file__"]).parent / "configs"
SMOKE = read_config(CONFIGS / "smoke.json")


@pytest.mark.parametrize("name", ["segmenter", "localiser", "smoke"])
def test_configs_survive_the_round_trip(name: str):
    config = read_config(CONFIGS / f"{name}.json")
    assert config_from_dict(json.loads(json.dumps(asdict(config)))) == config
    assert config.size % config.network.multiple == 0


def test_a_perfect_answer_costs_almost_nothing_and_a_wrong_one_much():
    shares = torch.zeros(2, 4, 16, 16)
    shares[:, 1, :8] = 1
    shares[:, 0, 8:] = 1
    good = 20 * shares
    assert overlap_loss(good, shares) < 1.0  # two absent classes keep their smooth 1/1
    assert overlap_loss(good, shares) < 0.01 + overlap_loss(good.roll(8, dims=2), shares) / 10
    assert deep_overlap_loss([good, 20 * shares[..., ::2, ::2]], shares) < 0.01


def test_votes_count_only_where_the_weight_is():
    logits, truth = torch.full((1, 4, 4), 10.0), torch.ones(1, 1, 1)
    logits[0, 0] = -10.0
    weight = torch.ones(1, 4, 4)
    weight[0, 0] = 0
    assert masked_binary_loss(logits, truth, weight) < 1e-3
    assert masked_binary_loss(logits, truth, torch.ones(1, 4, 4)) > 2


def test_the_frame_of_a_labelled_heart():
    labels = np.zeros((3, 40, 60), np.uint8)
    labels[:, 10:20, 30:40] = 1
    labels[:, 10:20, 10:20] = 3
    frame = frame_of_labels(labels, (8.0, 2.0, 1.0))
    assert frame is not None
    assert frame.centre_mm == pytest.approx((29.0, 24.5))
    assert abs(frame.angle_rad) == pytest.approx(math.pi)
    assert frame_of_labels(np.zeros_like(labels), (8.0, 2.0, 1.0)) is None


def test_random_looks_stay_within_the_config():
    base = heart_placement((50.0, 60.0), math.pi)
    config = AugmentConfig(rotation_deg=10, shift_mm=5, log_scale=0.1, log_stretch=0.0, mirror=0.5)
    rng = np.random.default_rng(1)
    looks = [random_placement(base, config, rng) for _ in range(200)]
    assert max(np.abs(np.array(p.centre_mm) - [50, 60]).max() for p in looks) <= 5
    sizes = np.array([np.linalg.det(p.matrix) for p in looks])
    assert np.abs(np.log(np.abs(sizes))).max() <= 0.2 + 1e-9
    assert 60 < (sizes < 0).sum() < 140


def test_label_shares_sum_to_one_also_beyond_the_stack():
    label = torch.zeros(20, 20, dtype=torch.uint8)
    label[5:15, 5:15] = 2
    grid = look_up(heart_placement((10.0, 10.0), 1.0), 48, 1.0, (20, 20), (1.0, 1.0))
    images, shares, inside = take(torch.rand(3, 20, 20), label, grid)
    assert images.shape == (3, 48, 48)
    assert torch.allclose(shares.sum(dim=0), torch.ones(48, 48), atol=1e-5)
    assert torch.all(shares[0][~inside] > 0.4)
    assert shares[2].max() == pytest.approx(1.0, abs=1e-4)


def test_intensity_changes_keep_shape_and_stay_finite():
    generator = torch.Generator().manual_seed(3)
    images = torch.rand(8, 3, 48, 48, generator=generator)
    bent = bend_intensities(images, 1.0, generator)
    assert bent.shape == images.shape
    assert torch.isfinite(bent).all()
    assert (bent - images).abs().mean() > 0.02
    assert torch.equal(bend_intensities(images, 0.0, generator), images)


def test_phantoms_are_pictures():
    rng = np.random.default_rng(0)
    for _ in range(6):
        picture = random_phantom(32, rng)
        assert picture.shape == (3, 32, 32)
        assert np.isfinite(picture).all()
        assert picture.std() > 0.01


def test_a_network_answers_at_every_resolution():
    network = ResidualUNet(UNetConfig(stem=4, widths=(6, 8), heads=3))
    shapes = [tuple(maps.shape) for maps in network.deep(torch.rand(2, 3, 16, 24))]
    assert shapes == [(2, 4, 16, 24), (2, 4, 8, 12), (2, 4, 4, 6)]


def test_training_leaves_a_log_a_checkpoint_and_loadable_weights(data_dir: Path, tmp_path: Path):
    main(CONFIGS / "smoke.json", tmp_path / "run", data=data_dir / "mri")
    with (tmp_path / "run" / "log.csv").open() as stream:
        lines = list(csv.DictReader(stream))
    assert [int(line["step"]) for line in lines] == [2, 4, 6]
    assert all(math.isfinite(float(line["loss"])) for line in lines)
    publish(tmp_path / "run", tmp_path / "models")
    tensors, entry = load_weights(tmp_path / "models", "segmenter")
    assert set(tensors) == set(ResidualUNet(SMOKE.network).state_dict())
    assert entry.about["training"]["steps"] == 6


def test_a_resumed_training_goes_on_where_it_stopped(data_dir: Path, tmp_path: Path):
    main(replace(SMOKE, steps=3), tmp_path, data=data_dir / "mri")
    state = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    main(replace(SMOKE, steps=3), tmp_path, resume=True, data=data_dir / "mri")
    again = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert all(torch.equal(again["mean"][key], value) for key, value in state["mean"].items())
    main(replace(SMOKE, steps=5), tmp_path, resume=True, data=data_dir / "mri")
    further = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert further["step"] == 5


def test_a_few_steps_on_one_batch_lower_the_loss(data_dir: Path):
    task = SegmentTask(SMOKE, read_manifest(data_dir / "mri"))
    torch.manual_seed(0)
    network = task.network()
    batch = task.batch(np.random.default_rng(0))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = task.loss(network.deep, batch)  # type: ignore[arg-type]
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_only_train_patients_are_learned_from(data_dir: Path):
    rows = read_manifest(data_dir / "mri")
    task = SegmentTask(SMOKE, rows)
    train = {r.patient_id for r in choose(rows, "pair", Split.TRAIN)}
    validation = {r.patient_id for r in choose(rows, "pair", Split.VALIDATION)}
    assert {stack.name.split("/")[0] for stack in task.train} <= train
    assert {stack.name.split("/")[0] for stack in task.validation} <= validation


def test_the_localiser_s_batch_has_pictures_and_shares(data_dir: Path):
    config = read_config(CONFIGS / "localiser.json", patients=2, size=64, batch=24)
    task = LocaliseTask(config, read_manifest(data_dir / "mri"))
    images, shares = task.batch(np.random.default_rng(0))
    assert images.shape == (24, 3, 64, 64)
    assert shares.shape == (24, 4, 64, 64)
    assert float(shares[:, 1:].sum()) > 0, "hearts are in the pictures"


def test_missing_data_is_said_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cof_viewer.learning.segmenter.train.default_folder", lambda: None)
    with pytest.raises(UserError, match="COF_DATA"):
        main(TrainConfig(), tmp_path)

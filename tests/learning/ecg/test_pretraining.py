"""Pretraining of the ECG encoder: it learns, resumes to the same weights, obeys the split, and publishes."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.cohort.real.ecgs import Record, read_records
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.ecg_encoder import StMemEncoder, config_from, load_state
from cof_viewer.engine.weights import load_weights
from cof_viewer.learning.ecg import pretrain
from cof_viewer.learning.ecg.autoencoder import MaskedAutoencoder, random_order
from cof_viewer.learning.ecg.config import config_from_dict, read_config
from cof_viewer.learning.ecg.samples import Samples

CONFIGS = Path(pretrain.__file__).parent / "configs"
SMOKE = read_config(CONFIGS / "smoke.json")


def made_record(index: int) -> Record:
    """A beat train at its own rate, each lead of its own size."""
    clock = np.arange(5000) / 500
    since = (clock - 0.3) % (0.7 + 0.05 * index)
    wave = np.exp(-0.5 * ((since - 0.2) / 0.015) ** 2) + 0.3 * np.exp(-0.5 * ((since - 0.45) / 0.04) ** 2)
    signal = (np.linspace(-1, 1.5, 12)[:, None] * wave).astype(np.float32)
    return Record(f"r{index}", f"r{index}", "normal", Split.TRAIN, "ok", {}, signal)


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples([made_record(index) for index in range(4)], SMOKE)


@pytest.mark.parametrize("name", ["ecg_encoder", "smoke"])
def test_configs_survive_the_round_trip(name: str):
    config = read_config(CONFIGS / f"{name}.json")
    assert config_from_dict(json.loads(json.dumps(asdict(config)))) == config
    assert config.encoder.output == 768


def test_samples_are_normalised_and_random_by_seed_alone(samples: Samples):
    one, again, other = (samples.batch(np.random.default_rng(seed), 5) for seed in (1, 1, 2))
    assert one.shape == (5, 12, 2250)
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)
    np.testing.assert_allclose(one.std(axis=(1, 2)), 1, atol=1e-3)


def test_every_lead_has_its_own_order_of_patches():
    order = random_order(2, 12, 30, torch.Generator().manual_seed(0))
    assert torch.equal(order.sort(dim=-1).values, torch.arange(30).expand(2, 12, 30))
    assert not torch.equal(order[0, 0], order[0, 1])


def test_hidden_patches_are_not_seen():
    torch.manual_seed(0)
    network = MaskedAutoencoder(SMOKE.encoder, SMOKE.decoder, 0.75).eval()
    assert network.seen == 8
    clean = torch.randn(1, 12, 2250)
    order = random_order(1, 12, 30, torch.Generator().manual_seed(0))
    changed = clean.clone().reshape(1, 12, 30, 75)
    for lead in range(12):
        changed[0, lead, order[0, lead, network.seen :]] = 7.0
    changed = changed.reshape(1, 12, 2250)
    with torch.no_grad():
        assert network(clean, clean, order) == network(changed, clean, order)
        assert network(clean, clean, order) != network(clean, changed, order)


def test_it_learns(samples: Samples, tmp_path: Path):
    config = replace(SMOKE, steps=40, log_every=10)
    pretrain.pretrained(config, samples, samples, tmp_path)
    with (tmp_path / "log.csv").open(newline="", encoding="utf-8") as stream:
        losses = [float(row["loss"]) for row in csv.DictReader(stream)]
    assert len(losses) == 4
    assert losses[-1] < 0.85 * losses[0]
    assert (tmp_path / "validation.csv").is_file()


def test_a_killed_run_goes_on_to_the_same_weights(samples: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    whole = pretrain.pretrained(SMOKE, samples, samples, tmp_path / "whole")
    broken, loss, calls = replace(SMOKE, checkpoint_every_s=0.0), pretrain.PretrainTask.loss, []

    def fail_at_seven(task: pretrain.PretrainTask, *given: object) -> torch.Tensor:
        calls.append(given)
        if len(calls) == 8:
            raise KeyboardInterrupt
        return loss(task, *given)

    monkeypatch.setattr(pretrain.PretrainTask, "loss", fail_at_seven)
    with pytest.raises(KeyboardInterrupt):
        pretrain.pretrained(broken, samples, samples, tmp_path / "cut")
    monkeypatch.setattr(pretrain.PretrainTask, "loss", loss)
    resumed = pretrain.pretrained(broken, samples, samples, tmp_path / "cut", resume=True)
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)


def test_published_weights_load(samples: Samples, tmp_path: Path):
    encoder = pretrain.pretrained(replace(SMOKE, steps=2), samples, samples, tmp_path / "run")
    pretrain.publish(tmp_path / "run", tmp_path / "models", {"note": "test"})
    tensors, entry = load_weights(tmp_path / "models", "ecg_encoder")
    loaded = StMemEncoder(config_from(entry.config))
    load_state(loaded, tensors)
    assert entry.about["data"]["learned_from"] == "train"
    torch.testing.assert_close(loaded.norm.weight, encoder.norm.weight, atol=2e-3, rtol=0)


def test_no_data_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pretrain, "default_folder", lambda: None)
    with pytest.raises(UserError, match="COF_DATA"):
        pretrain.main(SMOKE, tmp_path)


def test_real_records_are_split_by_patient_and_learned_from(data_dir: Path, tmp_path: Path):
    pytest.importorskip("h5py")
    records = read_records(data_dir / "ecg")
    assert len(records) == 497
    parts = {part: sum(r.part is part for r in records) for part in Split}
    assert parts[Split.TRAIN] == pytest.approx(0.58 * 497, abs=12)
    part_of: dict[str, Split] = {}
    for record in records:
        assert part_of.setdefault(record.patient_id, record.part) is record.part
    assert 0.5 < np.percentile([np.ptp(r.signal_mv[7]) for r in records], 50) < 6
    encoder = pretrain.main(SMOKE, tmp_path / "run", data=data_dir / "ecg")
    assert encoder.config == SMOKE.encoder

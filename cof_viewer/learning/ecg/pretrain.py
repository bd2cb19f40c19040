"""Pretraining of the ECG encoder from one config: resumable from any kill, logged to CSV."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric

from cof_viewer.cohort.real.ecgs import Record, default_folder, read_records
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.ecg_encoder import StMemEncoder, config_values
from cof_viewer.engine.weights import WeightsEntry, save_weights
from cof_viewer.learning.ecg.autoencoder import MaskedAutoencoder, random_order
from cof_viewer.learning.ecg.config import PretrainConfig, config_to_dict, read_config
from cof_viewer.learning.ecg.samples import Samples
from cof_viewer.learning.logs import append_row
from cof_viewer.learning.watching import report, stop_is_asked

NAME = "ecg_encoder"
_WARM_UP = 0.1
_CLIP = 1.0


@dataclass
class _Progress:
    step: int = 0
    seconds: float = 0.0


def main(config: Path | PretrainConfig, out: Path, *, resume: bool = False, data: Path | None = None) -> StMemEncoder:
    """Pretrain what a config says and leave checkpoint and logs in a folder.

    Args:
        config: a JSON file or the config itself.
        out: folder of `checkpoint.pt`, `log.csv`, `validation.csv`, `config.json`.
        resume: go on from the folder's checkpoint.
        data: folder of `records.h5`; by default the one beside the checkout.

    Returns:
        The encoder.
    """
    settings = config if isinstance(config, PretrainConfig) else read_config(config)
    folder = data or default_folder()
    if folder is None:
        raise UserError("The ECG records to learn from were not found; set COF_DATA to their folder.", code="no-data")
    usable = [record for record in read_records(folder) if record.quality != "bad"]
    train = _part(usable, Split.TRAIN, settings.records)
    validation = _part(usable, Split.VALIDATION, settings.records)
    return fit(settings, Samples(train, settings), Samples(validation, settings), out, resume=resume)


def _part(records: list[Record], part: Split, most: int) -> list[Record]:
    chosen = [record for record in records if record.part is part]
    return chosen[:most] if most else chosen


def fit(
    config: PretrainConfig, train: Samples, validation: Samples, out: Path, *, resume: bool = False
) -> StMemEncoder:
    """Train on `train`, look at `validation` now and then; see `main`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(config_to_dict(config), indent=1), encoding="utf-8")
    fabric = Fabric(accelerator="auto", devices=1, precision=config.precision)
    torch.manual_seed(config.seed)
    plain = MaskedAutoencoder(config.encoder, config.decoder, config.mask)
    learned = [p for p in plain.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=config.weight_decay)
    progress = _Progress()
    if resume and (out / "checkpoint.pt").is_file():
        _restore(out / "checkpoint.pt", plain, optimizer, progress)
    network, optimizer = fabric.setup(plain, optimizer)
    began = time.monotonic() - progress.seconds
    saved = looked = time.monotonic()
    losses: list[float] = []
    while (done := _fraction(config, progress)) < 1:
        if stop_is_asked():
            _save(out / "checkpoint.pt", plain, optimizer, progress)
            raise Cancelled
        report(done, f"Step {progress.step}" + (f", loss {losses[-1]:.3g}" if losses else ""))
        losses.append(_step(fabric, network, optimizer, config, train, progress.step, done))
        progress.step += 1
        progress.seconds = time.monotonic() - began
        if progress.step % config.log_every == 0:
            append_row(out / "log.csv", _line(progress, loss=float(np.mean(losses))))
            losses.clear()
        if time.monotonic() - saved > config.checkpoint_every_s:
            _save(out / "checkpoint.pt", plain, optimizer, progress)
            saved = time.monotonic()
        if time.monotonic() - looked > config.validate_every_s:
            append_row(out / "validation.csv", _line(progress, loss=validate(plain, validation)))
            looked = time.monotonic()
    _save(out / "checkpoint.pt", plain, optimizer, progress)
    append_row(out / "validation.csv", _line(progress, loss=validate(plain, validation)))
    return plain.encoder


def _step(
    fabric: Fabric, network: Any, optimizer: Any, config: PretrainConfig, train: Samples, step: int, done: float
) -> float:
    """One step; its batch and mask depend on seed and step alone, so a resumed run goes the same way."""
    for group in optimizer.param_groups:
        rise = min(1.0, done / _WARM_UP + 1e-3)
        group["lr"] = config.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * done))
    chance = torch.Generator().manual_seed(config.seed * 1_000_003 + step)
    clean = torch.from_numpy(train.batch(np.random.default_rng([config.seed, step]), config.batch))
    seen = clean + config.noise * torch.randn(clean.shape, generator=chance)
    order = random_order(config.batch, config.encoder.leads, config.encoder.patches, chance)
    optimizer.zero_grad(set_to_none=True)
    loss = network(seen.to(fabric.device), clean.to(fabric.device), order.to(fabric.device))
    fabric.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP)
    optimizer.step()
    return float(loss.detach())


@torch.no_grad()
def validate(network: MaskedAutoencoder, samples: Samples) -> float:
    """Mean loss over unchanged records, under one fixed mask each."""
    network.eval()
    device = next(network.parameters()).device
    encoder = network.encoder.config
    losses = []
    for index in range(len(samples)):
        order = random_order(1, encoder.leads, encoder.patches, torch.Generator().manual_seed(index))
        signal = torch.from_numpy(samples.plain(index))[None].to(device)
        losses.append(float(network(signal, signal, order.to(device))))
    network.train()
    return float(np.mean(losses))


def publish(run: Path, models: Path, about: dict[str, Any] | None = None) -> WeightsEntry:
    """Write a run's encoder as 16-bit safetensors, and its entry in the manifest.

    Args:
        run: folder with `checkpoint.pt` and `config.json`.
        models: folder of the manifest.
        about: further plain values for readers, such as figures.
    """
    config = read_config(run / "config.json")
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    prefix = "encoder."
    tensors = {k.removeprefix(prefix): v for k, v in state["network"].items() if k.startswith(prefix)}
    training = {"steps": int(state["step"]), "minutes": round(float(state["seconds"]) / 60, 1), "seed": config.seed}
    data = {"sets": ["CPSC2018", "CPSC2018-Extra", "Chapman-Shaoxing/Ningbo", "Georgia", "LUDB", "PTB", "PTB-XL"]}
    data["sets"] += ["SPH", "ZZU-pECG"]
    return save_weights(
        models,
        NAME,
        tensors,
        config=config_values(config.encoder),
        about={"training": training, "data": data | {"learned_from": "train"}} | (about or {}),
    )


def _fraction(config: PretrainConfig, progress: _Progress) -> float:
    if config.minutes is not None:
        return progress.seconds / (60 * config.minutes)
    return progress.step / config.steps


def _save(path: Path, network: MaskedAutoencoder, optimizer: Any, progress: _Progress) -> None:
    beside = path.with_suffix(".part")
    torch.save(
        {
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "step": progress.step,
            "seconds": progress.seconds,
        },
        beside,
    )
    os.replace(beside, path)  # noqa: PTH105 - the atomic replace, by its name


def _restore(path: Path, network: MaskedAutoencoder, optimizer: Any, progress: _Progress) -> None:
    state = torch.load(path, map_location="cpu", weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    progress.step, progress.seconds = int(state["step"]), float(state["seconds"])


def _line(progress: _Progress, *, loss: float) -> dict[str, float]:
    return {"step": progress.step, "seconds": round(progress.seconds, 1), "loss": round(loss, 5)}


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--data", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.config, given.out, resume=given.resume, data=given.data)

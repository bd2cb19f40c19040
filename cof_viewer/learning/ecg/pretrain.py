"""Pretraining of the ECG encoder from one config: on the loop that all networks share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.cohort.real.ecgs import Record, default_folder, read_records
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.ecg_encoder import StMemEncoder, config_values
from cof_viewer.engine.weights import WeightsEntry, save_weights
from cof_viewer.learning.ecg.autoencoder import MaskedAutoencoder, random_order
from cof_viewer.learning.ecg.config import PretrainConfig, read_config
from cof_viewer.learning.ecg.samples import Samples
from cof_viewer.learning.fabric_loop import Pace, fit

NAME = "ecg_encoder"
_PACE = Pace(warm_steps=0, warm_share=0.1, cosine=True, betas=(0.9, 0.95), clip=1.0)
"""Of masked autoencoders (He et al. 2022), as ST-MEM is trained."""

Batch = tuple[Tensor, ...]


class PretrainTask:
    """Masked autoencoding of samples; the validation loss is of unchanged records, under one fixed mask each."""

    def __init__(self, config: PretrainConfig, train: Samples, validation: Samples) -> None:
        """Keep what is learned from and what is looked at."""
        self.config = config
        self._train, self._validation = train, validation

    def network(self) -> MaskedAutoencoder:
        """An encoder and decoder with random weights."""
        return MaskedAutoencoder(self.config.encoder, self.config.decoder, self.config.mask)

    def batch(self, rng: np.random.Generator) -> Batch:
        """What is seen (with noise), what is to be found, both [n, 12, 2250], and each lead's order of patches."""
        config = self.config
        chance = torch.Generator().manual_seed(int(rng.integers(2**31)))
        clean = torch.from_numpy(self._train.batch(rng, config.batch))
        seen = clean + config.noise * torch.randn(clean.shape, generator=chance)
        return seen, clean, random_order(config.batch, config.encoder.leads, config.encoder.patches, chance)

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """Squared error of the hidden patches."""
        loss: Tensor = network(*batch)
        return loss

    @torch.no_grad()
    def validate(self, network: MaskedAutoencoder) -> dict[str, float]:
        """Mean loss over the validation records."""
        device = next(network.parameters()).device
        encoder = network.encoder.config
        losses = []
        for index in range(len(self._validation)):
            order = random_order(1, encoder.leads, encoder.patches, torch.Generator().manual_seed(index))
            signal = torch.from_numpy(self._validation.plain(index))[None].to(device)
            losses.append(float(network(signal, signal, order.to(device))))
        return {"loss": round(float(np.mean(losses)), 5)}


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
    return pretrained(settings, Samples(train, settings), Samples(validation, settings), out, resume=resume)


def pretrained(
    config: PretrainConfig, train: Samples, validation: Samples, out: Path, *, resume: bool = False
) -> StMemEncoder:
    """The encoder learned from `train`; see `main`."""
    network: Any = fit(PretrainTask(config, train, validation), config, out, resume=resume, pace=_PACE)
    encoder: StMemEncoder = network.encoder
    return encoder


def _part(records: list[Record], part: Split, most: int) -> list[Record]:
    chosen = [record for record in records if record.part is part]
    return chosen[:most] if most else chosen


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
    tensors = {k.removeprefix(prefix): v for k, v in state["mean"].items() if k.startswith(prefix)}
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

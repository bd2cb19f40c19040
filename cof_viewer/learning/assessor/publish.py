"""From a checkpoint of the assessor's training to the weights that the evaluation loads."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cof_viewer.engine.weights import WeightsEntry, save_weights
from cof_viewer.learning.assessor.config import config_from_dict
from cof_viewer.learning.logs import last_row

NAME = "assessor"


def publish(run: Path, models: Path, about: dict[str, Any] | None = None) -> WeightsEntry:
    """Write the running mean of a training's weights as 16-bit safetensors, and its entry in the manifest.

    The entry names every patient that was learned from, so that the evaluation can make sure it judges none of them.

    Args:
        run: folder with `checkpoint.pt`, `config.json`, `patients.json` and `validation.csv`.
        models: folder of the manifest.
        about: further plain values for readers, such as figures.
    """
    config = config_from_dict(json.loads((run / "config.json").read_text(encoding="utf-8")))
    people = json.loads((run / "patients.json").read_text(encoding="utf-8"))
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    training = {"steps": int(state["step"]), "minutes": round(float(state["seconds"]) / 60, 1)}
    figures = {"held_back": last_row(run / "validation.csv")}
    values = {"training": training, "data": {"part": "assessor"} | people, "figures": figures} | (about or {})
    return save_weights(models, NAME, state["mean"], config=asdict(config.network), about=values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("models"))
    given = parser.parse_args()
    publish(given.run, given.models)

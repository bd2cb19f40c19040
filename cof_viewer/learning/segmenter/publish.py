"""From a checkpoint of a training to the weights that the engine loads."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from cof_viewer.engine.pose_network import PoseConfig
from cof_viewer.engine.weights import WeightsEntry, save_weights
from cof_viewer.learning.segmenter.config import read_config


def publish(run: Path, models: Path, about: dict[str, Any] | None = None) -> WeightsEntry:
    """Write the running mean of a training's weights as 16-bit safetensors, and its entry in the manifest.

    Args:
        run: folder with `checkpoint.pt` and `config.json`.
        models: folder of the manifest.
        about: further plain values for readers, such as figures.
    """
    config = read_config(run / "config.json")
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    network = asdict(PoseConfig(size=config.size)) if config.task == "pose" else asdict(config.network)
    training = {"steps": int(state["step"]), "minutes": round(float(state["seconds"]) / 60, 1)}
    data = {"sets": ["ACDC", "M&Ms"], "learned_from": "train", "chosen_on": "validation"}
    return save_weights(
        models,
        config.task,
        state["mean"],
        config={"network": network, "spacing_mm": config.spacing_mm},
        about={"training": training, "data": data} | (about or {}),
    )

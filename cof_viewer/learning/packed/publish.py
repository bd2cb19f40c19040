"""From a checkpoint of the packed form's training to the weights that `engine.packed` loads."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from cof_viewer.engine.packed.beat import NAMES
from cof_viewer.engine.weights import WeightsEntry, save_weights
from cof_viewer.learning.logs import last_row
from cof_viewer.learning.packed.config import config_from_dict


def publish(run: Path, models: Path, about: dict[str, Any] | None = None) -> WeightsEntry:
    """Write the running mean of a training's weights as 16-bit safetensors, and its entry in the manifest.

    The entry is named by the form: "packed" for flow matching, "diffusion" for diffusion.

    Args:
        run: folder with `checkpoint.pt`, `config.json`, `cases.json` and, where it was looked at, `validation.csv`.
        models: folder of the manifest.
        about: further plain values for readers.
    """
    config = config_from_dict(json.loads((run / "config.json").read_text(encoding="utf-8")))
    people = json.loads((run / "cases.json").read_text(encoding="utf-8"))
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)
    training = {"steps": int(state["step"]), "minutes": round(float(state["seconds"]) / 60, 1), "batch": config.batch}
    data = {"learned_from": people["learned_from"], "part": "train", "judged_on": "simulated validation cases"}
    figures = {"validation": last_row(run / "validation.csv"), "cases": len(people["judged_on"])}
    values = {"training": training, "data": data, "figures": figures} | (about or {})
    name = NAMES[config.network.form]
    return save_weights(models, name, state["mean"], config=config.network.values(), about=values)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("models"))
    given = parser.parse_args()
    publish(given.run, given.models)

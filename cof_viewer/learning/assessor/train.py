"""Training of the assessor: `python -m cof_viewer.learning.assessor.train --config FILE --out DIR [--resume]`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import nn

from cof_viewer.cohort.real.mri import default_folder, read_manifest
from cof_viewer.domain.errors import UserError
from cof_viewer.learning.assessor.config import AssessorTraining, read_config
from cof_viewer.learning.assessor.data import open_store
from cof_viewer.learning.assessor.task import AssessorTask
from cof_viewer.learning.fabric_loop import fit


def main(
    config: Path | AssessorTraining,
    out: Path,
    *,
    resume: bool = False,
    data: Path | None = None,
    store: Path | None = None,
) -> nn.Module:
    """Train the assessor on its own patients and leave checkpoints, logs and `patients.json` in a folder.

    Args:
        config: a JSON file or the config itself.
        out: folder for checkpoints and logs.
        resume: go on from the folder's checkpoint.
        data: folder of the MRI data (`manifest.csv`); by default the one beside the checkout.
        store: a store whose simulated cases of the assessor's part are learned from too.

    Returns:
        The running mean of the weights.

    Raises:
        UserError: there is no data.
        SplitBroken: a patient to learn from is not the assessor's.
    """
    settings = config if isinstance(config, AssessorTraining) else read_config(config)
    folder = data or default_folder()
    if folder is None:
        raise UserError("The MRI data to learn from were not found; set COF_DATA to their folder.", code="no-data")
    task = AssessorTask(settings, read_manifest(folder), open_store(store))
    out.mkdir(parents=True, exist_ok=True)
    people = {"learned_from": task.patients, "held_back": task.held_back}
    (out / "patients.json").write_text(json.dumps(people, indent=1), encoding="utf-8")
    return fit(task, settings, out, resume=resume)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--store", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.config, given.out, resume=given.resume, data=given.data, store=given.store)

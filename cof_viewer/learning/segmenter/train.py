"""Training of the segmenter, the localiser or the pose network from one config file."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from cof_viewer.cohort.real.mri import default_folder, read_manifest
from cof_viewer.domain.errors import UserError
from cof_viewer.learning.segmenter.config import TrainConfig, read_config
from cof_viewer.learning.segmenter.localise_task import LocaliseTask
from cof_viewer.learning.segmenter.pose_task import PoseTask
from cof_viewer.learning.segmenter.segment_task import SegmentTask
from cof_viewer.learning.segmenter.trainer import Task, fit


def main(config: Path | TrainConfig, out: Path, *, resume: bool = False, data: Path | None = None) -> nn.Module:
    """Train what a config says and leave checkpoints and logs in a folder.

    Args:
        config: a JSON file or the config itself.
        out: folder for checkpoints and logs.
        resume: go on from the folder's checkpoint.
        data: folder of the MRI data (`manifest.csv`); by default the one beside the checkout.

    Returns:
        The running mean of the weights.
    """
    settings = config if isinstance(config, TrainConfig) else read_config(config)
    folder = data or default_folder()
    if folder is None:
        raise UserError("The MRI data to learn from were not found; set COF_DATA to their folder.", code="no-data")
    return fit(_task(settings, folder), settings, out, resume=resume)


def _task(config: TrainConfig, folder: Path) -> Task:
    rows = read_manifest(folder)
    if config.task == "segmenter":
        return SegmentTask(config, rows)
    if config.task == "pose":
        return PoseTask(config, rows)
    return LocaliseTask(config, rows)


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

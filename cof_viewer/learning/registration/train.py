"""Train the registration teacher: `python -m cof_viewer.learning.registration.train --config FILE --out FOLDER`.

Needs the beats that `cof_viewer.learning.registration.cases` prepares. Resumable from any kill with `--resume`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import nn

from cof_viewer.domain.split import Split
from cof_viewer.learning.fabric_loop import fit
from cof_viewer.learning.registration.cases import load_cases
from cof_viewer.learning.registration.config import RegistrationTraining, read_config
from cof_viewer.learning.registration.task import RegistrationTask

DEFAULT_CASES = Path("runs/registration_cases")


def main(
    config: Path | RegistrationTraining, out: Path, *, resume: bool = False, cases: Path = DEFAULT_CASES
) -> nn.Module:
    """Train what a config says and leave checkpoints and logs in a folder.

    Args:
        config: a JSON file or the config itself.
        out: folder for checkpoints and logs.
        resume: go on from the folder's checkpoint.
        cases: folder of prepared beats.

    Returns:
        The running mean of the weights.

    Raises:
        UserError: no beats are prepared there.
    """
    settings = config if isinstance(config, RegistrationTraining) else read_config(config)
    train = load_cases(cases, Split.TRAIN, limit=settings.patients)
    held_out = load_cases(cases, Split.VALIDATION, kinds=("pair",), limit=settings.patients)
    task = RegistrationTask(settings, train, held_out)
    return fit(task, settings, out, resume=resume, tensorboard=settings.tensorboard)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--cases", type=Path, default=DEFAULT_CASES)
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.config, given.out, resume=given.resume, cases=given.cases)

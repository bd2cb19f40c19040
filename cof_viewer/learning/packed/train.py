"""Train the packed form: `python -m cof_viewer.learning.packed.train --config FILE --out DIR --store DIR`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import nn

from cof_viewer.cohort.store import Store
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.learning.fabric_loop import fit
from cof_viewer.learning.packed.cases import Encoding, chosen_rows, packed_cases
from cof_viewer.learning.packed.config import PackedTraining, read_config
from cof_viewer.learning.packed.judge import JudgedCase
from cof_viewer.learning.packed.task import PackedTask

KEPT = "packed_cases"
"""Folder of packed cases, beside that of the run, so that both forms share it."""


def main(
    config: Path | PackedTraining,
    out: Path,
    *,
    resume: bool = False,
    store: Path | None = None,
    models: Path = Path("models"),
) -> nn.Module:
    """Train what a config says and leave checkpoints, logs and `cases.json` in a folder.

    Args:
        config: a JSON file or the config itself.
        out: folder for checkpoints and logs.
        resume: go on from the folder's checkpoint.
        store: of cases; the train part is learned from, simulated validation cases are judged on.
        models: weights with the ECG encoder.

    Returns:
        The running mean of the weights.

    Raises:
        UserError: there is no store, no usable case in it, or no encoder.
    """
    if store is None:
        raise UserError("The packed form learns from a store of cases. Name one with --cohort.", code="store")
    settings = config if isinstance(config, PackedTraining) else read_config(config)
    opened, encoding, layout = Store.open(store), Encoding.load(models), settings.network.pack
    target = settings.network.target
    kept = out.parent / KEPT
    rows = chosen_rows(opened, Split.TRAIN, settings.cases)
    train = packed_cases(opened, rows, layout, encoding, kept, target)
    held_out = _judged(settings, opened, encoding, kept)
    out.mkdir(parents=True, exist_ok=True)
    kinds = {row.case_id: str(row.kind) for row in rows}
    counted = [kinds[case.case_id] for case in train]
    people = {
        "learned_from": {kind: counted.count(kind) for kind in sorted(set(counted))},
        "judged_on": [case.packed.case_id for case in held_out],
    }
    (out / "cases.json").write_text(json.dumps(people, indent=1), encoding="utf-8")
    task = PackedTask(settings, train, held_out)
    return fit(task, settings, out, resume=resume, tensorboard=settings.tensorboard)


def _judged(settings: PackedTraining, store: Store, encoding: Encoding, kept: Path) -> list[JudgedCase]:
    rows = chosen_rows(store, Split.VALIDATION, settings.judged)
    if not rows or not settings.judged:
        return []
    cases = packed_cases(store, rows, settings.network.pack, encoding, kept, settings.network.target)
    return [JudgedCase.of(case, store.load(case.case_id)) for case in cases]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--models", type=Path, default=Path("models"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.config, given.out, resume=given.resume, store=given.store, models=given.models)

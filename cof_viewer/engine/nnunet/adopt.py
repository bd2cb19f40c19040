"""From a folder as nnU-Net v2 leaves it to weights of ours: a copy of a models folder with that segmenter in it.

Read are `plans.json`, `dataset.json` and `fold_X/checkpoint_final.pth`. Checkpoints are unpickled as plain data only
(`weights_only`), once; afterwards the weights are safetensors with a checksum like all others.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.engine.nnunet.network import NnUNet, own_weights
from cof_viewer.engine.nnunet.plans import NnUNetPlan, read_plan
from cof_viewer.engine.nnunet.segmenter import KIND
from cof_viewer.engine.weights import MANIFEST, WeightsEntry, read_entries, save_weights

PLANS, DATASET, CHECKPOINT = "plans.json", "dataset.json", "checkpoint_final.pth"
_PLAIN_NUMPY: list[Any] = [np.dtype, np.ndarray, np.float32, np.float64, np.int64, np.bool_]


@dataclass(frozen=True, eq=False)
class NnUNetModel:
    """What a folder held.

    Attributes:
        plan: of its configuration.
        folds: the weights of each fold that was read, by the fold's name.
        trainer: name of the nnU-Net trainer class.
        dataset: name of the data set it learned from.
    """

    plan: NnUNetPlan
    folds: dict[str, dict[str, Tensor]]
    trainer: str
    dataset: str


def is_nnunet(folder: Path) -> bool:
    """Whether a folder looks like a trained nnU-Net v2 model."""
    return (folder / PLANS).is_file() and (folder / DATASET).is_file()


def read_folder(folder: Path, folds: Sequence[str] = (), labels: Mapping[Label, int] | None = None) -> NnUNetModel:
    """Read a model folder, such as `nnUNetTrainer__nnUNetPlans__2d`.

    Args:
        folder: that holds `plans.json`, `dataset.json` and `fold_X`.
        folds: which ones ("0" … "4", "all"); by default the first one there is. Several are averaged.
        labels: which labels are LV, myocardium and RV, where their names do not tell.

    Raises:
        UserError: files are missing or garbled, or the model needs something that is not built here.
    """
    plans, dataset = (_json(folder / name) for name in (PLANS, DATASET))
    wanted = tuple(dict.fromkeys(folds)) or _first_fold(folder)
    checkpoints = {fold: _checkpoint(folder / f"fold_{fold}" / CHECKPOINT) for fold in wanted}
    settings = {_configuration(checkpoint, folder) for checkpoint in checkpoints.values()}
    if len(settings) != 1:
        raise UserError(f'The folds in "{folder}" are of different configurations. Choose one.', code="nnunet")
    plan = read_plan(plans, dataset, settings.pop(), labels)
    weights = {fold: own_weights(checkpoint["network_weights"]) for fold, checkpoint in checkpoints.items()}
    for fold, state in weights.items():
        _check_fits(plan, state, folder / f"fold_{fold}" / CHECKPOINT)
    trainer = str(next(iter(checkpoints.values())).get("trainer_name", ""))
    return NnUNetModel(plan, weights, trainer, str(plans.get("dataset_name", "")))


def adopt(model: NnUNetModel, base: Path, out: Path) -> WeightsEntry:
    """Write a models folder that holds everything of another one, but this segmenter.

    Args:
        model: see `read_folder`.
        base: a whole models folder.
        out: a new folder.

    Raises:
        UserError: `out` holds something already.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f'"{out}" is not empty. Choose a new folder for the models.', code="out")
    out.mkdir(parents=True, exist_ok=True)
    for entry in read_entries(base).values():
        for name in {entry.file, entry.card} - {""}:
            if entry.name != "segmenter" and (base / name).is_file():
                shutil.copyfile(base / name, out / name)
    shutil.copyfile(base / MANIFEST, out / MANIFEST)
    tensors = {f"{fold}/{name}": value for fold, state in model.folds.items() for name, value in state.items()}
    config = {"kind": KIND, "folds": list(model.folds), "plan": model.plan.values()}
    about = {"trainer": model.trainer, "data": {"sets": [model.dataset]}}
    written = save_weights(out, "segmenter", tensors, config=config, about=about, half=False)
    (out / written.card).write_text(_card(model), encoding="utf-8")
    return written


def _card(model: NnUNetModel) -> str:
    plan = model.plan
    network = "residual encoder" if plan.shape.residual else "plain"
    lv, myo, rv = plan.classes
    return f"""# segmenter

A segmenter trained elsewhere with nnU-Net v2 and taken over as it is.

| | |
| --- | --- |
| network | {network} U-Net, {plan.configuration}, {len(plan.shape.features)} stages, window {plan.patch} |
| trained by | {model.trainer or "?"} on {model.dataset or "?"}, folds {", ".join(model.folds)} |
| labels taken | {lv} as LV cavity, {myo} as LV myocardium, {rv} as RV cavity |
| at inference | windows that overlap by half, no mirroring |

## Data and its terms
Those of whoever trained it; they are not known here. These weights carry the terms of what they learned from.

## Limits
Nothing was measured with this program. The 90 % intervals of measured numbers need a calibration of this segmenter
and are left out until then; those of generated beats were calibrated with another segmenter.
"""


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f'"{path.parent}" is no nnU-Net model: "{path.name}" is missing. Give the folder that holds it and fold_0.',
            code="nnunet",
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f'"{path}" can\'t be read. Copy the model again.', code="nnunet") from error
    if not isinstance(content, dict):
        raise UserError(f'"{path}" is not what nnU-Net writes. Copy the model again.', code="nnunet")
    return content


def _first_fold(folder: Path) -> tuple[str, ...]:
    for fold in ("all", "0", "1", "2", "3", "4"):
        if (folder / f"fold_{fold}" / CHECKPOINT).is_file():
            return (fold,)
    raise UserError(f'"{folder}" holds no fold_X/{CHECKPOINT}. Copy the trained folds too.', code="nnunet")


def _checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint as plain data: tensors, numbers, words; nothing in it is run."""
    if not path.is_file():
        raise UserError(f'"{path}" is missing. Choose a fold that was trained to its end.', code="nnunet")
    try:
        with torch.serialization.safe_globals(_numpy_globals()):
            content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content["network_weights"], dict):
            raise TypeError("network_weights")
    except Exception as error:  # a pickle fails in any way it likes
        raise UserError(
            f'"{path}" can\'t be read as a checkpoint of nnU-Net: it is damaged, or holds more than plain data.',
            code="nnunet",
        ) from error
    return dict(content)


def _numpy_globals() -> list[Any]:
    """What pickles of plain numpy numbers name: losses in nnU-Net's log are such."""
    scalar = np.float64(0).__reduce__()[0]
    return [*_PLAIN_NUMPY, scalar, type(np.dtype(np.float32)), type(np.dtype(np.float64)), type(np.dtype(np.int64))]


def _configuration(checkpoint: Mapping[str, Any], folder: Path) -> str:
    """Of the checkpoint; by the folder's name where it does not say."""
    told = (checkpoint.get("init_args") or {}).get("configuration")
    return str(told or folder.resolve().name.rsplit("__", 1)[-1])


def _check_fits(plan: NnUNetPlan, state: Mapping[str, Tensor], path: Path) -> None:
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in NnUNet(plan.shape).state_dict().items()}
    wrong = [n for n in sorted(wanted.keys() | state.keys()) if n not in state or wanted.get(n) != state[n].shape]
    if wrong:
        raise UserError(
            f'"{path}" does not fit its plan: {len(wrong)} layers differ, "{wrong[0]}" first. '
            "Only PlainConvUNet and ResidualEncoderUNet as nnU-Net plans them can be read.",
            code="nnunet",
        )

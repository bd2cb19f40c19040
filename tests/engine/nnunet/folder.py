"""A model folder of exactly nnU-Net v2's layout with random weights: names, shapes and keys as it writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cof_viewer.engine.nnunet.network import NnUNet
from cof_viewer.engine.nnunet.plans import read_plan

DATASET = {
    "channel_names": {"0": "cineMRI"},
    "labels": {"background": 0, "RV": 1, "MLV": 2, "LVC": 3},
    "numTraining": 200,
    "file_ending": ".nii.gz",
}


def configuration(dimensions: int, *, residual: bool) -> dict[str, Any]:
    """One entry of a plan's "configurations", small."""
    each = "n_blocks_per_stage" if residual else "n_conv_per_stage"
    flat = dimensions == 2
    return {
        "data_identifier": "nnUNetPlans_2d" if flat else "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [64, 48] if flat else [6, 64, 48],
        "median_image_size_in_voxels": [237.0, 208.0] if flat else [9.0, 237.0, 208.0],
        "spacing": [1.5625, 1.5625] if flat else [10.0, 1.5625, 1.5625],
        "normalization_schemes": ["ZScoreNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        "architecture": {
            "network_class_name": "dynamic_network_architectures.architectures.unet."
            + ("ResidualEncoderUNet" if residual else "PlainConvUNet"),
            "arch_kwargs": {
                "n_stages": 3,
                "features_per_stage": [4, 8, 16],
                "conv_op": f"torch.nn.modules.conv.Conv{dimensions}d",
                "kernel_sizes": [[3, 3]] * 3 if flat else [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
                "strides": [[1, 1], [2, 2], [2, 2]] if flat else [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
                each: [1, 2, 2] if residual else [2, 2, 2],
                "n_conv_per_stage_decoder": [1, 1] if residual else [2, 2],
                "conv_bias": True,
                "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{dimensions}d",
                "norm_op_kwargs": {"eps": 1e-05, "affine": True},
                "dropout_op": None,
                "dropout_op_kwargs": None,
                "nonlin": "torch.nn.LeakyReLU",
                "nonlin_kwargs": {"inplace": True},
            },
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        },
        "batch_dice": False,
    }


def plans(dimensions: int, *, residual: bool) -> dict[str, Any]:
    """Content of `plans.json`."""
    name = "2d" if dimensions == 2 else "3d_fullres"
    return {
        "dataset_name": "Dataset027_ACDC",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": [10.0, 1.5625, 1.5625],
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {name: configuration(dimensions, residual=residual)},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {"mean": 104.7, "std": 75.1, "percentile_00_5": 12.0, "percentile_99_5": 377.0}
        },
    }


def as_listed(own: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights as nnU-Net lists them: layers again under `all_modules`, the encoder again under the decoder."""
    listed: dict[str, Tensor] = {}
    for name, value in own.items():
        unit, _, kind = name.rpartition(".")
        again = {"conv": "all_modules.0", "norm": "all_modules.1"}.get(unit.rpartition(".")[2])
        names = [name]
        if again is not None:
            names.append(f"{unit.rpartition('.')[0]}.{again}.{kind}")
        names += [f"decoder.{n}" for n in names if n.startswith("encoder.")]
        listed |= dict.fromkeys(names, value)
    return listed


def make_folder(place: Path, dimensions: int = 2, *, residual: bool = False, folds: tuple[str, ...] = ("0",)) -> Path:
    """Write the folder; every fold has weights of its own."""
    name = "2d" if dimensions == 2 else "3d_fullres"
    folder = place / f"nnUNetTrainer__nnUNetPlans__{name}"
    folder.mkdir(parents=True)
    told = plans(dimensions, residual=residual)
    (folder / "plans.json").write_text(json.dumps(told))
    (folder / "dataset.json").write_text(json.dumps(DATASET))
    shape = read_plan(told, DATASET, name).shape
    for seed, fold in enumerate(folds):
        torch.manual_seed(seed)
        network = NnUNet(shape)
        (folder / f"fold_{fold}").mkdir()
        content = {
            "network_weights": as_listed(network.state_dict()),
            "optimizer_state": torch.optim.SGD(network.parameters(), 0.01, momentum=0.99).state_dict(),
            "grad_scaler_state": None,
            "logging": {"train_losses": [np.float32(-0.5), np.float64(-0.6)], "ema_fg_dice": [0.8]},
            "_best_ema": np.float64(0.9),
            "current_epoch": 1000,
            "init_args": {"plans": told, "configuration": name, "fold": fold, "dataset_json": DATASET},
            "trainer_name": "nnUNetTrainer",
            "inference_allowed_mirroring_axes": (0, 1),
        }
        torch.save(content, folder / f"fold_{fold}" / "checkpoint_final.pth")
    return folder

"""Named feature extractors for Fréchet distances. None is the paper's DINOv2, so no distance compares with its.

`assessor` is the deepest map of the assessor's network, averaged over the slice (128 numbers). `torchscript:FILE` is
any TorchScript module of [n, 3, 224, 224] pictures, standardised as for ImageNet, to [n, features].
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cof_viewer.domain.errors import UserError
from cof_viewer.engine.weights import load_weights, read_entries
from cof_viewer.evaluation.beat import Float
from cof_viewer.learning.assessor.network import network_from, standardised
from cof_viewer.learning.assessor.publish import NAME

Backbone = Callable[[Tensor], Tensor]
"""[n, 1, 96, 96] pictures, 0 to 1, to [n, features]."""

_SCRIPT = "torchscript:"
_IMAGENET_MEAN, _IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BATCH = 16
FRAMES = 8
"""Phases, evenly spaced, that stand for a beat in the temporal distance."""


def load_backbone(name: str, models: Path) -> Backbone:
    """The backbone of a name.

    Raises:
        UserError: there is none.
    """
    if name == NAME and NAME in read_entries(models):
        tensors, entry = load_weights(models, NAME)
        network = network_from(entry.config, tensors)
        return lambda pictures: network.levels(standardised(pictures))[-1].mean(dim=(2, 3))
    path = Path(name.removeprefix(_SCRIPT))
    if name.startswith(_SCRIPT) and path.is_file():
        module = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        return lambda pictures: module(_for_imagenet(pictures))
    raise UserError(
        f'There is no backbone "{name}". Choose {NAME} (its weights must be there) or {_SCRIPT}FILE.', code="option"
    )


def features_of(picture: Float, backbone: Backbone) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A beat's vectors for the image and for the temporal distance (COF section 6, below the table).

    Args:
        picture: float32 [t, z, 96, 96], 0 to 1.
        backbone: see `load_backbone`.

    Returns:
        [features], averaged over slices and `FRAMES` phases; [FRAMES x features], those of the middle slice in order.
    """
    phases = np.linspace(0, len(picture), FRAMES, endpoint=False).astype(int)
    shown = np.flatnonzero(picture[0].any(axis=(1, 2)))
    chosen = picture[phases][:, shown]
    flat = torch.from_numpy(np.ascontiguousarray(chosen.reshape(-1, 1, *chosen.shape[2:])))
    with torch.inference_mode():
        read = torch.cat([backbone(part).float() for part in torch.split(flat, _BATCH)]).numpy()
    read = read.reshape(len(phases), len(shown), -1)
    return read.mean(axis=(0, 1)), read[:, len(shown) // 2].reshape(-1)


def _for_imagenet(pictures: Tensor) -> Tensor:
    large = functional.interpolate(pictures, size=(224, 224), mode="bilinear", align_corners=False)
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in (_IMAGENET_MEAN, _IMAGENET_SD))
    return (large.expand(-1, 3, -1, -1) - mean) / deviation

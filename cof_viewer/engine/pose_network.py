"""A small classifier: is a turned and centred look mirrored, and do its slices run apex -> base?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

_SLOPE = 0.01


@dataclass(frozen=True)
class PoseConfig:
    """Shape of the network.

    Attributes:
        channels_in: neighbouring slices given as channels.
        size: rows and columns of a look; a multiple of 2 ** len(widths).
        widths: channels after each halving.
    """

    channels_in: int = 3
    size: int = 96
    widths: tuple[int, ...] = (16, 32, 48, 64, 64)


class PoseNetwork(nn.Module):
    """[N, channels_in, size, size] to logits [N, 2]: mirrored, slices run apex -> base.

    The last maps are read by place, not pooled: what lies below the heart and what beside it is the question.
    """

    def __init__(self, config: PoseConfig) -> None:
        """Make the layers of a config, with random weights."""
        super().__init__()
        self.config = config
        layers: list[nn.Module] = []
        for a, b in pairwise((config.channels_in, *config.widths)):
            layers += [nn.Conv2d(a, b, 3, stride=2, padding=1, bias=False), nn.GroupNorm(4, b), nn.LeakyReLU(_SLOPE)]
        side = config.size // 2 ** len(config.widths)
        self.maps = nn.Sequential(*layers)
        self.drop = nn.Dropout(0.3)
        self.read = nn.Linear(config.widths[-1] * side * side, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Both logits of each look."""
        logits: Tensor = self.read(self.drop(self.maps(images).flatten(1)))
        return logits

    @torch.no_grad()
    def votes(self, images: Tensor) -> Tensor:
        """Logits [N, 2] made odd: a look and its flipped, reversed twin always give opposite votes."""
        votes: Tensor = (self(images) - self(images.flip(1, 2))) / 2
        return votes


def pose_network_from(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> PoseNetwork:
    """A network in evaluation mode from a manifest's plain values and its weights."""
    network = PoseNetwork(PoseConfig(**{**config, "widths": tuple(config["widths"])}))
    network.load_state_dict(dict(weights))
    return network.eval()

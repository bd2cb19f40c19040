"""SegResNet in two dimensions, the assessor's network.

The residual network of Myronenko (BraTS 2018) with its light decoder: pre-activation blocks with group norm, strided
convolutions down, 1 x 1 convolution and bilinear upsampling on the way up, skips added. With 16 first filters it has
1.58 million numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class AssessorConfig:
    """Shape of the network; travels with its weights.

    Attributes:
        init_filters: channels at full resolution; they double at every level.
        blocks_down: residual blocks a level on the way down.
        blocks_up: residual blocks a level on the way up, one entry fewer.
        groups: of the group norms.
        classes: maps given back.
    """

    init_filters: int = 16
    blocks_down: tuple[int, ...] = (1, 2, 2, 4)
    blocks_up: tuple[int, ...] = (1, 1, 1)
    groups: int = 8
    classes: int = 4

    def __post_init__(self) -> None:
        """Check that the way up mirrors the way down."""
        if len(self.blocks_up) != len(self.blocks_down) - 1:
            raise ValueError(f"{len(self.blocks_down)} levels down need {len(self.blocks_down) - 1} up")

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> AssessorConfig:
        """A config from plain values, as JSON has them."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**plain)

    @property
    def multiple(self) -> int:
        """Rows and columns of an input must be multiples of this."""
        return int(2 ** (len(self.blocks_down) - 1))


class _Block(nn.Module):
    """Norm, ReLU, 3 x 3 convolution, twice, and the input added."""

    def __init__(self, channels: int, groups: int) -> None:
        super().__init__()
        self.first_norm, self.second_norm = nn.GroupNorm(groups, channels), nn.GroupNorm(groups, channels)
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.first(functional.relu(self.first_norm(maps)))
        out: Tensor = maps + self.second(functional.relu(self.second_norm(inner)))
        return out


class SegResNet(nn.Module):
    """[N, 1, H, W] standardised slices to logits [N, classes, H, W]; H and W are multiples of `config.multiple`."""

    def __init__(self, config: AssessorConfig) -> None:
        """Make the layers of a config, with random weights."""
        super().__init__()
        self.config = config
        widths = [config.init_filters * 2**level for level in range(len(config.blocks_down))]
        self.enter = nn.Conv2d(1, widths[0], 3, padding=1, bias=False)
        self.shrink = nn.ModuleList(
            nn.Identity() if level == 0 else nn.Conv2d(widths[level - 1], width, 3, 2, padding=1, bias=False)
            for level, width in enumerate(widths)
        )
        self.down = nn.ModuleList(
            nn.Sequential(*(_Block(width, config.groups) for _ in range(count)))
            for width, count in zip(widths, config.blocks_down, strict=True)
        )
        upward = widths[-2::-1]
        self.narrow = nn.ModuleList(nn.Conv2d(2 * width, width, 1, bias=False) for width in upward)
        self.up = nn.ModuleList(
            nn.Sequential(*(_Block(width, config.groups) for _ in range(count)))
            for width, count in zip(upward, config.blocks_up, strict=True)
        )
        self.leave = nn.Sequential(
            nn.GroupNorm(config.groups, widths[0]), nn.ReLU(), nn.Conv2d(widths[0], config.classes, 1)
        )

    def levels(self, images: Tensor) -> list[Tensor]:
        """Maps of every level on the way down, full resolution first."""
        maps, kept = self.enter(images), []
        for shrink, blocks in zip(self.shrink, self.down, strict=True):
            maps = blocks(shrink(maps))
            kept.append(maps)
        return kept

    def forward(self, images: Tensor) -> Tensor:
        """Logits at full resolution."""
        *skips, maps = self.levels(images)
        for narrow, blocks in zip(self.narrow, self.up, strict=True):
            larger = functional.interpolate(narrow(maps), scale_factor=2, mode="bilinear", align_corners=False)
            maps = blocks(larger + skips.pop())
        out: Tensor = self.leave(maps)
        return out


def network_from(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> SegResNet:
    """A network in evaluation mode from a manifest's plain values and its weights."""
    network = SegResNet(AssessorConfig.from_values(config))
    network.load_state_dict(dict(weights))
    return network.eval().requires_grad_(False)


def standardised(slices: Tensor) -> Tensor:
    """Each slice [..., H, W] with mean 0 and SD 1 over its imaged (non-zero) pixels, limited to 5; 0 elsewhere."""
    seen = slices > 0
    count = seen.sum(dim=(-2, -1), keepdim=True).clamp_min(1)
    mean = (slices * seen).sum(dim=(-2, -1), keepdim=True) / count
    spread = (((slices - mean) * seen).square().sum(dim=(-2, -1), keepdim=True) / count).sqrt().clamp_min(1e-5)
    return torch.where(seen, ((slices - mean) / spread).clamp(-5, 5), 0.0)

"""The residual 2-D U-Net that both the segmenter and the localiser are.

One convolution at full resolution, residual stages from half resolution down, instance norm, leaky ReLU. Most of
the arithmetic is at half resolution and below: on a processor that is twice as fast as starting residual stages at
full resolution, and the skip from the first convolution keeps borders sharp.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_SLOPE = 0.01


@dataclass(frozen=True)
class UNetConfig:
    """Shape of a network.

    Attributes:
        channels_in: neighbouring slices given as channels.
        channels_out: maps given back.
        stem: channels at full resolution.
        widths: channels at 1/2, 1/4, ... of the resolution.
        heads: how many resolutions give logits, full resolution first (deep supervision in training).
    """

    channels_in: int = 3
    channels_out: int = 4
    stem: int = 24
    widths: tuple[int, ...] = (32, 64, 128, 192)
    heads: int = 3

    @property
    def multiple(self) -> int:
        """Rows and columns of an input must be multiples of this."""
        return int(2 ** len(self.widths))


class ResidualUNet(nn.Module):
    """[N, channels_in, H, W] to logits [N, channels_out, H, W]; H and W are multiples of `config.multiple`."""

    def __init__(self, config: UNetConfig) -> None:
        """Make the layers of a config, with random weights."""
        super().__init__()
        self.config = config
        widths = (config.stem, *config.widths)
        self.stem = _Plain(config.channels_in, config.stem)
        self.down = nn.ModuleList(_Residual(a, b, stride=2) for a, b in pairwise(widths))
        pairs = list(pairwise(widths))[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairs)
        merges: list[nn.Module] = [_Residual(2 * a, a) for a, _ in pairs[:-1]]
        self.merge = nn.ModuleList([*merges, _Plain(2 * config.stem, config.stem)])
        self.heads = nn.ModuleList(nn.Conv2d(width, config.channels_out, 1) for width in widths[: config.heads])

    def forward(self, images: Tensor) -> Tensor:
        """Logits at full resolution."""
        head = self.heads[0]
        logits: Tensor = head(self._features(images)[0].to(next(head.parameters()).dtype))
        return logits

    def inner_to(self, dtype: torch.dtype) -> ResidualUNet:
        """Turn everything but the heads to another arithmetic; logits stay as fine as the heads are."""
        for name, part in self.named_children():
            if name != "heads":
                part.to(dtype)
        return self

    def deep(self, images: Tensor) -> list[Tensor]:
        """Logits at full, half, quarter ... resolution, for deep supervision."""
        return [head(maps) for head, maps in zip(self.heads, self._features(images), strict=False)]

    def _features(self, images: Tensor) -> list[Tensor]:
        """Decoder maps, full resolution first."""
        skips = [self.stem(images)]
        for stage in self.down:
            skips.append(stage(skips[-1]))
        maps = [skips.pop()]
        for up, merge in zip(self.up, self.merge, strict=True):
            maps.append(merge(torch.cat([up(maps[-1]), skips.pop()], dim=1)))
        return maps[::-1]


class _Plain(nn.Module):
    """Convolution, instance norm, leaky ReLU."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.norm = nn.InstanceNorm2d(channels_out, affine=True)

    def forward(self, maps: Tensor) -> Tensor:
        return functional.leaky_relu(self.norm(self.conv(maps)), _SLOPE, inplace=True)


class _Residual(nn.Module):
    """Two convolutions with a short cut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
        self.first_norm = nn.InstanceNorm2d(channels_out, affine=True)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.second_norm = nn.InstanceNorm2d(channels_out, affine=True)
        same = channels_in == channels_out and stride == 1
        self.short = nn.Identity() if same else nn.Conv2d(channels_in, channels_out, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        inner = functional.leaky_relu(self.first_norm(self.first(maps)), _SLOPE, inplace=True)
        return functional.leaky_relu(self.second_norm(self.second(inner)) + self.short(maps), _SLOPE, inplace=True)


def count_weights(network: nn.Module) -> int:
    """Number of learned numbers."""
    return sum(parameter.numel() for parameter in network.parameters())


def network_from(config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> ResidualUNet:
    """A network in evaluation mode from a manifest's plain values and its weights."""
    network = ResidualUNet(UNetConfig(**{**config, "widths": tuple(config["widths"])}))
    network.load_state_dict(dict(weights))
    return network.eval()

"""The network of Stage 1: two phases of one heart, and what is labelled in them, to a stationary in-plane velocity.

All that it sees is gathered on the 3 mm lattice: the slice itself folded from 1.5 mm (2 x 2 pixels to channels), its
two neighbours, and signed distances of LV, LV with wall, and RV where labels are known (zeros where not). It looks
more than once: each further look sees the anchor as moved so far and adds to the velocity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM
from cof_viewer.engine.motion.field import SQUARINGS, identity_lattice, integrate, smooth_velocity
from cof_viewer.engine.motion.frame import LATTICE_PIXELS, LATTICE_SPACING_MM

_SEEN_MM = 15.0
"""Distances are seen up to this far from an outline; farther off they tell nothing more."""
_PICTURE_CHANNELS, _LABEL_CHANNELS, _VELOCITY_CHANNELS = 12, 6, 2
_VELOCITY_UNIT_MM = 10.0


@dataclass(frozen=True)
class RegistrationConfig:
    """Shape of the network; travels with its weights.

    Attributes:
        widths: channels at 64, 32, 16, 8 (and 4) lattice pixels.
        looks: how often it looks; 1 sees the anchor unmoved only.
        limit_mm: the largest velocity that one look can add.
        inputs: "pictures" always, and "labels" where signed distances are seen too.
    """

    widths: tuple[int, ...] = (24, 48, 64, 64)
    looks: int = 2
    limit_mm: float = 40.0
    inputs: tuple[str, ...] = ("pictures", "labels")

    def values(self) -> dict[str, Any]:
        """Plain values for storage."""
        return asdict(self)

    @property
    def sees_labels(self) -> bool:
        """Whether signed distances are among the inputs."""
        return "labels" in self.inputs


def config_from_values(values: Mapping[str, Any]) -> RegistrationConfig:
    """The config that `RegistrationConfig.values` was stored from."""
    lists = {name: tuple(values[name]) for name in ("widths", "inputs") if name in values}
    return RegistrationConfig(**{**values, **lists})


def _convolution(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1), nn.InstanceNorm2d(outside, affine=True), nn.LeakyReLU(0.1)
    )


class RegistrationNetwork(nn.Module):
    """(anchor, target, distances of both) -> stationary velocity on the lattice."""

    def __init__(self, config: RegistrationConfig) -> None:
        """Build it untrained; the last layer starts near zero, so the first motion is none."""
        super().__init__()
        self.config = config
        widths = config.widths
        inside = _PICTURE_CHANNELS + _VELOCITY_CHANNELS + (_LABEL_CHANNELS if config.sees_labels else 0)
        self.down = nn.ModuleList(
            [_convolution(inside, widths[0])] + [_convolution(a, b, 2) for a, b in pairwise(widths)]
        )
        levels = range(len(widths) - 1, 0, -1)
        self.up = nn.ModuleList(_convolution(widths[k] + widths[k - 1], widths[k - 1]) for k in levels)
        self.head = nn.Conv2d(widths[0], 2, 3, 1, 1)
        nn.init.normal_(self.head.weight, 0.0, 1e-4)
        nn.init.constant_(self.head.bias, 0.0)  # type: ignore[arg-type]

    def forward(self, anchor: Tensor, target: Tensor, distances: Tensor | None = None) -> Tensor:
        """Velocity after every look, the last one being the answer.

        Args:
            anchor: [b, z, 128, 128], neighbouring slices of b hearts or phases, standardised; `target` likewise.
            distances: [b, z, 6, 64, 64] mm on the lattice, inside positive: LV, LV with wall and RV of the anchor,
                then of the target; zeros where a slice's labels are not known; None where no labels are.

        Returns:
            [looks, b, z, 2 (x, y), 64, 64] mm along canonical axes, pull-back.
        """
        b, z = anchor.shape[:2]
        seen = anchor.flatten(0, 1)[:, None]
        still = _picture_channels(target)
        first, second = self._label_channels(distances, b * z)
        velocity = anchor.new_zeros(b * z, 2, LATTICE_PIXELS, LATTICE_PIXELS)
        found: list[Tensor] = []
        for look in range(self.config.looks):
            moved, outlines = seen, first
            if look:
                displacement = displacement_mm(velocity)
                moved = warp_canonical(seen, displacement)
                outlines = None if first is None else warp_lattice(first, displacement)
            parts = [_picture_channels(moved.reshape(anchor.shape)), still, velocity / _VELOCITY_UNIT_MM]
            if outlines is not None and second is not None:
                parts += [outlines / _SEEN_MM, second / _SEEN_MM]
            velocity = velocity + self._look(torch.cat(parts, dim=1))
            found.append(velocity.reshape(b, z, *velocity.shape[1:]))
        return torch.stack(found)

    def _label_channels(self, distances: Tensor | None, slices: int) -> tuple[Tensor | None, Tensor | None]:
        if not self.config.sees_labels:
            return None, None
        if distances is None:
            weight = self.head.weight
            distances = weight.new_zeros(1, slices, _LABEL_CHANNELS, LATTICE_PIXELS, LATTICE_PIXELS)
        flat = distances.flatten(0, 1).clamp(-_SEEN_MM, _SEEN_MM)
        return flat[:, :3], flat[:, 3:]

    def _look(self, channels: Tensor) -> Tensor:
        x, skips = channels, []
        for layer in self.down:
            x = layer(x)
            skips.append(x)
        for layer, skip in zip(self.up, reversed(skips[:-1]), strict=True):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1))
        raw: Tensor = self.head(x).float()
        with torch.autocast(raw.device.type, enabled=False):
            return smooth_velocity(self.config.limit_mm * torch.tanh(raw / 10.0))


def _picture_channels(stack: Tensor) -> Tensor:
    """[b, z, 128, 128] -> [b·z, 6, 64, 64]: the slice folded 2 x 2, and its neighbours averaged, ends repeated."""
    coarse = F.avg_pool2d(stack, 2)
    before = torch.cat([coarse[:, :1], coarse[:, :-1]], dim=1)
    after = torch.cat([coarse[:, 1:], coarse[:, -1:]], dim=1)
    own = F.pixel_unshuffle(stack.flatten(0, 1)[:, None], 2)
    return torch.cat([own, before.flatten(0, 1)[:, None], after.flatten(0, 1)[:, None]], dim=1)


def displacement_mm(velocity_mm: Tensor, squarings: int = SQUARINGS) -> Tensor:
    """[n, 2, 64, 64] pull-back displacement in mm of stationary velocities in mm."""
    return integrate(velocity_mm / LATTICE_SPACING_MM, squarings) * LATTICE_SPACING_MM


def warp_canonical(stack: Tensor, displacement: Tensor) -> Tensor:
    """Pull [n, c, 128, 128] back by lattice displacement [n, 2, 64, 64] in mm."""
    fine = F.interpolate(displacement, scale_factor=2, mode="bilinear", align_corners=False)
    return _pulled(stack, fine, CANONICAL_PIXELS, CANONICAL_SPACING_MM)


def warp_lattice(stack: Tensor, displacement: Tensor) -> Tensor:
    """Pull [n, c, 64, 64] on the lattice back by displacement [n, 2, 64, 64] in mm."""
    return _pulled(stack, displacement, LATTICE_PIXELS, LATTICE_SPACING_MM)


def _pulled(stack: Tensor, displacement: Tensor, pixels: int, spacing_mm: float) -> Tensor:
    identity = identity_lattice(pixels, pixels, stack.device)
    grid = identity + displacement.permute(0, 2, 3, 1) * (2.0 / (pixels - 1) / spacing_mm)
    return F.grid_sample(stack.float(), grid, align_corners=True, padding_mode="border")


def on_lattice(canonical: NDArray[np.float32]) -> NDArray[np.float32]:
    """[..., 128, 128] -> [..., 64, 64]: a lattice pixel stands in the middle of 2 x 2 canonical ones."""
    shape = (*canonical.shape[:-2], LATTICE_PIXELS, 2, LATTICE_PIXELS, 2)
    return np.asarray(canonical.reshape(shape).mean(axis=(-3, -1)), dtype=np.float32)


def standardised(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """A canonical stack [z, 128, 128] with mean 0 and deviation 1, clipped to ±4."""
    spread = float(stack.std()) or 1.0
    return np.asarray(np.clip((stack - float(stack.mean())) / spread, -4.0, 4.0), dtype=np.float32)

"""From a code in the anatomical frame to displacement: decode, integrate, shift along the axis (torch).

In-plane motion of slice z is exp(s·v_z) of a stationary velocity by scaling and squaring, so it can't fold;
the slices themselves slide along the axis by a monotone profile (descent of the base). Both are pull-backs:
the picture of a phase at (x, z) is the anchor at (x + u(x), z + w(z)). det J is the product of both.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.sparse import csr_array
from torch import Tensor

from cof_viewer.engine.motion.frame import (
    ANGLES,
    KNOTS,
    LATTICE_PIXELS,
    LATTICE_SPACING_MM,
    LEVELS,
    AnatomicalFrame,
    Interpolation,
)

CODE_NUMBERS = LEVELS * ANGLES * KNOTS * 2
SQUARINGS = 6


def smooth_velocity(velocity: Tensor) -> Tensor:
    """Round the kinks at knots: [z, 2, 64, 64] by a 3 x 3 binomial filter, twice."""
    kernel = torch.tensor([1.0, 2.0, 1.0], dtype=velocity.dtype, device=velocity.device) / 4
    kernel_2d = (kernel[:, None] * kernel[None]).expand(2, 1, 3, 3)
    for _ in range(2):
        velocity = F.conv2d(F.pad(velocity, (1, 1, 1, 1), mode="replicate"), kernel_2d, groups=2)
    return velocity


def smoothness(velocity: Tensor) -> Tensor:
    """Mean squared difference of neighbours in the rows and columns of [..., rows, columns], to be made small."""
    along = (velocity[..., 1:] - velocity[..., :-1]).square().mean()
    return along + (velocity[..., 1:, :] - velocity[..., :-1, :]).square().mean()


class _Read(torch.autograd.Function):
    """`VelocityDecoder.read` with a gradient by a sparse product: the library's sorts all places anew every time."""

    @staticmethod
    def forward(ctx: Any, knots: Tensor, decoder: VelocityDecoder) -> Tensor:
        ctx.decoder = decoder
        return decoder.read(knots)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        gradient = gradients[0]
        return torch.from_numpy(ctx.decoder.spread @ gradient.cpu().numpy()).to(gradient), None


class VelocityDecoder:
    """Turns codes of one heart into velocities on its lattice."""

    def __init__(self, frame: AnatomicalFrame, interpolation: Interpolation, device: torch.device) -> None:
        """Keep the weights of this heart on the device."""
        self._index = torch.from_numpy(interpolation.index).to(device)
        self._weight = torch.from_numpy(interpolation.weight).to(device)
        cos, sin = float(torch.cos(torch.tensor(frame.rv_angle))), float(torch.sin(torch.tensor(frame.rv_angle)))
        self._axes = torch.tensor([[cos, sin], [-sin, cos]], device=device)  # rows: towards RV, and across
        self._scale_mm = frame.scale_mm
        self.device = device

    def __call__(self, code: Tensor) -> Tensor:
        """[level·angle·knot·2] relative code -> [z, 2 (x, y), 64, 64] mm along canonical axes, for a whole beat."""
        knots = code.reshape(LEVELS, ANGLES, KNOTS, 2)
        centre = knots[:, :, :1].mean(dim=1, keepdim=True).expand(-1, ANGLES, -1, -1)
        flat = torch.cat([centre, knots[:, :, 1:]], dim=2).reshape(-1, 2)
        local: Tensor = _Read.apply(flat, self)  # type: ignore[no-untyped-call]
        return smooth_velocity(
            (local @ self._axes).reshape(*self._index.shape[:-1], 2).permute(0, 3, 1, 2) * self._scale_mm
        )

    def read(self, knots: Tensor) -> Tensor:
        """[places, 2] weighted sums of knots [level·angle·knot, 2]."""
        width = self._index.shape[-1]
        weight = self._weight.reshape(-1, width)
        return F.embedding_bag(self._index.reshape(-1, width), knots, mode="sum", per_sample_weights=weight)

    @cached_property
    def spread(self) -> csr_array:
        """The transpose of `read` as a sparse matrix [level·angle·knot, places]."""
        width = self._index.shape[-1]
        index, weight = self._index.cpu().numpy().ravel(), self._weight.cpu().numpy().ravel()
        places = np.repeat(np.arange(len(index) // width), width)
        return csr_array((weight, (index, places)), shape=(CODE_NUMBERS // 2, len(index) // width))

    def sample(self, velocity: Tensor, frame: AnatomicalFrame) -> Tensor:
        """Read a velocity [z, 2, 64, 64] in mm at the frame's knots: the code that resembles it most directly."""
        levels = torch.linspace(0, 1, LEVELS)
        slices = (levels * (frame.last - frame.first) + frame.first).tolist()
        out = torch.zeros(LEVELS, ANGLES, KNOTS, 2)
        for row, place in enumerate(slices):
            low = min(int(place), frame.slices - 1)
            high = min(low + 1, frame.slices - 1)
            share = place - low
            plane = velocity[low] * (1 - share) + velocity[high] * share
            center = frame.centers_mm[low] * (1 - share) + frame.centers_mm[high] * share
            radii = frame.radii_mm[low] * (1 - share) + frame.radii_mm[high] * share
            out[row] = _read_plane(plane, center, radii, frame.rv_angle)
        return (out @ self._axes.T.cpu() / frame.scale_mm).reshape(-1)


def _read_plane(plane: Tensor, center: object, radii: object, rv_angle: float) -> Tensor:
    """[angle, knot, 2] velocity of one slice [2, 64, 64] at the knots, canonical axes."""
    angle = torch.arange(ANGLES) * (2 * torch.pi / ANGLES) + rv_angle
    radius = torch.cat([torch.zeros(ANGLES, 1), torch.as_tensor(radii, dtype=torch.float32)], dim=1)
    start = torch.as_tensor(center, dtype=torch.float32)
    x = start[0] + radius * torch.cos(angle)[:, None]
    y = start[1] + radius * torch.sin(angle)[:, None]
    grid = torch.stack([x, y], dim=-1) / LATTICE_SPACING_MM - 0.25  # lattice line 0 lies at 0.75 mm
    grid = grid / (LATTICE_PIXELS - 1) * 2 - 1
    return F.grid_sample(plane[None], grid[None], align_corners=True, padding_mode="border")[0].permute(1, 2, 0)


def identity_lattice(rows: int, columns: int, device: torch.device) -> Tensor:
    """[1, rows, columns, 2] normalised (x, y) places of pixel centres for grid_sample(align_corners=True)."""
    y = torch.linspace(-1, 1, rows, device=device)
    x = torch.linspace(-1, 1, columns, device=device)
    return torch.stack(torch.meshgrid(y, x, indexing="ij")[::-1], dim=-1)[None]


def integrate(velocity: Tensor, squarings: int = SQUARINGS) -> Tensor:
    """exp(v) of stationary in-plane velocities by scaling and squaring.

    Args:
        velocity: [n, 2 (x, y), rows, columns] in lattice pixels for the whole step.
        squarings: halvings before the first step.

    Returns:
        [n, 2, rows, columns] pull-back displacement in lattice pixels.
    """
    rows, columns = velocity.shape[-2:]
    identity = identity_lattice(rows, columns, velocity.device)
    to_unit = torch.tensor([2.0 / (columns - 1), 2.0 / (rows - 1)], device=velocity.device)
    step = velocity / 2**squarings
    for _ in range(squarings):
        grid = identity + step.permute(0, 2, 3, 1) * to_unit
        step = step + F.grid_sample(step, grid, align_corners=True, padding_mode="border")
    return step


def jacobian_determinant(displacement: Tensor) -> Tensor:
    """In-plane det(I + grad u) of [n, 2, rows, columns] in pixels by central differences; [n, rows-2, columns-2]."""
    du = (displacement[..., 1:-1, 2:] - displacement[..., 1:-1, :-2]) / 2
    dv = (displacement[..., 2:, 1:-1] - displacement[..., :-2, 1:-1]) / 2
    return (1 + du[:, 0]) * (1 + dv[:, 1]) - du[:, 1] * dv[:, 0]

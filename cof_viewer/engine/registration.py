"""Stage 1, the registration teacher: from two pictures of one heart to a diffeomorphic in-plane motion (COF section 2).

A small U-Net of the VoxelMorph kind sees three neighbouring slices of the anchor and of the target on the canonical
grid and gives a stationary velocity on the 3 mm lattice, integrated by scaling and squaring.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose, to_canonical
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.engine.motion.field import identity_lattice, integrate
from cof_viewer.engine.motion.frame import LATTICE_PIXELS, LATTICE_SPACING_MM
from cof_viewer.engine.weights import load_weights


@dataclass(frozen=True)
class RegistrationConfig:
    """Shape of the network; travels with its weights.

    Attributes:
        widths: channels at 128, 64, 32, 16 and 8 pixels.
        limit_mm: the largest velocity that it can give.
    """

    widths: tuple[int, ...] = (16, 24, 32, 48, 48)
    limit_mm: float = 40.0

    def values(self) -> dict[str, Any]:
        """Plain values for storage."""
        return asdict(self)


def _convolution(inside: int, outside: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, 3, stride, 1), nn.InstanceNorm2d(outside, affine=True), nn.LeakyReLU(0.1)
    )


class RegistrationNetwork(nn.Module):
    """(anchor, target) slices with neighbours -> stationary velocity on the lattice."""

    def __init__(self, config: RegistrationConfig) -> None:
        """Build it untrained; the last layer starts near zero, so the first motion is none."""
        super().__init__()
        self.config = config
        widths = config.widths
        self.down = nn.ModuleList([_convolution(6, widths[0])] + [_convolution(a, b, 2) for a, b in pairwise(widths)])
        levels = range(len(widths) - 1, 1, -1)
        self.up = nn.ModuleList(_convolution(widths[k] + widths[k - 1], widths[k - 1]) for k in levels)
        self.refine = _convolution(widths[1], widths[1])
        self.head = nn.Conv2d(widths[1], 2, 3, 1, 1)
        nn.init.normal_(self.head.weight, 0.0, 1e-4)
        nn.init.constant_(self.head.bias, 0.0)  # type: ignore[arg-type]

    def features(self, pictures: Tensor) -> list[Tensor]:
        """Feature maps at every level, finest first."""
        found = []
        x = pictures
        for layer in self.down:
            x = layer(x)
            found.append(x)
        return found

    def forward(self, anchor: Tensor, target: Tensor) -> Tensor:
        """Velocity of each slice.

        Args:
            anchor: [n, 3, 128, 128] slice and its neighbours, standardised; `target` likewise.

        Returns:
            [n, 2 (x, y), 64, 64] mm along canonical axes, pull-back.
        """
        found = self.features(torch.cat([anchor, target], dim=1))
        x = found[-1]
        for layer, skip in zip(self.up, reversed(found[1:-1]), strict=True):
            x = layer(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], dim=1))
        velocity: Tensor = self.head(self.refine(x))
        return self.config.limit_mm * torch.tanh(velocity / 10.0)


def displacement_mm(velocity_mm: Tensor) -> Tensor:
    """[n, 2, 64, 64] pull-back displacement in mm of stationary velocities in mm."""
    return integrate(velocity_mm / LATTICE_SPACING_MM) * LATTICE_SPACING_MM


def warp_canonical(stack: Tensor, displacement: Tensor) -> Tensor:
    """Pull [n, c, 128, 128] back by lattice displacement [n, 2, 64, 64] in mm."""
    fine = F.interpolate(displacement, scale_factor=2, mode="bilinear", align_corners=False)
    identity = identity_lattice(CANONICAL_PIXELS, CANONICAL_PIXELS, stack.device)
    grid = identity + fine.permute(0, 2, 3, 1) * (2.0 / (CANONICAL_PIXELS - 1) / CANONICAL_SPACING_MM)
    return F.grid_sample(stack, grid, align_corners=True, padding_mode="border")


def standardised(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """A canonical stack [z, 128, 128] with mean 0 and deviation 1, clipped to ±4."""
    spread = float(stack.std()) or 1.0
    return np.clip((stack - float(stack.mean())) / spread, -4.0, 4.0).astype(np.float32)


def with_neighbours(stack: Tensor) -> Tensor:
    """[z, 128, 128] -> [z, 3, 128, 128]: each slice between its neighbours, ends repeated."""
    return torch.stack([torch.cat([stack[:1], stack[:-1]]), stack, torch.cat([stack[1:], stack[-1:]])], dim=1)


class RegistrationTeacher:
    """The network with its weights."""

    def __init__(self, network: RegistrationNetwork, device: torch.device) -> None:
        """Keep a trained network."""
        self._network = network.to(device).eval()
        self._device = device

    @classmethod
    def load(cls, models_dir: Path, device: torch.device) -> RegistrationTeacher:
        """Read the weights "registration" of a folder, checksum verified."""
        tensors, entry = load_weights(models_dir, "registration")
        config = RegistrationConfig(tuple(entry.config["widths"]), float(entry.config["limit_mm"]))
        network = RegistrationNetwork(config)
        network.load_state_dict(tensors)
        return cls(network, device)

    @torch.inference_mode()
    def velocity(self, anchor: NDArray[np.float32], target: NDArray[np.float32]) -> Tensor:
        """[z, 2, 64, 64] mm from canonical stacks [z, 128, 128] of one heart."""
        first, second = (
            with_neighbours(torch.from_numpy(standardised(stack))).to(self._device) for stack in (anchor, target)
        )
        out: Tensor = self._network(first, second)
        return out

    def track(
        self,
        cine: Cine,
        pose: CanonicalPose,
        anchor_phase: int,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
    ) -> Motion:
        """Motion of every phase of a measured cine from its anchor phase.

        Args:
            cine: slices in any order; the pose says which.
            pose: where the heart lies.
            anchor_phase: 0-based.
            progress: told fraction and words.
            cancel: looked at before every phase.
        """
        anchor = to_canonical(cine.data[anchor_phase], pose)
        shape = (cine.phases, cine.grid.shape[0], LATTICE_PIXELS, LATTICE_PIXELS, 3)
        pull, push = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for phase in range(cine.phases):
            cancel.raise_if_cancelled()
            progress(phase / cine.phases, f"Tracking phase {phase + 1} of {cine.phases}")
            if phase == anchor_phase:
                continue
            velocity = self.velocity(anchor, to_canonical(cine.data[phase], pose))
            pull[phase, ..., :2] = displacement_mm(velocity).permute(0, 2, 3, 1).cpu().numpy()
            push[phase, ..., :2] = displacement_mm(-velocity).permute(0, 2, 3, 1).cpu().numpy()
        progress(1.0, "Tracked")
        return Motion(lattice_in_patient(pose, cine.grid), pull, push, anchor_phase)


def lattice_in_patient(pose: CanonicalPose, scanner: Grid) -> Grid:
    """The 3 mm lattice of a pose, placed in the patient."""
    coarse = np.diag([2.0, 2.0, 1.0, 1.0])
    coarse[:2, 3] = 0.5
    canonical = pose.canonical_grid(scanner)
    shape = (scanner.shape[0], LATTICE_PIXELS, LATTICE_PIXELS)
    return replace(canonical, shape=shape, patient_from_voxel=canonical.patient_from_voxel @ coarse)

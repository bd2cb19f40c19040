"""Warp the full-resolution anchor and its labels in the scanner's own frame, once, only where the heart moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.image import Label, LabelCine, LabelMap, Volume
from cof_viewer.domain.progress import CancelToken, Progress
from cof_viewer.engine.motion.field import identity_lattice
from cof_viewer.engine.motion.frame import LATTICE_PIXELS, LATTICE_SPACING_MM
from cof_viewer.engine.motion.labels import imaged_share, signed_distances, slide_slices, soft_shares

_WITH_HEART_MM, _STILL_FROM_MM = 6.0, 22.0


@dataclass(frozen=True, eq=False)
class BeatField:
    """Pull-back of every phase: in plane on the canonical lattice, and along the axis.

    Attributes:
        in_plane_mm: [t, z, 2 (x, y), 64, 64] along canonical axes.
        source_slice: [t, z] the slice (fractional) that each slice shows.
        extend_base: how many slices beyond the first its content goes on.
        first_slice: first slice with LV; nothing above it is read from beyond it.
    """

    in_plane_mm: Tensor
    source_slice: Tensor
    extend_base: float
    first_slice: int


@dataclass(frozen=True)
class _Box:
    """Rows and columns of the scanner's picture within which anything moves."""

    rows: slice
    columns: slice


class ScannerWarp:
    """Warps one anchor; built once, used for every phase."""

    def __init__(self, volume: Volume, labels: LabelMap, pose: CanonicalPose, field: BeatField) -> None:
        """Prepare the anchor's pictures and distances within the moving box, and the lattice's place in it."""
        self._volume, self._field = volume, field
        self._device = field.in_plane_mm.device
        affine = pose.scanner_from_canonical(volume.grid.shape[0])
        self._box = _moving_box(field, affine, volume.grid.shape)
        rows, columns = self._box.rows, self._box.columns
        self._pixel_mm = pose.pixel_mm
        self.pixel_width_mm = float(np.sqrt(pose.pixel_mm[0] * pose.pixel_mm[1]))
        picture = np.ascontiguousarray(volume.data[:, rows, columns])
        distances = signed_distances(np.ascontiguousarray(labels.data[:, rows, columns]), pose.pixel_mm)
        self._picture = torch.from_numpy(picture).to(self._device)[:, None]
        self._distances = torch.from_numpy(distances).to(self._device)
        self._moving = self._near_heart(self._distances)
        height, width = picture.shape[1:]
        self._identity = identity_lattice(height, width, self._device)
        self._lattice_place, self._turn = self._look_up(affine, height, width)
        self._to_unit = torch.tensor([2.0 / max(width - 1, 1), 2.0 / max(height - 1, 1)], device=self._device)

    def _look_up(self, affine: NDArray[np.float64], height: int, width: int) -> tuple[Tensor, Tensor]:
        """Where each pixel of the box lies on the lattice (normalised), and canonical mm -> scanner pixels."""
        y, x = np.mgrid[:height, :width].astype(np.float64)
        place = np.stack([x + self._box.columns.start, y + self._box.rows.start], axis=-1)
        canonical = (place - affine[:2, 3]) @ np.linalg.inv(affine[:2, :2]).T  # canonical pixels of 1.5 mm
        lattice = (canonical - 0.5) / 2.0
        unit = torch.from_numpy(lattice / (LATTICE_PIXELS - 1) * 2 - 1).float().to(self._device)
        return unit[None], torch.from_numpy(affine[:2, :2] / (LATTICE_SPACING_MM / 2)).float().to(self._device)

    @staticmethod
    def _near_heart(distances: Tensor) -> Tensor:
        """[1, rows, columns] share of the motion that the picture takes: the chest does not slide with the heart.

        1 up to 6 mm round the heart of any slice, 0 from 22 mm on, smooth between.
        """
        nearest = distances[:, 1:].amax(dim=(0, 1))
        share = ((nearest + _STILL_FROM_MM) / (_STILL_FROM_MM - _WITH_HEART_MM)).clamp(0, 1)
        return (share * share * (3 - 2 * share))[None]

    def sampling_grid(self, phase: int) -> Tensor:
        """[z, rows, columns, 2] normalised places in the box that each pixel of a phase shows."""
        field = self._field.in_plane_mm[phase]
        place = self._lattice_place.expand(len(field), -1, -1, -1)
        here = F.grid_sample(field, place, align_corners=True, padding_mode="zeros").permute(0, 2, 3, 1)
        return self._identity + (here @ self._turn.T) * self._to_unit

    def picture(self, phase: int, grid: Tensor) -> NDArray[np.float32]:
        """The whole stack [z, y, x] of a phase; outside the moving box it is the anchor."""
        source = self._sharpened(self._field.source_slice[phase])
        slid = self._slide(self._picture, source)
        moved = F.grid_sample(slid, grid, align_corners=True, padding_mode="border")[:, 0]
        out = self._volume.data.copy()
        out[:, self._box.rows, self._box.columns] = torch.lerp(self._picture[:, 0], moved, self._moving).cpu().numpy()
        return out

    def shares(self, phase: int, grid: Tensor) -> Tensor:
        """[z, 3, rows, columns] partial-volume shares of LV, Myo and RV within the box."""
        source = self._field.source_slice[phase]
        moved = F.grid_sample(self._slide(self._distances, source), grid, align_corners=True, padding_mode="border")
        imaged = imaged_share(source - self._field.first_slice, self._field.extend_base)
        return soft_shares(moved, self.pixel_width_mm) * imaged[:, None, None, None]

    def labels(self, shares: Tensor) -> NDArray[np.uint8]:
        """Hard labels [z, y, x] of a phase from its shares."""
        winner = torch.cat([1 - shares.sum(dim=1, keepdim=True), shares], dim=1).argmax(dim=1)
        out = np.zeros(self._volume.grid.shape, dtype=np.uint8)
        out[:, self._box.rows, self._box.columns] = winner.to(torch.uint8).cpu().numpy()
        return out

    def _slide(self, stack: Tensor, source: Tensor) -> Tensor:
        first = self._field.first_slice
        moved = slide_slices(stack[first:], source[first:] - first)
        return torch.cat([stack[:first], moved]) if first else moved

    @staticmethod
    def _sharpened(source: Tensor) -> Tensor:
        """Steepen the passage from one slice's picture to the next, or both would show at once half-way."""
        low = source.floor()
        share = source - low
        return low + ((share - 0.5) * 3.0 + 0.5).clamp(0, 1)


def _moving_box(field: BeatField, affine: NDArray[np.float64], shape: tuple[int, int, int]) -> _Box:
    """Scanner rows and columns that hold every lattice pixel with motion, and a margin."""
    moving = (field.in_plane_mm.abs().amax(dim=(0, 1, 2)) > 1e-3).cpu().numpy()
    rows, columns = np.nonzero(moving) if moving.any() else (np.array([31, 32]), np.array([31, 32]))
    corners = np.array(
        [[c, r] for c in (columns.min() - 1, columns.max() + 1) for r in (rows.min() - 1, rows.max() + 1)]
    )
    pixels = (corners * 2 + 0.5) @ affine[:2, :2].T + affine[:2, 3]
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 1, [shape[2], shape[1]])
    return _Box(slice(int(low[1]), int(max(high[1], low[1] + 2))), slice(int(low[0]), int(max(high[0], low[0] + 2))))


def warp_beat(
    warp: ScannerWarp, labels: LabelMap, phases: int, anchor_phase: int, progress: Progress, cancel: CancelToken
) -> tuple[NDArray[np.float32], LabelCine]:
    """Pictures and labels of every phase; the anchor's phase is the anchor itself.

    Returns:
        float32 [t, z, y, x] and the labels with soft volumes.
    """
    volume = warp._volume
    cine = np.empty((phases, *volume.grid.shape), dtype=np.float32)
    hard = np.empty(cine.shape, dtype=np.uint8)
    sizes = np.zeros((phases, len(Label)))
    for phase in range(phases):
        cancel.raise_if_cancelled()
        progress(phase / phases, "Warping the anchor")
        if phase == anchor_phase:
            cine[phase], hard[phase] = volume.data, labels.data
            sizes[phase, 1:] = [np.count_nonzero(labels.data == k) for k in (Label.LV, Label.MYO, Label.RV)]
            continue
        with torch.inference_mode():
            grid = warp.sampling_grid(phase)
            cine[phase] = warp.picture(phase, grid)
            shares = warp.shares(phase, grid)
            hard[phase] = warp.labels(shares)
            sizes[phase, 1:] = shares.sum(dim=(0, 2, 3), dtype=torch.float64).cpu().numpy()
    progress(1.0, "Warped")
    return cine, LabelCine(hard, volume.grid, sizes)

"""A packed beat in the scanner's own frame: the anchor and its labels warped, and the motion both ways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.image import Label, LabelCine
from cof_viewer.domain.progress import CancelToken, Progress
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.motion.frame import LATTICE_PIXELS
from cof_viewer.engine.motion.labels import signed_distances
from cof_viewer.engine.packed.anatomy import BOX_MARGIN, BOX_PIXELS
from cof_viewer.engine.packed.pack import heart_extent
from cof_viewer.engine.packed.warp import hard_labels, places, read, shares_at
from cof_viewer.engine.registration import lattice_in_patient

Float = NDArray[np.float32]

_WITH_HEART_MM, _STILL_FROM_MM = 6.0, 22.0
_INVERSE_STEPS = 10


def at_phases(displacement_mm: Float, phases: int) -> Float:
    """A periodic beat [T, ...] at another number of evenly spaced phases, linear in time; phase 0 stays phase 0."""
    count = len(displacement_mm)
    place = np.arange(phases) * (count / phases)
    low = np.floor(place).astype(int)
    share = (place - low).astype(np.float32).reshape(-1, *[1] * (displacement_mm.ndim - 1))
    mixed = displacement_mm[low % count] * (1 - share) + displacement_mm[(low + 1) % count] * share
    return np.asarray(mixed, dtype=np.float32)


@torch.no_grad()
def inverse(displacement_mm: Float, slice_mm: float) -> Float:
    """Push-forward w of a pull-back u, both [t, z, h, w, 3]: w(p) = -u(p + w(p)), by repetition (Chen 2008)."""
    spacing = BOX_PIXELS / displacement_mm.shape[3] * CANONICAL_SPACING_MM
    out = np.empty_like(displacement_mm)
    for t, field in enumerate(displacement_mm):
        pull = torch.from_numpy(field).movedim(-1, 0)
        push = torch.zeros_like(pull)
        for _ in range(_INVERSE_STEPS):
            push = -read(pull, places(push.movedim(0, -1), (spacing, spacing, slice_mm)))
        out[t] = push.movedim(0, -1).numpy()
    return out


def motion_of(prepared: Prepared, displacement_mm: Float, phases: int) -> Motion:
    """The beat's motion both ways on the 3 mm lattice of the anchor's pose, placed in the patient; anchored at ED.

    Beyond the heart's box the box's edge goes on.
    """
    pull, push = displacement_mm, inverse(displacement_mm, prepared.slice_mm)
    line = torch.arange(LATTICE_PIXELS, dtype=torch.float32) * 2 + 0.5 - BOX_MARGIN
    y, x = torch.meshgrid(line, line, indexing="ij")
    at = torch.stack([x, y], dim=-1)
    pull, push = (at_phases(_at_box_pixels(field, at), phases) for field in (pull, push))
    return Motion(lattice_in_patient(prepared.pose, prepared.volume.grid), pull, push, 0)


def outside_share(labels: NDArray[np.uint8], displacement_mm: Float, slice_mm: float) -> float:
    """Largest share, over phases, of LV and wall that is read from above the first slice that shows the heart.

    Args:
        labels: [z, 96, 96] of the anchor on the box.
        displacement_mm: [t, z, h, w, 3].
        slice_mm: distance between slices.
    """
    first, step = heart_extent(labels)[0], labels.shape[1] // displacement_mm.shape[2]
    seen = labels[:, step // 2 :: step, step // 2 :: step]
    heart = (seen == Label.LV) | (seen == Label.MYO)
    source = np.arange(len(labels))[None, :, None, None] + displacement_mm[..., 2] / slice_mm
    lost = ((source < first - 0.5) & heart[None]).sum(axis=(1, 2, 3))
    return float(lost.max() / max(int(heart.sum()), 1))


def _at_box_pixels(field_mm: Float, at: Tensor) -> Float:
    """A field [t, z, h, w, n] at pixels (x, y) [rows, columns, 2] of the box, its edge going on: [t, z, rows, ...]."""
    phases, slices, rows, columns, parts = field_mm.shape
    flat = torch.from_numpy(field_mm).reshape(-1, rows, columns, parts).permute(0, 3, 1, 2)
    unit = (at + 0.5) * (2.0 / BOX_PIXELS) - 1.0
    read_there = F.grid_sample(
        flat, unit[None].expand(len(flat), -1, -1, -1), align_corners=False, padding_mode="border"
    )
    return np.ascontiguousarray(read_there.permute(0, 2, 3, 1).reshape(phases, slices, *at.shape[:2], parts).numpy())


@dataclass(frozen=True)
class _Window:
    """Rows and columns of the scanner's picture where the heart can move."""

    rows: slice
    columns: slice


class PackedScannerWarp:
    """Warps one anchor in the scanner's frame by fields on the heart's box."""

    def __init__(self, prepared: Prepared) -> None:
        """Find where each of the scanner's pixels lies on the box and how far it goes with the heart."""
        volume, pose = prepared.volume, prepared.pose
        self._prepared, self._volume = prepared, volume
        affine = pose.scanner_from_canonical(volume.grid.shape[0])
        distances = signed_distances(prepared.labels.data, pose.pixel_mm)
        nearest = distances[:, 1:].max(axis=(0, 1))
        self._window = _window(nearest > -_STILL_FROM_MM)
        rows, columns = self._window.rows, self._window.columns
        share = np.clip((nearest[rows, columns] + _STILL_FROM_MM) / (_STILL_FROM_MM - _WITH_HEART_MM), 0, 1)
        self._moving = torch.from_numpy(share * share * (3 - 2 * share)).float()
        self._distances = torch.from_numpy(np.ascontiguousarray(distances[:, :, rows, columns])).movedim(1, 0)
        self._picture = torch.from_numpy(np.ascontiguousarray(volume.data[:, rows, columns], dtype=np.float32))
        self._at_box = _box_places(affine, self._window)
        self._turn = torch.from_numpy(affine[:2, :2] / CANONICAL_SPACING_MM).float()  # canonical mm to scanner's pixels
        self._extent = heart_extent(prepared.labels.data)
        self._pixel_mm = float(np.sqrt(pose.pixel_mm[0] * pose.pixel_mm[1]))

    @torch.no_grad()
    def phase(self, field_mm: Float) -> tuple[Float, NDArray[np.uint8], NDArray[np.float64]]:
        """Picture [z, y, x], labels [z, y, x] and voxels of each label [4] under a field [z, h, w, 3] on the box."""
        here = torch.from_numpy(_at_box_pixels(field_mm[None], self._at_box)[0])
        pixels = torch.cat([here[..., :2] @ self._turn.T, here[..., 2:] / self._prepared.slice_mm], dim=-1)
        at = places(pixels, (1.0, 1.0, 1.0))
        shares = shares_at(self._distances, at, self._extent, self._pixel_mm)
        moved = read(self._picture[None], at)[0]
        rows, columns = self._window.rows, self._window.columns
        picture = np.array(self._volume.data, dtype=np.float32)
        picture[:, rows, columns] = torch.lerp(self._picture, moved, self._moving).numpy()
        labels = np.zeros(picture.shape, np.uint8)
        labels[:, rows, columns] = hard_labels(shares)
        sizes = np.zeros(len(Label))
        sizes[1:] = shares.sum(dim=(0, 2, 3), dtype=torch.float64).numpy()
        return picture, labels, sizes

    def changed(self, picture: Float, change: Float) -> Float:
        """A picture [z, y, x] with changes of grey [z, h, w] of the box added where the heart can move."""
        there = _at_box_pixels(change[None, ..., None], self._at_box)[0, ..., 0]
        result = np.array(picture, dtype=np.float32)
        result[:, self._window.rows, self._window.columns] += there * self._moving.numpy()
        return result


def changed_beat(prepared: Prepared, cine: Float, change: Float) -> Float:
    """Pictures [t, z, y, x] with changes of grey [t, z, h, w] of the box added, near the heart alone."""
    warp = PackedScannerWarp(prepared)
    return np.stack([warp.changed(picture, step) for picture, step in zip(cine, change, strict=True)])


def warped_beat(
    prepared: Prepared, displacement_mm: Float, progress: Progress, cancel: CancelToken
) -> tuple[Float, LabelCine]:
    """Pictures and labels of every phase of a displacement [t, z, h, w, 3]; phase 0 is the anchor itself.

    Raises:
        Cancelled: somebody asked to stop; looked at before every phase.
    """
    warp, volume, phases = PackedScannerWarp(prepared), prepared.volume, len(displacement_mm)
    cine = np.empty((phases, *volume.grid.shape), np.float32)
    hard, sizes = np.empty(cine.shape, np.uint8), np.zeros((phases, len(Label)))
    cine[0], hard[0] = volume.data, prepared.labels.data
    sizes[0, 1:] = [np.count_nonzero(prepared.labels.data == label) for label in (Label.LV, Label.MYO, Label.RV)]
    for t in range(1, phases):
        cancel.raise_if_cancelled()
        progress(t / phases, "Warping the anchor")
        cine[t], hard[t], sizes[t] = warp.phase(displacement_mm[t])
    return cine, LabelCine(hard, volume.grid, sizes)


def _box_places(affine: NDArray[np.float64], window: _Window) -> Tensor:
    """[rows, columns, 2] pixel (x, y) of the box at which each pixel of the window lies."""
    y, x = np.mgrid[window.rows, window.columns].astype(np.float64)
    canonical = (np.stack([x, y], axis=-1) - affine[:2, 3]) @ np.linalg.inv(affine[:2, :2]).T
    return torch.from_numpy(canonical - BOX_MARGIN).float()


def _window(moving: NDArray[np.bool_]) -> _Window:
    """Smallest window that holds every moving pixel, at least two wide."""
    rows, columns = np.nonzero(moving)
    last_row, last_column = (size - 1 for size in moving.shape)

    def span(found: NDArray[np.intp], last: int) -> slice:
        low = max(0, min(int(found.min()), last - 1))
        return slice(low, max(int(found.max()), low + 1) + 1)

    return _Window(span(rows, last_row), span(columns, last_column))

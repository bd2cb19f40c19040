"""Warp the full-resolution anchor and its labels in the scanner's own frame, once, only where the heart moves."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

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
    """Rows and columns of the scanner's picture."""

    rows: slice
    columns: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


@dataclass(frozen=True, eq=False)
class _Still:
    """What of an anchor no beat changes; kept while its labels live, so that another ECG finds it ready.

    Attributes:
        volume: the anchor; `pose` how the heart lies in it.
        box: everything that takes part in the motion: the heart and 22 mm round it.
        heart: rows and columns of the labels within the box.
        picture: [z, 1, rows, columns] of the box.
        distances: [z, 3, rows, columns] signed distances of the box.
        moving: [1, rows, columns] share of the motion that the picture takes.
        place: [1, rows, columns, 2] where each pixel of the box lies on the canonical lattice, normalised.
        turn: [2, 2] canonical mm -> pixels of the scanner.
    """

    volume: Volume
    pose: CanonicalPose
    box: _Box
    heart: _Box
    picture: Tensor
    distances: Tensor
    moving: Tensor
    place: Tensor
    turn: Tensor


_kept: WeakKeyDictionary[LabelMap, _Still] = WeakKeyDictionary()


class ScannerWarp:
    """Warps one anchor; built once, used for every phase."""

    def __init__(self, volume: Volume, labels: LabelMap, pose: CanonicalPose, field: BeatField) -> None:
        """Prepare the anchor's pictures and distances within the moving box, and the lattice's place in it."""
        self._volume, self._field = volume, field
        self._device = field.in_plane_mm.device
        still = self._still = _still_parts(volume, labels, pose, self._device)
        self.pixel_width_mm = float(np.sqrt(pose.pixel_mm[0] * pose.pixel_mm[1]))
        height, width = still.box.shape
        self._identity = identity_lattice(height, width, self._device)
        to_unit = torch.tensor([2.0 / max(width - 1, 1), 2.0 / max(height - 1, 1)], device=self._device)
        # Turning and scaling commute with interpolation, and the lattice has fewer points than the picture.
        self._unit_field = torch.einsum("ji,tzirc->tzjrc", still.turn * to_unit[:, None], field.in_plane_mm)
        self._near = self._reached(field, pose)

    def _reached(self, field: BeatField, pose: CanonicalPose) -> _Box:
        """The part of the box where a label may ever lie: the heart, and as far round it as anything moves."""
        farthest_mm = float(field.in_plane_mm.abs().amax()) * 2**0.5
        margin = int(np.ceil(farthest_mm / min(pose.pixel_mm))) + 2
        heart, (height, width) = self._still.heart, self._still.box.shape
        return _Box(_widened(heart.rows, margin, height), _widened(heart.columns, margin, width))

    def sampling_grid(self, phase: int) -> Tensor:
        """[z, rows, columns, 2] normalised places in the box that each pixel of a phase shows."""
        field = self._unit_field[phase]
        flat = field.reshape(1, -1, *field.shape[-2:])  # all slices look up the same places, so they are channels
        here = F.grid_sample(flat, self._still.place, align_corners=True, padding_mode="zeros")
        return self._identity + here.reshape(*field.shape[:2], *self._still.box.shape).permute(0, 2, 3, 1)

    def picture(self, phase: int, grid: Tensor, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The whole stack [z, y, x] of a phase, into `out` where given; outside the moving box it is the anchor."""
        still = self._still
        source = self._sharpened(self._field.source_slice[phase])
        moved = F.grid_sample(self._slide(still.picture, source), grid, align_corners=True, padding_mode="border")
        if out is None:
            out = np.empty_like(self._volume.data)
        np.copyto(out, self._volume.data)
        inside = torch.lerp(still.picture[:, 0], moved[:, 0], still.moving)
        out[:, still.box.rows, still.box.columns] = inside.cpu().numpy()
        return out

    def shares(self, phase: int, grid: Tensor) -> Tensor:
        """[z, 3, rows, columns] partial-volume shares of LV, Myo and RV near the heart; they are 0 elsewhere."""
        source = self._field.source_slice[phase]
        slid = self._slide(self._still.distances, source)
        near = grid[:, self._near.rows, self._near.columns]
        moved = F.grid_sample(slid, near, align_corners=True, padding_mode="border")
        imaged = imaged_share(source - self._field.first_slice, self._field.extend_base)
        return soft_shares(moved, self.pixel_width_mm) * imaged[:, None, None, None]

    def labels(self, shares: Tensor, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Hard labels [z, y, x] of a phase from its shares, into `out`, which holds zeros, where given."""
        if out is None:
            out = np.zeros(self._volume.grid.shape, dtype=np.uint8)
        rows, columns = self._still.box.rows.start, self._still.box.columns.start
        near = self._near
        place = out[
            :,
            rows + near.rows.start : rows + near.rows.stop,
            columns + near.columns.start : columns + near.columns.stop,
        ]
        place[...] = _largest(shares).cpu().numpy()
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


def _largest(shares: Tensor) -> Tensor:
    """[z, rows, columns] uint8: the label of the largest share, the background being what is left of 1."""
    best = 1 - shares.sum(dim=1)
    winner = torch.zeros_like(best, dtype=torch.uint8)
    for label, share in zip((Label.LV, Label.MYO, Label.RV), shares.unbind(dim=1), strict=True):
        winner.masked_fill_(share > best, int(label))
        best = torch.maximum(best, share)
    return winner


def _still_parts(volume: Volume, labels: LabelMap, pose: CanonicalPose, device: torch.device) -> _Still:
    """The still parts of an anchor, made now or kept from an earlier beat of the same anchor."""
    kept = _kept.get(labels)
    if kept is not None and kept.volume is volume and kept.pose == pose and kept.picture.device == device:
        return kept
    still = _kept[labels] = _make_still(volume, labels, pose, device)
    return still


def _make_still(volume: Volume, labels: LabelMap, pose: CanonicalPose, device: torch.device) -> _Still:
    affine = pose.scanner_from_canonical(volume.grid.shape[0])
    box, heart = _boxes(labels, pose)
    inside = (slice(None), box.rows, box.columns)
    distances = torch.from_numpy(signed_distances(np.ascontiguousarray(labels.data[inside]), pose.pixel_mm)).to(device)
    y, x = np.mgrid[box.rows, box.columns].astype(np.float64)
    canonical = (np.stack([x, y], axis=-1) - affine[:2, 3]) @ np.linalg.inv(affine[:2, :2]).T  # pixels of 1.5 mm
    place = (canonical - 0.5) / 2.0 / (LATTICE_PIXELS - 1) * 2 - 1
    return _Still(
        volume=volume,
        pose=pose,
        box=box,
        heart=heart,
        picture=torch.from_numpy(np.ascontiguousarray(volume.data[inside])).to(device)[:, None],
        distances=distances,
        moving=_near_heart(distances),
        place=torch.from_numpy(place).float().to(device)[None],
        turn=torch.from_numpy(affine[:2, :2] / (LATTICE_SPACING_MM / 2)).float().to(device),
    )


def _near_heart(distances: Tensor) -> Tensor:
    """[1, rows, columns] share of the motion that the picture takes: the chest does not slide with the heart.

    1 up to 6 mm round the heart of any slice, 0 from 22 mm on, smooth between.
    """
    nearest = distances[:, 1:].amax(dim=(0, 1))
    share = ((nearest + _STILL_FROM_MM) / (_STILL_FROM_MM - _WITH_HEART_MM)).clamp(0, 1)
    return (share * share * (3 - 2 * share))[None]


def _boxes(labels: LabelMap, pose: CanonicalPose) -> tuple[_Box, _Box]:
    """Scanner rows and columns of the heart and 22 mm round it, and within that those of the heart itself."""
    rows, columns = (np.flatnonzero((labels.data > 0).any(axis=axes)) for axes in ((0, 2), (0, 1)))
    if not len(rows):
        rows, columns = np.array([0, 1]), np.array([0, 1])
    heart = _Box(slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
    x_mm, y_mm = pose.pixel_mm
    box = _Box(
        _widened(heart.rows, int(np.ceil(_STILL_FROM_MM / y_mm)) + 1, labels.data.shape[1]),
        _widened(heart.columns, int(np.ceil(_STILL_FROM_MM / x_mm)) + 1, labels.data.shape[2]),
    )
    inner = _Box(_moved(heart.rows, -box.rows.start), _moved(heart.columns, -box.columns.start))
    return box, inner


def _widened(span: slice, by: int, size: int) -> slice:
    return slice(max(span.start - by, 0), min(span.stop + by, size))


def _moved(span: slice, by: int) -> slice:
    return slice(span.start + by, span.stop + by)


def warp_beat(
    warp: ScannerWarp, labels: LabelMap, phases: int, anchor_phase: int, progress: Progress, cancel: CancelToken
) -> tuple[NDArray[np.float32], LabelCine]:
    """Pictures and labels of every phase; the anchor's phase is the anchor itself.

    Returns:
        float32 [t, z, y, x] and the labels with soft volumes.
    """
    volume = warp._volume
    cine = np.empty((phases, *volume.grid.shape), dtype=np.float32)
    hard = np.zeros(cine.shape, dtype=np.uint8)
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
            warp.picture(phase, grid, cine[phase])
            shares = warp.shares(phase, grid)
            warp.labels(shares, hard[phase])
            sizes[phase, 1:] = shares.sum(dim=(2, 3)).double().sum(dim=0).cpu().numpy()
    progress(1.0, "Warped")
    return cine, LabelCine(hard, volume.grid, sizes)

"""Finds the heart in a short-axis stack: where it is, how it is turned, mirrored or not, which end is the base.

A small network reads the whole field of view at 3 mm. From its coarse classes follow the heart's centre and the
direction LV -> RV. A glance at a slice every 20 mm is mostly enough; where it leaves doubt every slice is looked at,
from up to four sides, and once more nearer. On the heart, turned and centred, a classifier votes slice by slice on
"mirrored" and on "slices run apex -> base": what lies below the heart and what beside it tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from cof_viewer.domain.progress import NEVER, CancelToken
from cof_viewer.engine.pose_network import PoseNetwork, pose_network_from
from cof_viewer.engine.seg_network import ResidualUNet, network_from
from cof_viewer.engine.seg_sampling import (
    Placement,
    content_box,
    full_slices,
    heart_placement,
    inside_stack,
    look_up,
    neighbour_index,
    neighbour_skip,
    rotation,
    sample,
    smoothed_for,
    spread_slices,
    standardise,
)
from cof_viewer.engine.slice_network import SliceNetwork
from cof_viewer.engine.weights import load_weights

PIXEL_MM = 3.0
HEART_SIZE_MM = 92.0
"""Square root of the area that LV, wall and RV cover from base to apex: mean of 144 hearts at ED (SD 10 %)."""

_SIZE = 128
"""Pixels of a look, as in training; a field too wide for it gets more."""
_MOST_MM = 480.0
_UNKNOWN_SLICE_MM = 10.0
_TRIAL_PIXELS_MM = (1.0, 1.5, 2.2)
_VOTING_SHARE = 0.2
_KEPT_SHARE = 0.6
_LEAST_CONFIDENCE = 0.58
_SURE, _SURE_SLICES = 0.75, 2
"""A glance that shows less is followed by the search."""
_LEAST_SLICES = 2
_SIZES_MM = (45.0, 160.0)
_CAVITY_SHARES = (0.02, 0.85)


@dataclass(frozen=True)
class Localisation:
    """A heart found in a stack.

    Attributes:
        centre_mm: (y, x) from the centre of pixel (0, 0), in the stack's own plane.
        angle_rad: direction LV -> RV, atan2(y, x), y down the rows.
        mirrored: vote that the picture is mirrored; positive = yes.
        reversed: vote that the slices run apex -> base; positive = yes.
        confidence: mean probability of the heart's classes over its voxels, 0 to 1.
        size_mm: square root of the area that the heart covers.
        scale: factor on the stack's pixel that makes the heart's size plausible; 1 where the spacing is known.
        slices: number of slices with heart.
        voxels: number of voxels with heart in the look it was read from.
    """

    centre_mm: tuple[float, float]
    angle_rad: float
    mirrored: float
    reversed: float
    confidence: float
    size_mm: float
    scale: float
    slices: int
    voxels: int


@dataclass(frozen=True, eq=False)
class _Stack:
    """What is looked at: pictures [z, y, x] smoothed for a look, bool [z] which hold one, (z, y, x) mm."""

    pictures: Tensor
    full: NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]

    @property
    def field_mm(self) -> tuple[float, float]:
        """Height and width from the first to the last pixel's centre."""
        rows, columns = self.pictures.shape[1:]
        return (rows - 1) * self.spacing_mm[1], (columns - 1) * self.spacing_mm[2]

    def images(self, placement: Placement, size: int, slices: NDArray[np.intp]) -> Tensor:
        """Network input [slice, 3, size, size] of a look at some slices."""
        shape = (self.pictures.shape[1], self.pictures.shape[2])
        grid = look_up(placement, size, PIXEL_MM, shape, self.spacing_mm[1:])
        index = neighbour_index(self.full, neighbour_skip(self.spacing_mm[0]))[slices]
        return standardise(sample(self.pictures, grid)[torch.from_numpy(index)], inside_stack(grid)[None, None])


@dataclass(frozen=True, eq=False)
class _Maps:
    """One look: shares [slice, 4, S, S] of some slices of a stack, which ones, and where it looked."""

    shares: NDArray[np.float32]
    slices: NDArray[np.intp]
    placement: Placement


class Localiser:
    """The two networks with their weights."""

    def __init__(self, network: ResidualUNet, pose: PoseNetwork, device: torch.device | str = "cpu") -> None:
        """Keep trained networks."""
        self._network = SliceNetwork(network, device)
        self._multiple = network.config.multiple
        self._pose = pose.to(device).eval()
        self._device = torch.device(device)

    @classmethod
    def load(cls, folder: Path, device: torch.device | str = "cpu") -> Localiser:
        """Read the weights named "localiser" and "pose"."""
        tensors, entry = load_weights(folder, "localiser")
        pose_tensors, pose_entry = load_weights(folder, "pose")
        pose = pose_network_from(pose_entry.config["network"], pose_tensors)
        return cls(network_from(entry.config["network"], tensors), pose, device)

    def find(
        self,
        data: NDArray[np.float32],
        spacing_zyx_mm: tuple[float, float, float],
        *,
        spacing_known: bool = True,
        cancelled: CancelToken = NEVER,
    ) -> Localisation | None:
        """Find the heart; None where there is none to believe in.

        Args:
            data: [z, y, x], any intensity; constant or non-finite slices count as empty.
            spacing_zyx_mm: slice distance, row and column pixel.
            spacing_known: where False, the pixel is estimated from the heart's size.
            cancelled: looked at between pieces of work.
        """
        if spacing_known:
            return self._find(data, spacing_zyx_mm, cancelled)
        aspect = spacing_zyx_mm[1] / spacing_zyx_mm[2]
        tried = [self._find(data, (_UNKNOWN_SLICE_MM, p * aspect, p), cancelled) for p in _TRIAL_PIXELS_MM]
        found = [(f, p) for f, p in zip(tried, _TRIAL_PIXELS_MM, strict=True) if f is not None]
        if not found:
            return None
        best, pixel = max(found, key=lambda pair: pair[0].confidence)
        pixel *= HEART_SIZE_MM / best.size_mm
        final = self._find(data, (_UNKNOWN_SLICE_MM, pixel * aspect, pixel), cancelled)
        if final is None:
            return None
        scale = pixel / spacing_zyx_mm[2]
        centre = (final.centre_mm[0] / scale, final.centre_mm[1] / scale)
        return replace(final, centre_mm=centre, scale=scale)

    def _find(
        self, data: NDArray[np.float32], spacing: tuple[float, float, float], cancelled: CancelToken
    ) -> Localisation | None:
        full = full_slices(data)
        if not full.any():
            return None
        clean = np.where(np.isfinite(data), data, 0)
        rows, columns = content_box(clean)
        found = self._find_in(clean[:, rows, columns], full, spacing, cancelled)
        if found is None:
            return None
        y, x = found.centre_mm
        return replace(found, centre_mm=(y + rows.start * spacing[1], x + columns.start * spacing[2]))

    def _find_in(
        self,
        clean: NDArray[np.float32],
        full: NDArray[np.bool_],
        spacing: tuple[float, float, float],
        cancelled: CancelToken,
    ) -> Localisation | None:
        """Find the heart in a picture without empty borders."""
        pictures = torch.from_numpy(smoothed_for(clean, min(spacing[1:]), PIXEL_MM))
        stack = _Stack(pictures, full, spacing)
        found = self._glance(stack, cancelled) or self._search(stack, cancelled)
        return None if found is None else self._with_votes(*found, stack)

    def _glance(self, stack: _Stack, cancelled: CancelToken) -> tuple[Localisation, _Maps] | None:
        """One look at a few slices of the whole field; None where it leaves doubt."""
        some = spread_slices(stack.full, stack.spacing_mm[0])
        maps = self._look(stack, _upright(stack), _far_size(stack.field_mm, self._multiple), some, cancelled)
        found = _read(maps)
        if found is None or found.confidence < _SURE or found.slices < min(_SURE_SLICES, len(some)):
            return None
        return found, maps

    def _search(self, stack: _Stack, cancelled: CancelToken) -> tuple[Localisation, _Maps] | None:
        """Every slice of the whole field, from up to four sides until one shows the heart, then a nearer look."""
        every = np.arange(len(stack.full))
        size = _far_size(stack.field_mm, self._multiple)
        for angle in (0.0, 90.0, 180.0, 270.0):
            first = _read(self._look(stack, _upright(stack, angle), size, every, cancelled))
            if first is None:
                continue
            near = self._look(stack, heart_placement(first.centre_mm, first.angle_rad), _SIZE, every, cancelled)
            second = _read(near)
            if second is None or second.voxels < _KEPT_SHARE * first.voxels:
                second = first
            return second, near
        return None

    def _with_votes(self, found: Localisation, maps: _Maps, stack: _Stack) -> Localisation:
        """The mean votes over the slices that show much of the heart."""
        area = (maps.shares.argmax(axis=1) > 0).sum(axis=(1, 2))
        every = np.arange(len(stack.full))
        between = np.interp(every, maps.slices, area, left=0.0, right=0.0)
        chosen = np.flatnonzero((between >= _VOTING_SHARE * area.max()) & stack.full)
        placement = heart_placement(found.centre_mm, found.angle_rad)
        images = stack.images(placement, self._pose.config.size, chosen)
        mirrored, order = self._pose.votes(images.to(self._device)).mean(dim=0).tolist()
        return replace(found, mirrored=mirrored, reversed=order)

    def _look(
        self, stack: _Stack, placement: Placement, size: int, slices: NDArray[np.intp], cancelled: CancelToken
    ) -> _Maps:
        """Run the network on a look at some slices."""
        shares = self._network.shares(stack.images(placement, size, slices), cancelled=cancelled)
        shares[~torch.from_numpy(stack.full[slices])] = torch.tensor([1.0, 0, 0, 0])[:, None, None]
        return _Maps(shares.numpy(), slices, placement)


def _upright(stack: _Stack, degrees: float = 0.0) -> Placement:
    """A look at the middle of the field, turned."""
    height, width = stack.field_mm
    return Placement((height / 2, width / 2), rotation(math.radians(degrees)))


def _far_size(field_mm: tuple[float, float], multiple: int) -> int:
    pixels = min(max(field_mm), _MOST_MM) / PIXEL_MM + 1
    return max(_SIZE, int(math.ceil(pixels / multiple) * multiple))


def _read(maps: _Maps) -> Localisation | None:
    """Centre, direction and size of the likeliest heart in the maps; None where it is no heart."""
    labels = maps.shares.argmax(axis=1)
    heart = _main_part(labels > 0, 1 - maps.shares[:, 0])
    left, right = heart & (labels != 3), heart & (labels == 3)
    cavity = heart & (labels == 1)
    if not left.any() or not right.any() or not cavity.any():
        return None
    size = PIXEL_MM * math.sqrt(float(heart.any(axis=0).sum()))
    slices = int(cavity.any(axis=(1, 2)).sum())
    confidence = float(maps.shares.max(axis=1)[heart].mean())
    share = float(cavity.sum() / heart.sum())
    credible = (
        confidence >= _LEAST_CONFIDENCE
        and slices >= min(_LEAST_SLICES, len(labels))
        and _SIZES_MM[0] <= size <= _SIZES_MM[1]
        and _CAVITY_SHARES[0] <= share <= _CAVITY_SHARES[1]
    )
    if not credible:
        return None
    middle = (np.array(maps.shares.shape[2:]) - 1) / 2
    offset = (np.argwhere(heart).mean(axis=0)[1:] - middle) * PIXEL_MM
    towards = (np.argwhere(right).mean(axis=0) - np.argwhere(left).mean(axis=0))[1:]
    centre = np.array(maps.placement.centre_mm) + maps.placement.matrix @ offset
    direction = maps.placement.matrix @ towards
    return Localisation(
        centre_mm=(float(centre[0]), float(centre[1])),
        angle_rad=math.atan2(direction[0], direction[1]),
        mirrored=0.0,
        reversed=0.0,
        confidence=confidence,
        size_mm=size,
        scale=1.0,
        slices=slices,
        voxels=int(heart.sum()),
    )


def _main_part(heart: NDArray[np.bool_], shares: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The connected part of a mask with the most probability; neighbours in all 26 directions."""
    parts, count = ndimage.label(heart, structure=np.ones((3, 3, 3)))
    if count <= 1:
        return heart
    weight = ndimage.sum_labels(shares, parts, np.arange(1, count + 1))
    return np.asarray(parts == 1 + int(np.argmax(weight)), dtype=bool)

"""Labels of LV, myocardium and RV in any short-axis stack.

The localiser finds the heart's pose; the network labels every slice on the canonical grid, where it learned; the
class probabilities come back to the scanner's pixels by one interpolation. So labels lie in the stack's own grid,
whatever its rotation, mirroring and slice order, and empty slices stay empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, Label, LabelCine, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.engine.localiser import HEART_SIZE_MM, Localisation, Localiser
from cof_viewer.engine.seg_network import ResidualUNet, network_from
from cof_viewer.engine.seg_sampling import (
    Placement,
    content_box,
    full_slices,
    heart_placement,
    inside_stack,
    look_back,
    look_up,
    neighbour_index,
    neighbour_skip,
    sample,
    smoothed_for,
    standardise,
)
from cof_viewer.engine.seg_shares import Shares, SoftLabels, cleaned, frame_of
from cof_viewer.engine.slice_network import SliceNetwork
from cof_viewer.engine.weights import load_weights

UNKNOWN_SLICE_MM = 10.0
"""Distance between slices where a file does not tell it."""
_LEAST_SLICE_MM2 = 1000.0
"""The largest slice of a heart (LV, wall and RV) covers several times this, also in a child at ES."""
_EDGE_SHARE = 0.05
"""A heart whose middle lies this close to the picture's edge is none."""
_TURNS_TRIED = (0.0, 90.0, -90.0)
"""The localiser may take a bright stomach for the RV and turn the heart wrongly: then the labels come out broken."""
_MIRROR_DOUBT = 1.0
"""Scanners do not mirror; a vote (a logit) must outweigh that."""


class Segmenter:
    """The localiser and the segmentation network with their weights."""

    def __init__(self, network: ResidualUNet, localiser: Localiser, device: torch.device | str = "cpu") -> None:
        """Keep trained networks."""
        self._network = SliceNetwork(network, device)
        self._localiser = localiser

    @classmethod
    def load(cls, weights_dir: Path, device: torch.device | str = "cpu") -> Segmenter:
        """Read the weights "segmenter" and "localiser" of a folder, their checksums verified.

        A segmenter that was taken over from nnU-Net comes back as an `NnUNetSegmenter`.
        """
        tensors, entry = load_weights(weights_dir, "segmenter")
        localiser = Localiser.load(weights_dir, device)
        if entry.config.get("kind") == "nnunet":
            from cof_viewer.engine.nnunet.segmenter import NnUNetSegmenter

            return NnUNetSegmenter.from_weights(entry.config, tensors, localiser, device)
        return cls(network_from(entry.config["network"], tensors), localiser, device)

    def locate(self, volume: Volume, cancelled: CancelToken = NEVER) -> Localisation | None:
        """Where the heart lies, with the votes behind it; None where there is no heart."""
        x, y, z = volume.grid.spacing_mm
        known = volume.grid.spacing_known
        return self._localiser.find(volume.data, (z, y, x), spacing_known=known, cancelled=cancelled)

    def pose(self, volume: Volume, cancelled: CancelToken = NEVER) -> CanonicalPose:
        """How the heart lies in a volume.

        Raises:
            UserError: there is no heart to believe in.
        """
        return self._first_pose([volume], cancelled)

    def pose_of_cine(self, cine: Cine, cancelled: CancelToken = NEVER) -> CanonicalPose:
        """How the heart lies in a cine: from its first phase, or from another one where that shows no heart.

        Raises:
            UserError: none of the phases looked at shows a heart to believe in.
        """
        phases = dict.fromkeys((0, cine.phases // 2, 3 * cine.phases // 4))
        return self._first_pose([cine.volume(phase) for phase in phases], cancelled)

    def _first_pose(self, volumes: Sequence[Volume], cancelled: CancelToken) -> CanonicalPose:
        for volume in volumes:
            found = self.locate(volume, cancelled)
            if found is None:
                continue
            first = pose_from(found, volume.grid)
            for turn in _TURNS_TRIED:
                pose = self._refined(volume, replace(first, angle_degrees=first.angle_degrees + turn), cancelled)
                if pose is not None:
                    return pose
        raise UserError(
            f"No short-axis heart was found in {_called(volumes[0].name)}. Choose another series.", code="no-heart"
        )

    def segment(
        self,
        volume: Volume,
        pose: CanonicalPose | None = None,
        *,
        progress: Progress = no_progress,
        cancelled: CancelToken = NEVER,
    ) -> SoftLabels:
        """Soft labels of one volume on its own grid.

        Args:
            volume: any short-axis stack.
            pose: where the heart lies; found if not given.
            progress: told the fraction done.
            cancelled: looked at at least every 0.2 s.

        Raises:
            UserError: no pose was given and there is no heart.
            Cancelled: somebody asked to stop.
        """
        progress(0.0, "Finding the heart")
        where = pose or self.pose(volume, cancelled)
        progress(0.3, "Segmenting")
        shares = self.scanner_shares(volume, where, progress=part_of(progress, 0.3, 0.9), cancelled=cancelled)
        progress(1.0, "Segmented")
        return SoftLabels(shares, volume.grid)

    def segment_cine(
        self,
        cine: Cine,
        pose: CanonicalPose | None = None,
        *,
        progress: Progress = no_progress,
        cancelled: CancelToken = NEVER,
    ) -> LabelCine:
        """Labels of every phase on the cine's own grid, with partial-volume sizes; arguments as in `segment`."""
        progress(0.0, "Finding the heart")
        where = pose or self.pose_of_cine(cine, cancelled)
        labels = np.zeros(cine.data.shape, np.uint8)
        sizes = np.zeros((cine.phases, len(Label)))
        for phase in range(cine.phases):
            progress((phase + 1) / (cine.phases + 1), f"Segmenting phase {phase + 1} of {cine.phases}")
            soft = SoftLabels(self.scanner_shares(cine.volume(phase), where, cancelled=cancelled), cine.grid)
            labels[phase], sizes[phase] = soft.label_map().data, soft.voxels()
        progress(1.0, "Segmented")
        return LabelCine(labels, cine.grid, sizes)

    def canonical_shares(
        self,
        volume: Volume,
        pose: CanonicalPose,
        *,
        progress: Progress = no_progress,
        cancelled: CancelToken = NEVER,
    ) -> Shares:
        """Class shares [z, class, 128, 128] on the pose's canonical grid, base first, cleaned.

        Arguments as in `segment`.
        """
        images, full = _canonical_images(volume, pose)
        shares = np.zeros((len(images), len(Label), CANONICAL_PIXELS, CANONICAL_PIXELS), np.float32)
        shares[:, Label.BACKGROUND] = 1.0
        if full.any():
            held = images[torch.from_numpy(full)]
            shares[full] = self._network.shares(held, progress=progress, cancelled=cancelled).numpy()
        return cleaned(shares)

    def scanner_shares(
        self,
        volume: Volume,
        pose: CanonicalPose,
        *,
        progress: Progress = no_progress,
        cancelled: CancelToken = NEVER,
    ) -> Shares:
        """Cleaned class shares [class, z, y, x] on the volume's own grid. Arguments as in `segment`."""
        canonical = self.canonical_shares(volume, pose, progress=progress, cancelled=cancelled)
        return shares_in_scanner(canonical, pose, volume.grid.shape)

    def _refined(self, volume: Volume, pose: CanonicalPose, cancelled: CancelToken) -> CanonicalPose | None:
        """The pose with centre, angle and (where estimated) scale read again from labels; None without a heart."""
        labels = self.canonical_shares(volume, pose, cancelled=cancelled).argmax(axis=1).astype(np.uint8)
        frame = frame_of(labels)
        largest_mm2 = float((labels > 0).sum(axis=(1, 2)).max()) * CANONICAL_SPACING_MM**2
        if frame is None or largest_mm2 < _LEAST_SLICE_MM2:
            return None
        middle = (CANONICAL_PIXELS - 1) / 2
        affine = pose.scanner_from_canonical(len(labels))
        centre = affine @ [middle + frame.offset_xy[0], middle + frame.offset_xy[1], 0.0, 1.0]
        places = (centre[0] / volume.grid.shape[2], centre[1] / volume.grid.shape[1])
        if not all(_EDGE_SHARE < place < 1 - _EDGE_SHARE for place in places):
            return None
        turn = -frame.turn_degrees if pose.mirrored else frame.turn_degrees
        scale = 1.0 if volume.grid.spacing_known else HEART_SIZE_MM / (frame.size * CANONICAL_SPACING_MM)
        return replace(
            pose,
            center_xy=(float(centre[0]), float(centre[1])),
            angle_degrees=math.degrees(math.remainder(math.radians(pose.angle_degrees + turn), 2 * math.pi)),
            pixel_mm=(pose.pixel_mm[0] * scale, pose.pixel_mm[1] * scale),
        )


def pose_from(found: Localisation, grid: Grid) -> CanonicalPose:
    """The canonical pose of a heart found in a grid."""
    x_mm, y_mm, _ = grid.spacing_mm
    degrees = math.degrees(math.remainder(found.angle_rad - math.pi, 2 * math.pi))
    return CanonicalPose(
        center_xy=(found.centre_mm[1] / x_mm, found.centre_mm[0] / y_mm),
        angle_degrees=degrees,
        mirrored=found.mirrored > _MIRROR_DOUBT,
        slices_reversed=found.reversed > 0,
        pixel_mm=(x_mm * found.scale, y_mm * found.scale),
    )


def shares_in_scanner(shares: Shares, pose: CanonicalPose, shape: tuple[int, int, int]) -> Shares:
    """Bring canonical shares [z, class, 128, 128] back to the scanner's grid as [class, z, y, x].

    Beyond the canonical window everything is background.
    """
    ordered = shares[::-1].copy() if pose.slices_reversed else shares
    pixel_yx = (pose.pixel_mm[1], pose.pixel_mm[0])
    back = look_back(placement_of(pose), CANONICAL_PIXELS, CANONICAL_SPACING_MM, shape[1:], pixel_yx)
    flat = torch.from_numpy(ordered[:, 1:].reshape(-1, CANONICAL_PIXELS, CANONICAL_PIXELS))
    heart = sample(flat, back).numpy().reshape(shape[0], len(Label) - 1, *shape[1:])
    result = np.empty((len(Label), *shape), np.float32)
    result[1:] = heart.transpose(1, 0, 2, 3)
    result[0] = 1.0 - result[1:].sum(axis=0)
    return result


def _canonical_images(volume: Volume, pose: CanonicalPose) -> tuple[Tensor, NDArray[np.bool_]]:
    """Network input [z, 3, 128, 128], base first, and which slices hold a picture."""
    data = volume.data[::-1] if pose.slices_reversed else volume.data
    full = full_slices(data)
    clean = np.where(np.isfinite(data), data, 0).astype(np.float32)
    box = content_box(clean)
    stack = torch.from_numpy(smoothed_for(clean[:, box[0], box[1]], min(pose.pixel_mm), CANONICAL_SPACING_MM))
    pixel_yx = (pose.pixel_mm[1], pose.pixel_mm[0])
    x, y = pose.center_xy
    placement = placement_of(replace(pose, center_xy=(x - box[1].start, y - box[0].start)))
    grid = look_up(placement, CANONICAL_PIXELS, CANONICAL_SPACING_MM, (stack.shape[1], stack.shape[2]), pixel_yx)
    index = torch.from_numpy(neighbour_index(full, neighbour_skip(_slice_mm(volume))))
    return standardise(sample(stack, grid)[index], inside_stack(grid)[None, None]), full


def _slice_mm(volume: Volume) -> float:
    return volume.grid.spacing_mm[2] if volume.grid.spacing_known else UNKNOWN_SLICE_MM


def placement_of(pose: CanonicalPose) -> Placement:
    """The same look in millimetres."""
    centre = (pose.center_xy[1] * pose.pixel_mm[1], pose.center_xy[0] * pose.pixel_mm[0])
    return heart_placement(centre, math.radians(pose.angle_degrees) + math.pi, mirrored=pose.mirrored)


def _called(name: str) -> str:
    return f'"{name}"' if name else "this stack"

"""The anchor made ready: oriented, segmented, framed. Kept between generations, so that another ECG costs little."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import Flag
from cof_viewer.domain.image import LabelMap, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.engine.motion.features import anatomy_features
from cof_viewer.engine.motion.field import VelocityDecoder
from cof_viewer.engine.motion.frame import AnatomicalFrame, frame_from_labels, lattice_interpolation
from cof_viewer.engine.motion.labels import signed_distances
from cof_viewer.engine.seg_shares import SoftLabels, lead_in_heart
from cof_viewer.engine.segmenter import UNKNOWN_SLICE_MM, Segmenter, shares_in_scanner


@dataclass(frozen=True, eq=False)
class Prepared:
    """One anchor, base first, with everything the generator reads.

    Attributes:
        volume: the anchor, slices base -> apex.
        was_reversed: whether the slices came apex first.
        pose: of `volume`, so never reversed.
        labels: on the scanner's grid.
        canonical_labels: [z, 128, 128].
        frame: anatomical frame of the canonical labels.
        features: anatomy vector.
        decoder: of velocities on this heart's lattice.
        distances: [z, 3, 128, 128] canonical signed distances (mm).
        slice_mm: distance between slices.
        lead: mean lead of the likeliest class over the next within the heart, 0 to 1; None for labels made by hand.
        role: "ed", "es" or "" where nobody told.
        share: of the beat at which it was taken, 0 to 1; None where no cine tells.
        simulated: whether the heart is a simulated one; its numbers are calibrated apart.
        sha256: checksum of the study it comes from.
        flags: what was found while reading that study.
    """

    volume: Volume
    was_reversed: bool
    pose: CanonicalPose
    labels: LabelMap
    canonical_labels: NDArray[np.uint8]
    frame: AnatomicalFrame
    features: NDArray[np.float32]
    decoder: VelocityDecoder
    distances: Tensor
    slice_mm: float
    lead: float | None = None
    role: str = ""
    share: float | None = None
    simulated: bool = False
    sha256: str | None = None
    flags: tuple[Flag, ...] = ()


def prepare_anchor(
    segmenter: Segmenter,
    volume: Volume,
    device: torch.device,
    *,
    pose: CanonicalPose | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
) -> Prepared:
    """Find, orient, segment and frame one anchor.

    Raises:
        UserError: there is no heart, or no slice holds LV cavity.
    """
    progress(0.0, "Finding the heart")
    pose = pose or segmenter.pose(volume, cancel)
    was_reversed = pose.slices_reversed
    if was_reversed:
        volume, pose = volume.with_slices_reversed(), replace(pose, slices_reversed=False)
    shares = segmenter.canonical_shares(volume, pose, progress=part_of(progress, 0.2, 0.8), cancelled=cancel)
    labels = SoftLabels(shares_in_scanner(shares, pose, volume.grid.shape), volume.grid).label_map()
    canonical = shares.argmax(axis=1).astype(np.uint8)
    prepared = prepared_from_labels(volume, pose, labels, canonical, device, was_reversed)
    return replace(prepared, lead=lead_in_heart(shares, canonical))


def prepared_from_labels(
    volume: Volume,
    pose: CanonicalPose,
    labels: LabelMap,
    canonical_labels: NDArray[np.uint8],
    device: torch.device,
    was_reversed: bool = False,
) -> Prepared:
    """Frame an anchor whose labels are known, by the segmenter or corrected by the reader.

    Raises:
        UserError: no slice holds LV cavity.
    """
    try:
        frame = frame_from_labels(canonical_labels)
    except ValueError:
        raise UserError(
            "No left ventricle was found in the anchor. Choose a phase or a series that shows it.", code="no-heart"
        ) from None
    slice_mm = volume.grid.spacing_mm[2] if volume.grid.spacing_known else UNKNOWN_SLICE_MM
    spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
    return Prepared(
        volume=volume,
        was_reversed=was_reversed,
        pose=pose,
        labels=labels,
        canonical_labels=canonical_labels,
        frame=frame,
        features=anatomy_features(canonical_labels, frame, slice_mm),
        decoder=VelocityDecoder(frame, lattice_interpolation(frame), device),
        distances=torch.from_numpy(signed_distances(canonical_labels, spacing)).to(device),
        slice_mm=slice_mm,
    )

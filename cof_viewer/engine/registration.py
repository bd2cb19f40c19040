"""Stage 1, the registration teacher: from two phases of one heart to a diffeomorphic motion (COF section 2).

In plane a network gives a stationary velocity on the 3 mm lattice, integrated by scaling and squaring; it sees the
pictures and, where given, the segmenter's labels of both phases, on which it may be refined. Along the axis the base
descends by a prior while the LV empties; the slid anchor is what is registered, so both parts belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM, CanonicalPose, to_canonical
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, Label, LabelCine
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.engine.motion.frame import LATTICE_PIXELS
from cof_viewer.engine.motion.labels import signed_distances, slide_slices
from cof_viewer.engine.refine import RefineConfig, refined
from cof_viewer.engine.registration_network import (
    RegistrationNetwork,
    config_from_values,
    displacement_mm,
    on_lattice,
    standardised,
)
from cof_viewer.engine.through_plane import Descent, descent_of, no_descent
from cof_viewer.engine.weights import load_weights

_UNKNOWN_SLICE_MM = 10.0


@dataclass(frozen=True, eq=False)
class _Phase:
    """One phase as the network takes it: picture [z, 128, 128], distances [z, 3, 64, 64] mm where labels are known."""

    picture: Tensor
    distances: Tensor | None


class RegistrationTeacher:
    """The network with its weights."""

    def __init__(self, network: RegistrationNetwork, device: torch.device, refine: RefineConfig | None = None) -> None:
        """Keep a trained network; `refine` says how labelled cases are refined."""
        self._network = network.to(device).eval()
        self._device = device
        self._refine = refine or RefineConfig()

    @classmethod
    def load(cls, models_dir: Path, device: torch.device, refine: RefineConfig | None = None) -> RegistrationTeacher:
        """Read the weights "registration" of a folder, checksum verified; their config names the inputs they see."""
        tensors, entry = load_weights(models_dir, "registration")
        network = RegistrationNetwork(config_from_values(entry.config))
        network.load_state_dict(tensors)
        return cls(network, device, refine)

    def track(
        self,
        cine: Cine,
        pose: CanonicalPose,
        anchor_phase: int,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
        *,
        labels: LabelCine | None = None,
        descent: float = 1.0,
    ) -> Motion:
        """Motion of every phase of a measured cine from its anchor phase; zero at the anchor.

        In plane it is found; along the axis (dz) it is not measured but filled in: the base descends by the prior of
        `engine.motion.descent` for the labels' EF, the apex stays, and the course over the beat is that of the
        measured LV volume. Without labels dz is zero and pictures alone lead, which contract too little.

        Args:
            cine: slices in any order; the pose says which.
            pose: where the heart lies.
            anchor_phase: 0-based.
            progress: told fraction and words.
            cancel: looked at before every phase and every step of refinement.
            labels: of every phase on the cine's grid, as the segmenter gives them.
            descent: times the prior's descent; 0 leaves the slices where they are.

        Raises:
            Cancelled: somebody asked to stop.
        """
        shape = (cine.phases, cine.grid.shape[0], LATTICE_PIXELS, LATTICE_PIXELS, 3)
        pull, push = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        along = _descent(cine, pose, anchor_phase, labels, descent)
        anchor = self._phase(cine, pose, anchor_phase, labels)
        for phase in range(cine.phases):
            cancel.raise_if_cancelled()
            progress(phase / cine.phases, f"Tracking phase {phase + 1} of {cine.phases}")
            if phase != anchor_phase:
                slid = _slid(anchor, along, phase)
                velocity = self._velocity(slid, self._phase(cine, pose, phase, labels), cancel)
                pull[phase], push[phase] = _both_ways(velocity, along, phase)
        progress(1.0, "Tracked")
        return Motion(lattice_in_patient(pose, cine.grid), pull, push, anchor_phase)

    def _phase(self, cine: Cine, pose: CanonicalPose, phase: int, labels: LabelCine | None) -> _Phase:
        picture = torch.from_numpy(standardised(to_canonical(cine.data[phase], pose))).to(self._device)
        if labels is None:
            return _Phase(picture, None)
        canonical = labels_on_canonical(labels.data[phase], pose)
        distances = signed_distances(canonical, (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM))
        return _Phase(picture, torch.from_numpy(on_lattice(distances)).to(self._device))

    def _velocity(self, anchor: _Phase, target: _Phase, cancel: CancelToken) -> Tensor:
        """[z, 2, 64, 64] mm from the (slid) anchor to the target."""
        both = None
        if anchor.distances is not None and target.distances is not None:
            both = torch.cat([anchor.distances, target.distances], dim=1)[None]
        with torch.no_grad():
            velocity: Tensor = self._network(anchor.picture[None], target.picture[None], both)[-1, 0]
        if both is None:
            return velocity
        return refined(velocity, both[0, :, :3], both[0, :, 3:], self._refine, cancel)


def labels_on_canonical(labels: NDArray[np.uint8], pose: CanonicalPose) -> NDArray[np.uint8]:
    """Labels of one phase [z, y, x] in the scanner's order and pixels -> [z, 128, 128], base first."""
    shares = [to_canonical((labels == k).astype(np.float32), pose, outside=float(k == 0)) for k in Label]
    return np.asarray(np.stack(shares).argmax(axis=0), dtype=np.uint8)


def lattice_in_patient(pose: CanonicalPose, scanner: Grid) -> Grid:
    """The 3 mm lattice of a pose, placed in the patient."""
    coarse = np.diag([2.0, 2.0, 1.0, 1.0])
    coarse[:2, 3] = 0.5
    canonical = pose.canonical_grid(scanner)
    shape = (scanner.shape[0], LATTICE_PIXELS, LATTICE_PIXELS)
    return replace(canonical, shape=shape, patient_from_voxel=canonical.patient_from_voxel @ coarse)


def _descent(cine: Cine, pose: CanonicalPose, anchor_phase: int, labels: LabelCine | None, amount: float) -> Descent:
    slice_mm = cine.grid.spacing_mm[2] if cine.grid.spacing_known else _UNKNOWN_SLICE_MM
    if labels is None or not amount:
        return no_descent(cine.phases, cine.grid.shape[0], slice_mm)
    anchor = labels_on_canonical(labels.data[anchor_phase], pose)
    return descent_of(anchor, labels.voxels(Label.LV), anchor_phase, slice_mm, amount)


def _slid(anchor: _Phase, along: Descent, phase: int) -> _Phase:
    distances = None if anchor.distances is None else along.slid(anchor.distances, phase)
    return _Phase(along.slid(anchor.picture, phase), distances)


def _both_ways(velocity: Tensor, along: Descent, phase: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Pull-back and push-forward [z, 64, 64, 3] mm: the slices slide first, then each moves in its plane."""
    forth, back = displacement_mm(velocity), displacement_mm(-velocity)
    reached = along.reached(phase)
    back = slide_slices(back, torch.from_numpy(reached).float().to(back.device))
    pull, push = (np.zeros((len(reached), LATTICE_PIXELS, LATTICE_PIXELS, 3), np.float32) for _ in range(2))
    pull[..., :2] = forth.permute(0, 2, 3, 1).cpu().numpy()
    push[..., :2] = back.permute(0, 2, 3, 1).cpu().numpy()
    pull[..., 2] = along.shift_mm(phase)[:, None, None]
    push[..., 2] = ((reached - np.arange(len(reached))) * along.slice_mm)[:, None, None]
    return pull, push

"""A segmenter whose labels come from an nnU-Net: in the scanner's own frame, as nnU-Net was trained.

The localiser still finds the heart. Labels that are wanted on the canonical grid are brought there afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.image import Label, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.engine.kept import Kept
from cof_viewer.engine.localiser import Localiser
from cof_viewer.engine.nnunet.network import NnUNet
from cof_viewer.engine.nnunet.plans import NnUNetPlan, plan_from_values
from cof_viewer.engine.nnunet.prepare import prepare, shares_on_stack
from cof_viewer.engine.nnunet.window import slide
from cof_viewer.engine.seg_sampling import full_slices, look_up, sample
from cof_viewer.engine.seg_shares import Shares, cleaned
from cof_viewer.engine.segmenter import UNKNOWN_SLICE_MM, Segmenter, placement_of

KIND = "nnunet"
"""What a manifest's config of such a segmenter says under "kind"."""


class NnUNetSegmenter(Segmenter):
    """Segments by one or more networks of one nnU-Net plan; else as `Segmenter`."""

    def __init__(
        self,
        networks: Sequence[nn.Module],
        plan: NnUNetPlan,
        localiser: Localiser,
        device: torch.device | str = "cpu",
    ) -> None:
        """Keep trained networks (the folds of one training) and their plan."""
        self._networks = [network.to(device).eval() for network in networks]
        self._plan = plan
        self._localiser = localiser
        self._device = torch.device(device)
        self._kept: Kept[Shares] = Kept()

    @classmethod
    def from_weights(
        cls,
        config: Mapping[str, Any],
        tensors: Mapping[str, Tensor],
        localiser: Localiser,
        device: torch.device | str = "cpu",
    ) -> NnUNetSegmenter:
        """Build from a manifest's plain values and the tensors of all folds, named "FOLD/LAYER"."""
        plan = plan_from_values(config["plan"])
        networks = []
        for fold in config["folds"]:
            start = f"{fold}/"
            network = NnUNet(plan.shape)
            network.load_state_dict({k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)})
            networks.append(network)
        return cls(networks, plan, localiser, device)

    def canonical_shares(
        self,
        volume: Volume,
        pose: CanonicalPose,
        *,
        progress: Progress = no_progress,
        cancelled: CancelToken = NEVER,
    ) -> Shares:
        """Class shares [z, class, 128, 128] on the pose's canonical grid; see `Segmenter.canonical_shares`."""
        shares = self.scanner_shares(volume, pose, progress=progress, cancelled=cancelled)
        ordered = (shares[:, ::-1] if pose.slices_reversed else shares).transpose(1, 0, 2, 3)
        pixel_yx = (pose.pixel_mm[1], pose.pixel_mm[0])
        shape = (shares.shape[2], shares.shape[3])
        grid = look_up(placement_of(pose), CANONICAL_PIXELS, CANONICAL_SPACING_MM, shape, pixel_yx)
        flat = torch.from_numpy(np.ascontiguousarray(ordered[:, 1:]).reshape(-1, *shape))
        result = np.empty((len(ordered), len(Label), CANONICAL_PIXELS, CANONICAL_PIXELS), np.float32)
        result[:, 1:] = sample(flat, grid).numpy().reshape(len(ordered), -1, CANONICAL_PIXELS, CANONICAL_PIXELS)
        result[:, 0] = 1.0 - result[:, 1:].sum(axis=1)
        return result

    def scanner_shares(
        self,
        volume: Volume,
        pose: CanonicalPose,
        *,
        progress: Progress = no_progress,
        cancelled: CancelToken = NEVER,
    ) -> Shares:
        """Cleaned class shares [class, z, y, x] on the volume's own grid; those of the last volume are kept.

        Finding a heart and labelling it ask for the same volume several times.
        """
        slice_mm = volume.grid.spacing_mm[2] if volume.grid.spacing_known else UNKNOWN_SLICE_MM
        spacing = (slice_mm, pose.pixel_mm[1], pose.pixel_mm[0])
        return self._kept.get(volume, spacing, lambda: self._labelled(volume, spacing, progress, cancelled))

    def _labelled(
        self, volume: Volume, spacing_mm: tuple[float, float, float], progress: Progress, cancelled: CancelToken
    ) -> Shares:
        full = full_slices(volume.data)
        finite = np.where(np.isfinite(volume.data), volume.data, 0).astype(np.float32)
        ready = prepare(finite, spacing_mm, self._plan)
        logits = slide(
            self._networks, ready.images, self._plan.patch, self._device, progress=progress, cancelled=cancelled
        )
        found = shares_on_stack(logits, ready, self._plan)
        shares = np.zeros((len(volume.data), len(Label), *volume.data.shape[1:]), np.float32)
        for label, theirs in zip((Label.LV, Label.MYO, Label.RV), self._plan.classes, strict=True):
            shares[full, label] = found[theirs][full]
        shares[:, Label.BACKGROUND] = 1.0 - shares[:, 1:].sum(axis=1)
        return np.ascontiguousarray(cleaned(shares).transpose(1, 0, 2, 3))

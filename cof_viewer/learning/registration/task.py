"""What the teacher learns and how it is judged while it learns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.anatomy import dice
from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.field import smoothness
from cof_viewer.engine.motion.frame import LATTICE_SPACING_MM
from cof_viewer.engine.motion.labels import dice_loss, signed_distances, soft_shares, winners
from cof_viewer.engine.registration_network import (
    RegistrationNetwork,
    displacement_mm,
    standardised,
    warp_canonical,
    warp_lattice,
)
from cof_viewer.learning.registration.cases import BeatCase
from cof_viewer.learning.registration.config import RegistrationTraining
from cof_viewer.learning.registration.draw import draw, lattice_distances, ready
from cof_viewer.learning.registration.losses import (
    cavity_error,
    largest_field,
    multi_scale_dissimilarity,
)

_SQUARINGS = 5
_NAMES = {Label.LV: "lv", Label.MYO: "myo", Label.RV: "rv"}

Batch = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class RegistrationTask:
    """Pairs of phases of real beats, with what is labelled in them."""

    def __init__(self, config: RegistrationTraining, train: Sequence[BeatCase], validation: Sequence[BeatCase]) -> None:
        """Keep the beats in memory."""
        self.config = config
        self._train = [ready(case) for case in train]
        self._validation = list(validation)

    def network(self) -> RegistrationNetwork:
        """A network with random weights."""
        return RegistrationNetwork(self.config.network)

    def batch(self, rng: np.random.Generator) -> Batch:
        """(anchor, target, seen, true anchor, true target), each [b, z, ...] as in `draw.Drawn`."""
        config = self.config
        many = [draw(self._train, config.draw, config.slices, rng) for _ in range(config.batch)]
        anchor, target, seen, true_anchor, true_target = (
            torch.stack(parts)
            for parts in zip(*((d.anchor, d.target, d.seen, d.true_anchor, d.true_target) for d in many), strict=True)
        )
        return anchor, target, seen, true_anchor, true_target

    def loss(self, network: nn.Module, batch: Batch) -> Tensor:
        """The loss of COF section 2 over all looks."""
        anchor, target, seen, true_anchor, true_target = batch
        weights = self.config.loss
        velocities: Tensor = network(anchor, target, seen).float()
        aim = soft_shares(true_target, LATTICE_SPACING_MM)
        total = weights.smooth * smoothness(velocities[-1])
        for look, velocity in enumerate(velocities):
            displacement = displacement_mm(velocity.flatten(0, 1), _SQUARINGS)
            moved = warp_lattice(true_anchor.flatten(0, 1), displacement)
            shares = soft_shares(moved, LATTICE_SPACING_MM)
            meets = weights.seg * dice_loss(shares, aim.flatten(0, 1))
            meets = meets + weights.volume * cavity_error(shares.reshape(aim.shape), aim)
            total = total + meets * (1.0 if look == len(velocities) - 1 else weights.early)
        warped = warp_canonical(anchor.flatten(0, 1)[:, None], displacement)
        likeness = multi_scale_dissimilarity(warped, target.flatten(0, 1)[:, None])
        return total + weights.rec * likeness + weights.largest * largest_field(displacement)

    def validate(self, network: RegistrationNetwork) -> dict[str, float]:
        """ED -> ES of the validation pairs, with the segmenter's labels seen and without: Dice and EF by experts."""
        scores: dict[str, list[float]] = {}
        for case in self._validation:
            dataset = case.patient_id.split(":")[0]
            for name, values in _judged(network, case, seen=True).items():
                scores.setdefault(f"{dataset}_{name}", []).append(values)
            blind = _judged(network, case, seen=False)
            scores.setdefault(f"{dataset}_blind_lv", []).append(blind["lv"])
        return {name: float(np.mean(values)) for name, values in sorted(scores.items())}


@torch.inference_mode()
def _judged(network: RegistrationNetwork, case: BeatCase, *, seen: bool) -> dict[str, float]:
    """Dice of moved expert ED labels with expert ES labels, and the error of EF in points."""
    anchor, target = (torch.from_numpy(standardised(case.images[k].astype(np.float32)))[None] for k in (0, 1))
    distances = None
    if seen:
        halves = [torch.from_numpy(lattice_distances(case.predicted[k])) for k in (0, 1)]
        distances = torch.cat(halves, dim=1)[None]
    displacement = displacement_mm(network(anchor, target, distances)[-1, 0])
    outlines = signed_distances(case.expert[0], (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM))
    shares = soft_shares(warp_canonical(torch.from_numpy(outlines), displacement), CANONICAL_SPACING_MM)
    moved = winners(shares).numpy()
    found = {name: dice(moved == label, case.expert[1] == label) for label, name in _NAMES.items()}
    full = max(int((case.expert[0] == Label.LV).sum()), 1)
    left = [int((labels == Label.LV).sum()) for labels in (moved, case.expert[1])]
    return found | {"ef_mae_points": 100.0 * abs(left[0] - left[1]) / full}

"""The packed form made ready to draw: weights, and from an anchor on the heart's box and an ECG to displacement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.progress import NEVER, CancelToken
from cof_viewer.engine.ecg_encoder import StMemEncoder, encode, load_encoder
from cof_viewer.engine.packed.anatomy import anatomy_images, phase_vector_of
from cof_viewer.engine.packed.network import PackedCondition, PackedNetwork, config_from_values
from cof_viewer.engine.packed.pack import heart_extent, unpack
from cof_viewer.engine.packed.sample import sample
from cof_viewer.engine.packed.warp import BoxWarp
from cof_viewer.engine.weights import load_weights

Float = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PackedGenerator:
    """The network of one form with the ECG encoder.

    Attributes:
        network: as it was taught; its config says which form.
        encoder: of the ECG.
        device: of the network.
    """

    network: PackedNetwork
    encoder: StMemEncoder
    device: torch.device

    @classmethod
    def load(cls, models_dir: Path, name: str = "packed", device: str = "cpu") -> PackedGenerator:
        """Read the weights of a form ("packed" or "diffusion") and the encoder's, checksums verified.

        Raises:
            UserError: weights are missing or damaged.
        """
        state, entry = load_weights(models_dir, name)
        network = PackedNetwork(config_from_values(entry.config))
        network.load_state_dict(state)
        place = torch.device(device)
        return cls(network.to(place).eval(), load_encoder(models_dir), place)

    def generate(
        self,
        image: NDArray[np.generic],
        labels: NDArray[np.uint8],
        slice_mm: float,
        beat: Beat | None,
        *,
        seed: int = 0,
        steps: int | None = None,
        cancel: CancelToken = NEVER,
    ) -> Float:
        """Draw one beat of an ED anchor.

        Args:
            image: [z, 96, 96] on the heart's box: canonical orientation, 1.5 mm, base first; any grey levels.
            labels: [z, 96, 96], 1 LV, 2 wall, 3 RV.
            slice_mm: distance between slices.
            beat: the ECG's representative cycle; None draws without an ECG.
            seed: of the noise.
            steps: calls of the network; by default 20 (flow) or 30 (diffusion).
            cancel: looked at before every call of the network.

        Returns:
            float32 [T, z, Hf, Wf, 3] = (dx, dy, dz) in mm, pull-back from the anchor; phase 0 is 0.

        Raises:
            ValueError: the labels are empty.
            Cancelled: somebody asked to stop.
        """
        drawn = self.drawn(image, labels, slice_mm, beat, seed=seed, steps=steps, cancel=cancel)
        return self.displacement(drawn, labels)

    def drawn(
        self,
        image: NDArray[np.generic],
        labels: NDArray[np.uint8],
        slice_mm: float,
        beat: Beat | None,
        *,
        seed: int = 0,
        steps: int | None = None,
        cancel: CancelToken = NEVER,
    ) -> Float:
        """The pack [C, T, Hf, Wf] of one drawn beat; arguments as in `generate`."""
        layout = self.network.config.pack
        condition = self.condition(image, labels, slice_mm, beat)
        noise = torch.randn((1, *layout.shape), generator=torch.Generator().manual_seed(seed)).to(self.device)
        return np.asarray(sample(self.network, noise, condition, steps, cancel)[0].cpu().numpy())

    def displacement(self, drawn: Float, labels: NDArray[np.uint8]) -> Float:
        """The displacement [T, z, Hf, Wf, 3] of a drawn pack; 0 everywhere where pictures were learned."""
        field = unpack(drawn, heart_extent(labels), len(labels), self.network.config.pack)[0]
        return field if self.network.config.target == "motion" else np.zeros_like(field)

    def condition(
        self, image: NDArray[np.generic], labels: NDArray[np.uint8], slice_mm: float, beat: Beat | None
    ) -> PackedCondition:
        """What the network is told of one anchor and ECG; arguments as in `generate`."""
        layout = self.network.config.pack
        anatomy = torch.from_numpy(anatomy_images(image, labels, slice_mm, layout))
        embedding = np.zeros(768, np.float32) if beat is None else encode(self.encoder, beat)
        phase = np.zeros(layout.phases, np.float32) if beat is None else phase_vector_of(beat, layout.phases)

        def row(values: NDArray[np.float32] | torch.Tensor) -> torch.Tensor:
            return torch.as_tensor(values, dtype=torch.float32, device=self.device)[None]

        heard = torch.full((1, 1), float(beat is not None), device=self.device)
        return PackedCondition(row(anatomy), row(embedding), row(phase), torch.ones_like(heard), heard)


def lv_curve_ml(labels: NDArray[np.uint8], displacement_mm: Float, slice_mm: float) -> NDArray[np.float64]:
    """[T] LV volume of an anchor's labels [z, 96, 96] under a displacement [T, z, Hf, Wf, 3].

    Raises:
        ValueError: the labels are empty.
    """
    return BoxWarp.of(labels, slice_mm).lv_curve_ml(displacement_mm)

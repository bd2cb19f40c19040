"""The learned part of Stage 2: an anchor's shape and what is heard of an ECG become members' beats in plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.progress import NEVER, CancelToken
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_code import CodeStatistics, DrawnBeat
from cof_viewer.engine.flow import EULER_STEPS, Condition, FlowConfig, FlowNetwork, euler, member_noise
from cof_viewer.engine.motion.time_law import TimeMarks, expected_marks, standard_marks
from cof_viewer.engine.weights import load_weights
from cof_viewer.signal.features import FEATURE_NAMES, ecg_features

Ablation = Literal["ecg", "anatomy", "all-but-rate"]
"""What the generator is not told: for the evaluation, and for a reader who asks what the ECG adds."""

_RATE_FEATURES = ("rr_ms",)


def heard_features(beat: Beat, ablate: Ablation | None) -> NDArray[np.float32]:
    """The ECG's numbers; with "all-but-rate" everything but RR and rate is unknown (NaN)."""
    features = ecg_features(beat)
    if ablate != "all-but-rate":
        return features
    return np.where([name in _RATE_FEATURES for name in FEATURE_NAMES], features, np.float32(np.nan))


def heard_marks(beat: Beat, ablate: Ablation | None) -> TimeMarks:
    """Time marks that what is heard of the ECG leads to expect.

    Without the ECG the marks stand where the mean real beat has them; with the rate alone ES follows it (Weissler).
    """
    if ablate == "ecg":
        return standard_marks(beat.rr_ms)
    if ablate == "all-but-rate":
        return expected_marks(replace(beat.intervals, t_end_at_ms=None), beat.rr_ms)
    return expected_marks(beat.intervals, beat.rr_ms)


def draw_numbers(
    network: FlowNetwork,
    statistics: CodeStatistics,
    noise: Tensor,
    condition: Condition,
    steps: int = EULER_STEPS,
    cancel: CancelToken = NEVER,
) -> Tensor:
    """[n, beat_numbers] standard numbers of beats from noise: the flow, whose EF counts from the forest's median."""
    numbers = euler(network, noise, condition, steps, cancel)
    from_median = torch.zeros_like(numbers)
    from_median[:, statistics.modes] = statistics.forest_median(condition.anatomy, condition.has_anatomy)
    return numbers + from_median


@dataclass(frozen=True, eq=False)
class Generator:
    """The learned parts of Stage 2."""

    network: FlowNetwork
    statistics: CodeStatistics
    device: torch.device

    @classmethod
    def load(cls, models_dir: Path, device: torch.device) -> Generator:
        """Read the weights "flow" of a folder, checksum verified."""
        tensors, entry = load_weights(models_dir, "flow")

        def part(name: str) -> dict[str, Tensor]:
            return {key.removeprefix(name): value for key, value in tensors.items() if key.startswith(name)}

        network = FlowNetwork(FlowConfig(**entry.config))
        network.load_state_dict(part("network."))
        return cls(network.to(device).eval(), CodeStatistics.from_tensors(part("statistics.")), device)

    def draw(
        self,
        prepared: Prepared,
        beat: Beat,
        embedding: NDArray[np.float32],
        *,
        anchor_is_es: bool,
        members: int,
        steps: int,
        seed: int,
        cancel: CancelToken,
        ablate: Ablation | None = None,
    ) -> list[DrawnBeat]:
        """Members' beats for an anchor and an ECG; the first is the middle one."""
        statistics = self.statistics
        anatomy = statistics.anatomy_condition(torch.from_numpy(prepared.features), anchor_is_es)
        intervals = statistics.standard_intervals(torch.from_numpy(heard_features(beat, ablate)))
        noise = member_noise(members, statistics.beat_numbers, seed).to(self.device)
        heard = torch.from_numpy(embedding) * float(ablate != "all-but-rate")
        condition = self._condition(anatomy, intervals, heard, anchor_is_es, members)
        hide = torch.zeros_like(condition.has_ecg)
        if ablate == "ecg":
            condition = replace(condition, has_ecg=hide)
        elif ablate == "anatomy":
            condition = replace(condition, has_anatomy=hide)
        numbers = draw_numbers(self.network, statistics, noise, condition, steps, cancel).cpu()
        return [statistics.read(row) for row in numbers]

    def _condition(
        self, anatomy: Tensor, intervals: Tensor, embedding: Tensor, anchor_is_es: bool, members: int
    ) -> Condition:
        def rows(values: Tensor) -> Tensor:
            return values.to(self.device).expand(members, -1)

        one = torch.ones(1)
        return Condition(
            rows(anatomy), rows(one * float(anchor_is_es)), rows(intervals), rows(embedding), rows(one), rows(one)
        )

    def velocity(self, prepared: Prepared, drawn: DrawnBeat, anchor_is_es: bool) -> Tensor:
        """[z, 2, 64, 64] mm, ED -> ES, before scaling to the EF."""
        coefficients = torch.tensor(drawn.coefficients)
        if anchor_is_es:
            return -prepared.decoder(self.statistics.basis_es.code(coefficients).to(self.device))
        return prepared.decoder(self.statistics.basis_ed.code(coefficients).to(self.device))

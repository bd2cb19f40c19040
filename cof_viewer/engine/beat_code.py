"""What the flow's numbers mean: modes of velocity, EF, lost base, time marks; and the statistics to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cof_viewer.engine.ef_forest import QUANTILES, EfForest
from cof_viewer.engine.motion.time_law import TimeMarks, bounded_marks

TIME_NUMBERS = 3
_EF_LIMITS = (0.04, 0.88)


@dataclass(frozen=True, eq=False)
class MotionBasis:
    """Mean and modes of velocity codes; one for ED anchors, one for ES anchors.

    Attributes:
        mean: [numbers].
        modes: [modes, numbers], scaled so that a coefficient of 1 is one standard deviation.
    """

    mean: Tensor
    modes: Tensor

    def code(self, coefficients: Tensor) -> Tensor:
        """[modes] -> velocity code [numbers]."""
        return self.mean + coefficients @ self.modes

    def coefficients(self, code: Tensor) -> Tensor:
        """Least-squares coefficients of velocity codes [..., numbers]."""
        return (code - self.mean) @ torch.linalg.pinv(self.modes)


@dataclass(frozen=True)
class DrawnBeat:
    """One member in plain numbers.

    Attributes:
        coefficients: of the velocity's modes.
        ef: ejection fraction, 0 to 1, that the velocity is scaled to.
        base_is_lost: whether the first LV slice holds no LV at ES.
        half_ejection_shift_ms: from the mark that physiology expects; `es_shift_ms`, `half_filling_shift_ms` alike.
    """

    coefficients: tuple[float, ...]
    ef: float
    base_is_lost: bool
    half_ejection_shift_ms: float
    es_shift_ms: float
    half_filling_shift_ms: float

    def marks(self, expected: TimeMarks) -> TimeMarks:
        """The beat's marks: what the ECG leads to expect, shifted by what was drawn."""
        es = expected.es_ms + self.es_shift_ms
        return bounded_marks(
            expected.half_ejection_ms * es / expected.es_ms + self.half_ejection_shift_ms,
            es,
            expected.half_filling_ms + self.es_shift_ms + self.half_filling_shift_ms,
            expected.rr_ms,
        )


@dataclass(frozen=True, eq=False)
class CodeStatistics:
    """Means and deviations that bring the flow's standard numbers back to units.

    Attributes:
        basis_ed: velocity modes seen from an ED anchor; `basis_es` from an ES anchor.
        mean: [1 + 1 + 3] of logit EF, lost base (0 or 1), time shifts in ms; `deviation` likewise.
        anatomy_mean: [2, features] for ED and ES anchors; `anatomy_deviation` likewise.
        interval_mean: [intervals]; `interval_deviation` likewise.
        phase_weight: [features + 1] logistic weights that tell an ES anchor from an ED one; the last is the bias.
        forest_ed: what an ED anchor's shape tells of EF; `forest_es` an ES anchor's. None: weights without them.
    """

    basis_ed: MotionBasis
    basis_es: MotionBasis
    mean: Tensor
    deviation: Tensor
    anatomy_mean: Tensor
    anatomy_deviation: Tensor
    interval_mean: Tensor
    interval_deviation: Tensor
    phase_weight: Tensor
    forest_ed: EfForest | None = None
    forest_es: EfForest | None = None

    @property
    def modes(self) -> int:
        """Number of velocity modes."""
        return len(self.basis_ed.modes)

    @property
    def beat_numbers(self) -> int:
        """Length of the flow's x0."""
        return self.modes + 2 + TIME_NUMBERS

    def read(self, numbers: Tensor) -> DrawnBeat:
        """One row of the flow's output in plain numbers."""
        rest = numbers[self.modes :] * self.deviation + self.mean
        ef = float(torch.sigmoid(rest[0]))
        half, es, filling = (float(np.clip(v, -90.0, 90.0)) for v in rest[2:].tolist())
        return DrawnBeat(
            tuple(numbers[: self.modes].tolist()),
            float(np.clip(ef, *_EF_LIMITS)),
            float(rest[1]) > 0.5,
            half,
            es,
            filling,
        )

    def standard_anatomy(self, features: Tensor, anchor_is_es: bool) -> Tensor:
        """Anatomy vector in standard numbers, limited to what was seen in learning."""
        row = int(anchor_is_es)
        return ((features - self.anatomy_mean[row]) / self.anatomy_deviation[row]).clamp(-3.5, 3.5)

    def anatomy_condition(self, features: Tensor, anchor_is_es: bool) -> Tensor:
        """What the flow is told of an anchor [..., features]: its shape, and what the forest makes of it for EF."""
        standard = self.standard_anatomy(features, anchor_is_es)
        forest = self.forest_es if anchor_is_es else self.forest_ed
        if forest is None:
            return standard
        said = forest.quantiles(features.reshape(-1, features.shape[-1])).reshape(*features.shape[:-1], -1)
        return torch.cat([standard, self.standard_ef(said)], dim=-1)

    @property
    def anatomy_numbers(self) -> int:
        """Length of `anatomy_condition`."""
        return self.anatomy_mean.shape[1] + (len(QUANTILES) if self.forest_ed is not None else 0)

    def forest_median(self, anatomy: Tensor, seen: Tensor) -> Tensor:
        """[n] standard EF that the flow's own counts from: the forest's median, 0 without forest or anatomy.

        Args:
            anatomy: [n, anatomy_numbers] of the condition.
            seen: [n, 1], 0 where it is masked.
        """
        if self.forest_ed is None:
            return torch.zeros(len(anatomy), device=anatomy.device)
        return anatomy[:, len(QUANTILES) // 2 - len(QUANTILES)] * seen[:, 0]

    def standard_ef(self, logit: Tensor) -> Tensor:
        """Logits of EF in the flow's standard numbers."""
        return (logit - self.mean[0]) / self.deviation[0]

    def standard_intervals(self, intervals: Tensor) -> Tensor:
        """ECG numbers in standard form; what is not measurable (NaN) becomes the mean."""
        return ((intervals - self.interval_mean) / self.interval_deviation).clamp(-3.5, 3.5).nan_to_num(0.0)

    def chance_of_es(self, features: Tensor) -> float:
        """How likely the anchor is at ES rather than at ED, from its shape alone."""
        standard = self.standard_anatomy(features, anchor_is_es=False)
        return float(torch.sigmoid(standard @ self.phase_weight[:-1] + self.phase_weight[-1]))

    def tensors(self) -> dict[str, Tensor]:
        """Everything by name, for storage."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        bases = {
            f"{which}.{part}": getattr(getattr(self, which), part) for which in _BASES for part in ("mean", "modes")
        }
        forests = {
            f"{which}.{part}": value
            for which in _FORESTS
            if (forest := getattr(self, which)) is not None
            for part, value in forest.tensors().items()
        }
        return plain | bases | forests

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> CodeStatistics:
        """The inverse of `tensors`."""
        bases = {w: MotionBasis(tensors[f"{w}.mean"], tensors[f"{w}.modes"]) for w in _BASES}
        forests = {w: EfForest.from_tensors(part) for w in _FORESTS if (part := _named(tensors, f"{w}."))}
        plain = {name: tensors[name] for name in _PLAIN}
        return cls(**bases, **plain, **forests)  # type: ignore[arg-type]


def _named(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


_FORESTS = ("forest_ed", "forest_es")
_BASES = ("basis_ed", "basis_es")
_PLAIN = (
    "mean",
    "deviation",
    "anatomy_mean",
    "anatomy_deviation",
    "interval_mean",
    "interval_deviation",
    "phase_weight",
)

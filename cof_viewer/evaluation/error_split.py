"""Where the error of an end-systolic volume comes from: segmentation, amplitude, timing, through-plane.

At the true place of ES the generated LV volume differs from the true one by a sum of parts, each in mL:

- timing: what the generated curve holds there above its own smallest volume;
- segmentation: the error of the anchor's EDV, carried to ES by the true EF;
- through-plane: cavity at ES in slices where only one of the two beats has any;
- amplitude: the rest, contraction within the slices that both have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from cof_viewer.domain.image import Label
from cof_viewer.evaluation.beat import EvaluatedBeat, Reference, voxel_ml


@dataclass(frozen=True)
class ErrorSplit:
    """Parts of the error of the LV volume at the true ES, in mL, signed; they sum to `total_ml`."""

    segmentation_ml: float
    amplitude_ml: float
    timing_ml: float
    through_plane_ml: float

    @property
    def total_ml(self) -> float:
        """The whole error."""
        return self.segmentation_ml + self.amplitude_ml + self.timing_ml + self.through_plane_ml

    @property
    def largest(self) -> str:
        """Name of the part of largest size."""
        return max(asdict(self).items(), key=lambda item: abs(item[1]))[0].removesuffix("_ml")


def error_split(reference: Reference, beat: EvaluatedBeat) -> ErrorSplit:
    """Split the error of one beat; without labels nothing counts as through-plane."""
    at_true_es = float(np.interp(reference.es_fraction % 1.0, *_circle(beat.lv_ml)))
    timing = at_true_es - beat.esv_ml
    segmentation = (beat.edv_ml - reference.edv_ml) * (1 - reference.ef_percent / 100.0)
    through = _through_plane_ml(reference, beat)
    amplitude = at_true_es - reference.esv_ml - timing - segmentation - through
    return ErrorSplit(segmentation, amplitude, timing, through)


def split_numbers(split: ErrorSplit) -> dict[str, float]:
    """The parts as metrics, `split_<part>_ml`."""
    return {f"split_{name}": value for name, value in asdict(split).items()}


def largest_part(metrics: Mapping[str, float]) -> str:
    """The part of largest size in a record's metrics; empty where they have none."""
    parts = {k: v for k, v in metrics.items() if k.startswith("split_") and np.isfinite(v)}
    if not parts:
        return ""
    return max(parts, key=lambda name: abs(parts[name])).removeprefix("split_").removesuffix("_ml")


def _circle(curve: Sequence[float] | np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[list[float], list[float]]:
    """A curve over one beat as places and values, closed."""
    values = [float(v) for v in curve]
    return [k / len(values) for k in range(len(values) + 1)], [*values, values[0]]


def _through_plane_ml(reference: Reference, beat: EvaluatedBeat) -> float:
    if beat.labels is None:
        return 0.0
    ours, true = (
        np.count_nonzero(labels == Label.LV, axis=(1, 2))
        for labels in (beat.labels[beat.es_phase], reference.labels[reference.es_phase])
    )
    only_ours, only_true = ours[true == 0].sum(), true[ours == 0].sum()
    return float(only_ours - only_true) * voxel_ml(reference.slice_mm)

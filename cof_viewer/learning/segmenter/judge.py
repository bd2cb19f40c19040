"""Figures of the whole path, localiser and segmenter, on labelled pairs of a part of the split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy import dice
from cof_viewer.cohort.real.mri import Pair
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, Volume
from cof_viewer.engine.segmenter import Segmenter

_STRUCTURES = (Label.LV, Label.MYO, Label.RV)
_PHASES = ("ed", "es")


@dataclass(frozen=True)
class Judged:
    """One patient.

    Attributes:
        patient_id: who.
        dice: phase and structure, as "ed_lv", to Dice over the whole stack; 0 where no heart was found.
        ef_percent: of the predicted labels; NaN where no heart was found.
        ef_truth_percent: of the experts' labels.
        found: whether a heart was found in both phases.
    """

    patient_id: str
    dice: dict[str, float]
    ef_percent: float
    ef_truth_percent: float
    found: bool


def as_volume(pair: Pair, phase: int, *, spacing_known: bool = True) -> Volume:
    """One phase of a pair (0 ED, 1 ES) as the engine takes it."""
    z, y, x = pair.spacing_mm
    data = pair.images[phase].astype(np.float32)
    shape = (data.shape[0], data.shape[1], data.shape[2])
    return Volume(data, grid_from_spacing(shape, (x, y, z), spacing_known=spacing_known), name=pair.row.patient_id)


def judge(segmenter: Segmenter, pair: Pair, *, spacing_known: bool = True) -> Judged:
    """Segment both phases of one patient, each on its own, and compare with the experts."""
    predicted = [_labels(segmenter, as_volume(pair, phase, spacing_known=spacing_known)) for phase in (0, 1)]
    overlap = {
        f"{name}_{label.name.lower()}": dice(predicted[phase] == label, pair.labels[phase] == label)
        for phase, name in enumerate(_PHASES)
        for label in _STRUCTURES
    }
    found = all(bool(labels.any()) for labels in predicted)
    return Judged(pair.row.patient_id, overlap, ejection_fraction(*predicted), ejection_fraction(*pair.labels), found)


def summary(judged: Sequence[Judged]) -> dict[str, float]:
    """Means over patients: Dice a phase and structure, EF error (mean absolute, in points), share found."""
    figures = {name: float(np.mean([j.dice[name] for j in judged])) for name in judged[0].dice}
    errors = [j.ef_percent - j.ef_truth_percent for j in judged]
    figures["ef_mae_points"] = float(np.nanmean(np.abs(errors)))
    figures["ef_bias_points"] = float(np.nanmean(errors))
    figures["found"] = float(np.mean([j.found for j in judged]))
    return figures


def judge_all(segmenter: Segmenter, pairs: Iterable[Pair], *, spacing_known: bool = True) -> list[Judged]:
    """`judge` for each pair."""
    return [judge(segmenter, pair, spacing_known=spacing_known) for pair in pairs]


def ejection_fraction(ed: NDArray[np.uint8], es: NDArray[np.uint8]) -> float:
    """EF in percent by counting LV voxels of two label maps; NaN without an LV at ED."""
    full, left = (int((labels == Label.LV).sum()) for labels in (ed, es))
    return 100.0 * (full - left) / full if full else float("nan")


def _labels(segmenter: Segmenter, volume: Volume) -> NDArray[np.uint8]:
    try:
        return segmenter.segment(volume).label_map().data
    except UserError:
        return np.zeros(volume.data.shape, np.uint8)

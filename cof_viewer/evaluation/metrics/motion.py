"""Motion: where it folds, how evenly it stretches, and whether the wall keeps its volume.

The determinant is that of the full 3 x 3 Jacobian on the evaluation's lattice, by differences to the neighbours. Wall
volume is the integral of det J of the forward map over the anchor's wall, never counted on slices: 10 mm slices alone
make a count scatter by 6 % (COF section 7.5). On simulated hearts, whose wall keeps its volume, it reads -0.6 to 0 %
from the exact motion at 3 mm; from motion stored at 6 mm it reads several percent too little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.image import Label
from cof_viewer.evaluation.beat import EvaluatedBeat, Float, Reference
from cof_viewer.evaluation.lattice import SPACING_MM, STEP

_LEAST_DETERMINANT = 1e-3


def measure(reference: Reference, beat: EvaluatedBeat) -> dict[str, float]:
    """Numbers of the motion over the whole beat; empty where the beat has none.

    `folding_percent`: of heart points and phases with a determinant of the pull-back not above zero; `sd_log_j` of the
    pull-back at ES; `wall_change_es_percent` at ES and `wall_change_most_percent`, the largest change either way.
    """
    if beat.pull_back_mm is None or beat.labels is None:
        return {}
    heart = on_lattice(beat.labels[0] > 0)
    moved = range(1, len(beat.pull_back_mm))
    inside = {t: determinant(beat.pull_back_mm[t], reference.slice_mm)[heart] for t in moved}
    folded = float(np.mean([(values <= 0).mean() for values in inside.values()])) if heart.any() else float("nan")
    at_es = inside.get(beat.es_phase, np.ones(1))
    logs = np.log(np.maximum(at_es[at_es > 0], _LEAST_DETERMINANT))
    out = {"folding_percent": 100.0 * folded, "sd_log_j": float(logs.std()) if logs.size else float("nan")}
    if beat.push_forward_mm is not None:
        changes = wall_changes(beat.push_forward_mm, on_lattice(beat.labels[0] == Label.MYO), reference.slice_mm)
        out["wall_change_es_percent"] = float(changes[beat.es_phase])
        out["wall_change_most_percent"] = float(changes[np.abs(changes).argmax()])
    return out


def determinant(
    displacement_mm: Float, slice_mm: float, within: NDArray[np.bool_] | None = None
) -> NDArray[np.float64]:
    """det(I + grad u) of one phase's displacement [z, rows, columns, 3] at every lattice point (unitless).

    Args:
        displacement_mm: the field.
        slice_mm: distance between slices.
        within: bool [z, rows, columns]; slopes are then taken between points of this region where there are any, so
            that what moves otherwise beside a thin wall doesn't count as the wall's.
    """
    field = displacement_mm.astype(np.float64)
    region = np.ones(field.shape[:3], bool) if within is None else within
    slopes = np.zeros((*field.shape[:3], 3, 3))
    for column, (axis, step) in enumerate(((2, SPACING_MM), (1, SPACING_MM), (0, slice_mm))):
        if field.shape[axis] > 1:
            slopes[..., column] = _slope(field, axis, step, region)
    return np.asarray(np.linalg.det(slopes + np.eye(3)))


def _slope(field: NDArray[np.float64], axis: int, step: float, region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean of the slopes to the two neighbours along an axis, of those neighbours that lie in the region if any do."""
    field, region = np.moveaxis(field, axis, 0), np.moveaxis(region, axis, 0)
    rise = np.diff(field, axis=0) / step
    none = np.zeros_like(rise[:1])
    after, before = np.concatenate([rise, none]), np.concatenate([none, rise])
    inner = np.zeros_like(region[:1])
    has_after, has_before = np.concatenate([region[1:], inner]), np.concatenate([inner, region[:-1]])
    alone = ~(has_after | has_before)
    has_after[:-1] |= alone[:-1]
    has_before[1:] |= alone[1:]
    count = has_after.astype(np.float64) + has_before
    total = after * has_after[..., None] + before * has_before[..., None]
    return np.asarray(np.moveaxis(total / count[..., None], 0, axis))


def wall_changes(push_forward_mm: Float, wall: NDArray[np.bool_], slice_mm: float) -> NDArray[np.float64]:
    """[t] change of the wall's volume in percent; NaN without a wall."""
    if not wall.any():
        return np.full(len(push_forward_mm), np.nan)
    return np.array([100.0 * (determinant(field, slice_mm, wall)[wall].mean() - 1.0) for field in push_forward_mm])


def on_lattice(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask [z, 96, 96] at the lattice's points: where at least half of the pixels round a point are in it."""
    slices, rows, columns = mask.shape
    blocks = mask.reshape(slices, rows // STEP, STEP, columns // STEP, STEP)
    return np.asarray(blocks.mean(axis=(2, 4)) >= 0.5)

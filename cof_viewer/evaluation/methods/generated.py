"""From the engine's generation to the beat that is judged."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_SPACING_MM
from cof_viewer.domain.generation import Generation
from cof_viewer.domain.image import Label
from cof_viewer.evaluation.anchor import Anchor
from cof_viewer.evaluation.beat import EvaluatedBeat, Float
from cof_viewer.evaluation.lattice import POINTS, lattice_pixels, linear_weights

OVERSAMPLING = 2
"""Generated phases per phase of the case: 50 for 25, so that ES is told as finely as the paper counts it."""

_COVERAGE = (5.0, 95.0)


def beat_of(generation: Generation, anchor: Anchor) -> EvaluatedBeat:
    """The generation's every second phase on the box, base first; numbers and ES from all its phases."""
    chosen = slice(None, None, OVERSAMPLING)
    labels, pictures = generation.labels.data[chosen], generation.cine.data[chosen]
    if anchor.prepared.was_reversed:
        labels, pictures = labels[:, ::-1], pictures[:, ::-1]
    function = generation.result.function
    curve = generation.labels.voxels(Label.LV) * generation.labels.grid.voxel_volume_ml
    es = function.es_phase / len(curve) if function.es_phase is not None else float("nan")
    intervals, calibrated = _intervals(generation, curve, anchor.rr_ms)
    return EvaluatedBeat(
        lv_ml=curve[chosen],
        ef_percent=function.ef_percent if function.ef_percent is not None else float("nan"),
        es_fraction=es,
        labels=np.ascontiguousarray(labels),
        picture=np.clip(pictures / np.float32(255), 0, 1),
        pull_back_mm=_on_box(generation, generation.motion.pull_back_mm[chosen], anchor),
        push_forward_mm=_on_box(generation, generation.motion.push_forward_mm[chosen], anchor),
        intervals=intervals,
        calibrated=calibrated,
        flags=tuple(flag.code for flag in generation.result.flags),
    )


def _intervals(
    generation: Generation, curve: NDArray[np.float64], rr_ms: float
) -> tuple[dict[str, tuple[float, float]], bool]:
    """The result's calibrated intervals; else the raw spread of the members round the shown curve's own EDV."""
    stated = dict(generation.result.function.interval90)
    if stated:
        return stated, True
    members = generation.member_lv_ml
    if len(members) < 2:
        return {}, False
    left = members.min(axis=1) / np.maximum(members[:, generation.anchor_phase], 1e-9)
    edv, es = curve[generation.anchor_phase], members.argmin(axis=1) / members.shape[1] * rr_ms
    spread = {"ef_percent": 100 * (1 - left), "esv_ml": edv * left, "sv_ml": edv * (1 - left), "es_ms": es}
    return {name: _percentiles(values) for name, values in spread.items()}, False


def _percentiles(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, _COVERAGE)
    return float(low), float(high)


def _on_box(generation: Generation, field_mm: Float, anchor: Anchor) -> Float:
    """Displacement of the generation's own lattice on the evaluation's, vectors along the box's axes.

    The box is its own patient frame: its axes are the patient's and its first voxel is the origin.
    """
    line, slices = lattice_pixels() * BOX_SPACING_MM, len(anchor.labels)
    z, y, x = np.meshgrid(np.arange(slices) * anchor.slice_mm, line, line, indexing="ij")
    grid = generation.motion.grid
    at = grid.voxels_from_points(np.stack([x, y, z], axis=-1).reshape(-1, 3))
    weights = linear_weights((at[:, 2], at[:, 1], at[:, 0]), grid.shape, extend=False)
    phases = len(field_mm)
    flat = np.moveaxis(field_mm, 0, 3).reshape(-1, phases * 3).astype(np.float32)
    read = (weights @ flat).reshape(slices, POINTS, POINTS, phases, 3)
    turned = read @ grid.directions.T.astype(np.float32)
    return np.ascontiguousarray(np.moveaxis(turned, 3, 0), dtype=np.float32)

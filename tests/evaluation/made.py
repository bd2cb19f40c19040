"""Small cases whose numbers are known by construction: a tube that contracts, with an RV beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.interpolate import PchipInterpolator

from cof_viewer.cohort.case import COMPONENTS, CohortCase, Kind
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.beat import EvaluatedBeat, Reference, counted_ml, ef_of_curve, es_fraction

PHASES = 25
SLICES = 6
ES = 9


def swing() -> np.ndarray:
    """How far the beat is at each phase: 0 at ED, 1 at ES (phase 9), 0 again from phase 18."""
    t = np.arange(PHASES)
    return np.sin(np.pi * t / (2 * ES)) ** 2 * (t < 2 * ES)


def tube_labels(radius_mm: np.ndarray, wall_mm: np.ndarray, centre: tuple[float, float] = (47.5, 52.5)) -> np.ndarray:
    """uint8 [t, z, 96, 96]: LV and wall of these radii in the inner slices, an RV of fixed size to the left."""
    y, x = np.mgrid[:96, :96].astype(float)
    from_lv = 1.5 * np.hypot(x - centre[1], y - centre[0])
    from_rv = 1.5 * np.hypot(x - (centre[1] - 30), y - centre[0])
    labels = np.zeros((len(radius_mm), SLICES, 96, 96), np.uint8)
    for t, (inner, wall) in enumerate(zip(radius_mm, wall_mm, strict=True)):
        plane = np.where(from_lv < inner, 1, np.where(from_lv < inner + wall, 2, np.where(from_rv < 14, 3, 0)))
        labels[t, 1:-1] = plane
    return labels


def tube_case(name: str = "sim-000001", depth: float = 0.35, part: Split = Split.TRAIN, seed: int = 0) -> CohortCase:
    """A case whose LV radius falls from 24 mm by a share `depth`, its wall keeping its area."""
    s = swing()
    radius = 24.0 * (1 - depth * s)
    outer2 = 33.0**2 - 24.0**2
    wall = np.sqrt(radius**2 + outer2) - radius
    labels = tube_labels(radius, wall)
    rng = np.random.default_rng(seed)
    image = np.array([60, 200, 90, 190], np.uint8)[labels] + rng.integers(0, 8, labels.shape).astype(np.uint8)
    return CohortCase(
        case_id=name,
        patient_id=f"sim:{name[-6:]}",
        kind=Kind.SIMULATED,
        part=part,
        group="normal",
        image=image,
        labels=labels,
        labels_by=("simulated",) * PHASES,
        displacement_mm=_pull_back(radius, wall),
        slice_mm=10.0,
        rr_ms=800.0,
        phase_ms=tuple(32.0 * t for t in range(PHASES)),
        es_phase=ES,
        numbers={},
        origins=dict.fromkeys(COMPONENTS, "simulated") | {"ecg": "none"},
    )


def _pull_back(radius: np.ndarray, wall: np.ndarray) -> np.ndarray:
    """Radial pull-back that brings endocardium and epicardium back to those of ED, smooth between and beyond."""
    points = np.arange(24) * 4 + 1.5
    y, x = np.meshgrid(points, points, indexing="ij")
    off = 1.5 * np.stack([x - 52.5, y - 47.5], axis=-1)
    distance = np.linalg.norm(off, axis=-1)
    field = np.zeros((PHASES, SLICES, 24, 24, 3), np.float16)
    for t in range(PHASES):
        places = [0.0, radius[t], radius[t] + wall[t], 70.0, 200.0]
        came_from = PchipInterpolator(places, [0.0, 24.0, 33.0, 70.0, 200.0])(distance)
        shift = off * ((came_from - distance) / np.maximum(distance, 1e-6))[..., None]
        field[t, ..., :2] = shift
    return field


def beat_of_labels(labels: np.ndarray, slice_mm: float = 10.0, **more: object) -> EvaluatedBeat:
    """A beat with these labels, its numbers counted from them."""
    curve = counted_ml(labels, slice_mm)
    return replace(EvaluatedBeat(curve, ef_of_curve(curve), es_fraction(curve), labels), **more)


def beat_of_truth(reference: Reference, **more: object) -> EvaluatedBeat:
    """A beat that is right in everything."""
    beat = EvaluatedBeat(
        lv_ml=reference.lv_ml,
        ef_percent=reference.ef_percent,
        es_fraction=reference.es_fraction,
        labels=reference.labels,
        picture=reference.picture,
    )
    return replace(beat, **more)

"""How like made cases are to real ones: ECG numbers by quantiles, pictures by features, volume curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.audits.measures import Measured
from cof_viewer.cohort.audits.published import family_of
from cof_viewer.cohort.audits.texture import FEATURE_NAMES, frechet_distance
from cof_viewer.cohort.case import BOX_PHASES, Kind, Origin

Array = NDArray[np.float64]

ECG_NUMBERS: dict[str, str] = {
    "rr_ms": "RR ms",
    "pr_ms": "PR ms",
    "qrs_ms": "QRS ms",
    "qt_ms": "QT ms",
    "r_V5_mv": "R in V5 mV",
    "s_V1_mv": "S in V1 mV",
    "sokolow_mv": "Sokolow mV",
    "cornell_mv": "Cornell mV",
    "limb_qrs_mv": "limb QRS mV",
    "t_V5_mv": "T in V5 mV",
}
"""Measured number of an ECG -> words."""

REAL_PICTURES = (Kind.MEASURED_PAIR, Kind.MEASURED_CINE, Kind.COMPLETED)
"""Kinds whose pictures a scanner made (between ED and ES those of completed beats are warped)."""

ALL = "all"
FEWEST = 8


@dataclass(frozen=True)
class EcgLine:
    """One number of real and of simulated ECGs of one family.

    Attributes:
        family: condition, or `ALL`.
        number: key of `ECG_NUMBERS`.
        real: values of real records, each record once.
        simulated: values of simulated records.
        apart: largest distance of the two distribution functions (Kolmogorov–Smirnov), 0 to 1.
    """

    family: str
    number: str
    real: Array
    simulated: Array
    apart: float


@dataclass(frozen=True)
class PictureDistance:
    """Fréchet distance of hand-made features between two sets of pictures, as many of each."""

    first: str
    second: str
    n: int
    distance: float


def ecg_lines(cases: Sequence[Measured]) -> list[EcgLine]:
    """Lines of every family with enough ECGs of both sorts, and of all together."""
    real, simulated = _ecgs(cases)
    families = [ALL, *sorted({f for f, _ in real} & {f for f, _ in simulated})]
    lines = []
    for family in families:
        for number in ECG_NUMBERS:
            a, b = (
                np.array([ecg[number] for f, ecg in sort if family in (f, ALL)], dtype=np.float64)
                for sort in (real, simulated)
            )
            a, b = a[np.isfinite(a)], b[np.isfinite(b)]
            if min(len(a), len(b)) >= FEWEST:
                lines.append(EcgLine(family, number, a, b, _apart(a, b)))
    return lines


def picture_distances(cases: Sequence[Measured]) -> list[PictureDistance]:
    """Between real and made pictures, and between two halves of the real ones as the mark that chance sets."""
    real = _textures([c for c in cases if c.row.kind in REAL_PICTURES])
    rng = np.random.default_rng(0)
    lines = []
    sets = [(kind.value, _textures([c for c in cases if c.row.kind is kind])) for kind in Kind]
    size = min([len(real) // 2, *(len(s) for _, s in sets if len(s) >= FEWEST)])
    if size < FEWEST:
        return []
    mixed = rng.permutation(len(real))
    half, other = real[mixed[:size]], real[mixed[size : 2 * size]]
    lines.append(PictureDistance("real", "real, other patients", size, frechet_distance(half, other)))
    for name, features in sets:
        if name not in REAL_PICTURES and len(features) >= size:
            drawn = features[rng.permutation(len(features))[:size]]
            lines.append(PictureDistance("real", name, size, frechet_distance(half, drawn)))
    return lines


def curves_of(cases: Sequence[Measured], kinds: Sequence[Kind]) -> Array:
    """[n, t] normalised volume curves of some kinds."""
    rows = [c.of.curve for c in cases if c.row.kind in kinds and np.isfinite(c.of.curve).all()]
    return np.array(rows, dtype=np.float64).reshape(len(rows), BOX_PHASES)


def _ecgs(cases: Sequence[Measured]) -> tuple[list[tuple[str, dict[str, float]]], list[tuple[str, dict[str, float]]]]:
    """(family, numbers) of real records, each once a family, and of simulated ones."""
    real: dict[tuple[str, str], dict[str, float]] = {}
    simulated = []
    for case in cases:
        family = family_of(case.row.group)
        if not case.of.ecg:
            continue
        if case.row.origins.get("ecg") == Origin.SIMULATED:
            simulated.append((family, case.of.ecg))
        else:
            real[family, case.of.ecg_name or case.row.case_id] = case.of.ecg
    return [(family, ecg) for (family, _), ecg in real.items()], simulated


def _apart(a: Array, b: Array) -> float:
    every = np.concatenate([a, b])
    below = [np.searchsorted(np.sort(s), every, side="right") / len(s) for s in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _textures(cases: Sequence[Measured]) -> Array:
    """[n, f] features of one case a patient, complete ones only."""
    first = {c.row.patient_id: c.of.texture for c in reversed(cases)}
    rows = [texture for texture in first.values() if np.isfinite(texture).all()]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(FEATURE_NAMES))

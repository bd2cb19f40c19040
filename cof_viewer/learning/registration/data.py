"""Pairs of phases on the canonical grid: ED and ES with labels, and any two phases of a cine without."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.cohort.real.mri import choose, load_cine, load_pair, read_manifest
from cof_viewer.domain.canonical import CANONICAL_SPACING_MM, CanonicalPose, to_canonical
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.labels import signed_distances
from cof_viewer.engine.registration import standardised
from cof_viewer.learning.flow.build import canonical_labels, pose_of_labels


@dataclass(frozen=True, eq=False)
class Beat:
    """Phases of one heart on the canonical grid.

    Attributes:
        patient_id: whose.
        images: uint8 [t, z, 128, 128].
        labels: {phase: uint8 [z, 128, 128]} where experts drew them.
    """

    patient_id: str
    images: NDArray[np.uint8]
    labels: dict[int, NDArray[np.uint8]]


@dataclass(frozen=True, eq=False)
class Example:
    """One pair for a step: anchor and target [z, 128, 128], standardised; distances and target labels or None."""

    anchor: Tensor
    target: Tensor
    distances: Tensor | None
    target_labels: NDArray[np.uint8] | None


def canonical_images(images: NDArray[np.uint8], pose: CanonicalPose) -> NDArray[np.uint8]:
    """[t, z, y, x] -> [t, z, 128, 128]."""
    return np.stack([to_canonical(v.astype(np.float32), pose) for v in images]).round().clip(0, 255).astype(np.uint8)


def load_beats(folder: Path, part: Split, with_cines: bool = True) -> list[Beat]:
    """All pairs of a part, and its full cines."""
    rows, beats = read_manifest(folder), []
    for row in choose(rows, "pair", part):
        pair = load_pair(row)
        pose = pose_of_labels(pair.labels[0], (pair.spacing_mm[2], pair.spacing_mm[1]))
        labels = {k: canonical_labels(pair.labels[k], pose) for k in (0, 1)}
        beats.append(Beat(row.patient_id, canonical_images(pair.images, pose), labels))
    for row in choose(rows, "cine", part) if with_cines else ():
        cine = load_cine(row)
        pose = pose_of_labels(cine.ed_label, (cine.spacing_mm[2], cine.spacing_mm[1]))
        known = {cine.ed_phase: cine.ed_label, cine.es_phase: cine.es_label}
        labels = {k: canonical_labels(v, pose) for k, v in known.items()}
        beats.append(Beat(row.patient_id, canonical_images(cine.images, pose), labels))
    return beats


def draw(beats: list[Beat], rng: np.random.Generator, slices: int) -> Example:
    """A random beat, two of its phases (labelled ones three times in four), a run of slices, sometimes shaded anew."""
    beat = beats[int(rng.integers(len(beats)))]
    known = sorted(beat.labels)
    if rng.random() < 0.75:
        first, second = (int(k) for k in rng.permutation(known)[:2])
    else:
        first, second = (int(k) for k in rng.choice(len(beat.images), 2, replace=False))
    count = min(slices, beat.images.shape[1])
    start = int(rng.integers(beat.images.shape[1] - count + 1))
    run = slice(start, start + count)
    pictures = [_shaded(beat.images[k, run].astype(np.float32), rng) for k in (first, second)]
    anchor, target = (torch.from_numpy(standardised(p)) for p in pictures)
    if first not in beat.labels or second not in beat.labels:
        return Example(anchor, target, None, None)
    spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
    distances = torch.from_numpy(signed_distances(beat.labels[first][run], spacing))
    return Example(anchor, target, distances, beat.labels[second][run])


def _shaded(stack: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Gamma and a little noise, as another scanner might give."""
    top = float(stack.max()) or 1.0
    bent = (stack / top) ** float(rng.uniform(0.8, 1.25)) * top
    return np.asarray(bent + rng.normal(0, 0.01 * top, stack.shape), dtype=np.float32)

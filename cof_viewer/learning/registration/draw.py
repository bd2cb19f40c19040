"""Random pairs of phases for one step: which, how the anchor has slid, and how wrong the seen labels are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.frame import LATTICE_PIXELS
from cof_viewer.engine.motion.labels import DISTANCE_CAP_MM, signed_distances, slide_slices
from cof_viewer.engine.registration_network import on_lattice, standardised
from cof_viewer.engine.through_plane import descent_of
from cof_viewer.learning.registration.cases import BeatCase
from cof_viewer.learning.registration.config import DrawConfig

_STEPS_PER_MM = 5  # distances are kept as whole fifths of a millimetre: ±25 mm fit 8 bits
_AMOUNT = (0.5, 1.3)
_HALF_VIEW_MM = LATTICE_PIXELS * 3.0 / 2


@dataclass(frozen=True, eq=False)
class ReadyCase:
    """A beat as steps draw from it.

    Attributes:
        case: pictures and labels.
        predicted: int8 [t, z, 3, 64, 64] signed distances on the lattice, in fifths of a millimetre.
        expert: int8 [2, z, 3, 64, 64] likewise.
        lv_voxels: [t] LV size by the segmenter.
    """

    case: BeatCase
    predicted: NDArray[np.int8]
    expert: NDArray[np.int8]
    lv_voxels: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Drawn:
    """One pair; z slices in a row.

    Attributes:
        anchor: [z, 128, 128] standardised, slid; `target` likewise.
        seen: [z, 6, 64, 64] distances as the network sees them, anchor then target; zeros where it does not.
        true_anchor: [z, 3, 64, 64] distances to move, mm; `true_target` likewise, to meet.
    """

    anchor: Tensor
    target: Tensor
    seen: Tensor
    true_anchor: Tensor
    true_target: Tensor


def ready(case: BeatCase) -> ReadyCase:
    """Distances of all its labels, on the lattice."""
    volumes = (case.predicted == Label.LV).sum(axis=(1, 2, 3)).astype(np.float64)
    return ReadyCase(case, _packed(case.predicted), _packed(case.expert), volumes)


def lattice_distances(labels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Signed distances [z, 3, 64, 64] in mm of canonical labels [z, 128, 128], as the network takes them."""
    return on_lattice(signed_distances(labels, (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)))


def _packed(labels: NDArray[np.uint8]) -> NDArray[np.int8]:
    return np.stack([(lattice_distances(phase) * _STEPS_PER_MM).round().astype(np.int8) for phase in labels])


def draw(beats: list[ReadyCase], config: DrawConfig, slices: int, rng: np.random.Generator) -> Drawn:
    """A random beat, two of its phases, a run of slices, moved and bent at random."""
    beat = beats[int(rng.integers(len(beats)))]
    first, second = _phases(beat, config, rng)
    by_expert = max(first, second) < 2 and rng.random() < config.expert
    truth = beat.expert if by_expert else beat.predicted
    source = _source(beat, first, second, config, rng)
    last = beat.case.images.shape[1] - 1
    start = int(rng.integers(max(1, last + 2 - slices)))
    run = np.clip(np.arange(start, start + slices), 0, last)
    pictures = [_shaded(beat.case.images[k].astype(np.float32), rng) for k in (first, second)]
    anchor, target = (torch.from_numpy(standardised(p)) for p in pictures)
    wanted = source[run]
    stacks = [slide_slices(anchor, wanted), target[run]]
    fields = [
        slide_slices(_millimetres(truth[first]), wanted),
        _millimetres(truth[second][run]),
        slide_slices(_millimetres(beat.predicted[first]), wanted),
        _millimetres(beat.predicted[second][run]),
    ]
    stacks, fields = _turned(stacks, fields, config, rng)
    return Drawn(stacks[0], stacks[1], _seen(fields[2], fields[3], config, rng), fields[0], fields[1])


def _phases(beat: ReadyCase, config: DrawConfig, rng: np.random.Generator) -> tuple[int, int]:
    count = 2 if rng.random() < config.ends else len(beat.case.images)
    first, second = (int(k) for k in rng.choice(count, 2, replace=False))
    return first, second


def _source(beat: ReadyCase, first: int, second: int, config: DrawConfig, rng: np.random.Generator) -> Tensor:
    """[z] which slice of the anchor each slice shows."""
    amount = float(rng.uniform(*_AMOUNT)) if rng.random() < config.slid else 0.0
    case = beat.case
    descent = descent_of(case.predicted[first], beat.lv_voxels, first, case.slice_mm, amount)
    return torch.from_numpy(descent.source[second]).float()


def _millimetres(packed: NDArray[np.int8]) -> Tensor:
    return torch.from_numpy(packed).float() / _STEPS_PER_MM


def _turned(
    stacks: list[Tensor], fields: list[Tensor], config: DrawConfig, rng: np.random.Generator
) -> tuple[list[Tensor], list[Tensor]]:
    """Turn, zoom and shift pictures and distances alike; distances grow with the zoom."""
    angle = np.deg2rad(rng.uniform(-1, 1) * config.rotation_deg)
    zoom = float(np.exp(rng.uniform(-1, 1) * config.log_scale))
    shift = rng.uniform(-1, 1, 2) * config.shift_mm / _HALF_VIEW_MM
    cos, sin = np.cos(angle) / zoom, np.sin(angle) / zoom
    theta = torch.tensor([[[cos, -sin, shift[0]], [sin, cos, shift[1]]]], dtype=torch.float32)

    def sampled(many: list[Tensor]) -> Tensor:
        flat = torch.cat([part.reshape(-1, *part.shape[-2:]) for part in many])[None]
        grid = F.affine_grid(theta, [1, 1, *flat.shape[-2:]], align_corners=False)
        return F.grid_sample(flat, grid, align_corners=False, padding_mode="border")[0]

    count = len(stacks[0])
    pictures, distances = sampled(stacks), sampled(fields) * zoom
    pictures = pictures.reshape(len(stacks), count, *pictures.shape[1:])
    distances = distances.reshape(len(fields), count, 3, *distances.shape[1:])
    return list(pictures), list(distances)


def _seen(anchor: Tensor, target: Tensor, config: DrawConfig, rng: np.random.Generator) -> Tensor:
    """Distances of both as the network sees them: ragged, some slices unknown, some wrongly empty."""
    if rng.random() < config.blind:
        return torch.zeros(len(anchor), 6, *anchor.shape[-2:])
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    halves = []
    for distances in (anchor, target):
        count = len(distances)
        errors = torch.randn(count, 3, 5, 5, generator=generator) * config.ragged_mm * float(rng.random())
        bent = distances + F.interpolate(errors, size=distances.shape[-2:], mode="bicubic", align_corners=True)
        bent[torch.from_numpy(rng.random(count) < config.wrong)] = -DISTANCE_CAP_MM
        bent[torch.from_numpy(rng.random(count) < config.lost)] = 0.0
        halves.append(bent)
    return torch.cat(halves, dim=1)


def _shaded(stack: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Gamma and a little noise, as another scanner might give."""
    top = float(stack.max()) or 1.0
    bent = (stack / top) ** float(rng.uniform(0.8, 1.25)) * top
    noise = rng.standard_normal(stack.shape, dtype=np.float32) * (0.01 * top)
    return np.asarray(bent + noise, dtype=np.float32)

"""Two ways to write a heart's velocity, under one protocol: `python -m cof_viewer.evaluation.bases --out DIR`.

Polar: knots at the heart's own walls, level by level and angle by angle (`engine.motion.frame`). Cartesian: nodes of a
square grid that is shifted, turned and scaled to the heart (LV axis, direction of the RV, mean radius), the base's and
the apex's level the same. Both get the same fitted velocities; of both the leading modes are found on train hearts. For
validation hearts: ES from their own velocity in few modes, and ES as the same network draws it in either space. The
fits were made in the polar space, which favours it in the first of the two comparisons.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.cohort.file import write_text_whole
from cof_viewer.cohort.real.mri import choose, load_pair, read_manifest
from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, LabelMap, Volume
from cof_viewer.domain.split import Split
from cof_viewer.engine.anchor import Prepared, prepared_from_labels
from cof_viewer.engine.beat_motion import beat_field, scale_to_ef
from cof_viewer.engine.generator import draw_numbers
from cof_viewer.engine.motion.field import identity_lattice
from cof_viewer.engine.motion.frame import AnatomicalFrame, lattice_coordinates_mm
from cof_viewer.engine.motion.labels import imaged_share, slide_slices, soft_shares
from cof_viewer.learning.fabric_loop import fit
from cof_viewer.learning.flow.build import canonical_labels, pose_of_labels
from cof_viewer.learning.flow.cases import UNMATCHED, EcgCase, LearningCase, load_cases
from cof_viewer.learning.flow.config import FlowTraining, read_config
from cof_viewer.learning.flow.ecgs import load_ecgs
from cof_viewer.learning.flow.fit import hard_labels, one_hot, soft_dice
from cof_viewer.learning.flow.judge import conditions
from cof_viewer.learning.flow.statistics import motion_basis
from cof_viewer.learning.flow.train import FlowTask

MODES = (4, 8, 12, 16, 32)
_LEVELS, _NODES = 6, 14
_HALF_WIDTH = 2.6
"""Of the square grid, in mean epicardial radii: as far as the polar frame's velocity reaches on most hearts."""


@dataclass(frozen=True, eq=False)
class Heart:
    """One heart whose ES is known: the case that was fitted, its ED anchor and its ES labels [z, 128, 128]."""

    case: LearningCase
    prepared: Prepared
    es: NDArray[np.uint8]


@dataclass(frozen=True)
class Space:
    """A way to write velocities.

    Attributes:
        name: for tables.
        write: velocity of a fitted polar code on a heart's lattice, as a code of this space.
        decode: code -> velocity [z, 2, 64, 64] mm on a heart's lattice.
    """

    name: str
    write: Callable[[Prepared, Tensor], Tensor]
    decode: Callable[[Prepared, Tensor], Tensor]


def _turn(frame: AnatomicalFrame) -> Tensor:
    """[2, 2] rows: towards the RV, and across."""
    cos, sin = float(np.cos(frame.rv_angle)), float(np.sin(frame.rv_angle))
    return torch.tensor([[cos, sin], [-sin, cos]])


def write_cartesian(prepared: Prepared, polar: Tensor) -> Tensor:
    """A polar code's velocity read at the nodes of the heart's square grid, flat; relative to its radius."""
    frame, velocity = prepared.frame, prepared.decoder(polar)
    line = torch.linspace(-_HALF_WIDTH, _HALF_WIDTH, _NODES) * frame.scale_mm
    across, along = torch.meshgrid(line, line, indexing="ij")
    local = torch.stack([along, across], dim=-1) @ _turn(frame)  # [node, node, (x, y)] mm from the LV axis
    out = []
    for place in np.linspace(frame.first, frame.last, _LEVELS):
        low = min(int(place), frame.slices - 2) if frame.slices > 1 else 0
        share, high = float(place - low), min(low + 1, frame.slices - 1)
        plane = velocity[low] * (1 - share) + velocity[high] * share
        centre = torch.from_numpy(frame.centers_mm[low] * (1 - share) + frame.centers_mm[high] * share).float()
        grid = _unit(local + centre)
        out.append(F.grid_sample(plane[None], grid[None], align_corners=True, padding_mode="zeros")[0].permute(1, 2, 0))
    return (torch.stack(out) @ _turn(frame).T / frame.scale_mm).reshape(-1)


def decode_cartesian(prepared: Prepared, code: Tensor) -> Tensor:
    """[z, 2, 64, 64] mm of a Cartesian code: bilinear in plane, linear along the axis, zero outside the grid."""
    frame = prepared.frame
    nodes = code.reshape(_LEVELS, _NODES, _NODES, 2).permute(0, 3, 1, 2)
    x, y = np.meshgrid(lattice_coordinates_mm(), lattice_coordinates_mm())
    place = torch.from_numpy(np.stack([x, y], axis=-1)).float()
    out = []
    for z in range(frame.slices):
        level = float(np.clip(frame.level[z], 0.0, 1.0)) * (_LEVELS - 1)
        low = min(int(level), _LEVELS - 2)
        plane = nodes[low] * (1 - (level - low)) + nodes[low + 1] * (level - low)
        local = (place - torch.from_numpy(frame.centers_mm[z]).float()) @ _turn(frame).T / frame.scale_mm
        out.append(F.grid_sample(plane[None], local[None] / _HALF_WIDTH, align_corners=True, padding_mode="zeros")[0])
    local_velocity = torch.stack(out).permute(0, 2, 3, 1)
    return (local_velocity @ _turn(frame) * frame.scale_mm).permute(0, 3, 1, 2)


def _unit(place_mm: Tensor) -> Tensor:
    """Places in mm on the lattice in grid_sample's units."""
    lines = lattice_coordinates_mm()
    return (place_mm - float(lines[0])) / float(lines[-1] - lines[0]) * 2 - 1


POLAR = Space("polar", lambda _, code: code, lambda prepared, code: prepared.decoder(code))
CARTESIAN = Space("cartesian", write_cartesian, decode_cartesian)


def es_dice(heart: Heart, velocity: Tensor, ef: float, base_is_lost: bool) -> tuple[float, float, float, float]:
    """Dice of LV, Myo, RV at ES and EF in percent, of a velocity scaled to an EF, counted on canonical labels."""
    prepared = heart.prepared
    first = prepared.frame.first
    field = beat_field(prepared, scale_to_ef(prepared, velocity, ef, base_is_lost, 0.0), np.array([1.0]))
    fine = F.interpolate(field.in_plane_mm[0], scale_factor=2, mode="bilinear", align_corners=False)
    source = field.source_slice[0] - first
    identity = identity_lattice(CANONICAL_PIXELS, CANONICAL_PIXELS, fine.device)
    grid = identity + fine.permute(0, 2, 3, 1) / CANONICAL_SPACING_MM * (2.0 / (CANONICAL_PIXELS - 1))
    slid = slide_slices(prepared.distances[first:], source)
    moved = F.grid_sample(slid, grid, align_corners=True, padding_mode="border")
    shares = soft_shares(moved, CANONICAL_SPACING_MM) * imaged_share(source, field.extend_base)[:, None, None, None]
    lv, myo, rv = soft_dice(hard_labels(shares), one_hot(heart.es)).tolist()
    return lv, myo, rv, 100.0 * (1.0 - float(shares[:, 0].sum()) / float((prepared.canonical_labels == Label.LV).sum()))


def by_modes(space: Space, learned: Sequence[Heart], held: Sequence[Heart]) -> list[dict[str, Any]]:
    """Mean ES Dice of held-out hearts' own velocities in so many of the learned hearts' modes, at the true EF."""
    codes = [space.write(h.prepared, torch.from_numpy(h.case.beat.code)).numpy() for h in learned]
    rows = []
    for modes in MODES:
        basis = motion_basis(np.stack(codes), min(modes, len(codes) - 1))
        found = []
        for heart in held:
            own = space.write(heart.prepared, torch.from_numpy(heart.case.beat.code))
            kept = space.decode(heart.prepared, basis.code(basis.coefficients(own)))
            found.append(es_dice(heart, kept, heart.case.beat.ef_percent / 100, heart.case.beat.base_is_lost)[:3])
        rows.append({"space": space.name, "modes": modes, **_dice(np.mean(found, axis=0))})
    return rows


def by_network(
    space: Space,
    learned: Sequence[Heart],
    held: Sequence[Heart],
    ecgs: dict[Split, list[EcgCase]],
    config: FlowTraining,
) -> dict[str, Any]:
    """ES Dice and EF error of held-out hearts as the same network draws them, without an ECG."""

    def written(heart: Heart) -> LearningCase:
        code = space.write(heart.prepared, torch.from_numpy(heart.case.beat.code)).numpy()
        return replace(heart.case, beat=replace(heart.case.beat, code=code))

    task = FlowTask(config, [written(heart) for heart in learned], ecgs)
    with TemporaryDirectory() as folder:
        network: Any = fit(task, config, Path(folder))
    cases = [heart.case for heart in held]
    heard = conditions(task.statistics, cases, [ecgs[Split.TRAIN][0]] * len(cases))
    deaf = replace(heard, has_ecg=torch.zeros_like(heard.has_ecg))
    drawn = draw_numbers(
        network.flow.eval(), task.statistics, torch.zeros(len(cases), task.statistics.beat_numbers), deaf
    )
    found = []
    for heart, row in zip(held, drawn, strict=True):
        beat = task.statistics.read(row)
        velocity = space.decode(heart.prepared, task.statistics.basis_ed.code(torch.tensor(beat.coefficients)))
        lv, myo, rv, ef = es_dice(heart, velocity, beat.ef, beat.base_is_lost)
        found.append((lv, myo, rv, abs(ef - heart.case.beat.ef_percent)))
    mean = np.mean(found, axis=0)
    return {"space": space.name, "modes": config.modes, **_dice(mean), "ef_mae_points": float(mean[3])}


def _dice(values: NDArray[np.float64]) -> dict[str, float]:
    return {name: round(float(v), 4) for name, v in zip(("lv", "myo", "rv"), values, strict=False)}


def hearts_of(data: Path, cases: Sequence[LearningCase], *parts: Split) -> list[Heart]:
    """Fitted ACDC hearts of some parts with their labels."""
    known = {case.patient_id: case for case in cases if case.kind == UNMATCHED}
    found = []
    for row in choose(read_manifest(data), "pair", *parts, dataset="acdc"):
        if row.patient_id not in known:
            continue
        pair = load_pair(row)
        pose = pose_of_labels(pair.labels[0], (pair.spacing_mm[2], pair.spacing_mm[1]))
        ed, es = (canonical_labels(labels, pose) for labels in pair.labels)
        found.append(Heart(known[row.patient_id], prepared_of(ed, pair.spacing_mm[0]), es))
    return found


def prepared_of(labels: NDArray[np.uint8], slice_mm: float) -> Prepared:
    """An anchor whose labels [z, 128, 128] are known and whose picture is not needed."""
    pixel = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
    grid = grid_from_spacing(labels.shape, (*pixel, slice_mm))
    middle = (CANONICAL_PIXELS - 1) / 2
    pose = CanonicalPose((middle, middle), 0.0, False, False, pixel)
    volume = Volume(np.zeros(labels.shape, np.float32), grid)
    return prepared_from_labels(volume, pose, LabelMap(labels, grid), labels, torch.device("cpu"))


@torch.no_grad()
def _without_network(learned: Sequence[Heart], held: Sequence[Heart]) -> list[dict[str, Any]]:
    return [row for space in (POLAR, CARTESIAN) for row in by_modes(space, learned, held)]


def main(data: Path, cases_dir: Path, models: Path, config: FlowTraining, out: Path) -> Path:
    """Compare and write `bases.json`; returns its path."""
    cases = load_cases(cases_dir)
    learned, held = (hearts_of(data / "mri", cases, part) for part in (Split.TRAIN, Split.VALIDATION))
    ecgs = {part: load_ecgs(data / "ecg", part, models) for part in (Split.TRAIN, Split.VALIDATION)}
    plain = {
        "hearts": {"learned": len(learned), "held_out": len(held)},
        "own_velocity": _without_network(learned, held),
        "drawn": [by_network(space, learned, held, ecgs, config) for space in (POLAR, CARTESIAN)],
        "config": asdict(config),
    }
    out.mkdir(parents=True, exist_ok=True)
    path, text = out / "bases.json", json.dumps(plain, indent=1) + "\n"
    write_text_whole(path, text)
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cases", type=Path, default=Path("runs/flow/cases"), help="fitted cases of learning.flow")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "learning/flow/configs/flow.json")
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.data, given.cases, given.models, read_config(given.config), given.out)

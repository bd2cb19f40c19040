"""The teacher on ED -> ES beside classical registration: `python -m cof_viewer.evaluation.registration`.

Every pair is prepared as a stranger's would be: the segmenter finds the heart and labels both phases; the teacher is
given those labels, never the experts', which judge only. SimpleITK's B-spline and diffeomorphic demons register the
same canonical stacks in the same run. Moved are signed distances of the ED labels, by every method alike.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.cohort.real.mri import Row, choose, default_folder, read_manifest
from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, LabelCine
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.labels import signed_distances, slide_slices, soft_shares, winners
from cof_viewer.engine.refine import RefineConfig
from cof_viewer.engine.registration import RegistrationTeacher
from cof_viewer.engine.registration_network import warp_canonical
from cof_viewer.engine.segmenter import Segmenter
from cof_viewer.engine.topology import components_kept, determinant, stretch
from cof_viewer.evaluation.pairs import ejection_fraction, structure_dice
from cof_viewer.evaluation.registration_baselines import b_spline, demons, determinants, warped
from cof_viewer.learning.registration.cases import BeatCase, prepare

UInt8 = NDArray[np.uint8]
_PIXEL = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)


@dataclass(frozen=True)
class Score:
    """One method on one pair.

    Attributes:
        lv: Dice of moved segmenter's ED labels with the experts' ES labels; `myo`, `rv` likewise.
        expert_lv: the same of moved experts' ED labels; `expert_myo`, `expert_rv` likewise.
        given_lv: moved segmenter's ED labels with the segmenter's ES labels, which the teacher saw.
        ef_error_points: EF of the moved segmenter's labels minus the experts'.
        folding_percent: of pixels inside the heart.
        sd_log_j: inside the heart.
        parts_kept: share of the three classes with as many connected parts as before.
        seconds: of one processor, for both stacks given on the canonical grid; segmentation apart.
    """

    patient_id: str
    method: str
    lv: float
    myo: float
    rv: float
    expert_lv: float
    expert_myo: float
    expert_rv: float
    given_lv: float
    given_myo: float
    given_rv: float
    ef_error_points: float
    folding_percent: float
    sd_log_j: float
    parts_kept: float
    seconds: float


@dataclass(frozen=True, eq=False)
class Moved:
    """What a method did: moved distances of any stack, determinants inside the heart, time."""

    move: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    inside: NDArray[np.floating]
    seconds: float


def by_teacher(teacher: RegistrationTeacher, case: BeatCase, *, labelled: bool, descent: float) -> Moved:
    """Track ED -> ES of a prepared pair."""
    slices = case.images.shape[1]
    grid = grid_from_spacing((slices, CANONICAL_PIXELS, CANONICAL_PIXELS), (*_PIXEL, case.slice_mm))
    cine = Cine(case.images[:2].astype(np.float32), grid)
    middle = (CANONICAL_PIXELS - 1) / 2
    pose = CanonicalPose((middle, middle), 0.0, False, False, _PIXEL)
    labels = LabelCine(case.predicted[:2], grid) if labelled else None
    began = time.process_time()
    motion = teacher.track(cine, pose, 0, labels=labels, descent=descent)
    seconds = time.process_time() - began
    heart = (case.predicted[1] > 0)[:, ::2, ::2]
    inside = determinant(motion, 1)[heart[:, 1:-1, 1:-1]]
    return Moved(lambda distances: moved_distances(distances, motion, 1), inside, seconds)


def moved_distances(distances: NDArray[np.float32], motion: Motion, phase: int) -> NDArray[np.float32]:
    """Pull canonical [z, c, 128, 128] back by one phase of a motion on the canonical lattice."""
    pull = torch.from_numpy(motion.pull_back_mm[phase])
    source = torch.arange(len(pull)) + pull[:, 0, 0, 2] / motion.grid.spacing_mm[2]
    slid = slide_slices(torch.from_numpy(distances), source)
    return np.asarray(warp_canonical(slid, pull[..., :2].permute(0, 3, 1, 2)).numpy())


def by_baseline(
    method: Callable[[NDArray[np.float32], NDArray[np.float32], float], NDArray[np.float64]], case: BeatCase
) -> Moved:
    """Register the pictures of a prepared pair."""
    anchor, target = case.images[0].astype(np.float32), case.images[1].astype(np.float32)
    began = time.process_time()
    field = method(anchor, target, case.slice_mm)
    seconds = time.process_time() - began
    inside = determinants(field, case.slice_mm)[case.predicted[1] > 0]
    return Moved(lambda distances: warped(distances, field, case.slice_mm), inside, seconds)


def not_moved(case: BeatCase) -> Moved:
    """ED as it is."""
    return Moved(lambda distances: distances, np.ones(1), 0.0)


def score(case: BeatCase, name: str, moved: Moved) -> Score:
    """Judge one method on one pair."""
    ours, drawn = (_labels(moved.move(signed_distances(ed, _PIXEL))) for ed in (case.predicted[0], case.expert[0]))
    truth = case.expert[1]
    folded, spread = stretch(moved.inside)
    kept = components_kept(case.predicted[0], ours)
    return Score(
        case.patient_id,
        name,
        *structure_dice(ours, truth),
        *structure_dice(drawn, truth),
        *structure_dice(ours, case.predicted[1]),
        ejection_fraction(case.predicted[0], ours) - ejection_fraction(case.expert[0], truth),
        100.0 * folded,
        spread,
        float(np.mean(list(kept.values()))),
        moved.seconds,
    )


def methods(models: Path) -> dict[str, Callable[[BeatCase], Moved]]:
    """What is compared, by name."""
    device = torch.device("cpu")
    teacher = RegistrationTeacher.load(models, device)
    plain = RegistrationTeacher.load(models, device, RefineConfig(steps=0))
    return {
        "not moved": not_moved,
        "teacher": lambda case: by_teacher(teacher, case, labelled=True, descent=1.0),
        "teacher unrefined": lambda case: by_teacher(plain, case, labelled=True, descent=1.0),
        "teacher without descent": lambda case: by_teacher(teacher, case, labelled=True, descent=0.0),
        "teacher on pictures alone": lambda case: by_teacher(teacher, case, labelled=False, descent=0.0),
        "B-spline": lambda case: by_baseline(b_spline, case),
        "diffeomorphic demons": lambda case: by_baseline(demons, case),
    }


def evaluate(
    rows: Iterable[Row], segmenter: Segmenter, compared: dict[str, Callable[[BeatCase], Moved]], out: Path
) -> list[Score]:
    """Every method on every pair; what is known so far is written after each pair."""
    scores: list[Score] = []
    for row in rows:
        case = prepare(row, segmenter, find=True)
        scores += [score(case, name, method(case)) for name, method in compared.items()]
        write(scores, out)
    return scores


def table(scores: Sequence[Score]) -> str:
    """Markdown: means over pairs (EF: mean absolute error and bias; seconds: median)."""
    head = "| method | LV | Myo | RV | LV / Myo / RV, experts' ED moved | against the labels given | EF MAE (bias) | "
    lines = [head + "folding % | SD log J | parts kept | seconds |", "|" + " --- |" * 11]
    for name in dict.fromkeys(s.method for s in scores):
        mine = [s for s in scores if s.method == name]
        mean = {f.name: float(np.mean([getattr(s, f.name) for s in mine])) for f in fields(Score)[2:]}
        error = float(np.mean([abs(s.ef_error_points) for s in mine]))
        drawn, given = (
            " / ".join(f"{mean[f'{kind}_{part}']:.3f}" for part in ("lv", "myo", "rv")) for kind in ("expert", "given")
        )
        lines.append(
            f"| {name} | {mean['lv']:.3f} | {mean['myo']:.3f} | {mean['rv']:.3f} | {drawn} | {given} | {error:.1f} "
            f"({mean['ef_error_points']:+.1f}) | {mean['folding_percent']:.3f} | {mean['sd_log_j']:.2f} | "
            f"{mean['parts_kept']:.2f} | {float(np.median([s.seconds for s in mine])):.2f} |"
        )
    return "\n".join(lines) + "\n"


def write(scores: Sequence[Score], out: Path) -> None:
    """`registration.csv` (every pair) and `registration.md` (means)."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "registration.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(Score)])
        writer.writeheader()
        writer.writerows(asdict(s) for s in scores)
    (out / "registration.md").write_text(table(scores), encoding="utf-8")


def _labels(distances: NDArray[np.float32]) -> UInt8:
    shares = soft_shares(torch.from_numpy(distances), CANONICAL_SPACING_MM)
    return np.asarray(winners(shares).numpy(), dtype=np.uint8)


def main() -> None:
    """Judge a part of the split; test patients are for the last look only."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--split", choices=["val", "test"], default="val")
    parser.add_argument("--dataset", default="acdc")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--methods", default="", help="comma-separated; all by default")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = given.data or default_folder()
    if folder is None:
        raise UserError("The MRI data to judge on were not found; set COF_DATA to their folder.", code="no-data")
    part = Split.TEST if given.split == "test" else Split.VALIDATION
    rows = choose(read_manifest(folder), "pair", part, dataset=given.dataset)[: given.limit or None]
    compared = methods(given.models)
    chosen = {k: v for k, v in compared.items() if not given.methods or k in given.methods.split(",")}
    evaluate(rows, Segmenter.load(given.models), chosen, given.out)


if __name__ == "__main__":
    main()

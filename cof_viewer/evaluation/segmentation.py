"""The segmenter judged on real pairs, beside others: `python -m cof_viewer.evaluation.segmentation --part validation`.

Every method gets the same file's ED and ES volumes, each by itself, and is compared with the experts on the file's own
pixels: 3-D Dice and HD95 of LV, wall and RV at ED and ES, and the EF of its labels. Differences to ours are paired by
patient, with 95 % bootstrap intervals. Test patients are for the last look alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.anatomy import dice
from cof_viewer.cohort.real.mri import Pair, choose, default_folder, load_pair, read_manifest
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Volume
from cof_viewer.domain.split import Split
from cof_viewer.engine.segmenter import Segmenter
from cof_viewer.engine.weights import read_entries
from cof_viewer.evaluation.metrics.overlap import STRUCTURES, hd95
from cof_viewer.evaluation.peers import peers
from cof_viewer.evaluation.statistics import bootstrap_mean
from cof_viewer.learning.segmenter.judge import as_volume, ejection_fraction

UInt8 = NDArray[np.uint8]
Method = Callable[[Volume], UInt8]

OURS = "ours"
CELLS = tuple(f"{phase}_{name}" for phase in ("ed", "es") for name in STRUCTURES)
_PARTS = {"train": Split.TRAIN, "validation": Split.VALIDATION, "test": Split.TEST}


@dataclass(frozen=True)
class Judged:
    """One method on one patient.

    Attributes:
        patient_id: who.
        method: whose labels.
        dice: each of `CELLS` to 3-D Dice.
        hd95_mm: each of `CELLS`; NaN where a structure is missing or the file does not tell its spacing.
        ef_error_points: EF of the labels minus that of the experts' labels; NaN without an LV at ED.
        seconds: of one processor, for both volumes.
    """

    patient_id: str
    method: str
    dice: dict[str, float]
    hd95_mm: dict[str, float]
    ef_error_points: float
    seconds: float


def judge(pair: Pair, name: str, method: Method) -> Judged:
    """Run a method on both phases of a patient and compare with the experts."""
    known = pair.row.spacing_known
    began = time.process_time()
    found = [method(as_volume(pair, phase, spacing_known=known)) for phase in (0, 1)]
    seconds = time.process_time() - began
    overlap, distance = {}, {}
    for phase, word in enumerate(("ed", "es")):
        for structure, label in STRUCTURES.items():
            a, b = found[phase] == label, pair.labels[phase] == label
            overlap[f"{word}_{structure}"] = dice(a, b)
            distance[f"{word}_{structure}"] = hd95(a, b, pair.spacing_mm) if known else float("nan")
    error = ejection_fraction(found[0], found[1]) - ejection_fraction(pair.labels[0], pair.labels[1])
    return Judged(pair.row.patient_id, name, overlap, distance, error, seconds)


def by_segmenter(segmenter: Segmenter) -> Method:
    """Our whole path: localiser, pose, labels; nothing is labelled where no heart is found."""

    def labels(volume: Volume) -> UInt8:
        try:
            return segmenter.segment(volume).label_map().data
        except UserError:
            return np.zeros(volume.data.shape, np.uint8)

    return labels


def report(judged: Sequence[Judged], heading: str = "") -> str:
    """Markdown: means of every method, and every other method's difference to ours with its 95 % interval."""
    names = list(dict.fromkeys(j.method for j in judged))
    by = {name: [j for j in judged if j.method == name] for name in names}
    columns = ["ED LV", "ED Myo", "ED RV", "ES LV", "ES Myo", "ES RV", "mean of six"]
    lines = [heading, ""] if heading else []
    lines += [f"| method | {' | '.join(columns)} | EF MAE (bias), points | HD95 ED / ES, mm | seconds |"]
    lines += ["|" + " --- |" * (len(columns) + 4)]
    lines += [_means(name, rows) for name, rows in by.items()]
    for name in names[1:]:
        lines += ["", f"{names[0]} minus {name}, mean [95 % interval] over {len(by[name])} patients", ""]
        lines += ["| what | difference |", "| --- | --- |"]
        lines += [f"| {what} | {text} |" for what, text in _differences(by[names[0]], by[name])]
    return "\n".join(lines) + "\n"


def _means(name: str, rows: Sequence[Judged]) -> str:
    cells = [float(np.mean([j.dice[cell] for j in rows])) for cell in CELLS]
    errors = np.array([j.ef_error_points for j in rows])
    far = [np.nanmean([[j.hd95_mm[f"{p}_{s}"] for s in STRUCTURES] for j in rows]) for p in ("ed", "es")]
    numbers = " | ".join(f"{value:.3f}" for value in [*cells, float(np.mean(cells))])
    seconds = float(np.median([j.seconds for j in rows]))
    return (
        f"| {name} | {numbers} | {np.nanmean(np.abs(errors)):.1f} ({np.nanmean(errors):+.1f}) | "
        f"{far[0]:.1f} / {far[1]:.1f} | {seconds:.1f} |"
    )


def _differences(ours: Sequence[Judged], theirs: Sequence[Judged]) -> list[tuple[str, str]]:
    pairs = list(zip(ours, theirs, strict=True))
    if any(a.patient_id != b.patient_id for a, b in pairs):
        raise ValueError("methods were judged on different patients")
    found = [(f"Dice {c.replace('_', ' ')}", [a.dice[c] - b.dice[c] for a, b in pairs], 3) for c in CELLS]
    mean = [float(np.mean([a.dice[c] - b.dice[c] for c in CELLS])) for a, b in pairs]
    far = [float(np.nanmean([a.hd95_mm[c] - b.hd95_mm[c] for c in CELLS] or [np.nan])) for a, b in pairs]
    ef = [abs(a.ef_error_points) - abs(b.ef_error_points) for a, b in pairs]
    found += [("Dice, mean of six", mean, 3), ("EF error, points", ef, 1), ("HD95, mean of six, mm", far, 1)]
    lines = []
    for what, values, digits in found:
        mid = bootstrap_mean(values)
        lines.append((what, f"{mid.value:+.{digits}f} [{mid.low:+.{digits}f}, {mid.high:+.{digits}f}]"))
    return lines


def write(judged: Sequence[Judged], out: Path, heading: str, made_from: dict[str, str]) -> None:
    """`segmentation.csv` (every patient), `segmentation.md` (means, differences), `run.json` (checksums)."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "segmentation.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        dices, distances = [f"dice_{c}" for c in CELLS], [f"hd95_mm_{c}" for c in CELLS]
        writer.writerow(["patient_id", "method", *dices, *distances, "ef_error_points", "seconds"])
        for j in judged:
            cells = (*j.dice.values(), *j.hd95_mm.values())
            writer.writerow([j.patient_id, j.method, *cells, j.ef_error_points, j.seconds])
    (out / "segmentation.md").write_text(report(judged, heading), encoding="utf-8")
    (out / "run.json").write_text(json.dumps(made_from, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Judge a part of the split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=sorted(_PARTS), default="validation")
    parser.add_argument("--dataset", default="acdc", choices=["acdc", "mnms"])
    parser.add_argument("--peers", default="", help="with commas between them: myopari")
    parser.add_argument("--data", type=Path, help="folder of the MRI data; by default that of COF_DATA")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/segmentation"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = given.data or default_folder()
    if folder is None:
        raise UserError("The MRI data to judge on were not found; set COF_DATA to their folder.", code="no-data")
    rows = choose(read_manifest(folder), "pair", _PARTS[given.part], dataset=given.dataset)[: given.limit or None]
    others = peers(tuple(word for word in given.peers.split(",") if word))
    methods: dict[str, Method] = {OURS: by_segmenter(Segmenter.load(given.models))}
    methods |= {peer.name: lambda volume, peer=peer: peer.labels(volume.data) for peer in others}  # type: ignore[misc]
    made_from = {OURS: read_entries(given.models)["segmenter"].sha256} | {p.name: p.sha256 for p in others}
    heading = f"{given.dataset}, {given.part}: {len(rows)} patients"
    judged: list[Judged] = []
    for row in rows:
        pair = load_pair(row)
        judged += [judge(pair, name, method) for name, method in methods.items()]
        write(judged, given.out, heading, made_from)
    sys.stdout.write(report(judged, heading))


if __name__ == "__main__":
    main()

"""First figures on held-out real patients: segmentation and generated ES, `python -m cof_viewer.evaluation.held_out`.

Each ACDC patient of a part is opened as the program would: the ED volume is segmented without its expert labels, a
beat is generated from it with matched ECGs, and both are compared with the experts' ED and ES labels.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.anatomy import dice
from cof_viewer.cohort.real.mri import Pair, choose, load_pair, read_manifest
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, Volume
from cof_viewer.domain.split import Split
from cof_viewer.engine.engine import Engine
from cof_viewer.learning.flow.ecgs import matched_records

_STRUCTURES = (Label.LV, Label.MYO, Label.RV)


@dataclass(frozen=True)
class PatientScore:
    """What was measured on one patient; Dice as (LV, Myo, RV), EF in points."""

    patient_id: str
    group: str
    segmented_ed: tuple[float, ...]
    segmented_es: tuple[float, ...]
    segmented_ef: float
    generated_es: tuple[float, ...]
    unmoved_es: tuple[float, ...]
    generated_ef: float
    expert_ef: float
    folded_percent: float


def volume_of(pair: Pair, phase: int) -> Volume:
    """ED (0) or ES (1) of a pair as a volume without a scanner frame."""
    z, y, x = pair.spacing_mm
    shape: tuple[int, int, int] = pair.images[phase].shape
    return Volume(pair.images[phase].astype(np.float32), grid_from_spacing(shape, (x, y, z), orientation_known=False))


def ejection_fraction(ed: NDArray[np.uint8], es: NDArray[np.uint8]) -> float:
    """EF in percent by counting LV voxels."""
    edv = max(float((ed == Label.LV).sum()), 1.0)
    return 100.0 * (edv - float((es == Label.LV).sum())) / edv


def structure_dice(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> tuple[float, ...]:
    """3-D Dice of LV, Myo, RV."""
    return tuple(dice(a == k, b == k) for k in _STRUCTURES)


def score(engine: Engine, pair: Pair, ecg: Ecg) -> PatientScore:
    """Segment both phases, generate from ED, compare."""
    volumes = [volume_of(pair, k) for k in (0, 1)]
    prepared = engine.prepare(volumes[0])
    ed = prepared.labels.data[::-1] if prepared.was_reversed else prepared.labels.data
    es = engine.segment(volumes[1]).data
    generation = engine.generate(prepared, ecg, anchor_phase="ed")
    phase = generation.result.function.es_phase
    assert phase is not None
    moved = generation.labels.data[phase]
    moved = moved[::-1] if prepared.was_reversed else moved
    folding = [f for f in generation.result.flags if f.code == "folding"]
    return PatientScore(
        pair.row.patient_id,
        pair.row.group,
        structure_dice(ed, pair.labels[0]),
        structure_dice(es, pair.labels[1]),
        ejection_fraction(ed, es),
        structure_dice(moved, pair.labels[1]),
        structure_dice(ed, pair.labels[1]),
        generation.result.function.ef_percent or 0.0,
        ejection_fraction(pair.labels[0], pair.labels[1]),
        100.0 * len(folding),
    )


def summary(scores: list[PatientScore]) -> dict[str, object]:
    """Means over patients."""

    def mean(name: str) -> list[float]:
        return [round(float(v), 4) for v in np.mean([getattr(s, name) for s in scores], axis=0)]

    def ef_error(name: str) -> float:
        return round(float(np.mean([abs(getattr(s, name) - s.expert_ef) for s in scores])), 2)

    return {
        "patients": len(scores),
        "segmented_dice_ed": mean("segmented_ed"),
        "segmented_dice_es": mean("segmented_es"),
        "segmented_ef_mae": ef_error("segmented_ef"),
        "generated_dice_es": mean("generated_es"),
        "unmoved_dice_es": mean("unmoved_es"),
        "generated_ef_mae": ef_error("generated_ef"),
        "generated_ef_bias": round(float(np.mean([s.generated_ef - s.expert_ef for s in scores])), 2),
    }


def main() -> None:
    """Score every patient of a part and write figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--part", type=Split, default=Split.VALIDATION)
    parser.add_argument("--out", type=Path, default=Path("runs/held_out.json"))
    parser.add_argument("--most", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    engine = Engine.load(arguments.models, "cpu")
    rows = choose(read_manifest(arguments.data / "mri"), "pair", arguments.part, dataset="acdc")[: arguments.most]
    pairs = [load_pair(row) for row in rows]
    wanted = [(pair.row.group, ejection_fraction(*pair.labels)) for pair in pairs]
    ecgs = matched_records(arguments.data / "ecg", arguments.part, wanted)
    scores = []
    for pair, ecg in zip(pairs, ecgs, strict=True):
        scores.append(score(engine, pair, ecg))
        print(json.dumps(asdict(scores[-1])), flush=True)  # noqa: T201
    figures = summary(scores)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps({"summary": figures, "patients": [asdict(s) for s in scores]}, indent=1))
    print(json.dumps(figures, indent=1))  # noqa: T201


if __name__ == "__main__":
    main()

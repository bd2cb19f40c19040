"""Fit the motion code of every learning patient once and keep it: `python -m cof_viewer.learning.flow.build`."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.cohort.real.mri import Row, choose, load_pair, read_manifest
from cof_viewer.domain.canonical import CanonicalPose, to_canonical
from cof_viewer.domain.image import Label
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.features import anatomy_features
from cof_viewer.engine.motion.frame import frame_from_labels
from cof_viewer.learning.flow.fit import FittedBeat, fit_beat


@dataclass(frozen=True, eq=False)
class LearningCase:
    """One patient as Stage 2 sees it: shape at ED and ES, and the fitted motion."""

    patient_id: str
    group: str
    part: Split
    ed_features: NDArray[np.float32]
    es_features: NDArray[np.float32]
    beat: FittedBeat


def canonical_labels(labels: NDArray[np.uint8], pose: CanonicalPose) -> NDArray[np.uint8]:
    """Labels [z, y, x] on the canonical grid [z, 128, 128]."""
    shares = [to_canonical((labels == k).astype(np.float32), pose, outside=float(k == 0)) for k in Label]
    return np.stack(shares).argmax(axis=0).astype(np.uint8)


def pose_of_labels(labels: NDArray[np.uint8], pixel_mm: tuple[float, float]) -> CanonicalPose:
    """Pose of a stack that already lies base first with RV left: centred on the LV with its wall."""
    rows, columns = np.nonzero(((labels == Label.LV) | (labels == Label.MYO)).any(axis=0))
    return CanonicalPose((float(columns.mean()), float(rows.mean())), 0.0, False, False, pixel_mm)


def learn_case(row: Row) -> LearningCase:
    """Read, bring to the canonical grid and fit one patient."""
    pair = load_pair(row)
    pose = pose_of_labels(pair.labels[0], (pair.spacing_mm[2], pair.spacing_mm[1]))
    ed, es = (canonical_labels(labels, pose) for labels in pair.labels)
    slice_mm = pair.spacing_mm[0]
    beat = fit_beat(ed, es, slice_mm)
    features = [anatomy_features(labels, frame_from_labels(labels), slice_mm) for labels in (ed, es)]
    return LearningCase(row.patient_id, row.group, row.part, features[0], features[1], beat)


def save_case(case: LearningCase, folder: Path) -> None:
    """Write one case as npz, complete or not at all."""
    path = folder / f"{case.patient_id.replace(':', '_')}.npz"
    partial = path.with_suffix(".partial.npz")
    beat = case.beat
    np.savez_compressed(
        partial,
        ids=np.array([case.patient_id, case.group, case.part.value]),
        ed=case.ed_features,
        es=case.es_features,
        code=beat.code,
        code_from_es=beat.code_from_es,
        numbers=np.array([beat.ef_percent, beat.base_is_lost, *beat.dice]),
    )
    partial.replace(path)


def load_cases(folder: Path) -> list[LearningCase]:
    """Read every fitted case of a folder, in the order of names."""
    cases = []
    for path in sorted(folder.glob("*.npz")):
        if path.name.endswith(".partial.npz"):
            continue
        with np.load(path) as file:
            patient, group, part = (str(v) for v in file["ids"])
            ef, lost, lv, myo, rv = (float(v) for v in file["numbers"])
            beat = FittedBeat(file["code"], file["code_from_es"], ef, bool(lost), (lv, myo, rv))
            cases.append(LearningCase(patient, group, Split(part), file["ed"], file["es"], beat))
    return cases


def main() -> None:
    """Fit every train and validation patient that is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mri"))
    parser.add_argument("--out", type=Path, default=Path("runs/flow/cases"))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = choose(read_manifest(arguments.data), "pair", Split.TRAIN, Split.VALIDATION)
    for row in sorted(rows, key=lambda r: (r.dataset, r.patient_id)):
        if not (arguments.out / f"{row.patient_id.replace(':', '_')}.npz").exists():
            save_case(learn_case(row), arguments.out)


if __name__ == "__main__":
    main()

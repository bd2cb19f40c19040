"""Fit the motion code of every learning patient once and keep it: `python -m cof_viewer.learning.flow.build`.

Real pairs of ED and ES come from the research data, everything else (simulated patients, simulated patients round a
real ECG, a user's own pairs) from a cohort store. Cases that are there already are not made again.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PIXELS, CohortCase
from cof_viewer.cohort.real.mri import Row, choose, load_pair, read_manifest
from cof_viewer.cohort.store import Store
from cof_viewer.domain.canonical import CANONICAL_PIXELS, CanonicalPose, to_canonical
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.image import Label
from cof_viewer.domain.split import Split
from cof_viewer.engine.ecg_encoder import StMemEncoder
from cof_viewer.engine.motion.features import anatomy_features
from cof_viewer.engine.motion.frame import frame_from_labels
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.learning.flow.cases import CAUSAL_KINDS, UNMATCHED, LearningCase, case_path, save_case
from cof_viewer.learning.flow.ecgs import ecg_case, encoder_of
from cof_viewer.learning.flow.fit import fit_beat
from cof_viewer.learning.watching import report, stop_is_asked


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


def learn_cohort_case(case: CohortCase, encoder: StMemEncoder | None) -> LearningCase:
    """Fit one case of the cohort, with its own ECG and the marks of its own volume curve."""
    margin = (CANONICAL_PIXELS - BOX_PIXELS) // 2
    ed, es = (np.pad(case.labels[k], ((0, 0), (margin, margin), (margin, margin))) for k in (0, case.es_phase))
    beat = fit_beat(ed, es, case.slice_mm)
    features = [anatomy_features(labels, frame_from_labels(labels), case.slice_mm) for labels in (ed, es)]
    ecg = None
    if case.ecg_mv is not None:
        record = Ecg(case.ecg_mv, source_hz=500.0, source_leads=(), name=case.ecg_name)
        ecg = ecg_case(case.group, record, encoder)
    kind, marks = case.kind.value, marks_of(case)
    return LearningCase(case.patient_id, case.group, case.part, features[0], features[1], beat, kind, ecg, marks)


def marks_of(case: CohortCase) -> TimeMarks:
    """Half of ejection, ES and half of filling (ms), read off the label volumes of a case."""
    volume = (case.labels == Label.LV).sum(axis=(1, 2, 3)).astype(float)
    volume, times = np.append(volume, volume[0]), np.append(case.phase_ms, case.rr_ms)
    es = case.es_phase
    half = (volume[: es + 1].max() + volume[es]) / 2
    falling = np.interp(half, volume[: es + 1][::-1], times[: es + 1][::-1])
    rising = np.interp(half, np.maximum.accumulate(volume[es:]), times[es:])
    return TimeMarks(float(falling), float(case.numbers.get("es_ms", times[es])), float(rising), case.rr_ms)


def build_real(data: Path, out: Path, most: int = 0) -> None:
    """Fit every train and validation pair of the research data that is not there yet; `most` a part (0 = all)."""
    every = read_manifest(data)
    rows = [r for part in (Split.TRAIN, Split.VALIDATION) for r in choose(every, "pair", part)[: most or None]]
    for k, row in enumerate(sorted(rows, key=lambda r: (r.dataset, r.patient_id))):
        _watch(k / len(rows), f"Fitting real heart {k + 1} of {len(rows)}")
        if not case_path(out, row.patient_id, UNMATCHED).exists():
            save_case(learn_case(row), out)


def build_cohort(store: Store, out: Path, models: Path | None, most: int = 0) -> None:
    """Fit every train and validation case of a store whose motion and ECG have one cause; `most` a part (0 = all)."""
    encoder = encoder_of(models)
    parts = (Split.TRAIN, Split.VALIDATION)
    rows = [row for part in parts for row in store.choose(kinds=CAUSAL_KINDS, parts=(part,))[: most or None]]
    for k, row in enumerate(rows):
        _watch(k / len(rows), f"Fitting case {k + 1} of {len(rows)}")
        if not case_path(out, row.patient_id, row.kind).exists():
            save_case(learn_cohort_case(store.load(row.case_id), encoder), out)


def _watch(fraction: float, words: str) -> None:
    """Report, and stop between two cases where that is asked: what is fitted stays."""
    if stop_is_asked():
        raise Cancelled
    report(fraction, words)


def main() -> None:
    """Fit what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mri"))
    parser.add_argument("--cohort", type=Path)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--out", type=Path, default=Path("runs/flow/cases"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    build_real(arguments.data, arguments.out)
    if arguments.cohort is not None:
        build_cohort(Store.open(arguments.cohort), arguments.out, arguments.models)


if __name__ == "__main__":
    main()

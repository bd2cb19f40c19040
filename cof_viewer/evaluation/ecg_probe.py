"""What the ECG encoder knows, by linear probes: `python -m cof_viewer.evaluation.ecg_probe --part validation`.

A ridge or logistic regression is fitted on the train patients' records and judged on another part: heart rate, QRS and
QT in the mean absolute error, bundle branch block, infarct, hypertrophy and atrial fibrillation by the area under the
ROC curve. Three inputs are compared: the shipped encoder's embedding, the measured features that stand beside it in
the generator, and both. Rates are those of another program in the table (`hr_nk`); QRS and QT are the cardiologists'
marks of LUDB in lead II; diagnoses are the data sets' own. Beside it the delineator's own error on LUDB in lead II.
Test records are for the last look alone.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.cohort.real.ecgs import Record, default_folder, read_records
from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.ecg_encoder import StMemEncoder, encode, load_encoder
from cof_viewer.evaluation.statistics import RESAMPLES, Interval, bootstrap_mean
from cof_viewer.signal import ecg_features, lead_intervals, representative_beat

Float = NDArray[np.float64]

EMBEDDING, FEATURES, BOTH, CONSTANT = "embedding", "features", "both", "constant"
_INPUTS = (EMBEDDING, FEATURES, BOTH)
_PARTS = {"validation": Split.VALIDATION, "test": Split.TEST}
_LEFT_OUT = ("paediatric", "paced")
_PENALTIES = tuple(10.0**power for power in range(-1, 6))
_FOLDS = 5
_AXES = {"qrs_ms": "qrs_ms_ref", "pr_ms": "pr_ms_ref", "qt_ms": "qt_ms_ref"}


@dataclass(frozen=True)
class Target:
    """Something to be told from an ECG.

    Attributes:
        name: for the table.
        unit: of an error; "" for a yes or no, which is judged by AUROC.
        truth: of a record; None where nobody knows.
    """

    name: str
    unit: str
    truth: Callable[[Record], float | None]


@dataclass(frozen=True, eq=False)
class Heard:
    """A record as the probes see it.

    Attributes:
        record: with its part and columns.
        embedding: [768] of its representative cycle, repeated as the generator does it.
        features: measured, NaN where not measurable.
        lead_two: (QRS, PR, QT) in ms as measured in lead II, None where not measurable.
    """

    record: Record
    embedding: Float
    features: Float
    lead_two: dict[str, float | None]


@dataclass(frozen=True)
class Score:
    """One target by one input: `figure` is a mean absolute error in `unit`, or an AUROC where that is empty."""

    target: str
    unit: str
    told_by: str
    records: int
    positives: int
    figure: Interval


def _column(name: str) -> Callable[[Record], float | None]:
    return lambda record: float(record.row[name]) if record.row[name] else None


def _tagged(*tags: str) -> Callable[[Record], float | None]:
    return lambda record: float(bool(set(tags) & set(record.row["tags"].replace(",", ";").split(";"))))


TARGETS: tuple[Target, ...] = (
    Target("rate", "1/min", _column("hr_nk")),
    Target("QRS", "ms", _column("qrs_ms_ref")),
    Target("QT", "ms", _column("qt_ms_ref")),
    Target("hypertrophy", "", _tagged("lvh")),
    Target("bundle branch block", "", _tagged("lbbb", "rbbb")),
    Target("infarct", "", _tagged("mi_anterior", "mi_inferior", "mi_lateral", "mi_unspecified")),
    Target("atrial fibrillation", "", _tagged("af_flutter")),
)


def hear(records: Sequence[Record], encoder: StMemEncoder) -> list[Heard]:
    """Measure and encode every adult, unpaced record in which a beat is found."""
    heard = []
    for record in records:
        if record.quality == "bad" or record.group in _LEFT_OUT:
            continue
        try:
            beat = representative_beat(record.ecg)
        except UserError:
            continue
        embedding = encode(encoder, beat).astype(np.float64)
        heard.append(Heard(record, embedding, ecg_features(beat).astype(np.float64), _in_lead_two(beat)))
    return heard


def probe(train: Sequence[Heard], judged: Sequence[Heard]) -> list[Score]:
    """Every target by every input, and the train mean for those that are measured in units.

    Raises:
        ValueError: somebody is in both groups.
    """
    if {h.record.patient_id for h in train} & {h.record.patient_id for h in judged}:
        raise ValueError("a patient is learned from and judged")
    scores = []
    for target in TARGETS:
        learned, asked = _known(train, target), _known(judged, target)
        truth = np.array([value for _, value in asked])
        if not len(asked) or (not target.unit and len(set(truth)) < 2):
            continue
        if target.unit:
            mean = np.full(len(truth), np.mean([value for _, value in learned]))
            scores.append(_score(target, CONSTANT, truth, mean))
        for told_by in _INPUTS:
            scores.append(_score(target, told_by, truth, _told(learned, [h for h, _ in asked], told_by, target)))
    return scores


def delineation(heard: Sequence[Heard]) -> dict[str, tuple[Interval, float, int]]:
    """Error of the measured QRS, PR and QT in lead II against LUDB's cardiologists, in ms.

    Returns:
        by name: mean absolute error with its 95 % interval, bias, number of records.
    """
    found = {}
    for name, column in _AXES.items():
        pairs = [(h.lead_two[name], h.record.row[column]) for h in heard if h.record.row["dataset"] == "LUDB"]
        errors = np.array([ours - float(theirs) for ours, theirs in pairs if ours is not None and theirs])
        if len(errors):
            found[name] = (bootstrap_mean(np.abs(errors)), float(errors.mean()), len(errors))
    return found


def auroc(truth: Float, score: Float) -> float:
    """Chance that a positive scores above a negative, ties by half (Mann-Whitney); NaN without both."""
    positive, negative = score[truth > 0.5], score[truth <= 0.5]
    if not len(positive) or not len(negative):
        return float("nan")
    gap = positive[:, None] - negative[None]
    return float(np.mean((gap > 0) + 0.5 * (gap == 0)))


def table(scores: Sequence[Score], marks: dict[str, tuple[Interval, float, int]], heading: str) -> str:
    """Markdown of the probes and of the delineator."""
    lines = [heading, "", "| what | records | constant | embedding | features | both |", "|" + " --- |" * 6]
    for target in TARGETS:
        mine = {s.told_by: s for s in scores if s.target == target.name}
        if mine:
            one = next(iter(mine.values()))
            count = f"{one.records}" if target.unit else f"{one.records} ({one.positives} positive)"
            cells = " | ".join(_cell(mine.get(name)) for name in (CONSTANT, *_INPUTS))
            what = f"{target.name}, MAE in {target.unit}" if target.unit else f"{target.name}, AUROC"
            lines.append(f"| {what} | {count} | {cells} |")
    lines += ["", "| lead II against LUDB | records | MAE, ms | bias, ms |", "|" + " --- |" * 4]
    for name, (error, bias, marked) in marks.items():
        label = name.removesuffix("_ms").upper()
        lines.append(f"| {label} | {marked} | {error.value:.1f} [{error.low:.1f}, {error.high:.1f}] | {bias:+.1f} |")
    return "\n".join(lines) + "\n"


def write(scores: Sequence[Score], marks: dict[str, tuple[Interval, float, int]], heading: str, out: Path) -> None:
    """`ecg.md` and `ecg.csv` of one part."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "ecg.md").write_text(table(scores, marks, heading), encoding="utf-8")
    with (out / "ecg.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["target", "unit", "told_by", "records", "positives", "figure", "low", "high"])
        for s in scores:
            unit = s.unit or "AUROC"
            writer.writerow([s.target, unit, s.told_by, s.records, s.positives, *_numbers(s.figure)])
        for name, (error, _, count) in marks.items():
            writer.writerow([name, "ms", "delineator in lead II", count, "", *_numbers(error)])


def _known(heard: Sequence[Heard], target: Target) -> list[tuple[Heard, float]]:
    told = ((h, target.truth(h.record)) for h in heard)
    return [(h, value) for h, value in told if value is not None]


def _told(learned: list[tuple[Heard, float]], asked: list[Heard], told_by: str, target: Target) -> Float:
    """The probe's answers: ridge, or logistic regression; its penalty by cross-validation on the train part."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, RidgeCV
    from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = np.stack([_input(h, told_by) for h, _ in learned]), np.array([value for _, value in learned])
    if target.unit:
        model = RidgeCV(alphas=_PENALTIES, cv=KFold(_FOLDS, shuffle=True, random_state=0))
    else:
        plain = LogisticRegression(class_weight="balanced", max_iter=2000)
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
        model = GridSearchCV(plain, {"C": [1.0 / p for p in _PENALTIES]}, scoring="roc_auc", cv=folds)
    pipe = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), model)
    pipe.fit(x, y)
    new = np.stack([_input(h, told_by) for h in asked])
    answers = pipe.predict(new) if target.unit else pipe.decision_function(new)
    return np.asarray(answers, dtype=np.float64)


def _input(heard: Heard, told_by: str) -> Float:
    if told_by == BOTH:
        return np.concatenate([heard.embedding, heard.features])
    return heard.embedding if told_by == EMBEDDING else heard.features


def _score(target: Target, told_by: str, truth: Float, answers: Float) -> Score:
    positives = 0 if target.unit else int((truth > 0.5).sum())
    figure = bootstrap_mean(np.abs(answers - truth)) if target.unit else _auroc_interval(truth, answers)
    return Score(target.name, target.unit, told_by, len(truth), positives, figure)


def _auroc_interval(truth: Float, answers: Float) -> Interval:
    """AUROC with its percentile bootstrap interval, resampled by record."""
    rng = np.random.default_rng(0)
    drawn = [auroc(truth[i], answers[i]) for i in rng.integers(0, len(truth), (RESAMPLES, len(truth)))]
    low, high = np.nanpercentile(drawn, (2.5, 97.5))
    return Interval(auroc(truth, answers), float(low), float(high))


def _in_lead_two(beat: Beat) -> dict[str, float | None]:
    marks = lead_intervals(beat, "II")
    return {name: getattr(marks, name) for name in _AXES}


def _cell(score: Score | None) -> str:
    if score is None:
        return "–"
    digits, f = (1, score.figure) if score.unit else (2, score.figure)
    return f"{f.value:.{digits}f} [{f.low:.{digits}f}, {f.high:.{digits}f}]"


def _numbers(interval: Interval) -> list[float]:
    return [round(value, 4) for value in (interval.value, interval.low, interval.high)]


def main() -> None:
    """Probe one part of the split."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=sorted(_PARTS), default="validation")
    parser.add_argument("--data", type=Path, help="folder of records.h5; by default that of COF_DATA")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--out", type=Path, default=Path("runs/ecg_probe"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = given.data or default_folder()
    if folder is None:
        raise UserError("The ECG records to judge on were not found; set COF_DATA to their folder.", code="no-data")
    records = read_records(folder)
    encoder = load_encoder(given.models)
    train, judged = (hear([r for r in records if r.part is p], encoder) for p in (Split.TRAIN, _PARTS[given.part]))
    heading = f"{given.part}: {len(judged)} records, probes fitted on {len(train)}"
    scores, marks = probe(train, judged), delineation(judged)
    write(scores, marks, heading, given.out)
    sys.stdout.write(table(scores, marks, heading))


if __name__ == "__main__":
    main()

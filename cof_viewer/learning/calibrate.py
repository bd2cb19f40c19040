"""Calibrate the 90 % intervals: `python -m cof_viewer.learning.calibrate --cases DIR --models models`.

Split-conformal half-widths (the ceil(0.9 (n + 1))-th smallest error). For real hearts the generator's errors are
cross-fitted: the ACDC patients of train and validation are cut in five, and each fifth is predicted by a generator
that learned from the others. For simulated hearts they are those of the validation patients of a store (`--cohort`),
their anchors segmented, so that the segmenter's errors on simulated pictures are among them. The segmenter's errors on
real pictures are those of its validation patients. Test patients are not touched.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from cof_viewer.cohort.case import MADE_KINDS
from cof_viewer.cohort.real.mri import choose, load_pair, read_manifest
from cof_viewer.cohort.store import Store
from cof_viewer.cohort.volume import volume_of
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.domain.split import Split
from cof_viewer.engine.anchor import prepare_anchor
from cof_viewer.engine.beat_code import CodeStatistics
from cof_viewer.engine.flow import FlowNetwork
from cof_viewer.engine.generator import Generator, draw_numbers
from cof_viewer.engine.intervals import GeneratedCalibration, MeasuredCalibration
from cof_viewer.engine.segmenter import Segmenter
from cof_viewer.engine.weights import amend_about, read_entries
from cof_viewer.learning.fabric_loop import fit
from cof_viewer.learning.flow.cases import EcgCase, LearningCase, load_cases
from cof_viewer.learning.flow.config import FlowTraining, read_config
from cof_viewer.learning.flow.ecgs import load_ecgs
from cof_viewer.learning.flow.judge import conditions
from cof_viewer.learning.flow.statistics import logit_of_ef
from cof_viewer.learning.flow.train import FlowTask
from cof_viewer.learning.segmenter.judge import as_volume

COVERAGE = 0.9
_FOLDS = 5


def conformal_half_width(errors: Sequence[float], coverage: float = COVERAGE) -> float:
    """The ceil(coverage·(n + 1))-th smallest absolute error; the largest where there are too few (Vovk 2005)."""
    ranked = np.sort(np.abs(np.asarray(errors, dtype=float)))
    if not len(ranked):
        raise ValueError("no errors to calibrate on")
    return float(ranked[min(math.ceil(coverage * (len(ranked) + 1)), len(ranked)) - 1])


def logit_errors(
    network: FlowNetwork, statistics: CodeStatistics, cases: list[LearningCase], ecgs: list[EcgCase]
) -> list[float]:
    """Error of the middle member's EF on the logit scale, each case with its ECG."""
    condition = conditions(statistics, cases, ecgs)
    drawn = draw_numbers(network.eval(), statistics, torch.zeros(len(cases), statistics.beat_numbers), condition)
    return [
        logit_of_ef(100 * statistics.read(row).ef) - logit_of_ef(case.beat.ef_percent)
        for row, case in zip(drawn, cases, strict=True)
    ]


def cross_fitted_errors(
    cases: list[LearningCase], ecgs: dict[Split, list[EcgCase]], config: FlowTraining
) -> list[float]:
    """Errors of every real patient with true spacing, predicted by generators that did not learn from them."""
    real = [c for c in cases if c.patient_id.startswith("acdc")]
    rng = np.random.default_rng(config.seed)
    fold_of = dict(zip((c.patient_id for c in real), rng.permutation(len(real)) % _FOLDS, strict=True))
    errors: list[float] = []
    for fold in range(_FOLDS):
        held = [c for c in real if fold_of[c.patient_id] == fold]
        learned = [
            replace(c, part=Split.TRAIN)
            for c in cases
            if fold_of.get(c.patient_id, -1) != fold and (c.part is Split.TRAIN or c.patient_id in fold_of)
        ]
        task = FlowTask(replace(config, seed=config.seed + fold), learned, ecgs)
        with TemporaryDirectory() as folder:
            network = fit(task, task.config, Path(folder))
        heard = _matched(held, ecgs[Split.VALIDATION], rng)
        errors += logit_errors(network.flow, task.statistics, held, heard)  # type: ignore[arg-type]
    return errors


def segmenter_errors(models: Path, data: Path) -> tuple[list[float], list[float], list[float]]:
    """Errors on validation pairs: EDV and ESV as shares (signed), EF in points."""
    segmenter = Segmenter.load(models, torch.device("cpu"))
    edv, esv, ef = [], [], []
    for row in choose(read_manifest(data), "pair", Split.VALIDATION):
        pair = load_pair(row)
        found = [float((segmenter.segment(as_volume(pair, k)).label_map().data == Label.LV).sum()) for k in (0, 1)]
        truth = [float((pair.labels[k] == Label.LV).sum()) for k in (0, 1)]
        edv.append(truth[0] / max(found[0], 1.0) - 1)
        esv.append(truth[1] / max(found[1], 1.0) - 1)
        ef.append(100 * (found[1] / max(found[0], 1.0) - truth[1] / truth[0]))
    return edv, esv, ef


def simulated_errors(models: Path, store: Store, cases: list[LearningCase]) -> tuple[list[float], list[float]]:
    """Errors on a store's simulated validation patients from segmented anchors: logit of EF, and EDV as a share.

    Args:
        models: weights of segmenter and generator.
        store: where the pictures and the true volumes are.
        cases: fitted cases of the same patients, with their ECGs.
    """
    device = torch.device("cpu")
    segmenter, shipped = Segmenter.load(models, device), Generator.load(models, device)
    fitted = {(case.patient_id, case.kind): case for case in cases if case.ecg is not None}
    seen, edv = [], []
    for row in store.choose(kinds=MADE_KINDS, parts=(Split.VALIDATION,)):
        case = fitted.get((row.patient_id, row.kind))
        if case is None:
            continue
        truth = store.load(row.case_id)
        try:
            prepared = prepare_anchor(segmenter, volume_of(truth), device)
        except UserError:  # no heart found: nothing is generated, so nothing needs an interval
            continue
        found = np.count_nonzero(prepared.labels.data == Label.LV) * prepared.volume.grid.voxel_volume_ml
        edv.append(truth.numbers["edv_ml"] / max(found, 1.0) - 1)
        seen.append(replace(case, ed_features=prepared.features))
    own = [case.ecg for case in seen if case.ecg is not None]
    return (logit_errors(shipped.network, shipped.statistics, seen, own) if seen else []), edv


def _matched(cases: list[LearningCase], ecgs: list[EcgCase], rng: np.random.Generator) -> list[EcgCase]:
    from cof_viewer.cohort.real.match import Matcher

    matcher = Matcher([e.group for e in ecgs])
    return [ecgs[int(rng.choice(matcher.candidates(c.group, c.beat.ef_percent)))] for c in cases]


def main(cases_dir: Path, data: Path, models: Path, config: FlowTraining, cohort: Path | None) -> None:
    """Calibrate and write the half-widths beside the weights: the segmenter's, and the generator's real and simulated.

    Without a cohort the simulated half-widths stay as they are.
    """
    cases = load_cases(cases_dir)
    ecgs = {part: load_ecgs(data / "ecg", part, models) for part in (Split.TRAIN, Split.VALIDATION)}
    edv, esv, ef = segmenter_errors(models, data / "mri")
    widths = [conformal_half_width(errors) for errors in (edv, esv, ef)]
    measured = MeasuredCalibration(widths[0], widths[1], widths[2], len(ef))
    amend_about(models, "segmenter", {"calibration": asdict(measured)})
    errors = cross_fitted_errors(cases, ecgs, config)
    real = GeneratedCalibration(conformal_half_width(errors), measured.edv_share, len(errors))
    calibration = dict(read_entries(models)["flow"].about.get("calibration", {})) | {"real": asdict(real)}
    if cohort is not None:
        of_ef, of_edv = simulated_errors(models, Store.open(cohort), cases)
        if of_ef:
            half_widths = conformal_half_width(of_ef), conformal_half_width(of_edv)
            calibration["simulated"] = asdict(GeneratedCalibration(*half_widths, len(of_ef)))
    amend_about(models, "flow", {"calibration": calibration})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=Path("runs/flow/cases"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "flow" / "configs" / "flow.json")
    parser.add_argument("--cohort", type=Path, help="store whose simulated validation patients are calibrated on")
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.cases, given.data, given.models, read_config(given.config), given.cohort)

"""EF of real hearts, cross-fitted: `python -m cof_viewer.evaluation.crossfit --out DIR`.

The real patients with known spacing (ACDC) are cut in five by patient, diagnosis by diagnosis; each fifth is predicted
by a generator that learned from the others, from further real hearts of the train part and from simulated patients.
Nothing of these generators is kept, so patients of every part may take part; `--parts train validation` leaves the
others out while anything is still being chosen. A fold that is done is not done again.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from cof_viewer.cohort.file import write_text_whole
from cof_viewer.cohort.real.mri import Row, choose, read_manifest
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.crossfit_report import HeldOut, write_crossfit
from cof_viewer.evaluation.crossfit_ways import predict
from cof_viewer.learning.flow.build import learn_case
from cof_viewer.learning.flow.cases import UNMATCHED, EcgCase, LearningCase, case_path, load_cases, save_case
from cof_viewer.learning.flow.config import FlowTraining, read_config
from cof_viewer.learning.flow.ecgs import load_ecgs

_SMOOTH_TREES = 300
_METHOD = 2  # raise it when what is learned or asked changes, so that folds made before are made again


@dataclass(frozen=True)
class Plan:
    """What a cross-fitting is made of.

    Attributes:
        folds: how many.
        parts: of the split whose ACDC patients take part.
        config: of every generator's training.
        trees: of the plain extra trees beside it.
    """

    folds: int
    parts: tuple[Split, ...]
    config: FlowTraining
    trees: int = _SMOOTH_TREES

    def plain(self) -> str:
        """As text: a fold that was made by another plan is made again."""
        return json.dumps(
            [_METHOD, self.folds, [p.value for p in self.parts], asdict(self.config), self.trees], sort_keys=True
        )


def folds_of(cases: Sequence[LearningCase], folds: int, seed: int) -> dict[str, int]:
    """Fold of each patient; each diagnosis is dealt out alike, in an order drawn by seed."""
    rng, of_group = np.random.default_rng(seed), defaultdict[str, list[str]](list)
    for case in cases:
        of_group[case.group].append(case.patient_id)
    fold_of: dict[str, int] = {}
    for group in sorted(of_group):
        for patient in rng.permutation(sorted(set(of_group[group]))):
            fold_of[str(patient)] = len(fold_of) % folds
    return fold_of


def cross_fit(
    real: Sequence[LearningCase],
    others: Sequence[LearningCase],
    ecgs: dict[Split, list[EcgCase]],
    plan: Plan,
    out: Path,
) -> list[HeldOut]:
    """Predict every real heart by a generator that did not learn from it.

    Args:
        real: hearts to predict.
        others: learned from in every fold; never predicted.
        ecgs: of the train and validation parts.
        plan: see there.
        out: folder of `fold-K.json`, which are read where they fit the plan.

    Raises:
        UserError: there are fewer hearts than folds.
    """
    if len(real) < plan.folds:
        raise UserError(f"Only {len(real)} real hearts were found for {plan.folds} folds. Look at --data and --parts.")
    fold_of = folds_of(real, plan.folds, plan.config.seed)
    found: list[HeldOut] = []
    for fold in range(plan.folds):
        path = out / f"fold-{fold}.json"
        rows = _read(path, plan)
        if rows is None:
            held = [case for case in real if fold_of[case.patient_id] == fold]
            learned = [case for case in real if fold_of[case.patient_id] != fold] + list(others)
            rows = _fold(held, learned, ecgs, plan)
            _write(path, plan, rows)
        found += rows
    return found


def _fold(
    held: list[LearningCase], learned: list[LearningCase], ecgs: dict[Split, list[EcgCase]], plan: Plan
) -> list[HeldOut]:
    said: dict[str, dict[str, tuple[float, ...]]] = defaultdict(dict)
    for one in predict(learned, held, ecgs, plan.config, plan.trees):
        said[one.patient_id][one.way] = one.ef_percent
    return [
        HeldOut(
            case.patient_id, case.group, case.part.value, _edv_ml(case), case.beat.ef_percent, said[case.patient_id]
        )
        for case in held
    ]


def _edv_ml(case: LearningCase) -> float:
    """LV volume of the anchor: the anatomy vector begins with log(mL + 1)."""
    return float(np.expm1(case.ed_features[0]))


def _read(path: Path, plan: Plan) -> list[HeldOut] | None:
    if not path.is_file():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return [HeldOut.read(row) for row in kept["hearts"]] if kept["plan"] == plan.plain() else None


def _write(path: Path, plan: Plan, rows: Sequence[HeldOut]) -> None:
    text = json.dumps({"plan": plan.plain(), "hearts": [asdict(row) for row in rows]}, indent=1)
    write_text_whole(path, text + "\n")


def real_hearts(rows: Sequence[Row], folders: Sequence[Path], made: Path) -> list[LearningCase]:
    """Fitted ACDC hearts, read where a folder has them, else fitted now and kept in `made`."""
    made.mkdir(parents=True, exist_ok=True)
    known = {c.patient_id: c for folder in (*folders, made) for c in load_cases(folder) if c.kind == UNMATCHED}
    for row in rows:
        if row.patient_id not in known and not case_path(made, row.patient_id, UNMATCHED).exists():
            known[row.patient_id] = learn_case(row)
            save_case(known[row.patient_id], made)
    return [known[row.patient_id] for row in rows]


def main(data: Path, cases: Path, models: Path, plan: Plan, out: Path) -> Path:
    """Cross-fit and write `crossfit.json` and `crossfit.md`; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    rows = choose(read_manifest(data / "mri"), "pair", *plan.parts, dataset="acdc")
    real = real_hearts(rows, [cases], out / "cases")
    taking_part = {case.patient_id for case in real}
    others = [c for c in load_cases(cases) if c.part is Split.TRAIN and c.patient_id not in taking_part]
    ecgs: dict[Split, list[EcgCase]] = {}
    if any(_read(out / f"fold-{fold}.json", plan) is None for fold in range(plan.folds)):
        ecgs = {part: load_ecgs(data / "ecg", part, models) for part in (Split.TRAIN, Split.VALIDATION)}
    return write_crossfit(cross_fit(real, others, ecgs, plan, out), out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cases", type=Path, default=Path("runs/flow/cases"), help="fitted cases of learning.flow")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--config", type=Path, default=Path(__file__).parents[1] / "learning/flow/configs/flow.json")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--parts", nargs="+", type=Split, default=list(Split))
    given = parser.parse_args()
    torch.set_num_threads(1)
    chosen = Plan(given.folds, tuple(given.parts), read_config(given.config, seed=given.seed))
    main(given.data, given.cases, given.models, chosen, given.out)

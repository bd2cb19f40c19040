"""Ways to say a real heart's EF from its ED shape and an ECG, each learned from the other folds' hearts alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.cohort.real.match import COMPANY, HIGH_EF_PERCENT, LOW_EF_PERCENT, Matcher
from cof_viewer.domain.split import Split
from cof_viewer.engine.beat_code import CodeStatistics
from cof_viewer.engine.ef_forest import EfForest
from cof_viewer.engine.flow import Condition, FlowNetwork
from cof_viewer.engine.generator import draw_numbers
from cof_viewer.learning.fabric_loop import fit
from cof_viewer.learning.flow.cases import EcgCase, LearningCase
from cof_viewer.learning.flow.config import FlowTraining
from cof_viewer.learning.flow.draws import hear_rate_only
from cof_viewer.learning.flow.forest import grow, shapes_of
from cof_viewer.learning.flow.judge import conditions
from cof_viewer.learning.flow.train import FlowTask

Float = NDArray[np.float64]
MATCHES = 6
"""ECGs that every held-out heart is met with, one after the other."""

WAYS = {
    "cof, no ECG": "the generator, from the anchor alone",
    "cof, rate": "it hears the heart rate of a matched ECG and nothing else",
    "cof, matched ECG": "it hears an ECG matched by diagnosis and EF class",
    "cof, wrong ECG": "it hears an ECG of hearts unlike this one, on purpose",
    "forest": "the generator's own forest on the shape, its median",
    "forest, class of the match": "the same, told the class of the matched record: what the match itself gives away",
    "trees": "extra trees on the shape, their mean (300 trees, real hearts only)",
    "constant": "the median EF of the hearts learned from",
}


@dataclass(frozen=True)
class Predicted:
    """What one way says of one heart: EF in percent, once for every ECG that it was met with."""

    way: str
    patient_id: str
    ef_percent: tuple[float, ...]


def predict(
    learned: Sequence[LearningCase],
    held: Sequence[LearningCase],
    ecgs: dict[Split, list[EcgCase]],
    config: FlowTraining,
    forest_trees: int,
) -> list[Predicted]:
    """Train on some hearts and say the EF of others in every way of `WAYS`.

    Args:
        learned: hearts of any part and simulated patients, all of them learned from.
        held: real hearts that are not among them.
        ecgs: records that learning hearts meet (train) and held-out hearts meet (validation).
        config: of the generator's training.
        forest_trees: of the plain extra trees beside it.
    """
    task = FlowTask(config, [replace(case, part=Split.TRAIN) for case in learned], ecgs)
    with TemporaryDirectory() as folder:
        network: Any = fit(task, config, Path(folder))
    rng = np.random.default_rng(config.seed)
    right, wrong = (_company(held, ecgs[Split.VALIDATION], rng, wrongly=w) for w in (False, True))
    said = _by_flow(network.flow.eval(), task.statistics, held, right, wrong)
    assert task.statistics.forest_ed is not None
    said |= _by_forest(task.statistics.forest_ed, held)
    said["forest, class of the match"] = _by_class(learned, held, right, config.seed)
    real = [case for case in learned if not case.by_cause]
    said["trees"] = _by_trees(real, held, forest_trees)
    middle = float(np.median([c.beat.ef_percent for c in real if c.patient_id.startswith("acdc")]))
    said["constant"] = np.full((len(held), 1), middle)
    return [
        Predicted(way, case.patient_id, tuple(float(v) for v in row))
        for way, rows in said.items()
        for case, row in zip(held, rows, strict=True)
    ]


def _by_flow(
    network: FlowNetwork,
    statistics: CodeStatistics,
    held: Sequence[LearningCase],
    right: list[list[EcgCase]],
    wrong: list[list[EcgCase]],
) -> dict[str, Float]:
    """EF of the generator's middle member, [hearts, ECGs]."""

    def say(ecgs: list[list[EcgCase]], change: Callable[[Condition], Condition] = lambda c: c) -> Float:
        pairs = [(case, ecg) for case, some in zip(held, ecgs, strict=True) for ecg in some]
        condition = change(conditions(statistics, [case for case, _ in pairs], [ecg for _, ecg in pairs]))
        drawn = draw_numbers(network, statistics, torch.zeros(len(pairs), statistics.beat_numbers), condition)
        return np.array([100 * statistics.read(row).ef for row in drawn]).reshape(len(held), -1)

    return {
        "cof, no ECG": say([some[:1] for some in right], lambda c: replace(c, has_ecg=torch.zeros_like(c.has_ecg))),
        "cof, rate": say(right, _rate_alone),
        "cof, matched ECG": say(right),
        "cof, wrong ECG": say(wrong),
    }


def _rate_alone(condition: Condition) -> Condition:
    silent = torch.zeros_like(condition.embedding)
    return replace(condition, intervals=hear_rate_only(condition.intervals), embedding=silent)


def _company(
    hearts: Sequence[LearningCase], ecgs: list[EcgCase], rng: np.random.Generator, *, wrongly: bool
) -> list[list[EcgCase]]:
    """The ECGs that every heart meets."""
    matcher = Matcher([ecg.group for ecg in ecgs])
    find = matcher.wrong_candidates if wrongly else matcher.candidates
    return [[ecgs[int(k)] for k in rng.choice(find(h.group, h.beat.ef_percent), MATCHES)] for h in hearts]


def _by_forest(forest: EfForest, held: Sequence[LearningCase]) -> dict[str, Float]:
    quantiles = forest.quantiles(torch.from_numpy(shapes_of(list(held), es_anchor=False)))
    return {"forest": 100 * torch.sigmoid(quantiles[:, 1:2]).double().numpy()}


def _by_class(
    learned: Sequence[LearningCase], held: Sequence[LearningCase], ecgs: list[list[EcgCase]], seed: int
) -> Float:
    """Median of the forest's hearts, each weighted by how well its diagnosis goes with the class of the record.

    The class is the true one of the record, not what an ECG shows: a bound on what matching can tell.
    """
    ranked = sorted(learned, key=lambda case: case.beat.ef_percent)
    shares = grow(list(learned), es_anchor=False, seed=seed).hearts(torch.from_numpy(shapes_of(list(held), False)))
    ef, sizes = np.array([case.beat.ef_percent for case in ranked]), _records_by_heart(ecgs)
    out = np.empty((len(held), MATCHES))
    for row, (share, some) in enumerate(zip(shares.double().numpy(), ecgs, strict=True)):
        for column, ecg in enumerate(some):
            fit_of = {d: (ecg.group in COMPANY[d]) / max(sizes[d], 1) + 1e-4 for d in COMPANY}
            weight = share * np.array([np.mean([fit_of[d] for d in _diagnoses(case)]) for case in ranked])
            reached = np.cumsum(weight)
            out[row, column] = ef[np.searchsorted(reached, 0.5 * reached[-1])]
    return out


def _records_by_heart(ecgs: list[list[EcgCase]]) -> dict[str, int]:
    """How many different records go with each diagnosis."""
    every = {id(ecg): ecg.group for some in ecgs for ecg in some}.values()
    return {diagnosis: sum(group in wanted for group in every) for diagnosis, wanted in COMPANY.items()}


def _diagnoses(case: LearningCase) -> tuple[str, ...]:
    """Diagnoses that a heart may have: its own, or those of its EF class (as `Matcher` has it)."""
    if case.group in COMPANY:
        return (case.group,)
    if case.beat.ef_percent < LOW_EF_PERCENT:
        return ("DCM", "MINF")
    return ("HCM", "NOR") if case.beat.ef_percent > HIGH_EF_PERCENT else ("NOR", "RV")


def _by_trees(real: Sequence[LearningCase], held: Sequence[LearningCase], trees: int) -> Float:
    from sklearn.ensemble import ExtraTreesRegressor

    model = ExtraTreesRegressor(trees, min_samples_leaf=2, random_state=0)
    model.fit(shapes_of(list(real), False), [case.beat.ef_percent for case in real])
    return np.asarray(model.predict(shapes_of(list(held), False)))[:, None]

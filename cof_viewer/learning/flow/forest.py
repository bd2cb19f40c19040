"""Grow the forests that read EF off an anchor's shape, and what they say of hearts that they did not learn from."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.engine.ef_forest import QUANTILES, EfForest
from cof_viewer.learning.flow.cases import LearningCase
from cof_viewer.learning.flow.statistics import logit_of_ef

TREES = 100
_FOLDS = 5
_LEAST_IN_A_LEAF = 2
_WEIGHT_BY_CAUSE = 0.1
"""Of a simulated heart beside a real one: more of them pull the forest away from real hearts (8.6 -> 8.8 points)."""


def grow(cases: list[LearningCase], es_anchor: bool, seed: int, trees: int = TREES) -> EfForest:
    """One forest from the ED (or ES) shapes of learning cases, every split chosen among all features.

    Args:
        cases: at least two.
        es_anchor: learn from the shapes at ES.
        seed: of the random thresholds.
        trees: how many.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    ranked = sorted(cases, key=lambda case: case.beat.ef_percent)
    shapes = shapes_of(ranked, es_anchor)
    logit = np.array([logit_of_ef(case.beat.ef_percent) for case in ranked])
    ef = np.array([case.beat.ef_percent for case in ranked])
    weight = np.array([_WEIGHT_BY_CAUSE if _mixed(cases) and case.by_cause else 1.0 for case in ranked])
    forest = ExtraTreesRegressor(trees, min_samples_leaf=_LEAST_IN_A_LEAF, max_features=1.0, random_state=seed)
    forest.fit(shapes, ef, sample_weight=weight)
    nodes = max(tree.tree_.node_count for tree in forest.estimators_)

    def every(name: str, fill: int, kind: Any) -> Tensor:
        rows = np.full((trees, nodes), fill, dtype=kind)
        for row, tree in zip(rows, forest.estimators_, strict=True):
            row[: tree.tree_.node_count] = getattr(tree.tree_, name)
        return torch.from_numpy(rows)

    return EfForest(
        every("feature", 0, np.int16),
        every("threshold", 0, np.float32),
        every("children_left", -1, np.int16),
        every("children_right", -1, np.int16),
        torch.from_numpy(forest.apply(shapes).T.astype(np.int16)),
        torch.from_numpy(weight.astype(np.float32)),
        torch.from_numpy(logit.astype(np.float32)),
    )


def said_of_strangers(cases: list[LearningCase], es_anchor: bool, seed: int) -> Tensor:
    """[cases, 3] quantiles of logit EF, each case by a forest that did not learn from its patient.

    A forest knows its own learning hearts by heart; the flow must learn how far to trust one that meets a stranger.
    """
    out = torch.zeros(len(cases), len(QUANTILES))
    folds = min(_FOLDS, len(cases))
    fold = np.random.default_rng(seed).permutation(len(cases)) % folds
    for held in range(folds):
        learned = [case for case, k in zip(cases, fold, strict=True) if k != held]
        index = np.flatnonzero(fold == held)
        forest = grow(learned or cases, es_anchor, seed + held)
        shapes = torch.from_numpy(shapes_of([cases[k] for k in index], es_anchor))
        out[torch.from_numpy(index)] = forest.quantiles(shapes)
    return out


def shapes_of(cases: list[LearningCase], es_anchor: bool) -> NDArray[np.float32]:
    """[cases, features] anatomy vectors at ED or ES."""
    return np.stack([case.es_features if es_anchor else case.ed_features for case in cases])


def _mixed(cases: list[LearningCase]) -> bool:
    """Whether there are hearts by cause and others."""
    return len({case.by_cause for case in cases}) == 2

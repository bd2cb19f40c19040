"""The forest of the engine says what scikit-learn's says, and its quantiles are those of the hearts in its leaves."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from cof_viewer.engine.beat_code import CodeStatistics
from cof_viewer.engine.ef_forest import EfForest
from cof_viewer.engine.flow import Condition
from cof_viewer.engine.generator import draw_numbers
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.learning.flow.cases import EcgCase, LearningCase
from cof_viewer.learning.flow.forest import grow, said_of_strangers, shapes_of
from cof_viewer.learning.flow.statistics import learn_statistics
from cof_viewer.signal.features import FEATURE_NAMES
from tests.learning.made import hearts


@pytest.fixture(scope="module")
def cases() -> list[LearningCase]:
    return hearts(60)


def by_hand() -> EfForest:
    """One tree, one question: is feature 1 at most 0.5? Two hearts left (EF logit -1, 1), one right (2)."""
    return EfForest(
        feature=torch.tensor([[1, -2, -2]], dtype=torch.int16),
        threshold=torch.tensor([[0.5, 0.0, 0.0]]),
        left=torch.tensor([[1, -1, -1]], dtype=torch.int16),
        right=torch.tensor([[2, -1, -1]], dtype=torch.int16),
        leaf=torch.tensor([[1, 1, 2]], dtype=torch.int16),
        weight=torch.tensor([1.0, 3.0, 1.0]),
        ef_logit=torch.tensor([-1.0, 1.0, 2.0]),
    )


def test_a_tree_by_hand() -> None:
    forest = by_hand()
    features = torch.tensor([[9.0, 0.5], [9.0, 0.6]])
    assert forest.leaves(features).tolist() == [[1], [2]]
    assert torch.allclose(forest.hearts(features), torch.tensor([[0.25, 0.75, 0.0], [0.0, 0.0, 1.0]]))
    assert forest.quantiles(features).tolist() == [[-1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]


def test_leaves_agree_with_scikit_learn(cases) -> None:
    from sklearn.ensemble import ExtraTreesRegressor

    forest = grow(cases, es_anchor=False, seed=3, trees=20)
    ranked = sorted(cases, key=lambda case: case.beat.ef_percent)
    shapes = shapes_of(ranked, False)
    model = ExtraTreesRegressor(20, min_samples_leaf=2, max_features=1.0, random_state=3)
    model.fit(shapes, [case.beat.ef_percent for case in ranked])
    asked = shapes + np.random.default_rng(0).normal(0, 0.3, shapes.shape).astype(np.float32)
    assert np.array_equal(forest.leaves(torch.from_numpy(asked)).numpy(), model.apply(asked))
    mean = (forest.hearts(torch.from_numpy(asked)) @ torch.tensor([c.beat.ef_percent for c in ranked])).numpy()
    assert mean == pytest.approx(model.predict(asked), abs=1e-3)


def test_quantiles_rise_and_survive_storage(cases) -> None:
    forest = grow(cases, es_anchor=False, seed=0, trees=20)
    back = EfForest.from_tensors(forest.tensors())
    shapes = torch.from_numpy(shapes_of(cases, False))
    quantiles = back.quantiles(shapes)
    assert torch.equal(quantiles, forest.quantiles(shapes))
    assert bool((quantiles.diff(dim=1) >= 0).all())


def test_strangers_are_judged_less_surely_than_learning_hearts(cases) -> None:
    truth = np.array([case.beat.ef_percent for case in cases])
    known = torch.sigmoid(grow(cases, False, 0).quantiles(torch.from_numpy(shapes_of(cases, False))))[:, 1] * 100
    strange = torch.sigmoid(said_of_strangers(cases, False, 0))[:, 1] * 100
    assert np.abs(known.numpy() - truth).mean() < np.abs(strange.numpy() - truth).mean()


def test_the_flow_counts_ef_from_the_forests_median(cases: list[LearningCase]) -> None:
    plain = learn_statistics(cases, [made_ecg()], modes=3)
    told = replace(plain, forest_ed=grow(cases, False, 0), forest_es=grow(cases, True, 0))
    shapes = torch.from_numpy(shapes_of(cases[:4], False))
    anatomy, ones = told.anatomy_condition(shapes, False), torch.ones(4, 1)
    assert anatomy.shape[1] == told.anatomy_numbers == plain.anatomy_numbers + 3
    median = told.forest_median(anatomy, ones)
    assert torch.allclose(median * told.deviation[0] + told.mean[0], told.forest_ed.quantiles(shapes)[:, 1], atol=1e-5)
    assert not told.forest_median(anatomy, 0 * ones).any()
    assert not plain.forest_median(plain.anatomy_condition(shapes, False), ones).any()
    back = CodeStatistics.from_tensors(told.tensors())
    assert torch.equal(back.anatomy_condition(shapes, False), anatomy)

    condition = Condition(anatomy, 0 * ones, torch.zeros(4, 71), torch.zeros(4, 768), ones, ones)
    numbers = draw_numbers(_Still(), told, torch.zeros(4, told.beat_numbers), condition)
    assert torch.equal(numbers[:, told.modes], median)
    assert [told.read(row).ef for row in numbers] == pytest.approx(
        torch.sigmoid(told.forest_ed.quantiles(shapes)[:, 1]).tolist(), abs=1e-4
    )


class _Still:
    """A flow that leaves everything where it is."""

    def embed(self, condition: Condition) -> torch.Tensor:
        return condition.anatomy

    def __call__(self, x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
        return torch.zeros_like(x)


def made_ecg() -> EcgCase:
    marks = TimeMarks(150.0, 320.0, 520.0, 900.0)
    return EcgCase("normal", np.zeros(len(FEATURE_NAMES), np.float32), np.zeros(768, np.float32), marks)

"""Methods that make numbers and a curve, but no picture: a constant EF, and extra trees on ED's shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cof_viewer.evaluation.anchor import Anchor
from cof_viewer.evaluation.beat import EvaluatedBeat, counted_ml
from cof_viewer.evaluation.methods.base import Lesson, Method, Tools
from cof_viewer.evaluation.methods.learners import EfTrees


@dataclass
class MeanCurve:
    """How the train patients' ventricles empty: the mean curve with the mean place of ES.

    Attributes:
        emptied: [t], 0 at ED, 1 at ES.
        es: place of ES, share of RR.
    """

    emptied: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    es: float = 0.0

    def fit(self, lessons: Sequence[Lesson]) -> None:
        """Average curves that were first laid ES on ES."""
        self.es = float(np.mean([lesson.es_fraction for lesson in lessons]))
        self.emptied = np.mean([retimed(x.curve, x.es_fraction, self.es) for x in lessons], axis=0)
        self.emptied /= self.emptied.max()

    def beat(self, edv_ml: float, ef_percent: float, es: float) -> EvaluatedBeat:
        """A beat of this EDV and EF with ES at a place."""
        emptied = retimed(self.emptied, self.es, es)
        return EvaluatedBeat(edv_ml * (1 - ef_percent / 100.0 * emptied), ef_percent, es)


def retimed(curve: NDArray[np.float64], es_from: float, es_to: float) -> NDArray[np.float64]:
    """A curve [t] over one beat, its time stretched piece by piece so that ES moves from one place to another."""
    count = len(curve)
    places = np.interp(np.arange(count) / count, [0.0, es_to, 1.0], [0.0, es_from, 1.0])
    return np.asarray(np.interp(places, np.arange(count + 1) / count, np.append(curve, curve[0])), dtype=np.float64)


@dataclass
class ConstantEf(Method):
    """The train patients' mean EF for everybody, on the anchor's measured EDV."""

    name: str = "constant"
    words: str = "the train patients' mean EF for everybody"
    learns = True
    _ef: float = 0.0
    _curve: MeanCurve = field(default_factory=MeanCurve)

    def fit(self, lessons: Sequence[Lesson]) -> None:
        """Average."""
        self._ef = float(np.mean([lesson.ef_percent for lesson in lessons]))
        self._curve.fit(lessons)

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """EDV is the anchor's own."""
        return self._curve.beat(float(counted_ml(anchor.labels[None], anchor.slice_mm)[0]), self._ef, self._curve.es)


@dataclass
class Trees(Method):
    """EF and ES by extra trees on the anchor's shape, on the anchor's measured EDV."""

    name: str = "trees"
    words: str = "extra trees on the shape of ED"
    learns = True
    _trees: EfTrees = field(default_factory=EfTrees)
    _curve: MeanCurve = field(default_factory=MeanCurve)

    def fit(self, lessons: Sequence[Lesson]) -> None:
        """Learn from the train cases."""
        self._trees.fit(lessons)
        self._curve.fit(lessons)

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """EDV is the anchor's own."""
        ef, es = self._trees.predict(anchor)
        return self._curve.beat(float(counted_ml(anchor.labels[None], anchor.slice_mm)[0]), ef, es)


def number_methods() -> list[Method]:
    """Constant EF and extra trees."""
    return [ConstantEf(), Trees()]

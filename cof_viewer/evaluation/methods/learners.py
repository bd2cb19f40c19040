"""Learners shared by the baselines: EF from ED's shape by extra trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cof_viewer.evaluation.anchor import Anchor, geometry
from cof_viewer.evaluation.methods.base import Lesson

TREES = 300
_LEAST_LEAF = 2


@dataclass
class EfTrees:
    """Extra trees (Geurts 2006) from the anchor's shape to EF and the place of ES."""

    _model: Any = None

    def fit(self, lessons: Sequence[Lesson]) -> None:
        """Learn from the train cases."""
        from sklearn.ensemble import ExtraTreesRegressor

        given = np.stack([lesson.geometry for lesson in lessons])
        wanted = np.array([(lesson.ef_percent, 100 * lesson.es_fraction) for lesson in lessons])
        model = ExtraTreesRegressor(TREES, min_samples_leaf=_LEAST_LEAF, random_state=0, n_jobs=1)
        self._model = model.fit(given, wanted)

    def predict(self, anchor: Anchor) -> tuple[float, float]:
        """EF in percent and the place of ES as a share of RR."""
        ef, es = self._model.predict(geometry(anchor.labels, anchor.slice_mm)[None])[0]
        return float(ef), float(es) / 100.0

    def ef_percent(self, anchor: Anchor) -> float:
        """EF alone."""
        return self.predict(anchor)[0]

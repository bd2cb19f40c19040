"""Beats by a field on the lattice: not moved at all, moved by the train patients' mean, by a regressed motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cof_viewer.evaluation.alignment import frame_of, placed
from cof_viewer.evaluation.anchor import Anchor
from cof_viewer.evaluation.beat import EvaluatedBeat, Float, counted_ml, ef_of_curve, es_fraction
from cof_viewer.evaluation.lattice import Warp, inverse
from cof_viewer.evaluation.methods.base import Lesson, Method, Tools
from cof_viewer.evaluation.methods.learners import EfTrees

_AMOUNTS = (0.05, 3.0)
_HALVINGS = 12


class StaticMethod(Method):
    """The anchor, repeated: what a method must beat on pictures."""

    name = "static"
    words = "the anchor, not moved"

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """EF 0, no ES."""
        labels = np.broadcast_to(anchor.labels, (anchor.phases, *anchor.labels.shape))
        picture = np.broadcast_to(anchor.picture, labels.shape)
        return EvaluatedBeat(counted_ml(labels, anchor.slice_mm), 0.0, float("nan"), labels, picture)


@dataclass
class MeanMotion(Method):
    """The mean motion of the train patients in the common frame, warped on; scaled to a predicted EF if asked."""

    name: str = "mean"
    words: str = "the train patients' mean motion"
    scaled: bool = False
    learns = True
    _mean: NDArray[np.float32] | None = None
    _trees: EfTrees = field(default_factory=EfTrees)

    def fit(self, lessons: Sequence[Lesson]) -> None:
        """Average the motions; learn EF from geometry where it is scaled."""
        total = np.zeros(lessons[0].motion.shape, np.float64)
        for lesson in lessons:
            total += lesson.motion
        self._mean = np.asarray(total / len(lessons), np.float32)
        if self.scaled:
            self._trees.fit(lessons)

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """Warp the anchor by the mean."""
        assert self._mean is not None
        motion = placed(self._mean, frame_of(anchor.labels, anchor.slice_mm))
        ef = self._trees.ef_percent(anchor) if self.scaled else None
        return beat_of_field(motion, anchor, ef)


def beat_of_field(pull_back_mm: Float, anchor: Anchor, ef_percent: float | None = None) -> EvaluatedBeat:
    """The anchor under a pull-back [t, z, 48, 48, 3], first scaled so that the soft volumes meet an EF if given."""
    warp = Warp.of(anchor.labels, anchor.picture, anchor.slice_mm)
    if ef_percent is not None:
        pull_back_mm = pull_back_mm * np.float32(amount_for(warp, pull_back_mm, ef_percent))
    phases = [warp.phase(field_mm) for field_mm in pull_back_mm]
    labels, pictures, volumes = zip(*phases, strict=True)
    curve = np.array(volumes)
    return EvaluatedBeat(
        lv_ml=curve,
        ef_percent=ef_of_curve(curve),
        es_fraction=es_fraction(curve),
        labels=np.stack(labels),
        picture=np.stack(pictures),
        pull_back_mm=pull_back_mm,
        push_forward_mm=inverse(pull_back_mm, anchor.slice_mm),
    )


def amount_for(warp: Warp, pull_back_mm: Float, ef_percent: float) -> float:
    """Factor on a motion at which the LV is left with 1 - EF at the phase of the largest motion; by halving."""
    still = warp.lv_ml(np.zeros_like(pull_back_mm[0]))
    late = int(np.argmin([warp.lv_ml(field_mm) for field_mm in pull_back_mm]))
    target, (low, high) = still * (1 - ef_percent / 100.0), _AMOUNTS
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if warp.lv_ml(pull_back_mm[late] * np.float32(middle)) > target:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def moved_methods() -> list[Method]:
    """Not moved, mean motion, and that scaled to the EF that extra trees see in the anchor."""
    return [
        StaticMethod(),
        MeanMotion(),
        MeanMotion("mean-scaled", "the mean motion, scaled to the EF that extra trees predict from ED", scaled=True),
    ]

"""Direct regression: anatomy and ECG to the modes of motion and to EF, without a generator.

Ridge regression (its strength by cross-validation over the train patients) on the anchor's shape and the measured ECG;
the modes are the principal components of the train patients' motion over the whole beat in the common frame. The
motion is then scaled to the regressed EF. It gives the mean of what the conditions allow, which is a strong competitor
on mean errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.evaluation.alignment import frame_of, placed
from cof_viewer.evaluation.anchor import Anchor, ecg_numbers, geometry
from cof_viewer.evaluation.beat import EvaluatedBeat
from cof_viewer.evaluation.methods.base import Lesson, Method, Tools
from cof_viewer.evaluation.methods.moved import beat_of_field

MODES = 12
_STRENGTHS = tuple(10.0**k for k in range(-1, 6))
_EF_LIMITS = (4.0, 88.0)
_CLIP = 3.5


@dataclass
class Regression(Method):
    """Ridge regression of motion modes and EF."""

    name: str = "regression"
    words: str = "ridge regression of 12 motion modes and EF on shape and ECG"
    learns = True
    _middle: NDArray[np.float64] | None = None
    _spread: NDArray[np.float64] | None = None
    _model: Any = None
    _mean: NDArray[np.float32] | None = None
    _modes: NDArray[np.float32] | None = None
    _shape: tuple[int, ...] = ()
    _ef: tuple[float, float] = (0.0, 1.0)

    def fit(self, lessons: Sequence[Lesson]) -> None:
        """Find the modes, then the regression."""
        from sklearn.linear_model import RidgeCV

        scores = self._find_modes(lessons)
        ef = np.array([lesson.ef_percent for lesson in lessons])
        self._ef = float(ef.mean()), float(max(ef.std(), 1e-6))
        wanted = np.column_stack([scores, (ef - self._ef[0]) / self._ef[1]])
        given = np.stack([np.concatenate([lesson.geometry, lesson.ecg]) for lesson in lessons])
        given = np.where(np.isfinite(given), given, np.nan)
        known = np.isfinite(given).any(axis=0)
        self._middle, self._spread = np.zeros(given.shape[1]), np.ones(given.shape[1])
        self._middle[known] = np.nanmean(given[:, known], axis=0)
        self._spread[known] = np.maximum(np.nanstd(given[:, known], axis=0), 1e-6)
        self._model = RidgeCV(_STRENGTHS, alpha_per_target=True).fit(self._standard(given), wanted)

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """Warp the anchor by the regressed motion."""
        assert self._mean is not None
        assert self._modes is not None
        given = np.concatenate([geometry(anchor.labels, anchor.slice_mm), ecg_numbers(anchor.ecg)])
        *scores, ef = self._model.predict(self._standard(given[None]))[0]
        common = self._mean + np.tensordot(np.asarray(scores, np.float32), self._modes, 1)
        motion = placed(common.reshape(self._shape), frame_of(anchor.labels, anchor.slice_mm))
        return beat_of_field(motion, anchor, float(np.clip(ef * self._ef[1] + self._ef[0], *_EF_LIMITS)))

    def _find_modes(self, lessons: Sequence[Lesson]) -> NDArray[np.float64]:
        """Principal components by the Gram matrix of the cases; their scores, each of spread 1."""
        rows = np.stack([lesson.motion.ravel() for lesson in lessons]).astype(np.float32)
        self._shape = lessons[0].motion.shape
        self._mean = rows.mean(axis=0)
        rows -= self._mean
        _, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
        left = vectors[:, ::-1][:, : max(1, min(MODES, len(lessons) - 1))]
        root = np.sqrt(len(lessons))
        self._modes = np.asarray((left / root).T.astype(np.float32) @ rows, np.float32)
        return np.asarray(left * root)

    def _standard(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        assert self._middle is not None
        assert self._spread is not None
        scaled = (given - self._middle) / self._spread
        return np.clip(np.where(np.isfinite(scaled), scaled, 0.0), -_CLIP, _CLIP)

"""Random batches for the flow: a heart at ED or ES, an ECG or a part of it, and the beat that belongs to both.

A heart whose ECG was only matched has no true times: its marks are scattered about what the ECG leads to expect. A
heart by cause (simulated, or a real pair) has its own ECG and its own times.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cof_viewer.cohort.real.match import Matcher
from cof_viewer.domain.ecg import Intervals
from cof_viewer.engine.beat_code import TIME_NUMBERS, CodeStatistics
from cof_viewer.engine.motion.time_law import TimeMarks, expected_marks, standard_marks
from cof_viewer.learning.flow.cases import EcgCase, LearningCase
from cof_viewer.learning.flow.config import FlowTraining
from cof_viewer.learning.flow.forest import said_of_strangers, shapes_of
from cof_viewer.learning.flow.statistics import beat_numbers, time_shifts_ms
from cof_viewer.signal.features import FEATURE_NAMES

FULL, RATE_ONLY, NOTHING = 0, 1, 2
"""How much of an ECG is heard."""


class Draws:
    """Random batches of (x0, x1, tau, condition)."""

    def __init__(
        self, statistics: CodeStatistics, cases: list[LearningCase], ecgs: list[EcgCase], config: FlowTraining
    ) -> None:
        """Compute what does not change.

        Args:
            statistics: see there.
            cases: learning cases of any kind.
            ecgs: records to match with the hearts that have none.
            config: see there.
        """
        self._config, self._statistics = config, statistics
        roles, none = (False, True), torch.zeros(TIME_NUMBERS)
        self._x0 = torch.stack([torch.stack([beat_numbers(statistics, c, es, none) for c in cases]) for es in roles])
        self._shifts = torch.stack([standard_shifts(statistics, case) for case in cases])
        shapes = [statistics.standard_anatomy(torch.from_numpy(shapes_of(cases, es)), es) for es in roles]
        self._anatomy = torch.stack(shapes)
        self._forest = torch.stack([statistics.standard_ef(said_of_strangers(cases, es, config.seed)) for es in roles])
        own = [case.ecg for case in cases if case.by_cause and case.ecg is not None]
        every = ecgs + own
        self._intervals = statistics.standard_intervals(torch.from_numpy(np.stack([e.intervals for e in every])))
        self._embedding = torch.from_numpy(np.stack([e.embedding for e in every]))
        self._cause = np.array([case.by_cause for case in cases])
        self._company = _company(cases, ecgs)
        self._chance = _chances(cases, self._cause, config)

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """x0, x1, tau, then the six parts of `Condition`."""
        config, size = self._config, self._config.batch
        case = rng.choice(len(self._chance), size, p=self._chance)
        es = (rng.random(size) < config.es_anchors).astype(int)
        ecg = np.array([self._company[c][int(rng.integers(len(self._company[c])))] for c in case])
        cause = self._cause[case]
        heard = self._heard(rng, cause)
        x0 = self._x0[es, case].clone()
        scatter = normal(rng, (size, TIME_NUMBERS))
        x0[:, -TIME_NUMBERS:] = torch.where(torch.from_numpy(cause)[:, None], self._shifts[case, heard], scatter)
        noise = np.where(cause, config.anatomy_noise_by_cause, config.anatomy_noise).astype(np.float32)
        anatomy = self._anatomy[es, case]
        anatomy = anatomy + torch.from_numpy(noise)[:, None] * normal(rng, tuple(anatomy.shape))
        anatomy = torch.cat([anatomy, self._forest[es, case]], dim=1)
        intervals, embedding = self._intervals[ecg].clone(), self._embedding[ecg].clone()
        only = torch.from_numpy(heard == RATE_ONLY)
        intervals[only], embedding[only] = hear_rate_only(intervals[only]), 0.0
        tau = torch.from_numpy(rng.random((size, 1)).astype(np.float32))
        seen = _column(rng.random(size) >= config.drop_anatomy)
        x0[:, self._statistics.modes] -= self._statistics.forest_median(anatomy, seen)
        condition = (anatomy, _column(es), intervals, embedding, seen, _column(heard != NOTHING))
        return (x0, normal(rng, tuple(x0.shape)), tau, *condition)

    def _heard(self, rng: np.random.Generator, cause: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
        """[n] how much of each ECG is heard."""
        config, lot = self._config, rng.random(len(cause))
        dropped = np.where(cause, config.drop_ecg_by_cause, config.drop_ecg)
        rate = np.where(cause, config.rate_only, 0.0)
        return np.where(lot < dropped, NOTHING, np.where(lot < dropped + rate, RATE_ONLY, FULL))


def hear_rate_only(intervals: Tensor) -> Tensor:
    """Standard ECG numbers [n, numbers] with everything but RR at the mean, as the engine hears "all-but-rate"."""
    kept = torch.zeros_like(intervals)
    index = FEATURE_NAMES.index("rr_ms")
    kept[:, index] = intervals[:, index]
    return kept


def expected_by(case: LearningCase, heard: int) -> TimeMarks:
    """Marks that what is heard of a case's own ECG leads to expect, as the engine places them."""
    assert case.ecg is not None
    rr = case.ecg.expected.rr_ms
    if heard == FULL:
        return case.ecg.expected
    return expected_marks(Intervals(), rr) if heard == RATE_ONLY else standard_marks(rr)


def standard_shifts(statistics: CodeStatistics, case: LearningCase) -> Tensor:
    """[3 ways to hear, 3] standardised time numbers of a case by cause; zeros for the others."""
    if not case.by_cause or case.ecg is None or case.marks is None:
        return torch.zeros(3, TIME_NUMBERS)
    marks = _on_the_ecg_s_clock(case.marks, case.ecg.expected.rr_ms)
    shifts = [time_shifts_ms(marks, expected_by(case, heard)) for heard in (FULL, RATE_ONLY, NOTHING)]
    standard = torch.tensor(shifts) - statistics.mean[-TIME_NUMBERS:]
    return (standard / statistics.deviation[-TIME_NUMBERS:]).clamp(-4, 4)


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    """Standard normal numbers."""
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def _on_the_ecg_s_clock(marks: TimeMarks, rr_ms: float) -> TimeMarks:
    """Marks of a beat whose cycle differs from the ECG's chosen one: systole keeps its ms, filling its share."""
    if abs(marks.rr_ms - rr_ms) < 1.0:
        return marks
    share = (marks.half_filling_ms - marks.es_ms) / max(marks.rr_ms - marks.es_ms, 1.0)
    return replace(marks, half_filling_ms=marks.es_ms + share * (rr_ms - marks.es_ms), rr_ms=rr_ms)


def _company(cases: list[LearningCase], ecgs: list[EcgCase]) -> list[np.ndarray]:  # type: ignore[type-arg]
    """Indices of the ECGs that each case may be drawn with: its own, or those of its diagnosis and EF class."""
    matcher, company, own = Matcher([e.group for e in ecgs]), [], len(ecgs)
    for case in cases:
        if case.by_cause and case.ecg is not None:
            company.append(np.array([own]))
            own += 1
        else:
            company.append(np.array(matcher.candidates(case.group, case.beat.ef_percent)))
    return company


def _chances(cases: list[LearningCase], cause: np.ndarray, config: FlowTraining) -> np.ndarray:  # type: ignore[type-arg]
    """How often each case is drawn."""
    weight = np.array([config.mnms_weight if c.patient_id.startswith("mnms") else 1.0 for c in cases])
    if cause.any() and not cause.all():
        weight[cause] *= config.by_cause / weight[cause].sum()
        weight[~cause] *= (1 - config.by_cause) / weight[~cause].sum()
    return np.asarray(weight / weight.sum())


def _column(values: np.ndarray) -> Tensor:  # type: ignore[type-arg]
    return torch.from_numpy(values.astype(np.float32))[:, None]

"""Bases and standardisation of the numbers that the flow draws, learned from the training cases."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.engine.beat_code import CodeStatistics, MotionBasis
from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.learning.flow.cases import EcgCase, LearningCase

TIME_SPREAD_MS = (8.0, 18.0, 22.0)
"""Scatter of ES about the end of T (± 30 ms) and of the half-way marks about the ones that ES leads to expect."""

_EF_LIMITS = (5.0, 88.0)


def motion_basis(codes: NDArray[np.float32], modes: int, weight: NDArray[np.float64] | None = None) -> MotionBasis:
    """Weighted mean and leading principal directions of codes [cases, numbers], each scaled to its deviation."""
    share = np.full(len(codes), 1.0 / len(codes)) if weight is None else weight / weight.sum()
    mean = (share[:, None] * codes).sum(axis=0).astype(np.float32)
    spread = np.sqrt(share)[:, None] * (codes - mean)
    _, values, directions = np.linalg.svd(spread, full_matrices=False)
    scaled = directions[:modes] * values[:modes, None]
    return MotionBasis(torch.from_numpy(mean), torch.from_numpy(scaled.astype(np.float32)))


def even_weight(cases: list[LearningCase]) -> NDArray[np.float64]:
    """Weight of each case such that cases by cause, where there are any, count as much as all others together."""
    cause = np.array([case.by_cause for case in cases])
    if not cause.any() or cause.all():
        return np.ones(len(cases))
    return np.where(cause, 1.0 / cause.sum(), 1.0 / (~cause).sum())


def learn_statistics(cases: list[LearningCase], ecgs: list[EcgCase], modes: int) -> CodeStatistics:
    """Bases and standardisation from the learning cases; `ecgs` are every record that may be heard."""
    weight = even_weight(cases)
    logit = np.array([logit_of_ef(c.beat.ef_percent) for c in cases])
    middle = np.average(logit, weights=weight)
    spread = np.sqrt(np.average((logit - middle) ** 2, weights=weight))
    anatomy = [np.stack([c.ed_features for c in cases]), np.stack([c.es_features for c in cases])]
    intervals = np.stack([e.intervals for e in ecgs])
    statistics = CodeStatistics(
        basis_ed=motion_basis(np.stack([c.beat.code for c in cases]), modes, weight),
        basis_es=motion_basis(np.stack([c.beat.code_from_es for c in cases]), modes, weight),
        mean=torch.tensor([middle, 0.5, 0, 0, 0], dtype=torch.float32),
        deviation=torch.tensor([spread, 0.5, *TIME_SPREAD_MS], dtype=torch.float32),
        anatomy_mean=torch.from_numpy(np.stack([_mean(a, weight) for a in anatomy])),
        anatomy_deviation=torch.from_numpy(np.stack([_deviation(a, weight) + 1e-3 for a in anatomy])),
        interval_mean=torch.from_numpy(np.nanmean(intervals, axis=0)),
        interval_deviation=torch.from_numpy(np.nanstd(intervals, axis=0) + 1e-3),
        phase_weight=torch.zeros(anatomy[0].shape[1] + 1),
    )
    return CodeStatistics(**{**statistics.__dict__, "phase_weight": _phase_weight(statistics, anatomy)})


def logit_of_ef(ef_percent: float) -> float:
    """ln(EF / (1 - EF)), EF held to what hearts have."""
    ef = float(np.clip(ef_percent, *_EF_LIMITS)) / 100
    return float(np.log(ef / (1 - ef)))


def time_shifts_ms(true: TimeMarks, expected: TimeMarks) -> tuple[float, float, float]:
    """Shifts of half ejection, ES and half filling: the inverse of `DrawnBeat.marks`."""
    es = true.es_ms - expected.es_ms
    half = true.half_ejection_ms - expected.half_ejection_ms * true.es_ms / expected.es_ms
    return half, es, true.half_filling_ms - expected.half_filling_ms - es


def beat_numbers(statistics: CodeStatistics, case: LearningCase, es_anchor: bool, shifts_ms: Tensor) -> Tensor:
    """x0 of one case, standardised."""
    basis = statistics.basis_es if es_anchor else statistics.basis_ed
    code = case.beat.code_from_es if es_anchor else case.beat.code
    modes = basis.coefficients(torch.from_numpy(code))
    start = torch.tensor([logit_of_ef(case.beat.ef_percent), float(case.beat.base_is_lost)])
    rest = torch.cat([start, shifts_ms]).float()
    return torch.cat([modes, (rest - statistics.mean) / statistics.deviation])


def _mean(values: NDArray[np.float32], weight: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(np.average(values, axis=0, weights=weight), np.float32)


def _deviation(values: NDArray[np.float32], weight: NDArray[np.float64]) -> NDArray[np.float32]:
    square = np.average((values - _mean(values, weight)) ** 2, axis=0, weights=weight)
    return np.asarray(np.sqrt(square), np.float32)


def _phase_weight(statistics: CodeStatistics, anatomy: list[NDArray[np.float32]]) -> Tensor:
    """Ridge-penalised logistic regression of ES against ED shapes."""
    x = torch.cat([statistics.standard_anatomy(torch.from_numpy(a), False) for a in anatomy])
    x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    y = torch.cat([torch.zeros(len(anatomy[0])), torch.ones(len(anatomy[1]))])
    weight = torch.zeros(x.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=200)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(x @ weight, y) + 0.01 * weight[:-1].square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach()

"""How well the flow's middle member hits EF, ES and pattern on validation cases, and what it owes to the ECG."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cof_viewer.cohort.real.match import Matcher
from cof_viewer.engine.beat_code import TIME_NUMBERS, CodeStatistics
from cof_viewer.engine.flow import Condition, FlowNetwork
from cof_viewer.engine.generator import draw_numbers
from cof_viewer.learning.flow.cases import EcgCase, LearningCase
from cof_viewer.learning.flow.draws import FULL, NOTHING, RATE_ONLY, expected_by, hear_rate_only
from cof_viewer.learning.flow.statistics import beat_numbers

_MATCHES = 6


def matched_figures(
    network: FlowNetwork, statistics: CodeStatistics, cases: list[LearningCase], ecgs: list[EcgCase]
) -> dict[str, float]:
    """Real hearts with matched ECGs: mean absolute EF error (points) and mode error, with and without the ECG."""
    matcher, rng = Matcher([e.group for e in ecgs]), np.random.default_rng(1)
    pairs = [
        (case, ecgs[int(k)])
        for case in cases
        for k in rng.choice(matcher.candidates(case.group, case.beat.ef_percent), _MATCHES)
    ]
    whole = conditions(statistics, [case for case, _ in pairs], [ecg for _, ecg in pairs])
    figures: dict[str, float] = {}
    for name, condition in (("no_ecg", _deaf(whole)), ("matched", whole)):
        drawn = _middle(network, statistics, condition)
        truth = torch.stack([beat_numbers(statistics, case, False, torch.zeros(TIME_NUMBERS)) for case, _ in pairs])
        figures[f"real_ef_mae_{name}"] = _ef_error(statistics, drawn, [case for case, _ in pairs])
        modes = slice(0, statistics.modes)
        figures[f"real_modes_mse_{name}"] = float((drawn[:, modes] - truth[:, modes]).square().mean())
    return figures


def causal_figures(network: FlowNetwork, statistics: CodeStatistics, cases: list[LearningCase]) -> dict[str, float]:
    """Cases by cause: EF error (points) and ES error (ms) with the ECG, without, shuffled, rate alone, no anatomy."""
    own = [case.ecg for case in cases if case.ecg is not None]
    others = own[1:] + own[:1]
    whole = conditions(statistics, cases, own)
    ways = {
        "ecg": (whole, own, FULL),
        "no_ecg": (_deaf(whole), own, NOTHING),
        "shuffled": (conditions(statistics, cases, others), others, FULL),
        "rate_only": (_rate_only(whole), own, RATE_ONLY),
        "no_anatomy": (replace(whole, has_anatomy=torch.zeros_like(whole.has_anatomy)), own, FULL),
    }
    figures: dict[str, float] = {}
    for name, (condition, heard_ecgs, heard) in ways.items():
        drawn = _middle(network, statistics, condition)
        figures[f"cause_ef_mae_{name}"] = _ef_error(statistics, drawn, cases)
        errors = []
        for row, case, ecg in zip(drawn, cases, heard_ecgs, strict=True):
            assert case.marks is not None
            marks = statistics.read(row).marks(expected_by(replace(case, ecg=ecg), heard))
            errors.append(abs(marks.es_ms - case.marks.es_ms))
        figures[f"cause_es_mae_ms_{name}"] = float(np.mean(errors))
    return figures


def conditions(statistics: CodeStatistics, cases: list[LearningCase], ecgs: list[EcgCase]) -> Condition:
    """ED anchors with their ECGs as one batch, nothing masked."""
    anatomy = torch.from_numpy(np.stack([case.ed_features for case in cases]))
    intervals = torch.from_numpy(np.stack([ecg.intervals for ecg in ecgs]))
    ones = torch.ones(len(cases), 1)
    return Condition(
        statistics.anatomy_condition(anatomy, anchor_is_es=False),
        torch.zeros(len(cases), 1),
        statistics.standard_intervals(intervals),
        torch.from_numpy(np.stack([ecg.embedding for ecg in ecgs])),
        ones,
        ones,
    )


def _deaf(condition: Condition) -> Condition:
    return replace(condition, has_ecg=torch.zeros_like(condition.has_ecg))


def _rate_only(condition: Condition) -> Condition:
    embedding = torch.zeros_like(condition.embedding)
    return replace(condition, intervals=hear_rate_only(condition.intervals), embedding=embedding)


def _middle(network: FlowNetwork, statistics: CodeStatistics, condition: Condition) -> Tensor:
    noise = torch.zeros(len(condition.anatomy), statistics.beat_numbers)
    return draw_numbers(network, statistics, noise, condition)


def _ef_error(statistics: CodeStatistics, drawn: Tensor, cases: list[LearningCase]) -> float:
    pairs = zip(drawn, cases, strict=True)
    return float(np.mean([abs(100 * statistics.read(row).ef - case.beat.ef_percent) for row, case in pairs]))

"""Train Stage 2 on fitted beats and matched ECGs: `python -m cof_viewer.learning.flow.train`."""

from __future__ import annotations

import argparse
import copy
import csv
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cof_viewer.domain.split import Split
from cof_viewer.engine.beat_code import TIME_NUMBERS, CodeStatistics, MotionBasis
from cof_viewer.engine.flow import EULER_STEPS, Condition, FlowConfig, FlowNetwork, euler, flow_matching_loss
from cof_viewer.engine.weights import save_weights
from cof_viewer.learning.flow.build import LearningCase, load_cases
from cof_viewer.learning.flow.ecgs import EcgCase, Matcher, load_ecgs

_TIME_SPREAD_MS = (8.0, 18.0, 22.0)  # scatter of ES about the end of T (± 30 ms) and of the half-way marks


@dataclass(frozen=True)
class TrainConfig:
    """How to train."""

    steps: int = 1600
    batch: int = 64
    seed: int = 0
    modes: int = 12
    width: int = 96
    blocks: int = 2
    dropout: float = 0.25
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.03
    anatomy_noise: float = 0.45
    drop_anatomy: float = 0.1
    drop_ecg: float = 0.5
    average: float = 0.998
    mnms_weight: float = 0.5
    es_anchors: float = 0.35


def motion_basis(codes: NDArray[np.float32], modes: int) -> MotionBasis:
    """Mean and leading principal directions of codes [cases, numbers], each scaled to its deviation."""
    mean = codes.mean(axis=0)
    _, values, directions = np.linalg.svd(codes - mean, full_matrices=False)
    scaled = directions[:modes] * (values[:modes, None] / np.sqrt(len(codes)))
    return MotionBasis(torch.from_numpy(mean), torch.from_numpy(scaled.astype(np.float32)))


def learn_statistics(cases: list[LearningCase], ecgs: list[EcgCase], modes: int) -> CodeStatistics:
    """Bases and standardisation from the learning cases."""
    efs = np.array([c.beat.ef_percent for c in cases]).clip(5, 88) / 100
    logit = np.log(efs / (1 - efs))
    mean = torch.tensor([logit.mean(), 0.5, 0, 0, 0], dtype=torch.float32)
    deviation = torch.tensor([logit.std(), 0.5, *_TIME_SPREAD_MS], dtype=torch.float32)
    anatomy = [np.stack([c.ed_features for c in cases]), np.stack([c.es_features for c in cases])]
    intervals = np.stack([e.intervals for e in ecgs])
    statistics = CodeStatistics(
        basis_ed=motion_basis(np.stack([c.beat.code for c in cases]), modes),
        basis_es=motion_basis(np.stack([c.beat.code_from_es for c in cases]), modes),
        mean=mean,
        deviation=deviation,
        anatomy_mean=torch.from_numpy(np.stack([a.mean(axis=0) for a in anatomy])),
        anatomy_deviation=torch.from_numpy(np.stack([a.std(axis=0) + 1e-3 for a in anatomy])),
        interval_mean=torch.from_numpy(np.nanmean(intervals, axis=0)),
        interval_deviation=torch.from_numpy(np.nanstd(intervals, axis=0) + 1e-3),
        phase_weight=torch.zeros(anatomy[0].shape[1] + 1),
    )
    return CodeStatistics(**{**statistics.__dict__, "phase_weight": _phase_weight(statistics, anatomy)})


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


def beat_numbers(statistics: CodeStatistics, case: LearningCase, es_anchor: bool, shifts_ms: Tensor) -> Tensor:
    """x0 of one case, standardised."""
    basis = statistics.basis_es if es_anchor else statistics.basis_ed
    code = case.beat.code_from_es if es_anchor else case.beat.code
    modes = basis.coefficients(torch.from_numpy(code))
    ef = float(np.clip(case.beat.ef_percent, 5, 88)) / 100
    rest = torch.cat([torch.tensor([np.log(ef / (1 - ef)), float(case.beat.base_is_lost)]).float(), shifts_ms])
    return torch.cat([modes, (rest - statistics.mean) / statistics.deviation])


class Draws:
    """Random batches: a case at ED or ES, a matched ECG, time marks scattered about what that ECG expects."""

    def __init__(
        self, statistics: CodeStatistics, cases: list[LearningCase], ecgs: list[EcgCase], config: TrainConfig
    ) -> None:
        """Compute what does not change: standard numbers of every case at ED and ES, and of every ECG."""
        self._config, self._modes = config, statistics.modes
        no_shift = torch.zeros(TIME_NUMBERS)
        roles = (False, True)
        self._x0 = torch.stack(
            [torch.stack([beat_numbers(statistics, c, es, no_shift) for c in cases]) for es in roles]
        )
        features = [torch.from_numpy(np.stack([c.es_features if es else c.ed_features for c in cases])) for es in roles]
        self._anatomy = torch.stack([statistics.standard_anatomy(f, es) for f, es in zip(features, roles, strict=True)])
        self._intervals = statistics.standard_intervals(torch.from_numpy(np.stack([e.intervals for e in ecgs])))
        self._embedding = torch.from_numpy(np.stack([e.embedding for e in ecgs]))
        matcher = Matcher([e.group for e in ecgs])
        self._company = [np.array(matcher.candidates(c.group, c.beat.ef_percent)) for c in cases]
        weight = np.array([1.0 if c.patient_id.startswith("acdc") else config.mnms_weight for c in cases])
        self._chance = weight / weight.sum()

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Condition]:
        """x0 [n, numbers] and its condition, parts masked by chance."""
        config = self._config
        case = rng.choice(len(self._chance), size, p=self._chance)
        es = (rng.random(size) < config.es_anchors).astype(int)
        ecg = np.array([self._company[c][int(rng.integers(len(self._company[c])))] for c in case])
        x0 = self._x0[es, case].clone()
        x0[:, -TIME_NUMBERS:] = _normal(rng, (size, TIME_NUMBERS))
        anatomy = self._anatomy[es, case]
        anatomy = anatomy + config.anatomy_noise * _normal(rng, anatomy.shape)
        seen, heard = (_mask(rng, size, share) for share in (config.drop_anatomy, config.drop_ecg))
        is_es = torch.from_numpy(es.astype(np.float32))[:, None]
        return x0, Condition(anatomy, is_es, self._intervals[ecg], self._embedding[ecg], seen, heard)


def _normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))


def _mask(rng: np.random.Generator, size: int, dropped: float) -> Tensor:
    return torch.from_numpy((rng.random((size, 1)) >= dropped).astype(np.float32))


def condition_row(statistics: CodeStatistics, case: LearningCase, es_anchor: bool, ecg: EcgCase) -> tuple[Tensor, ...]:
    """Anatomy, anchor role, intervals and embedding of one case."""
    features = torch.from_numpy(case.es_features if es_anchor else case.ed_features)
    return (
        statistics.standard_anatomy(features, es_anchor),
        torch.tensor([float(es_anchor)]),
        statistics.standard_intervals(torch.from_numpy(ecg.intervals)),
        torch.from_numpy(ecg.embedding),
    )


def ef_error(
    network: FlowNetwork, statistics: CodeStatistics, cases: list[LearningCase], ecgs: list[EcgCase]
) -> dict[str, float]:
    """Mean absolute EF error (points) and mode error of the middle member: no ECG, and matched ECGs."""
    matcher, rng = Matcher([e.group for e in ecgs]), np.random.default_rng(1)
    out: dict[str, float] = {}
    for name, heard in (("no_ecg", 0.0), ("matched", 1.0)):
        errors, modes = [], []
        for case in cases:
            choices = matcher.candidates(case.group, case.beat.ef_percent)
            drawn = [ecgs[int(k)] for k in rng.choice(choices, 6)]
            rows = [condition_row(statistics, case, False, ecg) for ecg in drawn]
            anatomy, is_es, intervals, embedding = (torch.stack(column) for column in zip(*rows, strict=True))
            ones = torch.ones(len(rows), 1)
            condition = Condition(anatomy, is_es, intervals, embedding, ones, ones * heard)
            numbers = euler(network, torch.zeros(len(rows), statistics.beat_numbers), condition, EULER_STEPS)
            errors += [abs(100 * statistics.read(row).ef - case.beat.ef_percent) for row in numbers]
            truth = beat_numbers(statistics, case, False, torch.zeros(TIME_NUMBERS))[: statistics.modes]
            modes.append((numbers[:, : statistics.modes] - truth).square().mean().item())
        out[f"ef_mae_{name}"] = float(np.mean(errors))
        out[f"modes_mse_{name}"] = float(np.mean(modes))
    return out


@torch.no_grad()
def _follow(averaged: FlowNetwork, network: FlowNetwork, keep: float) -> None:
    """Exponential moving average of the weights."""
    for mean, new in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(new, 1 - keep)


def train(config: TrainConfig, cases_dir: Path, ecg_dir: Path, out: Path, models: Path) -> dict[str, float]:
    """Train the flow, write weights into the models folder, return validation figures."""
    torch.manual_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    cases = load_cases(cases_dir)
    learning = [c for c in cases if c.part is Split.TRAIN]
    held_out = [c for c in cases if c.part is Split.VALIDATION and c.patient_id.startswith("acdc")]
    ecgs = load_ecgs(ecg_dir, Split.TRAIN, models)
    other_ecgs = load_ecgs(ecg_dir, Split.VALIDATION, models)
    statistics = learn_statistics(learning, ecgs, config.modes)
    shape = FlowConfig(
        statistics.beat_numbers,
        len(learning[0].ed_features),
        len(ecgs[0].intervals),
        width=config.width,
        blocks=config.blocks,
        dropout=config.dropout,
    )
    network, draws = FlowNetwork(shape), Draws(statistics, learning, ecgs, config)
    averaged = copy.deepcopy(network).eval()
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps, eta_min=1e-5)
    noise = torch.Generator().manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    figures: dict[str, float] = {}
    for step in range(1, config.steps + 1):
        x0, condition = draws.batch(rng, config.batch)
        loss = flow_matching_loss(network, x0, condition, noise).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        _follow(averaged, network, config.average)
        if step % 500 == 0 or step == config.steps:
            figures = ef_error(averaged, statistics, held_out, other_ecgs)
            with (out / "log.csv").open("a", newline="") as stream:
                csv.writer(stream).writerow([step, float(loss.detach()), *figures.values()])
            print(step, round(float(loss.detach()), 4), {k: round(v, 3) for k, v in figures.items()}, flush=True)  # noqa: T201
    tensors = {f"network.{k}": v for k, v in averaged.state_dict().items()}
    tensors |= {f"statistics.{k}": v for k, v in statistics.tensors().items()}
    about = {"train": asdict(config), "validation": figures, "patients": len(learning), "ecgs": len(ecgs)}
    save_weights(models, "flow", tensors, config=asdict(shape), about=about, half=False)
    return figures


def main() -> None:
    """Command line of the trainer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=Path, default=Path("runs/flow/cases"))
    parser.add_argument("--ecg", type=Path, default=Path("../shared/data/ecg"))
    parser.add_argument("--out", type=Path, default=Path("runs/flow"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=TrainConfig.steps)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train(TrainConfig(steps=arguments.steps), arguments.cases, arguments.ecg, arguments.out, arguments.models)


if __name__ == "__main__":
    main()

"""Train Stage 2 on fitted beats: `python -m cof_viewer.learning.flow.train --out runs/flow`.

Resumable, on the training loop that all networks share. Real hearts hear an ECG matched by diagnosis and EF class;
cases by cause (simulated patients, real pairs of a user) hear their own.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.flow import Condition, FlowConfig, FlowNetwork
from cof_viewer.engine.weights import WeightsEntry, save_weights
from cof_viewer.learning.fabric_loop import fit
from cof_viewer.learning.flow.cases import EcgCase, LearningCase, load_cases
from cof_viewer.learning.flow.config import FlowTraining, read_config
from cof_viewer.learning.flow.draws import Draws
from cof_viewer.learning.flow.ecgs import load_ecgs
from cof_viewer.learning.flow.forest import grow
from cof_viewer.learning.flow.judge import causal_figures, matched_figures
from cof_viewer.learning.flow.statistics import learn_statistics
from cof_viewer.learning.logs import last_row


class FlowInTraining(nn.Module):
    """The flow's network with the embedding of its condition in one call, as the loop makes it."""

    def __init__(self, flow: FlowNetwork) -> None:
        """Wrap a network."""
        super().__init__()
        self.flow = flow

    def forward(self, x: Tensor, tau: Tensor, *condition: Tensor) -> Tensor:
        """Velocity [n, numbers] at x [n, numbers] and tau [n, 1], for the six parts of `Condition`."""
        out: Tensor = self.flow(x, tau, self.flow.embed(Condition(*condition)))
        return out


class FlowTask:
    """What the flow learns from and how it is judged while it learns."""

    def __init__(
        self,
        config: FlowTraining,
        cases: list[LearningCase],
        ecgs: dict[Split, list[EcgCase]],
    ) -> None:
        """Compute the statistics and keep what is drawn from.

        Args:
            config: see there.
            cases: fitted cases of the train and validation parts.
            ecgs: records of both parts, to be matched with hearts that have none.
        """
        self.config = config
        most = config.cases or None
        learning = [c for c in cases if c.part is Split.TRAIN][:most]
        held_out = [c for c in cases if c.part is Split.VALIDATION]
        if not learning:
            raise UserError("There are no fitted training cases; run the building of cases first.", code="no-data")
        self.real = [c for c in held_out if c.patient_id.startswith("acdc")][:most]
        self.causal = [c for c in held_out if c.by_cause and c.ecg is not None][:most]
        self.patients = len({c.patient_id for c in learning})
        own = [c.ecg for c in learning if c.by_cause and c.ecg is not None]
        statistics = learn_statistics(learning, ecgs[Split.TRAIN] + own, config.modes)
        self.statistics = replace(
            statistics, forest_ed=grow(learning, False, config.seed), forest_es=grow(learning, True, config.seed)
        )
        self._ecgs = ecgs
        self._draws = Draws(self.statistics, learning, ecgs[Split.TRAIN], config)
        self.shape = FlowConfig(
            self.statistics.beat_numbers,
            self.statistics.anatomy_numbers,
            len(ecgs[Split.TRAIN][0].intervals),
            width=config.width,
            blocks=config.blocks,
            dropout=config.dropout,
        )

    def network(self) -> FlowInTraining:
        """A network with random weights."""
        return FlowInTraining(FlowNetwork(self.shape))

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, ...]:
        """As `Draws.batch`."""
        return self._draws.batch(rng)

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """Mean squared error of the flow's velocity (COF section 3)."""
        x0, x1, tau, *condition = batch
        predicted = network((1 - tau) * x0 + tau * x1, tau, *condition)
        return (predicted - (x1 - x0)).square().mean()

    def validate(self, network: FlowInTraining) -> dict[str, float]:
        """Figures on real validation hearts and on validation cases by cause."""
        network.eval()
        figures: dict[str, float] = {}
        if self.real:
            figures |= matched_figures(network.flow, self.statistics, self.real, self._ecgs[Split.VALIDATION])
        if self.causal:
            figures |= causal_figures(network.flow, self.statistics, self.causal)
        return figures


def main(
    config: Path | FlowTraining,
    out: Path,
    *,
    resume: bool = False,
    data: Path | None = None,
    cohort: Path | None = None,
    models: Path = Path("models"),
    cases: Path | None = None,
) -> FlowTask:
    """Train what a config says and leave checkpoints and logs in a folder.

    Args:
        config: a JSON file or the config itself.
        out: folder for checkpoints and logs; fitted cases are kept in its `cases`.
        resume: go on from the folder's checkpoint.
        data: folder that holds `mri/` and `ecg/`; by default the one beside the checkout.
        cohort: a store whose cases by cause are fitted and learned from too.
        models: where the ECG encoder is read.
        cases: another folder of fitted cases.

    Returns:
        The task, with its statistics; the weights are in `out`.
    """
    from cof_viewer.cohort.real.mri import default_folder
    from cof_viewer.cohort.store import Store
    from cof_viewer.learning.flow.build import build_cohort, build_real

    settings = config if isinstance(config, FlowTraining) else read_config(config)
    beside = default_folder()
    root = data or (beside.parent if beside is not None else None)
    if root is None:
        raise UserError("The data to learn from were not found; set COF_DATA to their folder.", code="no-data")
    fitted = cases or out / "cases"
    fitted.mkdir(parents=True, exist_ok=True)
    if cases is None:
        build_real(root / "mri", fitted, settings.cases)
        if cohort is not None:
            build_cohort(Store.open(cohort), fitted, models, settings.cases)
    ecgs = {
        part: load_ecgs(root / "ecg", part, models, 1 if settings.cases else 0)
        for part in (Split.TRAIN, Split.VALIDATION)
    }
    task = FlowTask(settings, load_cases(fitted), ecgs)
    _keep_statistics(task, out)
    fit(task, settings, out, resume=resume)
    return task


def _keep_statistics(task: FlowTask, out: Path) -> None:
    """What the weights mean nothing without, beside their checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    kept = {"tensors": task.statistics.tensors(), "shape": asdict(task.shape), "patients": task.patients}
    torch.save(kept, out / "statistics.pt")


def publish(run: Path, models: Path, about: dict[str, Any] | None = None) -> WeightsEntry:
    """Write the running mean of a training's weights with its statistics, and its entry in the manifest.

    Args:
        run: folder of a training: `checkpoint.pt`, `statistics.pt`, `config.json`, `validation.csv`.
        models: folder of the manifest.
        about: further plain values for readers.
    """
    state = torch.load(run / "checkpoint.pt", map_location="cpu", weights_only=True)["mean"]
    kept = torch.load(run / "statistics.pt", map_location="cpu", weights_only=True)
    tensors = {f"network.{k.removeprefix('flow.')}": v for k, v in state.items()}
    tensors |= {f"statistics.{k}": v for k, v in kept["tensors"].items()}
    settings = json.loads((run / "config.json").read_text(encoding="utf-8"))
    known = {"train": settings, "validation": last_row(run / "validation.csv"), "patients": kept["patients"]}
    return save_weights(models, "flow", tensors, config=kept["shape"], about=known | (about or {}), half=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path(__file__).parent / "configs" / "flow.json")
    parser.add_argument("--out", type=Path, default=Path("runs/flow"))
    parser.add_argument("--cohort", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--publish", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.config, given.out, resume=given.resume, data=given.data, cohort=given.cohort, models=given.models)
    if given.publish is not None:
        publish(given.out, given.publish)

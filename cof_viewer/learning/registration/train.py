"""Train the registration teacher: `python -m cof_viewer.learning.registration.train --out runs/registration`.

Resumable: the checkpoint in the output folder is continued.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.labels import soft_shares
from cof_viewer.engine.registration import (
    RegistrationConfig,
    RegistrationNetwork,
    displacement_mm,
    warp_canonical,
    with_neighbours,
)
from cof_viewer.engine.weights import save_weights
from cof_viewer.learning.flow.fit import hard_labels, one_hot, soft_dice
from cof_viewer.learning.registration.data import Beat, Example, draw, load_beats
from cof_viewer.learning.registration.losses import dice_loss, largest_field, multi_scale_dissimilarity, smoothness


@dataclass(frozen=True)
class TrainConfig:
    """How to train; weights of the loss as COF section 2 names them."""

    steps: int = 2600
    seed: int = 0
    learning_rate: float = 1e-3
    slices: int = 8
    lambda_rec: float = 0.3
    lambda_seg: float = 1.0
    lambda_smooth: float = 0.012
    lambda_max: float = 0.01
    threads: int = 1
    bfloat16: bool = True
    save_seconds: float = 120.0


def example_loss(
    network: RegistrationNetwork, example: Example, config: TrainConfig
) -> tuple[Tensor, dict[str, float]]:
    """Loss of one pair and its parts."""
    with torch.autocast("cpu", torch.bfloat16, enabled=config.bfloat16):
        velocity = network(with_neighbours(example.anchor), with_neighbours(example.target))
    velocity = velocity.float()
    displacement = displacement_mm(velocity)
    warped = warp_canonical(example.anchor[:, None], displacement)
    likeness = multi_scale_dissimilarity(warped, example.target[:, None])
    loss = config.lambda_rec * likeness + config.lambda_smooth * smoothness(velocity)
    loss = loss + config.lambda_max * largest_field(displacement)
    parts = {"rec": likeness.item(), "seg": float("nan")}
    if example.distances is not None and example.target_labels is not None:
        shares = soft_shares(warp_canonical(example.distances, displacement), CANONICAL_SPACING_MM)
        consistency = dice_loss(shares, one_hot(example.target_labels))
        loss = loss + config.lambda_seg * consistency
        parts["seg"] = consistency.item()
    return loss, parts


@torch.inference_mode()
def judge(network: RegistrationNetwork, beats: list[Beat]) -> list[float]:
    """Mean Dice of LV, Myo, RV of moved ED labels against ES labels."""
    network.eval()
    scores = []
    for beat in beats:
        first, second = sorted(beat.labels)[:2]
        stack = [torch.from_numpy(_standard(beat, k)) for k in (first, second)]
        velocity = network(*(with_neighbours(s) for s in stack))
        from cof_viewer.engine.motion.labels import signed_distances

        spacing = (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
        distances = torch.from_numpy(signed_distances(beat.labels[first], spacing))
        moved = hard_labels(soft_shares(warp_canonical(distances, displacement_mm(velocity)), CANONICAL_SPACING_MM))
        scores.append(soft_dice(moved, one_hot(beat.labels[second])).tolist())
    network.train()
    return [float(v) for v in np.mean(scores, axis=0)]


def _standard(beat: Beat, phase: int) -> np.ndarray:  # type: ignore[type-arg]
    from cof_viewer.engine.registration import standardised

    return standardised(beat.images[phase].astype(np.float32))


def train(config: TrainConfig, data: Path, out: Path, models: Path | None) -> None:
    """Train from where the output folder stands; write weights at every checkpoint of the best kind."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(json.dumps(asdict(config), indent=1))
    network = RegistrationNetwork(RegistrationConfig())
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: max(0.02, (1 - k / config.steps) ** 0.9))
    step, checkpoint = 0, out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        step = int(state["step"])
    beats = load_beats(data, Split.TRAIN)
    held_out = load_beats(data, Split.VALIDATION, with_cines=False)
    saved = time.monotonic()
    while step < config.steps:
        rng = np.random.default_rng([config.seed, step])
        loss, parts = example_loss(network, draw(beats, rng, config.slices), config)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        step += 1
        if time.monotonic() - saved > config.save_seconds or step == config.steps:
            scores = judge(network, held_out)
            _log(out / "log.csv", [step, float(loss.detach()), parts["rec"], parts["seg"], *scores])
            state = {"network": network.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(state | {"schedule": schedule.state_dict(), "step": step}, out / "partial.pt")
            (out / "partial.pt").replace(checkpoint)
            saved = time.monotonic()
    if models is not None:
        about = {"validation_dice_lv_myo_rv": judge(network, held_out), "steps": step}
        save_weights(models, "registration", network.state_dict(), config=network.config.values(), about=about)


def _log(path: Path, row: list[float]) -> None:
    with path.open("a", newline="") as stream:
        csv.writer(stream).writerow([f"{v:.5g}" for v in row])


def main() -> None:
    """Command line of the trainer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/mri"))
    parser.add_argument("--out", type=Path, default=Path("runs/registration"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--steps", type=int, default=TrainConfig.steps)
    arguments = parser.parse_args()
    train(TrainConfig(steps=arguments.steps), arguments.data, arguments.out, arguments.models)


if __name__ == "__main__":
    main()

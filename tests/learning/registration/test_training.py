"""Training of the teacher: losses by hand, what is drawn, one step of every config, resume and publish."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.motion.field import smoothness
from cof_viewer.engine.motion.labels import dice_loss
from cof_viewer.engine.registration import RegistrationTeacher
from cof_viewer.engine.registration_network import RegistrationNetwork
from cof_viewer.learning.registration.cases import BeatCase, load_cases, read_case, save_case
from cof_viewer.learning.registration.config import DrawConfig, config_from_dict, read_config
from cof_viewer.learning.registration.draw import draw, ready
from cof_viewer.learning.registration.losses import (
    cavity_error,
    largest_field,
    local_correlation,
)
from cof_viewer.learning.registration.publish import publish
from cof_viewer.learning.registration.task import RegistrationTask
from cof_viewer.learning.registration.train import main
from tests.engine.test_motion_frame import rings
from tests.engine.test_registration import pictures

CONFIGS = Path(main.__globals__["__file__"]).parent / "configs"
SMOKE = read_config(CONFIGS / "smoke.json")
PLAIN = DrawConfig(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def case(part: Split = Split.TRAIN) -> BeatCase:
    labels = np.stack([rings(slices=4), rings(slices=4, endo_mm=15.0, epi_mm=29.0), rings(slices=4, endo_mm=20.0)])
    images = np.stack([pictures(phase) for phase in labels]).astype(np.uint8)
    return BeatCase("acdc:made", part, 8.0, images, labels, labels[:2])


def test_local_correlation_ignores_brightness() -> None:
    a = torch.randn(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    assert local_correlation(a, 0.5 * a + 3.0) > 0.97
    assert local_correlation(a, a.flip(-1)) < 0.8


def test_dice_loss_by_hand() -> None:
    a, b = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    a[:, :, :2], b[:, :, 1:3] = 1.0, 1.0  # 8 pixels each, 4 in common
    assert dice_loss(a, b) == pytest.approx(1 - (2 * 4 + 1) / (16 + 1))


def test_cavity_error_by_hand() -> None:
    a, b = torch.zeros(1, 2, 3, 10, 10), torch.zeros(1, 2, 3, 10, 10)
    a[:, :, 0], b[:, 0, 0] = 1.0, 1.0
    assert cavity_error(a, b) == pytest.approx(100 / 250)


def test_field_terms() -> None:
    still = torch.zeros(1, 2, 8, 8)
    assert smoothness(still) == 0
    assert largest_field(still + 10.0) == 0
    assert largest_field(still + 30.0) == pytest.approx((30 * 2**0.5 - 22) ** 2, rel=1e-4)


def test_an_untouched_draw_shows_the_labels_as_they_are() -> None:
    drawn = draw([ready(case())], PLAIN, 3, np.random.default_rng(0))
    assert drawn.anchor.shape == (3, 128, 128)
    assert torch.allclose(drawn.seen[:, :3], drawn.true_anchor, atol=1e-4)
    assert torch.allclose(drawn.seen[:, 3:], drawn.true_target, atol=1e-4)
    inside = [(d[:, 0] > 0).sum() for d in (drawn.true_anchor, drawn.true_target)]
    assert inside[0] != inside[1], "two different phases"


def test_labels_are_hidden_or_spoilt_but_the_truth_is_not() -> None:
    beats = [ready(case())]
    blind = draw(beats, replace(PLAIN, blind=1.0), 4, np.random.default_rng(0))
    assert not blind.seen.any()
    assert blind.true_anchor.any()
    lost = draw(beats, replace(PLAIN, lost=1.0), 4, np.random.default_rng(0))
    assert not lost.seen.any()
    ragged = draw(beats, replace(PLAIN, ragged_mm=2.0), 4, np.random.default_rng(0))
    assert 0.05 < (ragged.seen[:, :3] - ragged.true_anchor).std() < 3.0


def test_a_turned_draw_keeps_areas_up_to_its_zoom() -> None:
    plain = draw([ready(case())], PLAIN, 2, np.random.default_rng(3))
    turned = draw([ready(case())], replace(PLAIN, rotation_deg=25.0), 2, np.random.default_rng(3))
    areas = [float((d.true_anchor[:, 1] > 0).sum()) for d in (plain, turned)]
    assert areas[1] == pytest.approx(areas[0], rel=0.03)


def test_cases_survive_the_round_trip(tmp_path: Path) -> None:
    save_case(case(), tmp_path / "pair_made.npz")
    back = read_case(tmp_path / "pair_made.npz")
    assert back.part is Split.TRAIN
    assert np.array_equal(back.predicted, case().predicted)
    with pytest.raises(UserError, match="prepared"):
        load_cases(tmp_path, Split.VALIDATION)


def test_a_few_steps_on_one_batch_lower_the_loss() -> None:
    task = RegistrationTask(SMOKE, [case()], [case()])
    torch.manual_seed(0)
    network = task.network()
    batch = task.batch(np.random.default_rng(0))
    optimizer = torch.optim.Adam(network.parameters(), 5e-3)
    losses = []
    for _ in range(20):
        loss = task.loss(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    "name",
    [
        "registration",
        "paper",
        "smoke",
        "lambda_seg_0",
        "lambda_seg_0.5",
        "lambda_seg_1",
        "lambda_seg_3",
        "no_max_field",
    ],
)
def test_every_config_is_read_and_steps_once(name: str) -> None:
    config = replace(read_config(CONFIGS / f"{name}.json"), batch=1, slices=2)
    task = RegistrationTask(config, [case()], [])
    network = task.network()
    loss = task.loss(network, task.batch(np.random.default_rng(0)))
    loss.backward()
    assert torch.isfinite(loss)
    assert all(p.grad is not None for p in network.parameters())


def test_the_paper_s_size() -> None:
    config = read_config(CONFIGS / "paper.json")
    assert (config.batch, config.learning_rate) == (8, 2e-4)
    assert sum(p.numel() for p in RegistrationNetwork(config.network).parameters()) > 3e6
    assert config_from_dict({}).network.sees_labels


def test_training_logs_resumes_and_publishes(tmp_path: Path) -> None:
    cases, run, models = tmp_path / "cases", tmp_path / "run", tmp_path / "models"
    cases.mkdir()
    save_case(case(), cases / "pair_one.npz")
    save_case(case(Split.VALIDATION), cases / "pair_two.npz")
    main(replace(SMOKE, steps=2), run, cases=cases)
    main(SMOKE, run, resume=True, cases=cases)
    with (run / "log.csv").open() as stream:
        assert [int(line["step"]) for line in csv.DictReader(stream)] == [2, 4]
    entry = publish(run, models)
    assert entry.about["training"]["steps"] == 4
    assert 0 < entry.about["figures"]["validation"]["acdc_lv"] <= 1
    assert RegistrationTeacher.load(models, torch.device("cpu"))

"""Training of the packed form: cases, one step of both forms, the smoke training, publishing, and a drawn beat."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.cohort.file import write_case
from cof_viewer.cohort.manifest import row_of, write_rows
from cof_viewer.cohort.store import CASES, Store
from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Label, LabelMap, Volume
from cof_viewer.domain.progress import CancelToken
from cof_viewer.domain.split import Split
from cof_viewer.engine.anchor import prepared_from_labels
from cof_viewer.engine.ecg_encoder import EncoderConfig, StMemEncoder, config_values
from cof_viewer.engine.packed import PackedGenerator, load_packed
from cof_viewer.engine.packed.anatomy import BOX_MARGIN
from cof_viewer.engine.packed.pack import PackLayout, heart_extent, unpack
from cof_viewer.engine.packed.pictures import bright_grey, pack_pictures, unpack_pictures
from cof_viewer.engine.packed.scanner import PackedScannerWarp, changed_beat, motion_of
from cof_viewer.engine.packed.warp import BoxWarp
from cof_viewer.engine.weights import save_weights
from cof_viewer.learning.logs import last_row
from cof_viewer.learning.packed.cases import Encoding, PackedCase, chosen_rows, heart_points, packed_case, packed_cases
from cof_viewer.learning.packed.config import PackedTraining, config_from_dict, read_config
from cof_viewer.learning.packed.judge import JudgedCase, figures
from cof_viewer.learning.packed.publish import publish
from cof_viewer.learning.packed.task import PackedTask, noise_levels
from cof_viewer.learning.packed.train import main
from tests.cohort.fake_source import ES_PHASE, request_for, ring_case
from tests.signal.conftest import make_ecg

CONFIGS = Path(main.__globals__["__file__"]).parent / "configs"
SMOKE = read_config(CONFIGS / "smoke.json")
TINY_ENCODER = EncoderConfig(width=24, depth=1, heads=1, head_width=8, mlp=24)


def case(name: str = "one", part: Split = Split.TRAIN, scale: float = 0.7) -> CohortCase:
    ecg = make_ecg(np.arange(0.4, 9.8, 1.0))
    return replace(ring_case(request_for(name, part=part), scale), ecg_mv=ecg.signal_mv)


@pytest.fixture(scope="module")
def encoding() -> Encoding:
    torch.manual_seed(0)
    return Encoding(StMemEncoder(TINY_ENCODER).eval(), "tiny")


@pytest.fixture(scope="module")
def packed(encoding: Encoding) -> PackedCase:
    found = packed_case(case(), SMOKE.network.pack, encoding.encoder)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    (folder / CASES).mkdir()
    named = [("one", Split.TRAIN), ("two", Split.TRAIN), ("seen", Split.VALIDATION), ("kept", Split.TEST)]
    made = [case(name, part) for name, part in named]
    write_rows([row_of(one, write_case(one, folder / CASES), folder, "by hand") for one in made], folder)
    return Store.open(folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    encoder = StMemEncoder(TINY_ENCODER)
    save_weights(folder, "ecg_encoder", encoder.state_dict(), config=config_values(TINY_ENCODER))
    return folder


def test_a_packed_case_still_moves_as_the_case_did(packed: PackedCase):
    truth = case()
    layout = SMOKE.network.pack
    field, sure = unpack(packed.packed.astype(np.float32), heart_extent(truth.labels[0]), truth.slices, layout)
    assert np.abs(field - truth.displacement_mm.astype(np.float32)).max() < 0.02
    assert sure.min() > 0.99  # a simulated motion is the truth
    curve = BoxWarp.of(truth.labels[0], truth.slice_mm).lv_curve_ml(field)
    assert curve[ES_PHASE] / curve[0] == pytest.approx(0.49, abs=0.03)


def test_motion_that_was_tracked_is_trusted_by_how_the_pictures_agree(encoding: Encoding):
    tracked = packed_case(replace(case(), kind=Kind.COMPLETED), SMOKE.network.pack, encoding.encoder)
    assert tracked is not None
    sure = tracked.packed[12:].astype(np.float32)
    assert sure.min() < 0.5
    assert sure.max() <= 1.0


def test_the_phase_vector_rises_and_starts_at_the_anchor(packed: PackedCase):
    assert packed.phase[0] == 0.0
    assert (np.diff(packed.phase) > 0).all()
    assert packed.phase[-1] < 1.0


def test_a_case_without_a_usable_beat_is_left_out(encoding: Encoding):
    assert packed_case(ring_case(request_for("flat")), SMOKE.network.pack, encoding.encoder) is None
    assert packed_case(replace(case(), ecg_mv=None), SMOKE.network.pack, encoding.encoder) is None
    assert packed_case(case(), PackLayout(phases=24), encoding.encoder) is None


def test_points_of_the_heart_hold_its_rim_and_no_more():
    points = heart_points(case().labels[0], SMOKE.network.pack)
    assert points.shape == (4, 24, 24)
    assert points[:, 12, 12].all()
    assert not points[:, 0].any()


def test_test_patients_are_never_read_and_packs_are_kept(store: Store, encoding: Encoding, tmp_path: Path):
    rows = chosen_rows(store, Split.TRAIN)
    assert [row.case_id for row in rows] == ["one", "two"]
    assert [row.case_id for row in chosen_rows(store, Split.VALIDATION)] == ["seen"]
    first = packed_cases(store, rows, SMOKE.network.pack, encoding, tmp_path)
    files = sorted(tmp_path.glob("*.npz"))
    before = [path.stat().st_mtime_ns for path in files]
    again = packed_cases(store, rows, SMOKE.network.pack, encoding, tmp_path)
    assert [path.stat().st_mtime_ns for path in files] == before
    np.testing.assert_array_equal(first[0].packed, again[0].packed)
    other = Encoding(encoding.encoder, "another")
    packed_cases(store, rows[:1], SMOKE.network.pack, other, tmp_path)
    assert len(list(tmp_path.glob("*.npz"))) == 3  # another encoder: made anew


def test_nothing_to_learn_from_is_said(store: Store, encoding: Encoding, tmp_path: Path):
    with pytest.raises(UserError, match="no case with an ECG"):
        packed_cases(store, [], SMOKE.network.pack, encoding, tmp_path)
    with pytest.raises(UserError, match="store of cases"):
        main(SMOKE, tmp_path / "run")


@pytest.mark.parametrize("form", ["flow", "diffusion"])
def test_the_loss_of_zero_and_of_the_truth(form: str, packed: PackedCase):
    settings = replace(SMOKE, network=replace(SMOKE.network, form=form))
    task = PackedTask(settings, [packed])
    batch = task.batch(np.random.default_rng(0))
    x0, weight, _, tau, *_ = batch

    class Knows(torch.nn.Module):
        def forward(self, x, tau, *condition):
            return x0

    class Zero(torch.nn.Module):
        def forward(self, x, tau, *condition):
            return torch.zeros_like(x)

    assert float(task.loss(Knows(), batch)) == 0.0
    level = noise_levels(tau, form)[1].clamp(min=settings.loss.least_noise)
    size = ((weight * x0**2).mean(dim=(1, 2, 3, 4)) / weight.mean(dim=(1, 2, 3, 4))).numpy()
    assert float(task.loss(Zero(), batch)) == pytest.approx(float((size / level[:, 0].numpy() ** 2).mean()), rel=1e-4)


def test_the_error_of_the_data_over_its_noise_is_that_of_the_velocity():
    x0, noise, guess = (torch.tensor([[v]]) for v in (1.5, -0.4, 0.9))
    for form in ("flow", "diffusion"):
        signal, level = noise_levels(torch.tensor([[0.6]]), form)
        x = signal * x0 + level * noise
        if form == "flow":
            true, found = noise - x0, (x - guess) / level
        else:
            true = signal * noise - level * x0
            found = (signal * x - guess) / level
        assert float(found - true) == pytest.approx(float((x0 - guess) / level), abs=1e-5)


@pytest.mark.parametrize("form", ["flow", "diffusion"])
def test_steps_on_one_batch_lower_its_loss(form: str, packed: PackedCase):
    torch.manual_seed(0)
    task = PackedTask(replace(SMOKE, network=replace(SMOKE.network, form=form)), [packed])
    network, batch = task.network(), task.batch(np.random.default_rng(1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)

    class Deep(torch.nn.Module):
        def forward(self, *inputs):
            return network.deep(*inputs)

    losses = []
    for _ in range(12):
        loss = task.loss(Deep(), batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert losses[-1] < 0.7 * losses[0]


def test_a_network_that_never_moves_is_judged_as_the_anchor(packed: PackedCase):
    truth = case()
    found = figures(PackedTask(SMOKE, [packed]).network(), [JudgedCase.of(packed, truth)], 2)
    assert found["lv"] == pytest.approx(found["not_moved_lv"], abs=0.01)
    assert found["ef_mae_points"] == pytest.approx(truth.numbers["ef_percent"], abs=0.5)


@pytest.fixture(scope="module")
def trained(store: Store, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A smoke training of both forms, published."""
    runs = tmp_path_factory.mktemp("runs")
    for form in ("flow", "diffusion"):
        run = runs / form
        main(replace(SMOKE, network=replace(SMOKE.network, form=form)), run, store=store.folder, models=models)
        publish(run, models)
    return models


def test_the_smoke_training_leaves_logs_and_weights(trained: Path):
    entries = json.loads((trained / "manifest.json").read_text(encoding="utf-8"))["weights"]
    assert entries["packed"]["config"]["form"] == "flow"
    assert entries["diffusion"]["config"]["form"] == "diffusion"
    about = entries["packed"]["about"]
    assert about["training"]["steps"] == SMOKE.steps
    assert about["data"]["learned_from"] == {"simulated": 2}
    assert about["figures"]["validation"]["not_moved_lv"] > 0.5


def test_a_beat_is_drawn_from_published_weights(trained: Path):
    truth = case()
    generator = PackedGenerator.load(trained, "packed")
    field = generator.generate(truth.image[0], truth.labels[0], truth.slice_mm, None, seed=1, steps=2)
    assert field.shape == (25, 3, 24, 24, 3)
    assert not field[0].any()
    again = generator.generate(truth.image[0], truth.labels[0], truth.slice_mm, None, seed=1, steps=2)
    np.testing.assert_array_equal(field, again)
    stopped = CancelToken()
    stopped.cancel()
    with pytest.raises(Cancelled):
        generator.generate(truth.image[0], truth.labels[0], truth.slice_mm, None, cancel=stopped)


@pytest.mark.parametrize("form", ["flow", "diffusion"])
def test_a_whole_generation_stands_in_the_scanners_frame(trained: Path, form):
    truth = case()
    volume, prepared = _turned_anchor(truth)
    generation = load_packed(trained, form).generate(
        prepared, make_ecg(np.arange(0.4, 9.8, 1.0)), phases=10, members=2, seed=3, steps=2
    )
    assert generation.cine.data.shape == (10, *volume.data.shape)
    np.testing.assert_array_equal(generation.cine.data[0], volume.data)
    np.testing.assert_array_equal(generation.labels.data[0], prepared.labels.data)
    assert generation.motion.pull_back_mm.shape == (10, 3, 64, 64, 3)
    assert not generation.motion.pull_back_mm[0].any()
    assert generation.member_lv_ml.shape == (2, 10)
    assert generation.result.provenance.seed == 3
    assert generation.result.provenance.weights_sha256.keys() == {"packed" if form == "flow" else form, "ecg_encoder"}
    curve = generation.labels.voxels(Label.LV) * generation.labels.grid.voxel_volume_ml
    near = np.abs(generation.member_lv_ml - curve).mean(axis=1).min()
    assert near < 0.04 * curve[0]  # the curve on the box and in the scanner's frame are one


def _turned_anchor(truth: CohortCase):
    """The case's ED as a scanner's stack turned by 90 degrees and shifted by (3, -2) pixels."""
    data = np.rot90(truth.image[0], axes=(1, 2)).astype(np.float32)
    labels = np.ascontiguousarray(np.rot90(truth.labels[0], axes=(1, 2)))
    grid = grid_from_spacing(data.shape, (1.5, 1.5, truth.slice_mm))
    volume = Volume(np.ascontiguousarray(data), grid, name="turned")
    pose = CanonicalPose((47.5, 47.5), -90.0, False, False, (1.5, 1.5))
    canonical = np.pad(truth.labels[0], ((0, 0), (BOX_MARGIN,) * 2, (BOX_MARGIN,) * 2))
    return volume, prepared_from_labels(volume, pose, LabelMap(labels, grid), canonical, torch.device("cpu"))


@pytest.mark.parametrize("changes", [{"rea": False}, {"ecg_route": "spatial"}, {"target": "pictures"}])
def test_every_ablation_is_learned_published_and_drawn(store, models, tmp_path, changes):
    weights = Path(shutil.copytree(models, tmp_path / "weights"))
    run = tmp_path / "runs" / "ablation"
    main(replace(SMOKE, steps=2, network=replace(SMOKE.network, **changes)), run, store=store.folder, models=weights)
    publish(run, weights)
    _, prepared = _turned_anchor(case())
    generation = load_packed(weights, "flow").generate(
        prepared, make_ecg(np.arange(0.4, 9.8, 1.0)), phases=5, members=1, seed=3, steps=2
    )
    np.testing.assert_array_equal(generation.cine.data[0], prepared.volume.data)
    moves = bool(generation.motion.pull_back_mm.any())
    assert moves is (changes.get("target") != "pictures")
    assert np.isfinite(generation.cine.data).all()
    looked = last_row(run / "validation.csv")
    assert ("change_error" in looked) is not moves


def test_without_a_teacher_the_pictures_still_change(models):
    truth = case()
    _, prepared = _turned_anchor(truth)
    layout = SMOKE.network.pack
    packed = pack_pictures(truth.image, heart_extent(truth.labels[0]), layout)
    change = unpack_pictures(packed, heart_extent(truth.labels[0]), truth.slices, layout, bright_grey(truth.image[0]))
    still = np.repeat(prepared.volume.data[None], len(change), axis=0)
    drawn = changed_beat(prepared, still, change)
    true = np.stack([np.rot90(picture, axes=(1, 2)) for picture in truth.image]).astype(np.float32)
    before, after = (np.abs(cine[ES_PHASE] - true[ES_PHASE]).mean() for cine in (still, drawn))
    assert after < 0.5 * before
    np.testing.assert_array_equal(drawn[0], prepared.volume.data)


@pytest.mark.parametrize(
    "name", ["packed", "diffusion", "paper", "smoke", "without_rea", "without_temporal_ecg", "without_teacher"]
)
def test_every_config_is_readable(name: str):
    config = read_config(CONFIGS / f"{name}.json")
    assert isinstance(config, PackedTraining)
    assert config.network.pack.planes in (4, 8)
    assert config_from_dict(json.loads((CONFIGS / f"{name}.json").read_text(encoding="utf-8"))) == config


def test_in_a_turned_stack_the_heart_moves_along_its_own_axes():
    truth = case()
    _, prepared = _turned_anchor(truth)
    field = np.zeros((3, 24, 24, 3), np.float32)
    field[..., 0], field[..., 1] = 9.0, -4.5
    on_box = BoxWarp.of(truth.labels[0], truth.slice_mm).labels(field)
    _, labels, _ = PackedScannerWarp(prepared).phase(field)
    assert (labels == np.rot90(on_box, axes=(1, 2))).mean() > 0.998
    assert (labels == prepared.labels.data).mean() < 0.95
    motion = motion_of(prepared, np.stack([field * 0, field]), 2)
    scanner = motion.pull_back_mm[1, 1, 32, 32] @ motion.grid.directions.T
    np.testing.assert_allclose(np.abs(scanner[:2]), [4.5, 9.0], atol=1e-3)  # its x lies along the stack's y
    np.testing.assert_allclose(motion.push_forward_mm[1, 1, 32, 32, :2], [-9.0, 4.5], atol=1e-3)

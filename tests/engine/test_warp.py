"""What makes a beat quick must not change it: shared rungs, labels near the heart, judging the heart's box."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from cof_viewer.anatomy import dice
from cof_viewer.domain.image import Label
from cof_viewer.engine import gate
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_motion import _RUNG, MemberMotion, _Ladder, beat_field, full_motion
from cof_viewer.engine.generator import Generator
from cof_viewer.engine.judge import in_wall, near_heart, round_heart
from cof_viewer.engine.motion.field import integrate
from cof_viewer.engine.motion.labels import signed_distances, soft_shares
from cof_viewer.engine.warp import ScannerWarp, _largest
from tests.engine.test_generate import cycle, generate, generator, live, prepared  # noqa: F401 - fixtures


def squeeze(slices: int = 9, mm: float = 9.0) -> torch.Tensor:
    """[z, 2, 64, 64]: towards the middle of the picture, most at 27 mm from it."""
    y, x = torch.meshgrid(torch.arange(64.0) - 31.5, torch.arange(64.0) - 31.5, indexing="ij")
    r = (x * x + y * y).sqrt().clamp(min=0.5)
    size = mm * torch.exp(-(((r - 9) / 6) ** 2))
    return torch.stack([x / r * size, y / r * size]).expand(slices, -1, -1, -1).clone()


@pytest.mark.parametrize("tau", [1.0, 0.97, 0.53, 0.02, -0.6])
def test_rungs_agree_with_fine_squaring(tau: float) -> None:
    velocity = squeeze(1)
    fine = F.interpolate(velocity, size=(253, 253), mode="bilinear", align_corners=True) * (tau / 3 * 4)
    truth = integrate(fine, 10)[:, :, ::4, ::4] / 4 * 3
    error = (_Ladder(velocity, _RUNG).at(tau) * 3 - truth).abs()
    assert error.max() < 0.08
    assert error.mean() < 0.004
    assert error.max() <= 1.2 * (integrate(velocity * (tau / 3)) * 3 - truth).abs().max() + 0.002


def test_the_anchors_own_moment_does_not_move() -> None:
    ladder = _Ladder(squeeze(2), _RUNG)
    assert not ladder.at(0.0).any()
    there = ladder.at(0.7)
    assert torch.equal(ladder.at(0.7), there), "asking again gives the same"


def test_forth_and_back_is_where_one_was() -> None:
    ladder = _Ladder(squeeze(1), _RUNG)
    forth, back = ladder.at(0.8), ladder.at(-0.8)
    places = torch.stack(torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")[::-1])[None]
    grid = ((places + forth) / 63 * 2 - 1).permute(0, 2, 3, 1)
    assert (forth + F.grid_sample(back, grid, align_corners=True)).abs().max() < 0.06


def test_the_largest_share_is_argmax_first_on_a_tie() -> None:
    shares = torch.rand(4, 3, 9, 8, generator=torch.Generator().manual_seed(0))
    shares = shares / shares.sum(dim=1, keepdim=True) * torch.rand(4, 1, 9, 8)
    shares[0, :, 0] = torch.tensor([0.25, 0.25, 0.25])[:, None]
    every = torch.cat([1 - shares.sum(dim=1, keepdim=True), shares], dim=1)
    assert torch.equal(_largest(shares), every.argmax(dim=1).to(torch.uint8))


def member(anchor_s: float = 0.0) -> MemberMotion:
    return MemberMotion(squeeze(), 8.0, 9.0, anchor_s, np.zeros(0), np.zeros(0))


def test_labels_near_the_heart_are_those_of_the_whole_picture(prepared: Prepared) -> None:  # noqa: F811
    s = np.array([0.0, 0.5, 1.0])
    field = beat_field(prepared, member(), s)
    warp = ScannerWarp(prepared.volume, prepared.labels, prepared.pose, field)
    distances = torch.from_numpy(signed_distances(prepared.labels.data, prepared.pose.pixel_mm))
    for phase in range(3):
        found = warp.labels(warp.shares(phase, warp.sampling_grid(phase)))
        # The same by the long way: the whole frame, the lattice read pixel by pixel.
        lattice = (np.mgrid[:128, :128].astype(np.float32) - 0.5) / 2
        place = torch.from_numpy(np.stack([lattice[1], lattice[0]], axis=-1) / 63 * 2 - 1)[None].expand(9, -1, -1, -1)
        here = F.grid_sample(field.in_plane_mm[phase], place, align_corners=True).permute(0, 2, 3, 1) / 1.5
        pixels = torch.from_numpy(np.stack(np.mgrid[:128, :128][::-1], axis=-1).astype(np.float32))
        grid = (pixels + here) / 127 * 2 - 1
        slid = warp._slide(distances, field.source_slice[phase])
        shares = soft_shares(F.grid_sample(slid, grid, align_corners=True, padding_mode="border"), 1.5)
        expected = torch.cat([1 - shares.sum(dim=1, keepdim=True), shares], dim=1).argmax(dim=1).numpy()
        for label in (Label.LV, Label.MYO, Label.RV):
            assert dice(found == label, expected == label) > 0.999


def test_another_beat_of_the_same_anchor_finds_its_parts_ready(prepared: Prepared) -> None:  # noqa: F811
    field = beat_field(prepared, member(), np.array([0.0, 1.0]))
    one = ScannerWarp(prepared.volume, prepared.labels, prepared.pose, field)
    two = ScannerWarp(prepared.volume, prepared.labels, prepared.pose, field)
    assert one._still is two._still
    other = ScannerWarp(prepared.volume, replace(prepared.labels), prepared.pose, field)
    assert other._still is not one._still, "corrected labels are another anchor"
    turned = replace(prepared.pose, angle_degrees=5.0)
    assert ScannerWarp(prepared.volume, prepared.labels, turned, field)._still is not one._still


def test_far_from_the_heart_the_picture_stays(prepared: Prepared) -> None:  # noqa: F811
    field = beat_field(prepared, member(), np.array([0.0, 1.0]))
    warp = ScannerWarp(prepared.volume, prepared.labels, prepared.pose, field)
    picture = warp.picture(1, warp.sampling_grid(1))
    anchor, box = prepared.volume.data, warp._still.box
    outside = np.ones(anchor.shape, bool)
    outside[:, box.rows, box.columns] = False
    assert outside.any()
    assert np.array_equal(picture[outside], anchor[outside])
    assert not np.array_equal(picture, anchor)


def test_judging_the_heart_s_box_is_judging_the_heart(prepared: Prepared) -> None:  # noqa: F811
    s = np.array([0.0, 0.4, 1.0])
    motion = full_motion(prepared, member(), beat_field(prepared, member(), s), s, 0)
    heart, wall = near_heart(prepared), in_wall(prepared)
    assert (wall <= heart).all()
    part, inside, wall_there = round_heart(motion, heart, wall)
    assert wall_there.sum() == wall.sum() > 100
    assert part.pull_back_mm.shape[2] < motion.pull_back_mm.shape[2]
    np.testing.assert_allclose(gate.jacobian(part)[:, inside], gate.jacobian(motion)[:, heart], rtol=1e-6)
    there = part.grid.patient_from_voxel @ [3.0, 4.0, 2.0, 1.0]
    column, row, level = np.rint(np.linalg.inv(motion.grid.patient_from_voxel) @ there)[:3].astype(int)
    assert np.array_equal(part.pull_back_mm[:, 2, 4, 3], motion.pull_back_mm[:, level, row, column])


def test_a_preview_tells_what_the_whole_beat_will(generator: Generator, prepared: Prepared) -> None:  # noqa: F811
    whole = generate(generator, prepared, cycle(), phases=20)
    made = live(generator, prepared, cycle())
    function, motion, plan = made.function, made.motion, made.plan
    known = whole.result.function
    assert function.edv_ml == pytest.approx(known.edv_ml, rel=1e-6)
    assert function.ef_percent == pytest.approx(known.ef_percent, abs=2.0)
    assert function.es_phase == known.es_phase
    np.testing.assert_array_equal(motion.push_forward_mm, whole.motion.push_forward_mm)
    np.testing.assert_array_equal(plan.member_lv_ml, whole.member_lv_ml)

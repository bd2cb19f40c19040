"""A generated beat with the shipped flow: it moves like a heart, and its time follows the ECG."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cof_viewer.anatomy import dice
from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.ecg import Beat, Ecg, Intervals
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.function import Provenance
from cof_viewer.domain.generation import Generation
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Label, LabelMap, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, no_progress
from cof_viewer.engine import beat_motion
from cof_viewer.engine.anchor import Prepared, prepared_from_labels
from cof_viewer.engine.beat_code import CodeStatistics
from cof_viewer.engine.flow import FlowConfig, FlowNetwork
from cof_viewer.engine.gate import jacobian
from cof_viewer.engine.generate import with_pictures
from cof_viewer.engine.generator import Generator
from cof_viewer.engine.live import DrawOptions, HeardEcg, LiveBeat, live_beat
from cof_viewer.engine.motion.time_law import bounded_marks
from cof_viewer.engine.plan import AnchorMoment, draw_members, medoid, phase_moments, stands_near_es, time_members
from cof_viewer.engine.weights import load_weights
from tests.conftest import ROOT
from tests.engine.test_motion_frame import rings


@pytest.fixture(scope="module")
def generator() -> Generator:
    tensors, entry = load_weights(ROOT / "models", "flow")
    network = FlowNetwork(FlowConfig(**entry.config))
    network.load_state_dict({k.removeprefix("network."): v for k, v in tensors.items() if k.startswith("network.")})
    named = {k.removeprefix("statistics."): v for k, v in tensors.items() if k.startswith("statistics.")}
    return Generator(network.eval(), CodeStatistics.from_tensors(named), torch.device("cpu"))


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """A made heart of normal size, whose scanner's grid is the canonical one, placed obliquely in the patient."""
    labels = rings(slices=9)
    angle = np.deg2rad(40.0)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.5, 1.5, 10.0])
    affine[:3, 3] = [-90.0, 20.0, 35.0]
    grid = Grid(labels.shape, affine)
    rng = np.random.default_rng(0)
    brightness = np.choose(labels, [40.0, 220.0, 80.0, 210.0])
    picture = (brightness + rng.normal(0, 8, labels.shape)).astype(np.float32)
    pose = CanonicalPose((63.5, 63.5), 0.0, False, False, (1.5, 1.5))
    return prepared_from_labels(Volume(picture, grid), pose, LabelMap(labels, grid), labels, torch.device("cpu"))


def cycle(rr_ms: float = 900.0, t_end_ms: float = 330.0) -> Beat:
    intervals = Intervals(rr_ms, 160.0, 92.0, t_end_ms + 36, 100.0, 45.0, -200, -100, -36, 56, t_end_ms - 80, t_end_ms)
    quiet = np.zeros((12, 400), np.float32)
    quiet[:, 195:205] = 1.0
    return Beat(quiet, quiet, -400.0, rr_ms, (0.0, rr_ms), 0, intervals)


def live(
    generator: Generator,
    prepared: Prepared,
    beat: Beat,
    anchor: AnchorMoment | None = None,
    phases: int = 20,
    members: int = 1,
    cancel: CancelToken = NEVER,
) -> LiveBeat:
    heard = HeardEcg(Ecg(np.zeros((12, 5000), np.float32), 500.0, ()), "", beat, np.zeros(768, np.float32))
    moment, options = anchor or AnchorMoment(0, "ed"), DrawOptions(phases, members, 10, 5)
    drawn = draw_members(
        generator,
        prepared,
        beat,
        heard.embedding,
        es_like=stands_near_es(moment, beat, phases),
        members=members,
        steps=options.steps,
        seed=options.seed,
        cancel=cancel,
    )
    plan = time_members(drawn, prepared, beat, moment, phases=phases, cancel=cancel)
    return live_beat(plan, prepared, heard, moment, options)


def generate(
    generator: Generator,
    prepared: Prepared,
    beat: Beat,
    anchor: AnchorMoment | None = None,
    phases: int = 20,
    members: int = 1,
    cancel: CancelToken = NEVER,
) -> Generation:
    made = live(generator, prepared, beat, anchor, phases, members, cancel)
    return with_pictures(made, provenance=Provenance("0", {}), progress=no_progress, cancel=cancel)


@pytest.fixture(scope="module")
def generation(generator: Generator, prepared: Prepared) -> Generation:
    return generate(generator, prepared, cycle())


def test_the_anchors_phase_is_the_anchor(generation: Generation, prepared: Prepared) -> None:
    assert np.array_equal(generation.cine.data[0], prepared.volume.data)
    assert np.array_equal(generation.labels.data[0], prepared.labels.data)
    assert not generation.motion.pull_back_mm[0].any()


def test_the_ventricle_shrinks_and_returns(generation: Generation) -> None:
    volume = generation.labels.voxels(Label.LV)
    function = generation.result.function
    assert function.ed_phase == 0
    assert 4 <= function.es_phase <= 11
    assert volume[function.es_phase] < 0.75 * volume[0]
    assert volume[-1] > 0.9 * volume[0]
    assert (np.diff(volume[: function.es_phase + 1]) < 1e-6).all()


def test_soft_and_counted_ef_agree(generation: Generation) -> None:
    counted = np.count_nonzero(generation.labels.data == Label.LV, axis=(1, 2, 3))
    by_count = 100 * (counted[0] - counted.min()) / counted[0]
    assert generation.result.function.ef_percent == pytest.approx(by_count, abs=2.0)


def test_nothing_folds(generation: Generation) -> None:
    assert jacobian(generation.motion).min() > 0
    assert "folding" not in {flag.code for flag in generation.result.flags}


def test_the_base_descends_and_the_apex_stays(generation: Generation) -> None:
    es = generation.result.function.es_phase
    along = generation.motion.push_forward_mm[es, :, 32, 32, 2]
    assert 4.0 < along[0] < 16.0, "+z runs from base to apex"
    assert abs(along[-1]) < 1.0
    assert (np.diff(along) <= 1e-4).all()


def test_contours_are_whole(generation: Generation) -> None:
    from scipy import ndimage

    for phase in range(generation.labels.phases):
        for plane in generation.labels.data[phase] == Label.LV:
            assert ndimage.label(plane)[1] <= 1


def test_points_and_pictures_move_together(generation: Generation, prepared: Prepared) -> None:
    """Material points of the LV's edge, pushed forward, lie on the edge of the pulled-back labels."""
    es, motion = generation.result.function.es_phase, generation.motion
    z = 4
    push = motion.push_forward_mm[es]
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    shrink = 1 - 0.5 * z / 8
    points = 63.5 * 1.5 + 22.0 * shrink * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    lattice = np.rint((points / 3.0) - 0.25).astype(int)
    moved = points + push[z, lattice[:, 1], lattice[:, 0], :2]
    radius = np.hypot(*(moved - 63.5 * 1.5).T).mean()
    there = z + push[z, 32, 32, 2] / 10.0
    low = int(there)
    areas = np.count_nonzero(generation.labels.data[es] == Label.LV, axis=(1, 2)) * 1.5**2
    area = areas[low] * (low + 1 - there) + areas[low + 1] * (there - low)
    assert radius == pytest.approx(np.sqrt(area / np.pi), abs=2.0)


@pytest.mark.parametrize("phases", [2, 13, 50])
def test_any_number_of_phases(generator: Generator, prepared: Prepared, phases: int) -> None:
    generation = generate(generator, prepared, cycle(), phases=phases)
    assert generation.cine.phases == phases
    assert generation.cine.phase_ms[1] == pytest.approx(900.0 / phases)


def es_time(generation: Generation) -> float:
    function = generation.result.function
    return function.phase_ms[function.es_phase]


def test_es_follows_rate_and_qt(generator: Generator, prepared: Prepared) -> None:
    slow = generate(generator, prepared, cycle(1200.0, 380.0), phases=50)
    fast = generate(generator, prepared, cycle(545.0, 250.0), phases=50)
    long_qt = generate(generator, prepared, cycle(900.0, 400.0), phases=50)
    short_qt = generate(generator, prepared, cycle(900.0, 290.0), phases=50)
    assert es_time(fast) < es_time(slow) - 60
    assert es_time(fast) / 545 > es_time(slow) / 1200
    assert es_time(long_qt) > es_time(short_qt) + 40


def test_an_es_anchor_fills(generator: Generator, prepared: Prepared) -> None:
    generation = generate(generator, prepared, cycle(), AnchorMoment(None, "es"))
    a = generation.anchor_phase
    volume = generation.labels.voxels(Label.LV)
    assert np.array_equal(generation.labels.data[a], prepared.labels.data)
    assert volume.argmin() == a == generation.result.function.es_phase
    assert volume[0] > 1.15 * volume[a]
    assert jacobian(generation.motion).min() > 0


def test_an_anchor_at_any_index(generator: Generator, prepared: Prepared) -> None:
    generation = generate(generator, prepared, cycle(), AnchorMoment(13, ""))
    assert generation.anchor_phase == 13
    assert np.array_equal(generation.cine.data[13], prepared.volume.data)
    assert dice(generation.labels.data[13] == 1, prepared.labels.data == 1) == 1.0


def test_members_spread_and_the_same_seed_repeats(generator: Generator, prepared: Prepared) -> None:
    first = generate(generator, prepared, cycle(), phases=8, members=4)
    again = generate(generator, prepared, cycle(), phases=8, members=4)
    assert first.member_lv_ml.shape == (4, 8)
    assert np.ptp(first.member_lv_ml.min(axis=1)) > 1.0
    assert np.array_equal(first.cine.data, again.cine.data)


def test_the_medoid_is_the_middle_curve() -> None:
    curves = np.array([[10.0, 0.0], [10.0, 5.0], [10.0, 30.0]])
    assert medoid(curves) == 1


def test_cancel_stops_the_warp(generator: Generator, prepared: Prepared) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        generate(generator, prepared, cycle(), cancel=token)


def test_a_late_ed_anchor_turns_the_clock() -> None:
    """ED may lie in the last phase of a cine: ES then comes as long after it as the ECG says."""
    marks = bounded_marks(150.0, 320.0, 520.0, 900.0)
    s, phase, turned = phase_moments(marks, 20, AnchorMoment(19, "ed"))
    assert s[19] == 0.0 == s.min()
    assert phase == 19
    assert turned.es_ms == pytest.approx((320.0 + 19 * 45.0) % 900.0)
    assert abs(int(s.argmax()) * 45.0 - turned.es_ms) <= 45.0


def test_spacing_unknown_leaves_ef(generator: Generator, prepared: Prepared) -> None:
    grid = replace(prepared.volume.grid, spacing_known=False)
    blind = replace(prepared, volume=replace(prepared.volume, grid=grid), labels=LabelMap(prepared.labels.data, grid))
    function = generate(generator, blind, cycle(), phases=8).result.function
    assert function.edv_ml is None
    assert function.ef_percent > 5


def test_the_chest_stands_still(generation: Generation, prepared: Prepared) -> None:
    """No seam where the moving box ends, and nothing moves far from the heart."""
    es = generation.result.function.es_phase
    change = np.abs(generation.cine.data[es] - prepared.volume.data)
    y, x = (np.mgrid[:128, :128] - 63.5) * 1.5
    assert change[:, np.hypot(x + 20, y) > 82].max() == 0.0
    assert change[:, np.hypot(x, y) < 25].max() > 50.0


def test_volumes_are_the_same_from_the_cavitys_part_of_the_lattice(
    generator: Generator, prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    (drawn,) = generator.draw(
        prepared, cycle(), np.zeros(768, np.float32), anchor_is_es=False, members=1, steps=10, seed=5, cancel=NEVER
    )
    velocity = generator.velocity(prepared, drawn, False).detach()
    part = beat_motion.scale_to_ef(prepared, velocity, 0.65, True, 0.0)
    monkeypatch.setattr(beat_motion, "_reach_of_cavity", lambda _: (slice(0, 64), slice(0, 64)))
    whole = beat_motion.scale_to_ef(prepared, velocity, 0.65, True, 0.0)
    assert part.node_lv == pytest.approx(whole.node_lv, rel=1e-4)
    assert torch.allclose(part.velocity, whole.velocity, rtol=1e-4, atol=1e-3)  # mm

"""Segmentation of any stack: geometry with a stand-in network, and hearts, heads and bad input with the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from cof_viewer.anatomy import dice
from cof_viewer.cohort.real.mri import Pair, choose, load_pair, read_manifest
from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, Label, Volume
from cof_viewer.domain.progress import CancelToken
from cof_viewer.domain.split import Split
from cof_viewer.engine.seg_sampling import content_box, full_slices
from cof_viewer.engine.seg_shares import SoftLabels, cleaned, frame_of
from cof_viewer.engine.segmenter import Segmenter, shares_in_scanner
from cof_viewer.learning.segmenter.judge import as_volume

MODELS = Path(__file__).resolve().parents[2] / "models"
Image = NDArray[np.float32]


class BrightIsLv(nn.Module):
    """Stands in for the network: pixels nearer to the brightest than to the darkest are LV."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.full((len(images), 4, *images.shape[-2:]), -99.0)
        logits[:, 0] = 0.0
        own = images[:, 1]
        middle = (own.amax(dim=(1, 2), keepdim=True) + own.amin(dim=(1, 2), keepdim=True)) / 2
        logits[:, 1] = 40 * (own - middle)
        return logits


def stand_in() -> Segmenter:
    return Segmenter(BrightIsLv(), None)  # type: ignore[arg-type]


def disc(shape: tuple[int, int, int], centre_xy: tuple[float, float], radius: float) -> NDArray[np.bool_]:
    _, y, x = np.mgrid[: shape[0], : shape[1], : shape[2]]
    return np.hypot(x - centre_xy[0], y - centre_xy[1]) < radius


def picture(mask: NDArray[np.bool_]) -> Image:
    """Bright where the mask is, on a ground that is nowhere constant."""
    ground = 90.0 + 20.0 * np.linspace(0, 1, mask.shape[-1]) * np.linspace(0.5, 1, mask.shape[-2])[:, None]
    return np.where(mask, 900.0, ground).astype(np.float32)


poses = st.builds(
    CanonicalPose,
    center_xy=st.tuples(st.floats(60, 100), st.floats(60, 100)),
    angle_degrees=st.floats(-180, 180),
    mirrored=st.booleans(),
    slices_reversed=st.booleans(),
    pixel_mm=st.just((1.4, 1.4)),
)


@given(poses)
@settings(max_examples=8, deadline=None, phases=[Phase.generate])
def test_labels_come_back_to_where_the_picture_shows_them(pose: CanonicalPose):
    shape = (3, 160, 170)
    truth = disc(shape, (90.0, 75.0), 17.0)
    truth[0] = disc((1, *shape[1:]), (70.0, 95.0), 11.0)[0]
    volume = Volume(picture(truth), grid_from_spacing(shape, (1.4, 1.4, 9.0)))
    soft = stand_in().segment(volume, pose)
    assert [dice(soft.label_map().data[z] == Label.LV, truth[z]) > 0.93 for z in range(3)] == [True] * 3
    assert soft.shares.sum(axis=0) == pytest.approx(1.0, abs=1e-4)


@given(poses)
@settings(max_examples=8, deadline=None, phases=[Phase.generate])
def test_shares_beyond_the_canonical_window_are_background(pose: CanonicalPose):
    shares = np.zeros((2, 4, CANONICAL_PIXELS, CANONICAL_PIXELS), np.float32)
    shares[:, Label.RV] = 1.0
    scanner = shares_in_scanner(shares, pose, (2, 300, 300))
    area_mm2 = float(scanner[Label.RV].sum()) / 2 * 1.4**2
    window_mm2 = (CANONICAL_PIXELS * CANONICAL_SPACING_MM) ** 2
    assert 0.6 * window_mm2 < area_mm2 < 1.01 * window_mm2
    assert scanner[Label.BACKGROUND, :, 290:, 290:].min() > 0.99


def test_empty_slices_stay_empty_and_do_not_disturb_their_neighbours():
    shape = (5, 120, 120)
    truth = disc(shape, (60.0, 60.0), 15.0)
    data = picture(truth)
    data[0], data[4] = 0.0, np.nan
    pose = CanonicalPose((60.0, 60.0), 0.0, False, False, (1.5, 1.5))
    labels = stand_in().segment(Volume(data, grid_from_spacing(shape, (1.5, 1.5, 8.0))), pose).label_map().data
    assert not labels[[0, 4]].any()
    assert all(dice(labels[z] == Label.LV, truth[z]) > 0.97 for z in (1, 2, 3))


def test_a_cine_s_soft_sizes_agree_with_its_labels():
    shape = (2, 100, 100)
    data = np.stack([picture(disc(shape, (50.0, 50.0), r)) for r in (20.0, 12.0)])
    cine = Cine(data, grid_from_spacing(shape, (1.5, 1.5, 8.0)))
    labels = stand_in().segment_cine(cine, CanonicalPose((50.0, 50.0), 30.0, True, False, (1.5, 1.5)))
    assert labels.soft_volume_voxels is not None
    counted = (labels.data == Label.LV).sum(axis=(1, 2, 3))
    assert labels.soft_volume_voxels[:, Label.LV] == pytest.approx(counted, rel=0.04)
    assert counted[0] == pytest.approx(2 * np.pi * 400, rel=0.04)


def test_only_the_largest_part_of_a_class_is_kept():
    shares = np.zeros((2, 4, 40, 40), np.float32)
    shares[:, 0] = 1
    for rows, columns in ((slice(5, 20), slice(5, 20)), (slice(30, 33), slice(30, 33))):
        shares[0, 0, rows, columns], shares[0, 1, rows, columns] = 0.1, 0.9
    kept = cleaned(shares)
    assert kept[0, 1, 31, 31] == 0.0
    assert kept[0, 0, 31, 31] == pytest.approx(1.0)
    assert np.array_equal(kept[:, :, :25, :25], shares[:, :, :25, :25])


def test_the_frame_of_canonical_labels():
    labels = np.zeros((2, 128, 128), np.uint8)
    labels[:, 60:70, 80:90], labels[:, 60:70, 30:40] = Label.LV, Label.RV
    frame = frame_of(labels)
    assert frame is not None
    assert frame.offset_xy == pytest.approx((59.5 - 63.5, 64.5 - 63.5))
    assert frame.turn_degrees == pytest.approx(0.0)
    assert frame.size == pytest.approx(200**0.5)
    assert frame_of(np.zeros((1, 128, 128), np.uint8)) is None


def test_shares_must_fit_their_grid():
    with pytest.raises(ValueError, match="do not fit"):
        SoftLabels(np.zeros((4, 1, 2, 2), np.float32), grid_from_spacing((1, 2, 3), (1.0, 1.0, 1.0)))


def test_constant_slices_and_borders_are_seen_as_padding():
    data = np.zeros((3, 20, 30), np.float32)
    data[1, 5:15, 8:25] = np.random.default_rng(0).random((10, 17))
    data[2] = 7.0
    assert full_slices(data).tolist() == [False, True, False]
    rows, columns = content_box(data)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (5, 15, 8, 25)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    if not (MODELS / "segmenter.safetensors").is_file():
        pytest.skip("the weights are not in models/")
    return Segmenter.load(MODELS)


@pytest.fixture(scope="module")
def pair(data_dir: Path) -> Pair:
    rows = read_manifest(data_dir / "mri")
    return load_pair(choose(rows, "pair", Split.VALIDATION, dataset="acdc")[0])


def moved(volume: Volume, move: Callable[[Image], Image], *, spacing_known: bool = True) -> Volume:
    data = np.ascontiguousarray(move(volume.data))
    shape = (data.shape[0], data.shape[1], data.shape[2])
    return Volume(data, grid_from_spacing(shape, volume.grid.spacing_mm, spacing_known=spacing_known))


def padded(data: Image) -> Image:
    """A field of about 400 mm with the heart some 100 mm off its middle, and empty slices at both ends."""
    slices, rows, columns = data.shape
    field = np.zeros((slices + 3, rows + 146, columns + 146), np.float32)
    field[2:-1, 146:, :columns] = data
    return field


MOVES: dict[str, Callable[[Image], Image]] = {
    "mirrored": lambda d: d[:, :, ::-1],
    "apex first": lambda d: d[::-1],
    "quarter turn": lambda d: np.rot90(d, 1, (1, 2)),
    "all of it": lambda d: np.rot90(d[::-1, ::-1], 3, (1, 2)),
    "wide field": padded,
}


@pytest.mark.parametrize("name", MOVES)
def test_labels_follow_the_heart(segmenter: Segmenter, pair: Pair, name: str):
    truth = MOVES[name](pair.labels[1].astype(np.float32))
    labels = segmenter.segment(moved(as_volume(pair, 1), MOVES[name])).label_map().data
    plain = segmenter.segment(as_volume(pair, 1)).label_map().data
    for label in (Label.LV, Label.MYO, Label.RV):
        before = dice(plain == label, pair.labels[1] == label)
        assert before > 0.75
        assert dice(labels == label, truth == label) > before - 0.015
    empty = ~full_slices(moved(as_volume(pair, 1), MOVES[name]).data)
    assert not labels[empty].any()


def test_the_pose_tells_mirroring_and_order(segmenter: Segmenter, pair: Pair):
    pose = segmenter.pose(moved(as_volume(pair, 0), lambda d: d[::-1, :, ::-1]))
    assert pose.mirrored
    assert pose.slices_reversed
    plain = segmenter.pose(as_volume(pair, 0))
    assert not plain.mirrored
    assert not plain.slices_reversed
    width = pair.images.shape[3]
    assert pose.center_xy == pytest.approx((width - 1 - plain.center_xy[0], plain.center_xy[1]), abs=2.0)


def test_unknown_spacing_is_estimated_from_the_heart(segmenter: Segmenter, pair: Pair):
    volume = moved(as_volume(pair, 0), lambda d: d, spacing_known=False)
    pose = segmenter.pose(volume)
    assert pose.pixel_mm[0] == pytest.approx(pair.spacing_mm[2], rel=0.25)
    labels = segmenter.segment(volume, pose).label_map().data
    assert dice(labels == Label.LV, pair.labels[0] == Label.LV) > 0.9


@pytest.mark.parametrize("name", ["nibabel_anatomical.nii", "nibabel_example4d.nii.gz"])
def test_a_head_is_refused_in_one_sentence(segmenter: Segmenter, data_dir: Path, name: str):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.load(data_dir / "mri" / "other" / name)
    data = np.asarray(image.dataobj, dtype=np.float32)
    data = np.ascontiguousarray((data[..., 0] if data.ndim == 4 else data).T)
    x, y, z = (float(v) for v in np.abs(image.header.get_zooms()[:3]))
    volume = Volume(data, grid_from_spacing(data.shape, (x, y, z)), name="head")
    with pytest.raises(UserError, match=r'No short-axis heart was found in "head"'):
        segmenter.segment(volume)


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_nothing_but_a_constant_is_refused(segmenter: Segmenter, fill: float):
    volume = Volume(np.full((4, 64, 64), fill, np.float32), grid_from_spacing((4, 64, 64), (1.5, 1.5, 8.0)))
    with pytest.raises(UserError, match="No short-axis heart"):
        segmenter.pose(volume)


def test_a_cancelled_segmentation_stops(segmenter: Segmenter, pair: Pair):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        segmenter.segment(as_volume(pair, 0), cancelled=token)


def test_ef_of_a_cine_with_true_geometry(segmenter: Segmenter, data_dir: Path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.load(data_dir / "mri" / "cines" / "scd_SCD0000301_cine.nii.gz")
    both = np.asarray(image.dataobj)[..., [19, 6]].astype(np.float32)
    x, y, z = (float(v) for v in image.header.get_zooms()[:3])
    data = np.ascontiguousarray(both.T)
    cine = Cine(data, grid_from_spacing((data.shape[1], data.shape[2], data.shape[3]), (x, y, z)))
    labels = segmenter.segment_cine(cine)
    edv, esv = (labels.label_map(phase).volume_ml(Label.LV) for phase in (0, 1))
    assert edv == pytest.approx(232.7, rel=0.12)
    assert 100 * (edv - esv) / edv == pytest.approx(21.6, abs=6.0)

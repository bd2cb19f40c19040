"""Resampling, windows and labels back in the scanner's frame, by hand and by scikit-image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.transform import resize
from torch import Tensor, nn

from cof_viewer.anatomy import dice
from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, Label, Volume
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine.nnunet.plans import NnUNetPlan, read_plan
from cof_viewer.engine.nnunet.prepare import prepare, shares_on_stack
from cof_viewer.engine.nnunet.segmenter import NnUNetSegmenter
from cof_viewer.engine.nnunet.window import slide
from cof_viewer.engine.segmenter import shares_in_scanner
from tests.engine.nnunet.folder import DATASET, plans

FLAT = read_plan(plans(2, residual=False), DATASET, "2d")
DEEP = read_plan(plans(3, residual=False), DATASET, "3d_fullres")


class BrightIsLv(nn.Module):
    """Stands in for a network: what is nearer to the brightest is the data set's class 3, LVC."""

    def forward(self, images: Tensor) -> Tensor:
        logits = torch.zeros((len(images), 4, *images.shape[2:]))
        every = tuple(range(1, images.ndim))
        middle = (images.amax(dim=every, keepdim=True) + images.amin(dim=every, keepdim=True)) / 2
        logits[:, 3] = 8 * (images - middle)[:, 0]
        return logits


def stand_in(plan: NnUNetPlan) -> NnUNetSegmenter:
    return NnUNetSegmenter([BrightIsLv()], plan, None)  # type: ignore[arg-type]


def pose_of(shape: tuple[int, int, int], pixel_mm: float, **others) -> CanonicalPose:
    usual = {"angle_degrees": 0.0, "mirrored": False, "slices_reversed": False, "pixel_mm": (pixel_mm, pixel_mm)}
    return CanonicalPose(center_xy=((shape[2] - 1) / 2, (shape[1] - 1) / 2), **(usual | others))


def disc(shape: tuple[int, int, int], radius: float, offset: tuple[float, float] = (0.0, 0.0)):
    _, y, x = np.indices(shape)
    middle = (shape[1] - 1) / 2 + offset[0], (shape[2] - 1) / 2 + offset[1]
    return np.hypot(y - middle[0], x - middle[1]) < radius


def test_pictures_are_resampled_as_scikit_image_does_it():
    stack = np.random.default_rng(0).normal(100, 20, (4, 31, 26)).astype(np.float32) ** 2
    ready = prepare(stack, (10.0, 1.25, 1.25), replace(FLAT, scheme="NoNormalization"))
    assert ready.images.shape == (4, 25, 21)
    assert ready.separate == 0
    for found, plane in zip(ready.images, stack, strict=True):
        assert np.allclose(found, resize(plane, (25, 21), order=3, mode="edge", anti_aliasing=False), rtol=1e-4)


def test_long_voxels_are_resampled_apart_by_the_nearest_slice():
    stack = np.broadcast_to(np.arange(1.0, 5.0, dtype=np.float32)[:, None, None], (4, 20, 20))
    ready = prepare(stack, (5.0, 1.5625, 1.5625), replace(DEEP, scheme="NoNormalization"))
    assert ready.images.shape == (2, 20, 20)
    assert ready.images[:, 0, 0].tolist() == [2.0, 4.0]
    cube = prepare(stack, (3.0, 1.5625, 1.5625), replace(DEEP, scheme="NoNormalization", spacing_mm=(1.5, 1.5, 1.5)))
    assert (cube.separate, cube.images.shape) == (None, (8, 21, 21))


def test_intensities_by_hand():
    stack = np.zeros((2, 4, 4), np.float32)
    stack[:, 1:3, 1:3] = [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    spacing = (10.0, 1.5625, 1.5625)
    scaled = prepare(stack, spacing, FLAT)
    assert scaled.box == (slice(0, 2), slice(1, 3), slice(1, 3))
    assert scaled.images.mean() == pytest.approx(0, abs=1e-6)
    assert scaled.images.ravel()[0] == pytest.approx((1 - 4.5) / np.std(np.arange(1, 9)))
    unit = prepare(stack, spacing, replace(FLAT, scheme="RescaleTo01Normalization")).images
    assert (unit.min(), unit.max()) == (0, 1)
    seen = {"mean": 4.0, "std": 2.0, "percentile_00_5": 2.0, "percentile_99_5": 7.0}
    clipped = prepare(stack, spacing, replace(FLAT, scheme="CTNormalization", intensities=seen)).images
    assert (clipped.min(), clipped.max()) == (-1.0, 1.5)


def test_logits_come_back_to_the_box_and_the_axes_they_came_from():
    plan = replace(FLAT, transpose=(2, 0, 1), scheme="NoNormalization", spacing_mm=(1.0, 1.0))
    stack = np.zeros((5, 6, 7), np.float32)
    stack[1:4, 2:5, 3:6] = np.arange(1, 28).reshape(3, 3, 3)
    ready = prepare(stack, (1.0, 1.0, 1.0), plan)
    assert np.array_equal(ready.images, stack[1:4, 2:5, 3:6].transpose(2, 0, 1))
    logits = torch.zeros(4, *ready.images.shape)
    logits[3] = torch.from_numpy(ready.images) * 100
    shares = shares_on_stack(logits, ready, plan)
    assert np.array_equal(shares.argmax(axis=0) == 3, stack > 0)
    assert np.allclose(shares.sum(axis=0), 1)


@pytest.mark.parametrize(
    ("patch", "shape"), [((16, 12), (3, 40, 25)), ((4, 16, 12), (9, 40, 25)), ((16, 64), (2, 9, 9))]
)
def test_windows_cover_everything_once(patch, shape):
    """A network that gives back its input gives back the stack, whatever the windows."""

    class Same(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return torch.cat([images, 2 * images], dim=1)

    images = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    found = slide([Same(), Same()], images, patch, torch.device("cpu"))
    assert torch.allclose(found[0], torch.from_numpy(images), atol=1e-5)
    assert torch.allclose(found[1], 2 * torch.from_numpy(images), atol=1e-5)


@pytest.mark.parametrize("plan", [FLAT, DEEP])
@pytest.mark.parametrize("changes", [{}, {"angle_degrees": 70.0}, {"mirrored": True, "slices_reversed": True}])
def test_labels_lie_where_the_picture_is_bright(plan: NnUNetPlan, changes: dict[str, object]):
    shape, pixel = (5, 110, 120), 1.3
    truth = disc(shape, 22, (6.0, -9.0))
    truth[4] = False
    picture = np.where(truth, 900.0, 100.0 + np.linspace(0, 9, shape[2])).astype(np.float32)
    picture[4] = 0.0
    volume = Volume(picture, grid_from_spacing(shape, (pixel, pixel, 8.0)))
    pose = pose_of(shape, pixel, **changes)
    segmenter = stand_in(plan)
    labels = segmenter.segment(volume, pose).label_map().data
    assert dice(labels == Label.LV, truth) > 0.97
    assert not labels[4].any()
    canonical = segmenter.canonical_shares(volume, pose)
    assert np.allclose(canonical.sum(axis=1), 1, atol=1e-5)
    back = shares_in_scanner(canonical, pose, shape).argmax(axis=0)
    assert dice(back == Label.LV, truth) > 0.95


def test_a_cine_is_labelled_phase_by_phase_and_stops_when_asked():
    shape = (3, 60, 60)
    data = np.stack([np.where(disc(shape, r), 900.0, 100.0) + np.linspace(0, 5, 60) for r in (20, 14)])
    cine = Cine(data.astype(np.float32), grid_from_spacing(shape, (1.5, 1.5, 8.0)))
    labels = stand_in(FLAT).segment_cine(cine, pose_of(shape, 1.5))
    for phase, radius in enumerate((20, 14)):
        assert dice(labels.data[phase] == Label.LV, disc(shape, radius)) > 0.95
    stop = CancelToken()
    stop.cancel()
    with pytest.raises(Cancelled):
        stand_in(FLAT).segment_cine(cine, pose_of(shape, 1.5), cancelled=stop)

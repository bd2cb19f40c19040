"""A tracked beat led to the labels of its ends."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from cof_viewer.domain.progress import Cancelled, CancelToken
from cof_viewer.engine.motion.closing import Ends, _bounded, led_to_ends
from cof_viewer.engine.motion.field import jacobian_determinant
from cof_viewer.engine.motion.kept import cell_areas, read_as_kept, unfolded


def discs(radii: list[float]) -> np.ndarray:
    """[z, 128, 128] a round cavity with a wall of 6 pixels in every slice; none where the radius is 0."""
    y, x = np.mgrid[:128, :128] - 63.5
    far = np.hypot(x, y)
    return np.stack([np.where(far < r, 1, np.where((far < r + 6) & (r > 0), 2, 0)) for r in radii]).astype(np.uint8)


def test_what_tracking_left_is_made_good_and_shared_out() -> None:
    ends = Ends(discs([18, 18, 16]), discs([0, 8, 7]))
    emptied = np.array([0.0, 0.5, 0.9, 0.4])
    still = np.zeros((4, 3, 64, 64, 3), np.float32)
    led = led_to_ends(still, ends, 2, emptied, 10.0)
    assert not led[0].any()
    assert (led[2, 0, ..., 2] <= -7.5).all()  # the slice that is lost reads above the first one with ventricle
    np.testing.assert_allclose(led[1, ..., 2], 0.5 * led[2, ..., 2], atol=1e-5)
    x = (2 * np.arange(64) + 0.5 - 63.5) * 1.5
    row = led[2, 1, 31:33].mean(axis=0)
    reach = np.interp(8.0 * 1.5, x, x + row[:, 0])
    assert reach == pytest.approx(18.0 * 1.5, abs=3.0)  # the outline at ES was that of ED
    for phase in led[1:]:
        in_plane = torch.from_numpy(phase[..., :2]).permute(0, 3, 1, 2) / 3.0
        assert (jacobian_determinant(in_plane) > 0).all()


def test_a_motion_that_fits_already_is_hardly_touched() -> None:
    ends = Ends(discs([14, 13]), discs([14, 13]))
    led = led_to_ends(np.zeros((3, 2, 64, 64, 3), np.float32), ends, 1, np.array([0.0, 1.0, 0.3]), 8.0)
    assert np.abs(led).max() < 1.0


def test_slices_keep_their_order_within_the_ventricle() -> None:
    ends = Ends(discs([0, 15, 15, 14, 12]), discs([0, 0, 10, 9, 8]))
    shift = _bounded(np.array([-1.6, -1.3, -1.4, -0.5, 0.0]), ends)
    place = np.arange(5) + shift
    assert (np.diff(place) >= 0.25 - 1e-9).all()
    assert place[2] >= 1.0  # shows the ventricle: not above its first slice at ED
    assert place[1] <= 0.5  # lost it


def test_straight_lines_between_kept_points() -> None:
    ramp = torch.arange(64.0).expand(1, 2, 64, 64).contiguous()
    fine = read_as_kept(ramp)[0, 0, 64]
    pixels = torch.arange(128.0)
    assert torch.allclose(fine[2:-2], (pixels[2:-2] - 0.5) / 2, atol=1e-5)


def test_cell_areas_by_hand() -> None:
    at = torch.arange(5.0) * 6.0
    field = torch.stack([-0.5 * at.expand(5, 5), 0.25 * at[:, None].expand(5, 5)], dim=-1)
    np.testing.assert_allclose(cell_areas(field, 6.0), np.full((4, 4), 0.5 * 1.25), atol=1e-6)


def test_folds_are_smoothed_away_and_the_rest_is_left() -> None:
    field = np.zeros((2, 20, 20, 3), np.float32)
    field[0, 10, 10, 0], field[0, 10, 11, 0] = 8.0, -8.0  # 6 mm apart: they cross
    field[..., 2] = 4.0
    out = unfolded(field, 6.0)
    assert (cell_areas(torch.from_numpy(out), 6.0) > 0).all()
    assert (out[..., 2] == 4.0).all()
    assert (out[1] == field[1]).all()
    assert (out[0, :6] == field[0, :6]).all()
    assert out[0, 10, 10, 0] > 0 > out[0, 10, 11, 0]


def test_it_stops_when_asked() -> None:
    token = CancelToken()
    token.cancel()
    ends = Ends(discs([14]), discs([10]))
    with pytest.raises(Cancelled):
        led_to_ends(np.zeros((2, 1, 64, 64, 3), np.float32), ends, 1, np.array([0.0, 1.0]), 8.0, token)

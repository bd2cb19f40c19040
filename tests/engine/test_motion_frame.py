"""The anatomical frame: read off rings of known radii, and codes that mean what they say."""

import numpy as np
import pytest
import torch

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.features import ANATOMY_FEATURES, anatomy_features
from cof_viewer.engine.motion.field import CODE_NUMBERS, VelocityDecoder, integrate, jacobian_determinant
from cof_viewer.engine.motion.frame import ANGLES, KNOTS, LEVELS, frame_from_labels, lattice_interpolation


def rings(slices: int = 8, endo_mm: float = 22.0, epi_mm: float = 31.0, empty: int = 0) -> np.ndarray:
    """Canonical labels: concentric LV and wall, a round RV to the left, `empty` slices before the base."""
    y, x = (np.mgrid[:128, :128] - 63.5) * CANONICAL_SPACING_MM
    labels = np.zeros((slices + empty, 128, 128), np.uint8)
    for z in range(slices):
        shrink = 1.0 - 0.5 * z / (slices - 1)
        radius = np.hypot(x, y)
        right = (np.hypot(x + 34 * shrink, y) < 24 * shrink) & (radius >= epi_mm * shrink)
        plane = np.where(radius < endo_mm * shrink, Label.LV, np.where(radius < epi_mm * shrink, Label.MYO, 0))
        labels[z + empty] = np.where(right, Label.RV, plane)
    return labels


def test_radii_are_those_of_the_rings() -> None:
    frame = frame_from_labels(rings())
    assert frame.radii_mm[0, :, 0].mean() == pytest.approx(22.0, abs=1.0)
    assert frame.radii_mm[0, :, 1].mean() == pytest.approx(31.0, abs=1.0)
    assert frame.centers_mm[3] == pytest.approx([63.5 * 1.5, 63.5 * 1.5], abs=0.8)
    assert abs(abs(frame.rv_angle) - np.pi) < 0.05


def test_empty_slices_lie_above_the_base() -> None:
    frame = frame_from_labels(rings(empty=2))
    assert (frame.first, frame.last) == (2, 9)
    assert frame.level[2] == 0.0
    assert frame.level[0] < 0.0
    assert frame.level[9] == 1.0


def test_no_cavity_is_an_error() -> None:
    with pytest.raises(ValueError, match="no slice holds LV"):
        frame_from_labels(np.zeros((6, 128, 128), np.uint8))


def decoder() -> tuple[VelocityDecoder, object]:
    frame = frame_from_labels(rings())
    return VelocityDecoder(frame, lattice_interpolation(frame), torch.device("cpu")), frame


def radial_code(amount: float) -> torch.Tensor:
    """Every knot moves outwards by `amount` of the heart's size: a pull-back that contracts."""
    angle = torch.arange(ANGLES) * 2 * torch.pi / ANGLES
    outward = torch.stack([angle.cos(), angle.sin()], dim=-1)
    code = torch.zeros(LEVELS, ANGLES, KNOTS, 2)
    code[:, :, 1:] = amount * outward[None, :, None]
    return code.reshape(-1)


def test_a_radial_code_points_away_from_the_axis() -> None:
    decode, frame = decoder()
    velocity = decode(radial_code(0.1))
    middle = velocity[0, :, 32, 44]  # 12 lattice steps right of the axis
    assert middle[0] > 0.5 * 0.1 * frame.scale_mm
    assert abs(middle[1]) < 0.3
    assert velocity[0, :, 0, 0].abs().max() < 1e-5, "far from the heart nothing moves"


def test_sampling_a_velocity_gives_back_its_code() -> None:
    decode, frame = decoder()
    code = radial_code(0.1)
    back = decode.sample(decode(code), frame).reshape(LEVELS, ANGLES, KNOTS, 2)
    truth = code.reshape(LEVELS, ANGLES, KNOTS, 2)
    assert (back - truth)[:, :, 1:3].abs().max() < 0.03


def test_the_decoder_follows_the_heart_when_it_is_turned() -> None:
    decode, _ = decoder()
    turned_labels = np.rot90(rings(), k=1, axes=(1, 2)).copy()
    frame = frame_from_labels(turned_labels)
    turned = VelocityDecoder(frame, lattice_interpolation(frame), torch.device("cpu"))
    rng = torch.Generator().manual_seed(0)
    code = 0.05 * torch.randn(CODE_NUMBERS, generator=rng)
    a, b = decode(code), turned(code)
    rotated = torch.rot90(torch.stack([a[:, 1], -a[:, 0]], dim=1), k=1, dims=(2, 3))
    assert (rotated - b).abs().mean() < 0.1 * a.abs().mean()


def test_integration_of_a_shift_is_the_shift() -> None:
    velocity = torch.zeros(1, 2, 64, 64)
    velocity[:, 0] = 2.5
    assert integrate(velocity)[0, 0] == pytest.approx(2.5, abs=1e-4)


def test_integration_never_folds_and_has_an_inverse() -> None:
    decode, _ = decoder()
    velocity = decode(radial_code(0.45)) / 3.0
    forward, backward = integrate(velocity), integrate(-velocity)
    assert jacobian_determinant(forward).min() > 0
    identity = torch.stack(torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")[::-1])
    there = identity + forward
    grid = (there / 63 * 2 - 1).permute(0, 2, 3, 1)
    back = there + torch.nn.functional.grid_sample(backward, grid, align_corners=True, padding_mode="border")
    assert (back - identity)[..., 8:-8, 8:-8].abs().max() < 0.35


def test_features_have_their_length_and_see_size() -> None:
    small, large = rings(endo_mm=18), rings(endo_mm=26)
    a, b = (anatomy_features(labels, frame_from_labels(labels), 10.0) for labels in (small, large))
    assert a.shape == b.shape == (ANATOMY_FEATURES,)
    assert b[0] - a[0] == pytest.approx(2 * np.log(26 / 18), abs=0.06)

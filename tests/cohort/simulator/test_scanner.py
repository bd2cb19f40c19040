"""What the scanner adds to a picture."""

from __future__ import annotations

import numpy as np

from cof_viewer.cohort.simulator.scanner import scan

AXIS = (np.arange(64) - 31.5) * 2.0
LEVELS = 10.0 * np.arange(3)


def _scan(seed: int, noise: float | None = None, value: float = 100.0):
    picture = np.full((4, 3, 64, 64), value, np.float32)
    return scan(picture, AXIS, AXIS, LEVELS, np.random.default_rng(seed), noise)


def test_without_noise_there_is_shading_alone():
    picture = _scan(3, 0.0)
    ratio = picture[0, 0, 1:, :] / picture[0, 0, :-1, :]
    assert np.ptp(ratio) < 1e-4  # an exponential: the same step everywhere, no band
    assert np.array_equal(picture[0], picture[3])


def test_some_patients_have_dark_bands_that_stand_still():
    deep = []
    for seed in range(40):
        plain, picture = _scan(seed, 0.0), _scan(seed, 1e-3)
        inside = (picture / plain)[:, :, 12:-12, 12:-12]
        deep.append(float(inside[0].min()))
        assert np.abs(inside[0] - inside[2]).max() < 0.1  # ghosts of faint strength change, bands don't move
    share = np.mean(np.array(deep) < 0.75)
    assert 0.05 < share < 0.6


def test_ghosts_repeat_a_bright_spot_along_one_axis():
    ghosts = 0
    for seed in range(40):
        picture = np.zeros((2, 3, 64, 64), np.float32)
        picture[:, :, 30:34, 30:34] = 200.0
        out = scan(picture, AXIS, AXIS, LEVELS, np.random.default_rng(seed), 1e-3)
        far = out[0].copy()
        far[:, 22:42, 22:42] = 0.0
        ghosts += bool(far.max() > 1.0)
        if far.max() > 1.0:
            _, y, x = np.unravel_index(int(np.argmax(far)), far.shape)
            assert 28 <= y <= 36 or 28 <= x <= 36
    assert 3 <= ghosts <= 25


def test_edges_ring_a_little():
    """Gibbs: two or more pixels from a sharp edge the bright side still goes up by 1 to 12 % of the step."""
    for seed in range(6):
        picture = np.full((1, 3, 64, 64), 50.0, np.float32)
        picture[..., 32:] = 150.0
        flat = np.full_like(picture, 150.0)
        step, plain = (scan(a, AXIS, AXIS, LEVELS, np.random.default_rng(seed), 1e-3) for a in (picture, flat))
        over = (step / plain)[0, 1, 30, 32:48].max() - 1.0
        assert 0.005 < over < 0.12


def test_noise_is_rician_and_of_limited_resolution():
    noise = scan(np.zeros((2, 3, 64, 64), np.float32), AXIS, AXIS, LEVELS, np.random.default_rng(1), 5.0)
    assert noise.min() >= 0
    assert noise.mean() > 2.0

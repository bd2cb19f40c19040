"""What the scanner does to a picture: coil shading, off-resonance bands, ghosts, noise, limited resolution.

None of it moves with the heart. Sizes are chosen by eye beside real bSSFP cines at 1.5 T.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.cohort.simulator.arrays import Array, angle_between

_BANDS_IN, _GHOSTS_IN = 0.35, 0.3
"""Shares of the patients whose pictures show dark bands, and ghosts."""
_CUTOFF = (0.33, 0.46)
"""Highest spatial frequency that was acquired, cycles per pixel: k-space ends before the pixel's own limit of .5."""
_LOBES = 3
_POOL = 1_000_003


def scan(
    cine: NDArray[np.float32], x_mm: Array, y_mm: Array, z_mm: Array, rng: np.random.Generator, noise: float | None
) -> NDArray[np.float32]:
    """Spoil a cine in place as a scanner would.

    Args:
        cine: float32 [t, z, y, x], blood about 165.
        x_mm: columns.
        y_mm: rows.
        z_mm: levels of the slices.
        rng: own stream.
        noise: SD of the noise before it is smoothed to the acquired resolution; drawn if None. 0 leaves the picture
            without noise, bands, ghosts and ringing: shading alone.
    """
    gain = _shading(x_mm, y_mm, rng)[None] * _bands(x_mm, y_mm, z_mm, rng, noise == 0)
    cine *= gain
    drawn = float(rng.uniform(3.0, 7.0))
    ghost = _Ghost(cine.shape, rng)
    kernel = _point_spread(float(rng.uniform(*_CUTOFF)))
    if noise == 0:
        return cine
    level = drawn if noise is None else noise
    count = cine[0].size
    pool = rng.standard_normal(count + _POOL, dtype=np.float32) * np.float32(level)
    for k in range(len(cine)):
        a, b = rng.integers(0, _POOL, 2)
        picture = ghost(cine[k], k)
        picture += pool[a : a + count].reshape(picture.shape)
        picture = _band_limited(picture, kernel)
        # The imaginary part's noise makes magnitude noise Rician; smoothing would shrink it by about 0.7.
        imaginary = 0.7 * pool[b : b + count].reshape(picture.shape)
        cine[k] = np.sqrt(picture * picture + imaginary * imaginary)
    return cine


def _shading(x_mm: Array, y_mm: Array, rng: np.random.Generator) -> NDArray[np.float32]:
    """[y, x] gain: nearer the chest wall, which the coil lies on, brighter."""
    angle = rng.uniform(-2.9, -2.0)
    towards = x_mm[None, :] * np.cos(angle) + y_mm[:, None] * np.sin(angle)
    return np.exp(float(rng.uniform(0.001, 0.006)) * towards).astype(np.float32)


def _bands(
    x_mm: Array, y_mm: Array, z_mm: Array, rng: np.random.Generator, without: bool
) -> NDArray[np.float32] | np.float32:
    """[z, y, x] gain of bSSFP: dark lines where the field is off by half the repetition rate, bent by lung and liver.

    Lines lie 120 to 220 mm apart, most often over the inferolateral wall, and shift from slice to slice.
    """
    has, apart = rng.uniform() < _BANDS_IN, rng.uniform(120.0, 220.0)
    direction, place = rng.uniform(-0.6, 1.6), rng.uniform(25.0, 60.0)
    bend, drift = rng.normal(0, 0.004), rng.normal(0, 0.25)
    width, depth = rng.uniform(3.0, 7.0), rng.uniform(0.3, 0.8)
    if not has or without:
        return np.float32(1.0)
    x, y, z = x_mm[None, None, :], y_mm[None, :, None], z_mm[:, None, None]
    along = x * np.cos(direction) + y * np.sin(direction)
    across = y * np.cos(direction) - x * np.sin(direction)
    off_mm = angle_between((along + bend * across**2 + drift * z) * (2 * np.pi / apart), 2 * np.pi * place / apart)
    off_mm = off_mm * apart / (2 * np.pi)
    return np.asarray(1.0 - depth * np.exp(-((off_mm / width) ** 2)), np.float32)


class _Ghost:
    """Copies along the phase-encoding axis from breathing: faint, of some slices, changing over the beat."""

    def __init__(self, shape: tuple[int, ...], rng: np.random.Generator) -> None:
        """Draw which slices ghost and how strongly."""
        phases, slices = shape[:2]
        self._axis = 1 if rng.uniform() < 0.7 else 2
        self._shift = round(shape[1 + self._axis] / float(rng.choice([2.0, 3.0, 4.0])))
        has, size = rng.uniform() < _GHOSTS_IN, rng.uniform(0.03, 0.12)
        worst = np.clip(rng.normal(0.3, 0.5, slices), 0.0, 1.0)
        turn = np.cos(2 * np.pi * np.arange(phases) / phases + rng.uniform(0, 6.3))
        self._strength = (size * has * worst[None] * (0.75 + 0.25 * turn[:, None])).astype(np.float32)

    def __call__(self, picture: NDArray[np.float32], phase: int) -> NDArray[np.float32]:
        """[z, y, x] the picture of a phase with its ghosts, a copy."""
        strength = self._strength[phase][:, None, None]
        if not strength.any():
            return picture.copy()
        copies = np.roll(picture, self._shift, self._axis) + np.roll(picture, -self._shift, self._axis)
        return np.asarray(picture * (1.0 - strength) + strength * 0.5 * copies, np.float32)


def _point_spread(cutoff: float) -> NDArray[np.float32]:
    """[taps] sinc of an acquisition that ends at `cutoff` cycles per pixel, under a wide window: it rings a little."""
    half = int(np.ceil(_LOBES / (2 * cutoff)))
    at = np.arange(-half, half + 1)
    kernel = np.sinc(2 * cutoff * at) * np.cos(np.pi * at / (2 * half + 2)) ** 0.7
    return np.asarray(kernel / kernel.sum(), np.float32)


def _band_limited(picture: NDArray[np.float32], kernel: NDArray[np.float32]) -> NDArray[np.float32]:
    """[z, y, x] in-plane low-pass."""
    rows = ndimage.convolve1d(picture, kernel, axis=1, mode="nearest")
    return np.asarray(ndimage.convolve1d(rows, kernel, axis=2, mode="nearest"), np.float32)

"""Smooth noise: the texture of tissue."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from cof_viewer.cohort.simulator.arrays import Array


class Texture:
    """Smooth noise fields of one shape [level, y, x], unit variance."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        """Keep the stream and the shape."""
        self._rng, self._shape = rng, shape

    def __call__(self, sigma_z: float, sigma_xy: float) -> Array:
        """One field with Gaussian correlation lengths in lattice steps; coarse ones are made small and enlarged."""
        sigma = (sigma_z, sigma_xy, sigma_xy)
        shrink = [max(1, int(s / 1.2)) for s in sigma]
        small = [-(-n // s) + 2 for n, s in zip(self._shape, shrink, strict=True)]
        noise: Array = self._rng.standard_normal(small, dtype=np.float32)
        noise = ndimage.gaussian_filter(noise, [s / k for s, k in zip(sigma, shrink, strict=True)], truncate=2.5)
        for axis, (step, length) in enumerate(zip(shrink, self._shape, strict=True)):
            noise = _enlarge(noise, axis, step, length)
        return np.asarray(noise / noise.std(), np.float32)


def _enlarge(values: Array, axis: int, step: int, length: int) -> Array:
    """Linear interpolation of one axis to `length` samples, `step` to each old one."""
    if step == 1:
        return np.asarray(np.take(values, np.arange(length), axis))
    at = np.arange(length, dtype=np.float32) / step
    low = at.astype(int)
    part = (at - low).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    a = np.take(values, low, axis)
    return np.asarray(a + (np.take(values, low + 1, axis) - a) * part)

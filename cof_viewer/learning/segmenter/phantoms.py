"""Made pictures without a heart, so that the localiser learns to find nothing in them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter


def random_phantom(size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Three neighbouring slices [3, size, size], 0 to 1: a head-like phantom, smooth texture, or bars.

    Heads are large ellipses within ellipses (skull, brain, ventricles); bodies of blobs come from thresholded noise.
    """
    kind = rng.integers(3)
    if kind == 0:
        picture = _head(size, rng)
    elif kind == 1:
        picture = _texture(size, rng)
    else:
        picture = np.clip(_texture(size, rng) * (_ellipse(size, rng, 0.2, 0.9) > 0), 0, 1)
    stack = np.stack([picture + rng.normal(0, 0.03, picture.shape) for _ in range(3)])
    return stack.astype(np.float32)


def _ellipse(size: int, rng: np.random.Generator, low: float, high: float) -> NDArray[np.float64]:
    """1 inside a random ellipse whose half axes are low to high times half the picture."""
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    angle = rng.uniform(0, np.pi)
    cy, cx = rng.uniform(-0.2, 0.2, 2)
    a, b = rng.uniform(low, high, 2)
    u = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    v = -(x - cx) * np.sin(angle) + (y - cy) * np.cos(angle)
    return np.asarray((u / a) ** 2 + (v / b) ** 2 < 1, dtype=np.float64)


def _head(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    picture = np.zeros((size, size))
    outer = rng.uniform(0.35, 0.9)
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    flat = rng.uniform(0.7, 1.0)
    radius = np.hypot(x, y / flat)
    for edge, grey in ((1.0, rng.uniform(0.4, 1)), (0.93, rng.uniform(0, 0.3)), (0.86, rng.uniform(0.3, 0.8))):
        picture[radius < outer * edge] = grey
    folds = gaussian_filter(rng.normal(0, 1, picture.shape), rng.uniform(0.8, 2.5))
    picture += (radius < outer * 0.86) * folds * rng.uniform(0.05, 0.4)
    for _ in range(rng.integers(1, 5)):
        cy, cx = rng.uniform(-0.3, 0.3, 2) * outer
        a, b = rng.uniform(0.05, 0.25, 2) * outer
        picture[((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1] = rng.uniform(0, 1)
    return np.asarray(np.clip(gaussian_filter(picture, rng.uniform(0.3, 1.0)), 0, 1))


def _texture(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    coarse = gaussian_filter(rng.normal(0, 1, (size, size)), rng.uniform(1.5, 12))
    coarse = (coarse - coarse.min()) / (np.ptp(coarse) + 1e-9)
    if rng.random() < 0.5:
        coarse = (coarse > rng.uniform(0.3, 0.7)).astype(np.float64) * rng.uniform(0.4, 1)
    return np.asarray(coarse)

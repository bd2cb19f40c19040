"""An anatomical frame read off a label map: level from base to apex, angle from the RV, radius in knots.

Velocities written in this frame mean the same thing in every heart: "the lateral endocardium at mid level, inward".
Few modes of them hold most of how hearts contract (docs/decisions/0003-motion-space.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM
from cof_viewer.domain.image import Label

LEVELS = 6
ANGLES = 16
KNOTS = 4  # centre, endocardium, epicardium, outer RV wall; velocity is zero beyond FADE_MM outside the last
FADE_MM = 28.0
LATTICE_PIXELS = 64
LATTICE_SPACING_MM = 3.0
_RAY_STEP_MM = 0.75
_RAY_MM = 96.0


@dataclass(frozen=True, eq=False)
class AnatomicalFrame:
    """Where the knots lie in one heart, on its canonical grid.

    Attributes:
        centers_mm: [z, 2] (x, y) of the LV axis in every slice, mm from the canonical picture's first pixel.
        level: [z], 0 at the first slice with LV, 1 at the last; beyond them it goes on linearly.
        radii_mm: [z, angle, 3] radius of endocardium, epicardium and outer RV wall.
        rv_angle: direction from LV to RV, radians from +x towards +y.
        scale_mm: mean epicardial radius; velocities are stored relative to it.
        first: first slice with LV.
        last: last slice with LV.
    """

    centers_mm: NDArray[np.float64]
    level: NDArray[np.float64]
    radii_mm: NDArray[np.float64]
    rv_angle: float
    scale_mm: float
    first: int
    last: int

    @property
    def slices(self) -> int:
        """Number of slices of the stack."""
        return len(self.level)


def frame_from_labels(labels: NDArray[np.uint8]) -> AnatomicalFrame:
    """Read the frame off canonical labels [z, 128, 128].

    Raises:
        ValueError: no slice holds LV cavity.
    """
    lv = labels == Label.LV
    wall = lv | (labels == Label.MYO)
    rv = labels == Label.RV
    area = lv.sum(axis=(1, 2))
    held = np.flatnonzero(area >= 12)
    if not len(held):
        raise ValueError("no slice holds LV cavity")
    first, last = int(held[0]), int(held[-1])
    level = (np.arange(len(labels)) - first) / max(last - first, 1)
    centers = _centers(wall, held)
    rv_angle = _rv_angle(rv, centers)
    radii = _radii(lv, wall, rv, centers, rv_angle, held)
    return AnatomicalFrame(centers, level, radii, rv_angle, float(radii[first : last + 1, :, 1].mean()), first, last)


def _centers(wall: NDArray[np.bool_], held: NDArray[np.intp]) -> NDArray[np.float64]:
    """Centre of the LV in every slice, in mm; slices without LV take the nearest one's."""
    found = np.array([ndimage.center_of_mass(wall[z])[::-1] for z in held])
    every = np.arange(len(wall))
    filled = np.stack([np.interp(every, held, found[:, axis]) for axis in range(2)], axis=1)
    smooth = ndimage.gaussian_filter1d(filled, 0.7, axis=0, mode="nearest")
    return np.asarray(smooth * CANONICAL_SPACING_MM)


def _rv_angle(rv: NDArray[np.bool_], centers: NDArray[np.float64]) -> float:
    """Mean direction from the LV axis to RV pixels; to the left (pi) where no RV is labelled."""
    z, y, x = np.nonzero(rv)
    if len(z) < 20:
        return float(np.pi)
    dx = x * CANONICAL_SPACING_MM - centers[z, 0]
    dy = y * CANONICAL_SPACING_MM - centers[z, 1]
    return float(np.arctan2(dy.sum(), dx.sum()))


def _radii(
    lv: NDArray[np.bool_],
    wall: NDArray[np.bool_],
    rv: NDArray[np.bool_],
    centers: NDArray[np.float64],
    rv_angle: float,
    held: NDArray[np.intp],
) -> NDArray[np.float64]:
    """[z, angle, 3] radii where rays last meet LV, wall and RV; smoothed round the circle and along the axis."""
    steps = np.arange(0.0, _RAY_MM, _RAY_STEP_MM)
    angles = rv_angle + np.arange(ANGLES) * 2 * np.pi / ANGLES
    out = np.empty((len(held), ANGLES, 3))
    for row, z in enumerate(held):
        x = (centers[z, 0] + np.cos(angles)[:, None] * steps) / CANONICAL_SPACING_MM
        y = (centers[z, 1] + np.sin(angles)[:, None] * steps) / CANONICAL_SPACING_MM
        column = np.clip(np.rint(x).astype(int), 0, CANONICAL_PIXELS - 1)
        line = np.clip(np.rint(y).astype(int), 0, CANONICAL_PIXELS - 1)
        endo, epi, right = (_last_hit(mask[z][line, column], steps) for mask in (lv, wall, rv))
        endo = np.where(endo > 0, endo, max(1.5, 0.5 * float(endo.mean())))
        epi = np.maximum(epi, endo + 2.0)
        out[row] = np.stack([endo, epi, np.where(right > epi + 6.0, right, epi + 14.0)], axis=1)
    out = ndimage.gaussian_filter1d(out, 0.6, axis=1, mode="wrap")
    every = np.arange(len(lv))
    nearest = np.abs(every[:, None] - held[None]).argmin(axis=1)
    return np.asarray(out[nearest])


def _last_hit(mask: NDArray[np.bool_], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest step of each ray [angle, step] that lies in the mask, 0 where none does."""
    return np.asarray((mask * steps).max(axis=1))


@dataclass(frozen=True, eq=False)
class Interpolation:
    """How lattice pixels read the frame's knots: v = sum over 8 of weight * code[index].

    Attributes:
        index: int64 [z, 64, 64, 8] into the flat (level, angle, knot) code.
        weight: float32 [z, 64, 64, 8]; they sum to less than 1 where the velocity fades out.
    """

    index: NDArray[np.int64]
    weight: NDArray[np.float32]


def lattice_coordinates_mm() -> NDArray[np.float64]:
    """Place of the 64 lattice lines, mm from the canonical picture's first pixel: every second pixel's corner."""
    return np.asarray((np.arange(LATTICE_PIXELS) * 2 + 0.5) * CANONICAL_SPACING_MM, dtype=np.float64)


def lattice_interpolation(frame: AnatomicalFrame) -> Interpolation:
    """Weights of (level, angle, knot) for every lattice pixel of every slice."""
    place = lattice_coordinates_mm()
    x, y = np.meshgrid(place, place)
    index = np.empty((frame.slices, LATTICE_PIXELS, LATTICE_PIXELS, 8), dtype=np.int64)
    weight = np.empty(index.shape, dtype=np.float32)
    for z in range(frame.slices):
        dx, dy = x - frame.centers_mm[z, 0], y - frame.centers_mm[z, 1]
        turn = (np.arctan2(dy, dx) - frame.rv_angle) / (2 * np.pi) * ANGLES % ANGLES
        a0, a_share = np.divmod(turn, 1.0)
        a0 = a0.astype(int) % ANGLES
        a1 = (a0 + 1) % ANGLES
        radii = frame.radii_mm[z][a0] * (1 - a_share[..., None]) + frame.radii_mm[z][a1] * a_share[..., None]
        k0, k_share, fade = _knot_share(np.hypot(dx, dy), radii)
        place_l = np.clip(frame.level[z], 0.0, 1.0) * (LEVELS - 1)
        l0 = min(int(place_l), LEVELS - 2)
        l_share = place_l - l0
        column = 0
        for level, wl in ((l0, 1 - l_share), (l0 + 1, l_share)):
            for angle, wa in ((a0, 1 - a_share), (a1, a_share)):
                for knot, wk in ((k0, 1 - k_share), (k0 + 1, k_share)):
                    held = np.minimum(knot, KNOTS - 1)
                    index[z, ..., column] = (level * ANGLES + angle) * KNOTS + held
                    weight[z, ..., column] = wl * wa * np.where(knot < KNOTS, wk, 0.0) * fade
                    column += 1
    return Interpolation(index, weight)


def _knot_share(
    radius: NDArray[np.float64], radii: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Inner knot, share of the outer one, and the fade beyond the outer RV wall (zero knot KNOTS)."""
    edges = np.concatenate([np.zeros((*radius.shape, 1)), radii, radii[..., -1:] + FADE_MM], axis=-1)
    inner = np.clip((radius[..., None] >= edges).sum(axis=-1) - 1, 0, KNOTS - 1)
    low = np.take_along_axis(edges, inner[..., None], -1)[..., 0]
    high = np.take_along_axis(edges, inner[..., None] + 1, -1)[..., 0]
    share = np.clip((radius - low) / np.maximum(high - low, 1e-6), 0.0, 1.0)
    return inner, share, np.where(radius < edges[..., -1], 1.0, 0.0)

"""The heart as tissue in material coordinates: the signal that each point gives.

Painted once for the ED heart on a fine lattice; every phase is this block pulled back by the motion, so that texture,
papillary muscles and trabeculae move with the wall and do not flicker. Signal is averaged over a slice's thickness
beforehand, as the scanner does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cof_viewer.cohort.simulator.anatomy import ANGLES, LEVEL_STEP_MM, Anatomy
from cof_viewer.cohort.simulator.arrays import Array, angle_between, smooth_step
from cof_viewer.cohort.simulator.base import paint_base
from cof_viewer.cohort.simulator.texture import Texture

PICTURE_BOX = np.array([0.5, 1.0, 1.0, 1.0, 0.5], np.float32) / 4.0
"""Slice profile of the signal: 8 mm on planes 2 mm apart."""
BLOOD, MUSCLE = 165.0, 56.0
"""Signal in the units of the simulator; muscle is a third of blood (bSSFP at 1.5 T)."""


@dataclass(frozen=True, eq=False)
class Block:
    """Material lattice of the heart.

    Attributes:
        signal: float32 [level, y, x], averaged over 8 mm.
        x_mm: place of every column, picture's frame.
        y_mm: of every row.
        first_level_mm: level of the first plane; planes are LEVEL_STEP_MM apart.
    """

    signal: Array
    x_mm: Array
    y_mm: Array
    first_level_mm: float

    def signal_at(self, x: Array, y: Array, z: Array) -> Array:
        """Trilinear signal at material points (picture's frame, mm), held at the block's faces."""
        at = np.stack([(z - self.first_level_mm) / LEVEL_STEP_MM, *self._in_plane(x, y)])
        return _linear(self.signal, at)

    def _in_plane(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Fractional row and column."""
        step = self.x_mm[1] - self.x_mm[0]
        return (y - self.y_mm[0]) / step, (x - self.x_mm[0]) / step


def _linear(values: Array, at: Array) -> Array:
    """Trilinear interpolation, held at the faces."""
    return np.asarray(ndimage.map_coordinates(values, at, order=1, prefilter=False, mode="nearest", output=np.float32))


@dataclass(frozen=True, eq=False)
class Place:
    """Polar coordinates of every lattice point about the LV axis and the borders there, all [level, y, x]."""

    dx: Array
    dy: Array
    radius: Array
    angle: Array
    level: Array
    endo: Array
    epi: Array
    rv: Array
    outer: Array
    pixel_mm: float

    def within(self, border: Array) -> Array:
        """Share of each pixel inside a border."""
        return np.clip(0.5 + (border - self.radius) / self.pixel_mm, 0.0, 1.0)


def paint_heart(anatomy: Anatomy, surroundings: Array, x_mm: Array, y_mm: Array, rng: np.random.Generator) -> Block:
    """Paint the block.

    Args:
        anatomy: ED tables.
        surroundings: float32 [level, y, x] signal of what lies round the heart, on the block's lattice.
        x_mm: columns, picture's frame.
        y_mm: rows.
        rng: own stream: texture.
    """
    place = _place(anatomy, x_mm, y_mm)
    lv, epi, rv = place.within(place.endo), place.within(place.epi), place.within(place.rv)
    signal = _signal(anatomy, place, (lv, epi, rv), surroundings, Texture(rng, place.radius.shape))
    signal = ndimage.convolve1d(signal, PICTURE_BOX, axis=0, mode="nearest")
    return Block(signal, x_mm, y_mm, float(anatomy.levels[0]))


def _place(anatomy: Anatomy, x_mm: Array, y_mm: Array) -> Place:
    """Coordinates and borders of the lattice (borders linear in angle)."""
    cx, cy = anatomy.axis_at(anatomy.levels)
    shape = (len(anatomy.levels), len(y_mm), len(x_mm))
    dx = np.broadcast_to((x_mm[None, None] - cx[:, None, None]).astype(np.float32), shape)
    dy = np.broadcast_to((y_mm[None, :, None] - cy[:, None, None]).astype(np.float32), shape)
    angle = np.arctan2(dy, dx)
    column = np.mod((angle + np.float32(np.pi)) * np.float32(ANGLES / (2 * np.pi)), ANGLES)
    low = np.minimum(column.astype(np.int32), ANGLES - 1)
    part = column - low
    row = (np.arange(shape[0], dtype=np.int32) * (ANGLES + 1))[:, None, None]
    low = row + low
    borders = []
    for table in (anatomy.endo, anatomy.epi, anatomy.rv, anatomy.outer):
        flat = np.concatenate([table, table[:, :1]], axis=1).astype(np.float32).ravel()
        a = flat.take(low)
        borders.append(a + (flat.take(low + 1) - a) * part)
    level = anatomy.levels[:, None, None].astype(np.float32)
    return Place(dx, dy, np.hypot(dx, dy), angle, level, *borders, pixel_mm=float(x_mm[1] - x_mm[0]))


def _signal(
    anatomy: Anatomy, place: Place, inside: tuple[Array, Array, Array], surroundings: Array, texture: Texture
) -> Array:
    """Signal of every lattice point, laid from the outside in."""
    lv, epi, rv = inside
    flow, fine = texture(3, 5), texture(1.3, 1.4)
    muscle = MUSCLE * (1.0 + 0.07 * fine + 0.06 * flow)
    signal = _epicardial(place, surroundings, flow, muscle)
    signal = signal + (_rv_blood(anatomy, place, flow, fine, muscle) - signal) * rv
    signal = signal + (muscle - signal) * epi
    signal = signal + (_lv_blood(anatomy, place, flow, fine, muscle) - signal) * lv
    return paint_base(anatomy, place.dx, place.dy, place.level, signal, flow)


def _epicardial(place: Place, surroundings: Array, flow: Array, muscle: Array) -> Array:
    """RV wall, epicardial fat in patches and in the grooves, a thin dark pericardium."""
    gap = place.rv - place.epi
    has_rv = smooth_step(gap / 5.0)
    beyond = place.radius - place.outer
    groove = np.exp(-(((gap - 5.0) / 5.0) ** 2)) * (np.abs(place.angle) > 1.2)
    basal = smooth_step((14.0 - place.level) / 14.0)
    plenty = 0.55 * flow + 1.3 * groove + 0.8 * basal - 0.3 + 0.5 * np.sin(place.angle) + 0.5 * has_rv
    depth = 7.0 * smooth_step(plenty / 1.6)
    fat = smooth_step((depth - beyond) / 1.6) * smooth_step((beyond + 2.0) / 2.0)
    line = np.exp(-(((beyond - depth - 1.2) / 1.1) ** 2)) * 0.7
    signal = surroundings * (1.0 - line) + 16.0 * line
    signal = signal + (128.0 + 14.0 * flow - signal) * fat
    coat = has_rv * muscle * 1.1 + (1.0 - has_rv) * signal
    return np.asarray(signal + (coat - signal) * place.within(place.outer), np.float32)


def _lv_blood(anatomy: Anatomy, place: Place, flow: Array, fine: Array, muscle: Array) -> Array:
    """Blood with papillary muscles and trabeculae."""
    share = place.level / np.float32(anatomy.length_mm)
    relative = place.radius / np.maximum(place.endo, 1.0)
    solid = np.zeros_like(place.radius)
    for centre, at_base in ((-0.75, 0.66), (1.25, 0.64)):
        at = at_base + 0.26 * smooth_step((share - 0.45) / 0.3)
        gap = np.hypot((relative - at) * place.endo, angle_between(place.angle, centre) * place.radius * 0.75)
        size = 5.2 * smooth_step((share - 0.22) / 0.15) * smooth_step((0.92 - share) / 0.25)
        edge = np.clip(0.5 + (size + 1.1 * fine - gap) / 2.5, 0, 1) * (size > 0.5)
        solid = np.maximum(solid, edge)
    inwards = np.clip((1.0 - relative) * place.endo, 0.0, None)
    reach = 2.2 + 5.0 * np.clip(share, 0, 1)
    wanted = 0.8 * fine + 0.6 * flow + 0.9 * np.clip(share, 0, 1) - 0.35 - 1.6 * inwards / reach
    solid = np.maximum(solid, np.clip(wanted, 0, 0.85) * smooth_step((share - 0.08) / 0.15))
    blood = BLOOD * (1.0 + 0.05 * flow)
    return np.asarray(blood + (muscle - blood) * solid, np.float32)


def _rv_blood(anatomy: Anatomy, place: Place, flow: Array, fine: Array, muscle: Array) -> Array:
    """RV blood, a little darker, with coarse trabeculae towards the apex and the free wall, and a moderator band."""
    share = np.clip(place.level / np.float32(anatomy.rv_length_mm), 0.0, 1.0)
    from_wall = np.clip((place.rv - place.radius) / 9.0, 0.0, 1.6)
    wanted = 0.75 * fine + 0.65 * flow - 0.9 - 0.9 * from_wall + 1.3 * share**2
    solid = np.clip(wanted, 0.0, 0.85) * smooth_step((share - 0.05) / 0.15)
    band = np.exp(-(((share - 0.62) / 0.05) ** 2) - (angle_between(place.angle, -2.6) / 0.16) ** 2)
    solid = np.maximum(solid, 0.75 * band)
    blood = 0.93 * BLOOD * (1.0 + 0.06 * flow)
    return np.asarray(blood + (muscle - blood) * solid, np.float32)

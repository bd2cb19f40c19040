"""The heart as tissue in material coordinates: the signal that each point gives.

Painted once for the ED heart on a fine lattice; every phase is this block pulled back by the motion, so that texture,
papillary muscles and trabeculae move with the wall and do not flicker. Signal is averaged over a slice's thickness
beforehand, as the scanner does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.cohort.simulator.anatomy import ANGLES, LEVEL_STEP_MM, Anatomy
from cof_viewer.cohort.simulator.arrays import Array, angle_between, smooth_step
from cof_viewer.cohort.simulator.base import paint_base
from cof_viewer.cohort.simulator.texture import Texture

PICTURE_BOX = np.array([0.5, 1.0, 1.0, 1.0, 0.5], np.float32) / 4.0
"""Slice profile of the signal: 8 mm on planes 2 mm apart."""
COAT_MM = 9.0
"""Fat and pericardium reach at most this far from the heart."""
BLOOD, MUSCLE = 165.0, 54.0
"""Signal in the units of the simulator; muscle is a third of blood (bSSFP at 1.5 T)."""


@dataclass(frozen=True, eq=False)
class Block:
    """Material lattice of the heart.

    Attributes:
        signal: float32 [level, y, x], averaged over 8 mm, zero outside the heart's coat.
        cover: float32 [level, y, x], share of heart and coat, averaged alike.
        x_mm: place of every column, picture's frame.
        y_mm: of every row.
        first_level_mm: level of the first plane; planes are LEVEL_STEP_MM apart.
    """

    signal: Array
    cover: Array
    x_mm: Array
    y_mm: Array
    first_level_mm: float

    def sample(self, x: Array, y: Array, z: Array) -> tuple[Array, Array]:
        """(signal, cover) at material points (picture's frame, mm), trilinear, held at the block's faces."""
        step = self.x_mm[1] - self.x_mm[0]
        level = (z - self.first_level_mm) / LEVEL_STEP_MM
        at = np.stack([level, (y - self.y_mm[0]) / step, (x - self.x_mm[0]) / step])
        return _linear(self.signal, at), _linear(self.cover, at)


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


def paint_heart(anatomy: Anatomy, x_mm: Array, y_mm: Array, rng: np.random.Generator) -> Block:
    """Paint the block.

    Args:
        anatomy: ED tables.
        x_mm: columns, picture's frame.
        y_mm: rows.
        rng: own stream: texture.
    """
    place = _place(anatomy, x_mm, y_mm)
    signal, cover = _signal(anatomy, place, _papillary_heads(rng), Texture(rng, place.radius.shape))
    signal, cover = (ndimage.convolve1d(a, PICTURE_BOX, axis=0, mode="nearest") for a in (signal * cover, cover))
    return Block(signal, cover, x_mm, y_mm, float(anatomy.levels[0]))


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
    endo, epi, rv, outer = (
        _along_angle(table, low, part) for table in (anatomy.endo, anatomy.epi, anatomy.rv, anatomy.outer)
    )
    level = anatomy.levels[:, None, None].astype(np.float32)
    pixel_mm = float(x_mm[1] - x_mm[0])
    return Place(dx, dy, np.hypot(dx, dy), angle, level, endo, epi, rv, outer, pixel_mm)


@dataclass(frozen=True)
class _Head:
    """A papillary head: angle, place over the endocardial radius, its radius, first and last share of the length."""

    angle: float
    place: float
    size_mm: float
    first: float
    last: float


def _papillary_heads(rng: np.random.Generator) -> list[_Head]:
    """One to three heads of the anterolateral and of the posteromedial muscle, no two hearts alike."""
    heads = []
    for centre in (-0.75, 1.25):
        count = int(rng.integers(1, 4))
        middle = centre + rng.normal(0, 0.18)
        for i in range(count):
            spread = 0.34 * (i - (count - 1) / 2)
            size = float(rng.uniform(4.4, 5.6)) / count**0.45
            first, last = float(rng.uniform(0.14, 0.3)), float(rng.uniform(0.8, 0.96))
            heads.append(_Head(middle + spread + rng.normal(0, 0.06), float(rng.uniform(0.6, 0.76)), size, first, last))
    return heads


def _along_angle(table: Array, low: NDArray[np.int32], part: Array) -> Array:
    """Values of a table [level, angle] between columns; `low` counts in the table closed by its first column."""
    flat = np.concatenate([table, table[:, :1]], axis=1).astype(np.float32).ravel()
    a = flat.take(low)
    return np.asarray(a + (flat.take(low + 1) - a) * part)


def _signal(anatomy: Anatomy, place: Place, heads: list[_Head], texture: Texture) -> tuple[Array, Array]:
    """Signal and cover of every lattice point, laid from the outside in."""
    flow, fine = texture(3, 5), texture(1.2, 1.3)
    lv, epi, rv = place.within(place.endo), place.within(place.epi), place.within(place.rv)
    muscle = MUSCLE * (1.0 + 0.07 * fine + 0.06 * flow)
    signal, cover = _coat(anatomy, place, flow, muscle)
    signal = signal + (_rv_blood(anatomy, place, flow, fine, muscle) - signal) * rv
    signal = signal + (muscle - signal) * epi
    signal = signal + (_lv_blood(anatomy, place, heads, flow, fine, muscle) - signal) * lv
    return paint_base(anatomy, place.dx, place.dy, place.level, signal, flow), cover


def _coat(anatomy: Anatomy, place: Place, flow: Array, muscle: Array) -> tuple[Array, Array]:
    """RV wall, epicardial fat in patches and in the grooves, a thin dark pericardium; and how far they cover."""
    gap = place.rv - place.epi
    has_rv = smooth_step(gap / 5.0)
    beyond = place.radius - np.where(has_rv > 0.5, place.outer, place.epi)
    groove = np.exp(-(((gap - 5.0) / 5.0) ** 2)) * (np.abs(place.angle) > 1.2)
    basal = smooth_step((14.0 - place.level) / 14.0)
    plenty = 0.7 * flow + 1.4 * groove + 0.8 * basal - 0.45 + 0.5 * np.sin(place.angle) + 0.4 * has_rv
    depth = (COAT_MM - 3.0) * smooth_step(plenty / 1.8) * smooth_step((anatomy.length_mm - 4.0 - place.level) / 8.0)
    fat = smooth_step((depth - beyond) / 1.6)
    line = np.exp(-(((beyond - depth - 1.0) / 1.0) ** 2)) * smooth_step(depth / 2.0)
    there = (anatomy.length_mm - place.level > 0) * np.ones_like(fat)
    cover = np.maximum(fat * smooth_step(depth / 1.0), np.maximum(line, place.within(place.outer) * has_rv))
    cover = np.maximum(cover, place.within(place.epi)) * there
    signal = 18.0 + (125.0 + 14.0 * flow - 18.0) * fat * (1.0 - line)
    wall = has_rv * place.within(place.outer)
    return signal + (1.1 * muscle - signal) * wall, np.asarray(cover, np.float32)


def _lv_blood(anatomy: Anatomy, place: Place, heads: list[_Head], flow: Array, fine: Array, muscle: Array) -> Array:
    """Blood with papillary muscles and trabeculae."""
    share = place.level / np.float32(anatomy.length_mm)
    relative = place.radius / np.maximum(place.endo, 1.0)
    solid = np.zeros_like(place.radius)
    for head in heads:
        at = head.place + 0.26 * smooth_step((share - 0.45) / 0.3)
        gap = np.hypot((relative - at) * place.endo, angle_between(place.angle, head.angle) * place.radius * 0.75)
        size = head.size_mm * smooth_step((share - head.first) / 0.15) * smooth_step((head.last - share) / 0.25)
        edge = np.clip(0.5 + (size + 1.3 * fine - gap) / 2.5, 0, 1) * (size > 0.5)
        solid = np.maximum(solid, edge)
    inwards = np.clip((1.0 - relative) * place.endo, 0.0, None)
    reach = 2.2 + 5.0 * np.clip(share, 0, 1)
    wanted = 1.0 * fine + 0.5 * flow + 0.9 * np.clip(share, 0, 1) - 1.6 * inwards / reach
    solid = np.maximum(solid, np.clip(wanted, 0, 0.85) * smooth_step((share - 0.05) / 0.2))
    blood = BLOOD * (1.0 + 0.07 * flow + 0.04 * fine - 0.06 * relative**2)
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

"""The heart at end-diastole as radii round the LV axis, one table per surface.

Frame ("heart frame", mm): x towards the lateral wall (right in the picture), y towards the inferior wall (down),
z from the mitral plane (0) to the apex; a short-axis slice is a plane of constant z. Surfaces are squared radii on a
regular lattice of level z and angle (0 lateral, pi/2 inferior, pi septal, -pi/2 anterior), so that the motion, the
labels, the picture and the ECG all read the same tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.simulator.arrays import Array, angle_between, smooth_step
from cof_viewer.cohort.simulator.subject import Scar, Subject
from cof_viewer.domain.function import MYOCARDIUM_DENSITY_G_PER_ML

ANGLES = 96
LEVEL_STEP_MM = 2.0
ABOVE_MM = 46.0
"""Height of the tables above the mitral plane: atria and great vessels."""
BEYOND_MM = 16.0
"""Depth of the tables beyond the epicardial apex."""
RV_WALL_MM = 3.0
_ROOM_MM = 67.0
"""From the middle of the heart's box (144 mm) to where hearts should end."""
BAND_MM = 20.0
"""Outside the heart the motion fades to nothing within this distance."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Tables [level, angle] of ED radii in mm, and what goes with them.

    Attributes:
        levels: z of every row, mm.
        angles: of every column, radians in [-pi, pi).
        endo: LV endocardium; above the mitral plane the wall of the left atrium.
        epi: LV epicardium; zero beyond the apex.
        rv: outer border of the RV cavity; equals `epi` where there is no RV.
        outer: outer border of the RV wall, or of the fat over the LV.
        still: beyond this radius nothing moves.
        scar: transmurality of the scar, 0 to 1.
        length_endo_mm: mitral plane to endocardial apex.
        length_mm: mitral plane to epicardial apex.
        centre: (x, y) of the LV axis in the picture's frame at mid level, mm from the picture's centre.
        tilt: drift of the axis per mm of level, (x, y).
    """

    levels: Array
    angles: Array
    endo: Array
    epi: Array
    rv: Array
    outer: Array
    still: Array
    scar: Array
    length_endo_mm: float
    length_mm: float
    rv_length_mm: float
    centre: tuple[float, float]
    tilt: tuple[float, float]

    @property
    def cell(self) -> float:
        """Angle step times level step: the area element of table sums, rad mm."""
        return LEVEL_STEP_MM * 2 * np.pi / ANGLES

    def in_lv(self) -> Array:
        """[level] share of each row's 2 mm that lies between the mitral plane and the epicardial apex."""
        return share_of_rows(self.levels, 0.0, self.length_mm)

    def in_rv(self) -> Array:
        """[level] the same for the RV, from its base (level 0)."""
        return share_of_rows(self.levels, 0.0, self.rv_length_mm)

    def lv_volume_ml(self) -> float:
        """ED cavity volume by table sum."""
        return float((self.in_lv()[:, None] * self.endo**2).sum() * self.cell / 2000.0)

    def wall_volume_ml(self) -> float:
        """ED wall volume by table sum."""
        return float((self.in_lv()[:, None] * (self.epi**2 - self.endo**2)).sum() * self.cell / 2000.0)

    def rv_volume_ml(self) -> float:
        """ED RV cavity volume by table sum."""
        return float((self.in_rv()[:, None] * (self.rv**2 - self.epi**2)).sum() * self.cell / 2000.0)

    def axis_at(self, level: Array) -> tuple[Array, Array]:
        """(x, y) of the LV axis at a level, picture's frame, mm."""
        middle = 0.45 * self.length_mm
        return self.centre[0] + self.tilt[0] * (level - middle), self.centre[1] + self.tilt[1] * (level - middle)


def share_of_rows(levels: Array, start: float, end: float) -> Array:
    """Share of each row (a slab of LEVEL_STEP_MM round its level) that lies within [start, end]."""
    half = LEVEL_STEP_MM / 2
    covered = np.minimum(levels + half, end) - np.maximum(levels - half, start)
    return np.asarray(np.clip(covered / LEVEL_STEP_MM, 0.0, 1.0))


def build_anatomy(subject: Subject, rng: np.random.Generator) -> Anatomy:
    """Shape the ventricles of a subject so that EDV, mass and RV volume are met by table sum.

    Args:
        subject: latents.
        rng: own stream, for the irregularity of outlines and the place in the picture.
    """
    fill = 0.79  # volume of the LV over that of its bounding cylinder
    radius = (subject.edv_ml * 1000.0 / (fill * 2 * np.pi * subject.sphericity)) ** (1 / 3)
    length_endo = 2 * radius * subject.sphericity
    wall = _first_wall_mm(subject, radius, length_endo)
    length = length_endo + 0.75 * wall * (1.0 + 0.8 * subject.apical)
    levels = np.arange(-ABOVE_MM, length + BEYOND_MM, LEVEL_STEP_MM)
    angles = -np.pi + 2 * np.pi * np.arange(ANGLES) / ANGLES
    scar = _scar_map(subject.scar, levels, angles, length_endo)
    rough = _outline_noise(rng, levels, angles)
    endo = radius * _profile(levels / length_endo)[:, None] * (1.0 + rough)
    endo *= 1.0 - subject.septal_flatness * 0.16 * np.exp(-((angle_between(angles, np.pi) / 0.7) ** 2))
    endo *= np.sqrt(subject.edv_ml / _lv_sum_ml(endo, levels, length))
    thickness = _thickness(subject, levels, angles, length, scar, rng)
    epi = _fit_wall(endo, thickness, levels, length, subject.mass_g / MYOCARDIUM_DENSITY_G_PER_ML)
    rv_length = length * float(np.clip(rng.normal(0.87, 0.03), 0.8, 0.94))
    gap = _rv_gap(levels, angles, rv_length, subject.rv_edv_ml / subject.edv_ml, rng)
    rv = _fit_rv(epi, gap, levels, rv_length, subject.rv_edv_ml)
    outer = rv + RV_WALL_MM * smooth_step((length + 6.0 - levels) / 8.0)[:, None]
    still = np.broadcast_to(_still_radius(outer), outer.shape).copy()
    left, right = float(outer[:, :6].max()), float(epi[:, ANGLES // 2].max())
    return Anatomy(
        levels=levels,
        angles=angles,
        endo=endo,
        epi=epi,
        rv=rv,
        outer=outer,
        still=still,
        scar=scar,
        length_endo_mm=length_endo,
        length_mm=length,
        rv_length_mm=rv_length,
        centre=(_centre_x(left, right, float(rng.normal(0, 3))), float(rng.normal(-4, 3))),
        tilt=(float(rng.normal(0.05, 0.04)), float(rng.normal(0.05, 0.04))),
    )


def _centre_x(left: float, right: float, off: float) -> float:
    """Place of the LV axis right of the picture's middle: a large RV fits in the box where the LV leaves room."""
    return min(max(0.22 * left + off, left - _ROOM_MM), _ROOM_MM - right)


def _first_wall_mm(subject: Subject, radius: float, length: float) -> float:
    """Mean wall from mass over the area of a half ellipsoid-like shell; only used to place the apex."""
    area = 2 * np.pi * radius * length * 0.72
    return float(subject.mass_g / MYOCARDIUM_DENSITY_G_PER_ML * 1000.0 / area)


def _profile(level: Array) -> Array:
    """Radius over the largest radius against level (0 base, 1 apex); the atrium narrows above the base."""
    inside = np.clip(level, 0.0, 1.0)
    body = (1.0 - inside**2.9) ** 0.58 * (0.95 + 0.08 * np.sin(np.pi * np.minimum(inside / 0.7, 1.0)))
    above = 1.0 - 0.45 * smooth_step(-level / 0.55)
    return np.asarray(np.where(level < 0, 0.95 * above, body))


def _outline_noise(rng: np.random.Generator, levels: Array, angles: Array) -> Array:
    """Relative irregularity of the endocardial outline: low orders strong, phases drifting with the level."""
    noise = np.zeros((len(levels), len(angles)))
    for order in range(2, 10):
        size = 0.045 / order**0.9
        phase = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.012) * levels
        swing = 1.0 + 0.5 * np.sin(rng.uniform(0, 6.3) + levels / rng.uniform(12, 30))
        noise += rng.normal(0, size) * swing[:, None] * np.cos(order * angles[None] + phase[:, None])
    return noise


def _scar_map(scar: Scar | None, levels: Array, angles: Array, length: float) -> Array:
    """Transmurality on the lattice, with a soft border."""
    if scar is None:
        return np.zeros((len(levels), len(angles)))
    across = angle_between(angles, scar.angle)[None] / scar.half_angle
    along = (levels / length - scar.level)[:, None] / scar.half_level
    inside = smooth_step((1.35 - np.hypot(across, along)) / 0.6)
    return np.asarray(scar.transmurality * inside * (levels >= 0)[:, None])


def _thickness(
    subject: Subject, levels: Array, angles: Array, length: float, scar: Array, rng: np.random.Generator
) -> Array:
    """Relative wall thickness: septum and apex by the subject, old scars thinned by up to half."""
    level = np.clip(levels / length, 0.0, 1.0)
    septum = np.exp(-((angle_between(angles, np.pi - 0.25) / 0.95) ** 2))
    upper = smooth_step((0.95 - level) / 0.4)
    relative = 1.0 + subject.asymmetry * 1.3 * septum[None] * upper[:, None]
    relative = relative * (1.0 - 0.22 * level + subject.apical * 1.6 * smooth_step((level - 0.4) / 0.4))[:, None]
    for order in (2, 3, 5):
        phase = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.01) * levels
        relative = relative * (1.0 + rng.normal(0, 0.05) * np.cos(order * angles[None] + phase[:, None]))
    relative = relative * (1.0 - 0.5 * scar)
    above = smooth_step(-levels / 4.0)[:, None]
    return np.asarray(relative * (1.0 - above) + 0.22 * above)


def _lv_sum_ml(radius: Array, levels: Array, length: float) -> float:
    """Volume within a radius table between mitral plane and apex."""
    rows = share_of_rows(levels, 0.0, length)[:, None]
    return float((rows * radius**2).sum() * LEVEL_STEP_MM * 2 * np.pi / ANGLES / 2000.0)


def _fit_wall(endo: Array, thickness: Array, levels: Array, length: float, wall_ml: float) -> Array:
    """Epicardial radii: the relative thickness scaled so that the wall's volume is met; closed at the apex."""
    closing = np.sqrt(np.clip((length - levels) / 7.0, 0.0, 1.0))[:, None]
    low, high = 1.0, 40.0
    for _ in range(40):
        scale = (low + high) / 2
        epi = (endo + scale * thickness) * closing
        if _lv_sum_ml(epi, levels, length) - _lv_sum_ml(endo, levels, length) < wall_ml:
            low = scale
        else:
            high = scale
    return np.asarray(np.maximum(epi, endo))


def _rv_gap(levels: Array, angles: Array, rv_length: float, rv_over_lv: float, rng: np.random.Generator) -> Array:
    """Shape of the RV's radial width over its largest: a crescent on the septum that closes at apex and insertions.

    A dilated RV spreads round the LV, too, not to the left alone.
    """
    level = levels / rv_length
    centre = np.pi + 0.12 + 0.25 * smooth_step(level) + rng.normal(0, 0.06)
    wide = 0.3 * float(np.clip(rv_over_lv - 1.1, 0.0, 1.0))
    half = (1.45 + wide + rng.normal(0, 0.05)) - 0.55 * np.clip(level, 0, 1)
    across = angle_between(angles[None] - centre[:, None], 0.0) / half[:, None]
    crescent = np.clip(1.0 - across**2, 0.0, None) ** 0.75
    down = np.clip(1.0 - np.clip(level, 0.0, 1.0) ** 1.7, 0.0, None) ** 0.8
    above = 1.0 - 0.5 * smooth_step(-levels / 40.0)
    shape = crescent * (down * above)[:, None]
    for order in (3, 4, 6, 8):
        phase = rng.uniform(0, 2 * np.pi) + rng.normal(0, 0.02) * levels
        shape = shape * (1.0 + rng.normal(0, 0.15 / order) * np.cos(order * angles[None] + phase[:, None]))
    return np.asarray(shape)


def _fit_rv(epi: Array, gap: Array, levels: Array, rv_length: float, volume_ml: float) -> Array:
    """RV border: the gap scaled so that the volume is met (a quadratic in the scale)."""
    rows = share_of_rows(levels, 0.0, rv_length)[:, None]
    cell = LEVEL_STEP_MM * 2 * np.pi / ANGLES / 2000.0
    square, linear = float((rows * gap**2).sum() * cell), float((rows * 2 * epi * gap).sum() * cell)
    scale = (-linear + np.sqrt(linear**2 + 4 * square * volume_ml)) / (2 * square)
    return np.asarray(epi + scale * gap)


def _still_radius(outer: Array) -> Array:
    """[angle] radius of the ring beyond which nothing moves: the widest level plus a band, smoothed round the axis."""
    widest = outer.max(axis=0)
    padded = np.concatenate([widest[-6:], widest, widest[:6]])
    widest = np.array([padded[i : i + 13].max() for i in range(len(widest))])
    kernel = np.hanning(15)[1:-1]
    wrapped = np.concatenate([widest[-6:], widest, widest[:6]])
    return np.convolve(wrapped, kernel / kernel.sum(), mode="valid") + BAND_MM

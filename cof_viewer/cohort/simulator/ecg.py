"""A 12-lead ECG from the same activation map and scar that drive the motion.

The potential of an electrode is that of a double layer on the heart's surface (Geselowitz 1989): the action potential
V of every patch times the solid angle under which the electrode sees it. Endocardial minus epicardial differences
then give QRS and T alike, and a scar, whose patches are silent, leaves Q waves and lost R by itself. P comes from an
atrial dipole. Electrode places vary from patient to patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.activation import Activation
from cof_viewer.cohort.simulator.anatomy import ANGLES, LEVEL_STEP_MM, Anatomy
from cof_viewer.cohort.simulator.arrays import Array, angle_between, smooth_step
from cof_viewer.cohort.simulator.subject import Subject
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ

# Axes of the short-axis frame in the patient (LPS): lateral, inferior, apex.
APEX_LPS = np.array([0.62, -0.60, -0.50])
INFERIOR_LPS = np.array([-0.358, 0.347, -0.867])
LATERAL_LPS = np.array([0.693, 0.717, 0.0])

# Electrodes about the heart's centre, LPS mm: limbs at the places where they act on a torso, then V1 to V6.
_ELECTRODES = np.array(
    [
        [-165.0, 5.0, 150.0],
        [150.0, 5.0, 150.0],
        [25.0, 0.0, -230.0],
        [-52.0, -80.0, 12.0],
        [0.0, -88.0, 12.0],
        [40.0, -81.0, -14.0],
        [66.0, -72.0, -28.0],
        [104.0, -38.0, -28.0],
        [120.0, 12.0, -28.0],
    ]
)
_RV_SHARE = 0.45  # its wall is thin
_LIMB_GAIN = 22.5
_TILT = 0.52  # radians by which the heart lies steeper than the picture's axes
_CHEST_GAIN = 15.8
_CHEST_REACH = (1.75, 1.52, 1.38, 1.18, 1.05, 1.0)  # electrodes act from farther away than in an unbounded conductor
# What a failing ventricle does to the record at a weakness of 1: limb leads lose voltage while the chest leads do not,
# the heart turns backwards (R progresses poorly; both Goldberger 1982), T flattens, the loaded atria lengthen P.
_LIMB_LOSS = 0.38
_TURN_BACK = 0.42
_TURN = -0.28
"""Radians about the body's axis, forwards: with it R overtakes S between V3 and V4, as in healthy records."""
_T_LOSS = 0.8
_P_LONGER = 0.25
_SHIELDED_MV = 2.3
_COLUMN_STEP = 4  # of the activation's lattice
_STEP_MS = 1000.0 / SAMPLING_HZ
_UPSTROKE_MS = 14.0  # of a patch as electrodes on the chest see it
_BEFORE_MS = 320.0
_AFTER_MS = 760.0


@dataclass(frozen=True, eq=False)
class Template:
    """One noise-free beat.

    Attributes:
        signal_mv: [12, samples] without P.
        p_mv: [12, samples] P wave alone, zero in fibrillation.
        start_ms: time of the first sample after QRS onset (negative).
        qrs_ms: QRS onset to the last moment at which the potentials still change fast.
        qt_ms: QRS onset to the end of T.
        r_ms: QRS onset to the R peak (largest potential over all leads).
    """

    signal_mv: Array
    p_mv: Array
    start_ms: float
    qrs_ms: float
    qt_ms: float
    r_ms: float


@dataclass(frozen=True, eq=False)
class Record:
    """Ten seconds: signal_mv float32 [12, 5000], and the times of the R peaks in ms."""

    signal_mv: NDArray[np.float32]
    r_peaks_ms: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class _Surface:
    """One side of a wall: places and vector areas [n, 3] (LPS, mm), excitation, longer action potential, dead share."""

    place: Array
    area: Array
    start_ms: Array
    longer_ms: Array
    dead: Array

    def potentials(self, times: Array, duration_ms: float) -> Array:
        """[n, time] action potentials as if all were alive."""
        return _action_potentials(times, self.start_ms, duration_ms + self.longer_ms)


def make_template(subject: Subject, anatomy: Anatomy, activation: Activation, rng: np.random.Generator) -> Template:
    """The noise-free beat of a subject.

    Args:
        subject: conduction, load, target QT.
        anatomy: where the patches lie.
        activation: when they are excited.
        rng: own stream: electrode places.
    """
    surfaces = _surfaces(subject, anatomy, activation)
    leads = _LeadField(subject, rng)
    fields = [leads(s.place, s.area) for s in surfaces]
    times = np.arange(-_BEFORE_MS, _AFTER_MS, _STEP_MS)
    last = max(float(s.start_ms[s.dead < 0.7].max()) for s in surfaces) + _UPSTROKE_MS
    duration = subject.qt_ms - 0.5 * last
    signal = _sum_of(surfaces, fields, times, duration)
    qrs = _end_of_qrs(signal, times, last)
    for _ in range(2):
        duration += subject.qt_ms - _end_of_t(signal, times, qrs)
        signal = _shielded(_sum_of(surfaces, fields, times, duration))
    power = np.sqrt((signal**2).mean(axis=0))
    power[(times < 0) | (times > qrs + 10)] = 0.0
    r_ms = float(times[int(np.argmax(power))])
    p_wave = _p_wave(subject, times, leads) if not subject.fibrillation else np.zeros_like(signal)
    return Template(signal, p_wave, -_BEFORE_MS, qrs, _end_of_t(signal, times, qrs), r_ms)


def _shielded(signal: Array) -> Array:
    """Strong sources reach the skin weakened (blood and lung shield them): beyond 2.3 mV by the square root."""
    peak = float(np.abs(signal).max())
    return np.asarray(signal * min(1.0, (_SHIELDED_MV / peak) ** 0.5))


def _sum_of(surfaces: list[_Surface], fields: list[Array], times: Array, duration_ms: float) -> Array:
    """[12, time] potentials of the closed surfaces of both ventricles.

    A closed surface at one potential is not seen from outside. So the open base takes the potential of the basal row,
    and a scar that of the live muscle at its border: the wall beneath it, else the ventricle's mean.
    """
    endo, epi, rv_endo, rv_epi = (s.potentials(times, duration_ms) for s in surfaces)
    dead_endo, dead_epi = surfaces[0].dead[:, None], surfaces[1].dead[:, None]
    live = ((1 - dead_endo) * endo + (1 - dead_epi) * epi).sum(0) / ((1 - dead_endo) + (1 - dead_epi)).sum()
    epi = (1 - dead_epi) * epi + dead_epi * live
    endo = (1 - dead_endo) * endo + dead_endo * epi
    columns = ANGLES // _COLUMN_STEP
    signal = fields[0] @ endo + fields[1] @ epi + fields[2] @ rv_endo + fields[3] @ rv_epi
    base = (endo[:columns].mean(0) + epi[:columns].mean(0)) / 2
    signal -= np.outer(fields[0].sum(1) + fields[1].sum(1), base)
    return np.asarray(
        signal
        - np.outer(fields[2].sum(1) + fields[3].sum(1), (rv_endo[:columns].mean(0) + rv_epi[:columns].mean(0)) / 2)
    )


def _surfaces(subject: Subject, anatomy: Anatomy, activation: Activation) -> list[_Surface]:
    """LV endo and epi, RV free wall endo and epi; endocardium counts positive, epicardium negative."""
    rows, columns = activation.rows, activation.columns
    picked = np.ix_(rows, columns)
    level = np.clip(anatomy.levels[rows] / anatomy.length_mm, 0, 1)[:, None] * np.ones(len(columns))
    septal = np.abs(angle_between(anatomy.angles[columns], np.pi + 0.1)) < 1.0
    free = np.where((anatomy.rv - anatomy.epi)[picked] > 4.0, 1.0, 0.0)
    scar = anatomy.scar[picked]
    strain = subject.wall_stress + 0.25 * max(subject.weakness, 0.0)
    gradient = max(1.0 - _T_LOSS * subject.weakness, 0.1)
    out = []
    for radius, times, sign, longer, dead in (
        (anatomy.endo, activation.endo, 1.0, 10.0 * (1.0 - 3.0 * strain) - 3.0 * level, np.clip(1.25 * scar, 0, 1)),
        (anatomy.epi, activation.epi, -1.0, 10.5 * septal[None] - 10.0 * level, np.clip(1.25 * scar - 0.25, 0, 1)),
        (anatomy.rv, activation.rv_endo, _RV_SHARE * free, 8.0 + 0.0 * level, 0.0 * scar),
        (anatomy.outer, activation.rv_epi, -_RV_SHARE * free, 0.0 * level, 0.0 * scar),
    ):
        place, area = _geometry(anatomy, radius, rows, columns)
        area = area * np.broadcast_to(sign, times.shape)[..., None]
        late = gradient * longer + 45.0 * scar * (1.0 - dead) - 0.4 * (times - 30.0)
        out.append(_Surface(place.reshape(-1, 3), area.reshape(-1, 3), times.ravel(), late.ravel(), dead.ravel()))
    return out


def _geometry(
    anatomy: Anatomy, radius: Array, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[Array, Array]:
    """Places and outward vector areas of the patches of a surface, LPS mm about the middle of the LV."""
    slope = np.gradient(radius, LEVEL_STEP_MM, axis=0)[np.ix_(rows, columns)]
    r = radius[np.ix_(rows, columns)]
    cos, sin = np.cos(anatomy.angles[columns])[None], np.sin(anatomy.angles[columns])[None]
    level = (anatomy.levels[rows] - 0.45 * anatomy.length_mm)[:, None]
    size = r * (2 * np.pi / ANGLES * 4) * (LEVEL_STEP_MM * 3)
    place = r[..., None] * (cos[..., None] * LATERAL_LPS + sin[..., None] * INFERIOR_LPS) + level[..., None] * APEX_LPS
    normal = cos[..., None] * LATERAL_LPS + sin[..., None] * INFERIOR_LPS - np.clip(slope, -3, 3)[..., None] * APEX_LPS
    return place, normal * size[..., None]


class _LeadField:
    """Lead potentials of dipoles; limb leads obey Einthoven and Goldberger by construction."""

    def __init__(self, subject: Subject, rng: np.random.Generator) -> None:
        """Place the electrodes: chest size from the subject, small misplacements by chance."""
        bulk = (subject.weight_kg / 78.0) ** 0.33
        reach = np.array([[1.0]] * 3 + [[r] for r in _CHEST_REACH])
        self._places = _ELECTRODES * reach * bulk + rng.normal(0, 1.0, _ELECTRODES.shape) * np.array(
            [[9.0]] * 3 + [[10.0]] * 6
        )
        self._turn = _TURN + _TURN_BACK * subject.weakness + float(rng.normal(0, 0.12))
        self._limb_gain = (
            _LIMB_GAIN * max(1.0 - _LIMB_LOSS * subject.weakness, 0.3) * float(np.exp(rng.normal(0, 0.06)))
        )
        self._tilt = _TILT + subject.steep_rad
        self._gain = float(np.exp(rng.normal(0, 0.18)))

    def __call__(self, place: Array, area: Array) -> Array:
        """[12, n] mV per unit of action potential of each patch."""
        cos, sin = np.cos(self._tilt), np.sin(self._tilt)
        turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
        cos, sin = np.cos(self._turn), np.sin(self._turn)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]) @ turn
        gap = self._places[:, None] - (place @ turn.T)[None]
        potential = ((area @ turn.T)[None] * gap).sum(-1) / np.linalg.norm(gap, axis=-1) ** 3
        limb, chest = self._gain * self._limb_gain * potential[:3], self._gain * _CHEST_GAIN * potential[3:]
        right, left, foot = limb
        central = limb.mean(axis=0)
        one, two = left - right, foot - right
        return np.stack(
            [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *(chest - central * 0.35)]
        )


def _action_potentials(times: Array, start_ms: Array, duration_ms: Array) -> Array:
    """[patch, time] 0 at rest to 1: quick upstroke, slow plateau, repolarisation centred at its duration."""
    since = (times[None] - start_ms[:, None]).astype(np.float32)
    past = since - duration_ms[:, None].astype(np.float32)
    past *= np.where(past < 0, np.float32(1 / 28.0), np.float32(1 / 19.0))
    down = 1.0 / (1.0 + np.exp(np.clip(past, -40, 40)))
    rising = np.clip(since / 300.0, 0, 1)
    return np.asarray(smooth_step(since / _UPSTROKE_MS) * down * (1.0 - 0.06 * rising))


def _end_of_qrs(signal: Array, times: Array, last_ms: float) -> float:
    """The last moment, up to the last excitation, at which the potentials change at 4 % of their fastest."""
    speed = np.sqrt((np.gradient(signal, _STEP_MS, axis=1) ** 2).mean(axis=0))
    speed[(times < 0) | (times > last_ms)] = 0.0
    return float(times[np.flatnonzero(speed > 0.04 * speed.max())[-1]])


def _end_of_t(signal: Array, times: Array, qrs_ms: float) -> float:
    """Where the potential falls below 11 % of the T peak for good."""
    power = np.sqrt((signal**2).mean(axis=0))
    after = times > qrs_ms + 90.0
    peak = power[after].max()
    return float(times[np.flatnonzero(after & (power > 0.11 * peak))[-1]])


def _p_wave(subject: Subject, times: Array, leads: _LeadField) -> Array:
    """Right then left atrium: two dipoles whose directions differ, PR before QRS."""
    place = -55.0 * APEX_LPS + np.array([[-18.0, 0.0, 0.0], [12.0, 18.0, 4.0]])
    direction = np.array([[0.45, -0.35, -0.85], [0.85, 0.25, -0.35]])
    size = np.array([[150.0], [120.0]])
    matrix = leads(place, direction * size)
    length = 104.0 * (1.0 + _P_LONGER * max(subject.weakness, -0.5))
    centre = -subject.pr_ms + length * np.array([[0.42], [0.68]])
    course = np.exp(-(((times[None] - centre) / (0.21 * length)) ** 2))
    return np.asarray(matrix @ course)


def make_record(subject: Subject, template: Template, rng: np.random.Generator, seconds: float = 10.0) -> Record:
    """Ten seconds of the template's beats with rhythm, breathing and noise.

    Args:
        subject: rate and rhythm.
        template: the beat.
        rng: own stream.
        seconds: length.
    """
    samples = int(seconds * SAMPLING_HZ)
    peaks = _rhythm(subject, rng, seconds * 1000.0)
    signal = np.zeros((len(LEADS), samples))
    beat = template.signal_mv + template.p_mv
    clock = np.arange(samples) * _STEP_MS
    for peak in peaks:
        start = peak - template.r_ms + template.start_ms
        inside = (clock >= start) & (clock < start + beat.shape[1] * _STEP_MS - _STEP_MS)
        size = 1.0 + 0.03 * np.sin(2 * np.pi * peak / 4100.0) + rng.normal(0, 0.01)
        at = (clock[inside] - start) / _STEP_MS
        low = at.astype(int)
        signal[:, inside] += size * (beat[:, low] + (beat[:, low + 1] - beat[:, low]) * (at - low))
    limb = _noise(rng, 2, samples)
    chest = _noise(rng, 6, samples)
    if subject.fibrillation:
        waves = _fibrillation(rng, clock)
        limb += waves[None] * np.array([[0.25], [0.7]])
        chest += waves[None] * np.array([[1.0], [0.6], [0.3], [0.15], [0.1], [0.1]])
    signal += _spread_limb(limb, chest)
    inside_peaks = tuple(float(p) for p in peaks if 0 <= p < seconds * 1000.0)
    return Record(signal.astype(np.float32), inside_peaks)


def _rhythm(subject: Subject, rng: np.random.Generator, length_ms: float) -> Array:
    """R times from before the start to after the end."""
    rr = subject.rr_ms
    count = int(length_ms / rr * 1.6) + 8
    if subject.fibrillation:
        gaps = rr * np.clip(rng.gamma(22.0, 1 / 22.0, count), 0.55, 1.8)
    else:
        breath = 0.022 * np.sin(2 * np.pi * np.arange(count) * rr / 4100.0 + rng.uniform(0, 6.3))
        gaps = rr * (1.0 + breath + rng.normal(0, 0.008, count))
    times = np.cumsum(gaps) - rng.uniform(0, rr) - 900.0
    return np.asarray(times[times < length_ms + 900.0])


def _noise(rng: np.random.Generator, leads: int, samples: int) -> Array:
    """Baseline wander, muscle noise and a trace of mains, mV."""
    clock = np.arange(samples) / SAMPLING_HZ
    noise = np.zeros((leads, samples))
    for hertz in (0.11, 0.24, 0.37):
        phase = rng.uniform(0, 2 * np.pi, (leads, 1))
        noise += rng.normal(0, 0.022, (leads, 1)) * np.sin(2 * np.pi * hertz * clock + phase)
    muscle = rng.normal(0, rng.uniform(0.006, 0.014), (leads, samples))
    noise += (muscle + np.roll(muscle, 1, axis=1) + np.roll(muscle, 2, axis=1)) / 1.7
    return noise + rng.uniform(0.0, 0.004) * np.sin(2 * np.pi * 50.0 * clock + rng.uniform(0, 6.3, (leads, 1)))


def _fibrillation(rng: np.random.Generator, clock: Array) -> Array:
    """f waves: a few hertz that wander, about 0.1 mV in V1."""
    waves = np.zeros_like(clock)
    for hertz in rng.uniform(4.5, 7.5, 4):
        wander = np.cumsum(rng.normal(0, 0.02, len(clock)))
        waves += 0.03 * np.sin(2 * np.pi * hertz * clock / 1000.0 + wander + rng.uniform(0, 6.3))
    return waves


def _spread_limb(limb: Array, chest: Array) -> Array:
    """Twelve leads from I, II and V1 to V6 (Einthoven, Goldberger)."""
    one, two = limb
    return np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2, *chest])

"""One activation map: when each patch of the ventricles is excited. Drives QRS and the onset of local contraction.

Excitation spreads from a few breakthrough sites of the Purkinje system (Durrer 1970: LV mid-septum and paraseptal
walls first, base last) over the endocardium, then through the wall. In bundle branch block the sites of one side are
silent and its wall is reached slowly through the septum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.cohort.simulator.arrays import Array, angle_between
from cof_viewer.cohort.simulator.subject import Conduction, Fascicle, Subject

# (angle, level as share of LV length, time ms): breakthrough sites of the left and of the right bundle.
_LEFT_SITES = ((np.pi - 0.1, 0.42, 0.0), (-1.75, 0.40, 3.0), (1.95, 0.50, 4.0), (0.1, 0.72, 9.0), (3.0, 0.8, 7.0))
_RIGHT_SITES = ((np.pi + 0.2, 0.60, 4.0), (np.pi - 0.6, 0.55, 7.0), (np.pi + 0.8, 0.4, 9.0))
_RV_FREE_SITES = ((np.pi + 0.1, 0.5, 9.0), (np.pi + 0.9, 0.3, 17.0), (np.pi - 0.7, 0.3, 18.0))
# Sites that fall silent: the anterior paraseptal and lateral, or the inferior one.
_BLOCKED = {Fascicle.NONE: (), Fascicle.ANTERIOR: (1, 3), Fascicle.POSTERIOR: (2, 4)}
_WAITING_MS = 34.0
_PURKINJE_MM_PER_MS = 1.0
_SLOW_MM_PER_MS = 0.52
_RV_SLOW_MM_PER_MS = 0.65
_ACROSS_MM_PER_MS = 0.42
_SLOWED_BY_DISEASE = 0.32
# Endocardium to epicardium of the RV: slower where no Purkinje network spreads the front.
_RV_ACROSS_MS = {Conduction.NORMAL: 9.0, Conduction.LBBB: 9.0, Conduction.RBBB: 15.0}


@dataclass(frozen=True, eq=False)
class Activation:
    """Times after the first excitation, ms, on the anatomy's coarse lattice [level, angle].

    Attributes:
        rows: indices of the anatomy's levels that are used.
        columns: indices of its angles.
        endo: LV endocardium.
        epi: LV epicardium; on the septum the RV's side of it.
        rv_endo: RV free wall, cavity side.
        rv_epi: RV free wall, outside.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    endo: Array
    epi: Array
    rv_endo: Array
    rv_epi: Array

    @property
    def lv(self) -> Array:
        """Mean of endo- and epicardial time: when a patch of the LV starts to shorten, but for a constant delay."""
        return (self.endo + self.epi) / 2


def activate(subject: Subject, anatomy: Anatomy) -> Activation:
    """Make the map of a subject."""
    in_lv = np.flatnonzero((anatomy.levels >= 0) & (anatomy.levels < anatomy.length_mm - 1.0))
    rows, columns = in_lv[::3], np.arange(0, len(anatomy.angles), 4)
    picked = np.ix_(rows, columns)
    endo_at = _points(anatomy, anatomy.endo[picked], rows, columns)
    epi_at = _points(anatomy, anatomy.epi[picked], rows, columns)
    free_at = _points(anatomy, anatomy.rv[picked], rows, columns)
    across = np.maximum(anatomy.epi[picked] - anatomy.endo[picked], 1.0) / _ACROSS_MM_PER_MS
    septal = np.abs(angle_between(anatomy.angles[columns], np.pi + 0.1)) < 1.0
    slowed = 1.0 / (1.0 + _SLOWED_BY_DISEASE * max(subject.weakness, -0.5))
    across = across / slowed
    left = _spread(endo_at, _left_sites(subject.fascicle), anatomy, anatomy.endo, _PURKINJE_MM_PER_MS * slowed)
    left = left + _waiting(subject.fascicle, anatomy.angles[columns])[None]
    right = _spread(epi_at, _RIGHT_SITES, anatomy, anatomy.epi, _PURKINJE_MM_PER_MS * 1.2 * slowed)
    free = _spread(free_at, _RV_FREE_SITES, anatomy, anatomy.rv, _PURKINJE_MM_PER_MS * 1.6 * slowed)
    if subject.conduction == Conduction.LBBB:
        left = _from_septum(endo_at, right + across, septal, _SLOW_MM_PER_MS * _for_size(anatomy))
    elif subject.conduction == Conduction.RBBB:
        right = np.full_like(right, 400.0)
        free = _from_septum(free_at, left + across, septal, _RV_SLOW_MM_PER_MS) + 46.0
    epi = np.where(septal[None], np.minimum(right, left + across), left + across)
    endo = np.where(septal[None], np.minimum(left, right + across), left)
    thick = _RV_ACROSS_MS[subject.conduction]
    first = min(endo.min(), epi.min(), free.min())
    return Activation(rows, columns, endo - first, epi - first, free - first, free - first + thick)


def _left_sites(fascicle: Fascicle) -> tuple[tuple[float, float, float], ...]:
    """Breakthrough of the left bundle without the sites of a blocked fascicle."""
    silent = _BLOCKED[fascicle]
    return tuple(site for i, site in enumerate(_LEFT_SITES) if i not in silent)


def _waiting(fascicle: Fascicle, angles: Array) -> Array:
    """[angle] ms by which the blocked fascicle's wall is late: the front comes through muscle, not Purkinje fibres."""
    if fascicle == Fascicle.NONE:
        return np.zeros_like(angles)
    middle = -1.2 if fascicle == Fascicle.ANTERIOR else 1.7
    return np.asarray(_WAITING_MS * np.exp(-((angle_between(angles, middle) / 1.0) ** 2)))


def _for_size(anatomy: Anatomy) -> float:
    """Muscle of a dilated heart is stretched: the slow front crosses a larger heart a little faster in mm."""
    widest = float(anatomy.endo[anatomy.levels >= 0].mean(axis=1).max())
    return float(np.clip((widest / 27.0) ** 1.15, 0.9, 1.6))


def _points(anatomy: Anatomy, radius: Array, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Array:
    """[level, angle, 3] positions in the heart frame about the LV axis."""
    angle = anatomy.angles[columns][None]
    level = np.broadcast_to(anatomy.levels[rows][:, None], radius.shape)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), level], axis=-1)


def _spread(
    points: Array, sites: tuple[tuple[float, float, float], ...], anatomy: Anatomy, radius: Array, speed: float
) -> Array:
    """Earliest arrival from any site at a constant speed along straight lines."""
    times = []
    for angle, level, start in sites:
        row = int(np.argmin(np.abs(anatomy.levels - level * anatomy.length_mm)))
        column = int(np.argmin(np.abs(angle_between(anatomy.angles, angle))))
        reach = radius[row, column]
        site = np.array([reach * np.cos(angle), reach * np.sin(angle), anatomy.levels[row]])
        times.append(start + np.linalg.norm(points - site, axis=-1) / speed)
    return np.asarray(np.min(times, axis=0))


def _from_septum(points: Array, arrival: Array, septal: NDArray[np.bool_], speed: float) -> Array:
    """Slow spread from the septum, which was itself reached from the other side."""
    sources = points[:, septal].reshape(-1, 3)[::3]
    start = arrival[:, septal].reshape(-1)[::3]
    gaps = np.linalg.norm(points[:, :, None] - sources[None, None], axis=-1)
    return np.asarray((start + gaps / speed).min(axis=-1))

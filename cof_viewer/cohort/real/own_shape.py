"""A real heart's own surfaces, from labels of its slices, in the simulator's tables of radii round the LV axis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.anatomy import Anatomy
from cof_viewer.domain.image import Label

UInt8 = NDArray[np.uint8]
Float = NDArray[np.floating]

_STEP_MM, _FARTHEST_MM = 0.75, 70.0
_THINNEST_MM = 1.5
_LEAST_PIXELS = 12
_PIXEL_MM = 1.5
_SECTOR_ANGLES = 16  # of 96: a sixth, the width of a segment


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Radii in mm of the slices that hold LV, base first, round the LV's middle of each slice.

    Attributes:
        endo: [slice, angle] of the cavity; 0 is lateral (right), pi/2 inferior (down), as in `Anatomy`.
        epi: of the wall's outside.
        rv: of the RV's far side; equal to `epi` where there is no RV.
    """

    endo: Float
    epi: Float
    rv: Float


def surfaces_of(labels: UInt8, angles: Float) -> Surfaces:
    """Surfaces of one phase.

    Args:
        labels: [z, y, x], 1.5 mm pixels, base first, RV on the left, with LV in at least one slice.
        angles: radians at which radii are wanted.
    """
    tables = [_plane(plane, angles) for plane in labels if (plane == Label.LV).sum() >= _LEAST_PIXELS]
    endo, epi, rv = (np.array([table[k] for table in tables]) for k in range(3))
    return Surfaces(endo, epi, rv)


def _plane(plane: UInt8, angles: Float) -> tuple[Float, Float, Float]:
    """Radii of one slice: where each ray leaves the cavity, the wall and the RV for the last time."""
    y, x = np.argwhere(plane == Label.LV).mean(axis=0)
    radius = np.arange(0.0, _FARTHEST_MM, _STEP_MM)
    rows = np.rint(y + np.outer(np.sin(angles), radius) / _PIXEL_MM).astype(int)
    columns = np.rint(x + np.outer(np.cos(angles), radius) / _PIXEL_MM).astype(int)
    inside = (rows >= 0) & (rows < plane.shape[0]) & (columns >= 0) & (columns < plane.shape[1])
    seen = np.where(inside, plane[rows.clip(0, plane.shape[0] - 1), columns.clip(0, plane.shape[1] - 1)], 0)

    def last(hit: NDArray[np.bool_]) -> Float:
        return np.asarray(np.where(hit, radius + _STEP_MM / 2, 0.0).max(axis=1))

    endo = np.maximum(last(seen == Label.LV), _STEP_MM)
    epi = np.maximum(last(np.isin(seen, (Label.LV, Label.MYO))), endo + _THINNEST_MM)
    return endo, epi, np.maximum(last(seen == Label.RV), epi)


def weakest_angle(ed: Surfaces, es: Surfaces) -> float:
    """Angle, radians, of the sector whose cavity radius shrinks least from ED to ES, in the middle slices."""
    ratio = _mean_over_levels(es.endo) / _mean_over_levels(ed.endo)
    smooth = np.convolve(np.r_[ratio, ratio, ratio], np.ones(_SECTOR_ANGLES) / _SECTOR_ANGLES, "same")
    at = int(np.argmax(smooth[len(ratio) : 2 * len(ratio)]))
    return float(-np.pi + 2 * np.pi * at / len(ratio))


def _mean_over_levels(radius: Float) -> Float:
    """[angle] mean of the middle half of the slices."""
    quarter = len(radius) // 4
    return np.asarray(radius[quarter : len(radius) - quarter].mean(axis=0))


def with_own_shape(model: Anatomy, own: Surfaces, slice_mm: float) -> Anatomy:
    """The model with its ventricles' surfaces replaced by measured ones where slices were imaged.

    Above and below, where nothing was imaged, the model goes on, in the proportions of the nearest slice.
    """
    reach = len(own.endo) * slice_mm
    levels = (np.arange(len(own.endo)) + 0.5) * slice_mm * min(1.0, model.length_endo_mm / reach)
    rows = [int(np.argmin(np.abs(model.levels - level))) for level in levels]
    wall, model_wall = own.epi - own.endo, np.maximum(model.epi - model.endo, _THINNEST_MM)
    size = _along(model.levels, levels, np.clip(own.endo / np.maximum(model.endo[rows], 1.0), 0.3, 3.0))
    thick = _along(model.levels, levels, np.clip(wall / model_wall[rows], 0.3, 3.0))
    in_lv = ((model.levels >= 0) & (model.levels < model.length_mm))[:, None]
    endo = np.where(in_lv, model.endo * size, model.endo)
    epi = np.where(in_lv, endo + (model.epi - model.endo) * thick, model.epi)
    gap = _along(model.levels, levels, own.rv - own.epi)
    imaged = ((model.levels >= levels[0]) & (model.levels <= levels[-1]))[:, None]
    rv = epi + np.where(imaged, gap, model.rv - model.epi)
    return replace(model, endo=endo, epi=epi, rv=rv, outer=rv + (model.outer - model.rv))


def _along(levels: Float, known: Float, values: Float) -> Float:
    """[level, angle] values of slices at levels between them; the first and the last go on beyond."""
    return np.stack([np.interp(levels, known, column) for column in values.T], axis=1)

"""Numbers of a case that follow from its labels and its displacement alone, whatever its kind: shape and function."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_SPACING_MM, MOTION_STEP, CohortCase
from cof_viewer.domain.function import MYOCARDIUM_DENSITY_G_PER_ML
from cof_viewer.domain.image import Label

ANATOMY_NAMES = (
    *("lv_ml", "wall_ml", "rv_ml", "lv_length_mm", "lv_mid_diameter_mm", "lv_sphericity"),
    *("wall_mid_mm", "wall_thickest_mm", "wall_over_lv", "rv_over_lv", "septum_over_lateral"),
)
"""What the ED label map says, in order; the input of "anatomy alone"."""

FUNCTION_NAMES = (
    *("edv_ml", "esv_ml", "ef_percent", "lv_mass_g", "rv_edv_ml", "rv_ef_percent"),
    *("wall_mid_mm", "gcs_percent", "gls_percent", "es_ms", "sector_sd_ms"),
)
"""What the population tables show."""

_SECTORS = 6
_MIDDLE = (1 / 3, 2 / 3)


def anatomy_numbers(case: CohortCase) -> dict[str, float]:
    """The numbers of `ANATOMY_NAMES` from the labels of ED; NaN where a structure is missing."""
    labels = case.labels[0]
    lv, wall, rv = (_areas_mm2(labels, k) for k in (Label.LV, Label.MYO, Label.RV))
    ml = case.slice_mm / 1000.0
    inner = np.sqrt(lv / np.pi)
    thickness = np.where(lv > 0, np.sqrt((lv + wall) / np.pi) - inner, np.nan)
    middle = _middle_slices(lv)
    length = float(np.count_nonzero(lv)) * case.slice_mm
    diameter = 2.0 * float(inner[middle].mean()) if len(middle) else np.nan
    lv_ml, wall_ml, rv_ml = (float(area.sum()) * ml for area in (lv, wall, rv))
    return {
        "lv_ml": lv_ml,
        "wall_ml": wall_ml,
        "rv_ml": rv_ml,
        "lv_length_mm": length,
        "lv_mid_diameter_mm": diameter,
        "lv_sphericity": length / diameter if diameter else np.nan,
        "wall_mid_mm": float(np.nanmean(thickness[middle])) if len(middle) else np.nan,
        "wall_thickest_mm": float(np.nanmax(thickness)) if lv.any() else np.nan,
        "wall_over_lv": wall_ml / lv_ml if lv_ml else np.nan,
        "rv_over_lv": rv_ml / lv_ml if lv_ml else np.nan,
        "septum_over_lateral": _septum_over_lateral(labels, middle),
    }


def function_numbers(case: CohortCase) -> dict[str, float]:
    """The numbers of `FUNCTION_NAMES`: those the case states where it does, else counted from its labels.

    Strain is that of labels and displacement, named so beside published strain of feature tracking: circumferential
    is the change of the circumference half way through the wall, mean of the middle slices, ED to ES; longitudinal is
    the shortening between base and apex by the displacement at ES over the length of the LV at ED.
    """
    ml = BOX_SPACING_MM**2 * case.slice_mm / 1000.0
    counted = {k: [float((case.labels[t] == k).sum()) * ml for t in (0, case.es_phase)] for k in Label}
    (edv, esv), (rv_edv, rv_esv) = counted[Label.LV], counted[Label.RV]
    numbers = {
        "edv_ml": edv,
        "esv_ml": esv,
        "ef_percent": 100.0 * (edv - esv) / edv if edv else np.nan,
        "lv_mass_g": counted[Label.MYO][0] * MYOCARDIUM_DENSITY_G_PER_ML,
        "rv_edv_ml": rv_edv or np.nan,
        "rv_ef_percent": 100.0 * (rv_edv - rv_esv) / rv_edv if rv_edv else np.nan,
        "es_ms": case.phase_ms[case.es_phase] - case.phase_ms[0],
    }
    numbers |= {name: float(v) for name, v in case.numbers.items() if name in FUNCTION_NAMES}
    numbers["wall_mid_mm"] = anatomy_numbers(case)["wall_mid_mm"]
    numbers["gcs_percent"] = _circumferential_strain(case)
    numbers["gls_percent"] = _longitudinal_strain(case)
    numbers["sector_sd_ms"] = sector_sd_ms(case)
    return numbers


def volume_curve(case: CohortCase) -> NDArray[np.float64]:
    """[t] LV volume by counted labels, 1 at ED and 0 at the smallest; NaN where it does not change."""
    lv = (case.labels == Label.LV).sum(axis=(1, 2, 3)).astype(np.float64)
    fall = lv[0] - lv.min()
    return (lv - lv.min()) / fall if fall > 0 else np.full(len(lv), np.nan)


def sector_sd_ms(case: CohortCase) -> float:
    """SD over six sectors of the cavity of the time at which each is smallest, middle slices; NaN without a cavity.

    A measure of dyssynchrony that labels of any kind of case give. Each sector's area is smoothed over three phases
    and its lowest point found by a parabola.
    """
    lv = case.labels == Label.LV
    middle = _middle_slices(_areas_mm2(case.labels[0], Label.LV))
    if not len(middle):
        return float("nan")
    stack = lv[:, middle]
    y, x = np.mgrid[: lv.shape[2], : lv.shape[3]].astype(np.float64)
    weight = stack[0].sum(axis=0)
    centre = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
    sector = (((np.arctan2(y - centre[1], x - centre[0]) + np.pi) / (2 * np.pi) * _SECTORS).astype(int)) % _SECTORS
    per_pixel = stack.sum(axis=1)
    curves = np.stack([per_pixel[:, sector == s].sum(axis=1) for s in range(_SECTORS)]).astype(np.float64)
    smooth = (np.roll(curves, 1, axis=1) + curves + np.roll(curves, -1, axis=1)) / 3.0
    return float(np.std([_lowest(curve) for curve in smooth]) * case.rr_ms / case.phases)


def _lowest(curve: NDArray[np.float64]) -> float:
    """Index of the smallest value of a cyclic curve, between samples by a parabola."""
    i, n = int(np.argmin(curve)), len(curve)
    before, at, after = curve[(i - 1) % n], curve[i], curve[(i + 1) % n]
    bend = before - 2 * at + after
    return i + (0.5 * (before - after) / bend if bend > 0 else 0.0)


def _areas_mm2(labels: NDArray[np.uint8], label: Label) -> NDArray[np.float64]:
    """[z] area of a structure."""
    return np.asarray((labels == label).sum(axis=(1, 2)) * BOX_SPACING_MM**2, dtype=np.float64)


def _middle_slices(lv_mm2: NDArray[np.float64]) -> NDArray[np.intp]:
    """Middle third of the slices with a cavity."""
    held = np.flatnonzero(lv_mm2 > 0)
    if not len(held):
        return held
    first, last = (round(held[0] + share * (held[-1] - held[0])) for share in _MIDDLE)
    return np.asarray([z for z in held if first <= z <= last], dtype=np.intp)


def _septum_over_lateral(labels: NDArray[np.uint8], middle: NDArray[np.intp]) -> float:
    """Wall towards the RV (picture's left) over the opposite wall, along the row of the cavity's centre."""
    ratios = []
    for z in middle:
        rows, columns = np.nonzero(labels[z] == Label.LV)
        row, column = round(rows.mean()), columns.mean()
        wall = np.flatnonzero(labels[z, row] == Label.MYO)
        left, right = int((wall < column).sum()), int((wall > column).sum())
        if left and right:
            ratios.append(left / right)
    return float(np.mean(ratios)) if ratios else float("nan")


def _circumferential_strain(case: CohortCase) -> float:
    """Percent change of the mid-wall radius from ED to ES, mean of the middle slices that have wall at both."""
    middle = _middle_slices(_areas_mm2(case.labels[0], Label.LV))
    radii = []
    for t in (0, case.es_phase):
        lv, wall = (_areas_mm2(case.labels[t], k)[middle] for k in (Label.LV, Label.MYO))
        radii.append(np.where(wall > 0, (np.sqrt(lv / np.pi) + np.sqrt((lv + wall) / np.pi)) / 2, np.nan))
    change = radii[1] / radii[0] - 1.0
    return float(100.0 * np.nanmean(change)) if np.isfinite(change).any() else float("nan")


def _longitudinal_strain(case: CohortCase) -> float:
    """Percent shortening between base and apex at ES by the displacement of the wall.

    The field is a pull-back: a wall that came down from the base has a negative dz. A field without any dz was
    tracked in plane only and tells no strain: NaN.
    """
    es = case.labels[case.es_phase]
    step = MOTION_STEP
    wall = (es == Label.MYO)[:, step // 2 :: step, step // 2 :: step]
    held = np.flatnonzero(wall.any(axis=(1, 2)) & (es == Label.LV).any(axis=(1, 2)))
    length = float(np.count_nonzero(_areas_mm2(case.labels[0], Label.LV))) * case.slice_mm
    dz = case.displacement_mm[case.es_phase, ..., 2].astype(np.float64)
    if len(held) < 3 or not length or not dz.any():
        return float("nan")
    down = [float(-dz[z][wall[z]].mean()) for z in held]
    slope = float(np.polyfit(held * case.slice_mm, down, 1)[0])
    return 100.0 * slope

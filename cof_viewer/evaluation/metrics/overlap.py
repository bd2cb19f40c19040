"""Overlap of labels: Dice, IoU and the 95 % Hausdorff distance of LV, wall and RV.

HD95 is the larger of the two directed 95th percentiles of the distances from one surface's voxels to the other
surface, in 3-D with the stack's spacing (METHOD section 5; pooling both directions first gives less). A surface voxel
has a face neighbour outside; distances by scipy's Euclidean distance transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy import dice
from cof_viewer.anatomy.agreement import class_dice
from cof_viewer.cohort.case import BOX_SPACING_MM
from cof_viewer.domain.image import Label
from cof_viewer.evaluation.beat import EvaluatedBeat, Reference

STRUCTURES = {"lv": Label.LV, "myo": Label.MYO, "rv": Label.RV}

Mask = NDArray[np.bool_]


def measure(reference: Reference, beat: EvaluatedBeat) -> dict[str, float]:
    """Overlap at ED, at ES (each beat's own), at ES without slices that were never imaged, and over the whole beat.

    Names: `<structure>_dice_ed|es|es_imaged|beat`, `<structure>_iou_es`, `<structure>_hd95_es_mm` (NaN where one of
    the two lacks the structure, or without spacing). Empty where the beat has no labels.
    """
    if beat.labels is None:
        return {}
    ours, true = beat.labels[beat.es_phase], reference.labels[reference.es_phase]
    imaged = imaged_slices(reference, beat)
    spacing = (reference.slice_mm, BOX_SPACING_MM, BOX_SPACING_MM)
    every = np.mean([class_dice(a, b) for a, b in zip(beat.labels, reference.labels, strict=True)], axis=0)
    out: dict[str, float] = {}
    for name, label in STRUCTURES.items():
        a, b = ours == label, true == label
        out[f"{name}_dice_ed"] = dice(beat.labels[0] == label, reference.labels[0] == label)
        out[f"{name}_dice_es"] = dice(a, b)
        out[f"{name}_dice_es_imaged"] = dice(a[imaged], b[imaged])
        out[f"{name}_dice_beat"] = float(every[label])
        out[f"{name}_iou_es"] = iou(a, b)
        out[f"{name}_hd95_es_mm"] = hd95(a, b, spacing) if reference.spacing_known else float("nan")
    return out


def imaged_slices(reference: Reference, beat: EvaluatedBeat) -> Mask:
    """[z] whether what a slice shows at ES was imaged at ED: its pull-back stays within the stack at the heart."""
    slices = reference.labels.shape[1]
    if beat.pull_back_mm is None:
        return np.ones(slices, bool)
    along = beat.pull_back_mm[beat.es_phase, ..., 2]
    heart = (reference.labels[0] > 0)[:, ::2, ::2]
    shift = np.array([along[z][heart[z]].mean() if heart[z].any() else 0.0 for z in range(slices)])
    source = np.arange(slices) + shift / reference.slice_mm
    return np.asarray((source > -0.5) & (source < slices - 0.5))


def iou(a: Mask, b: Mask) -> float:
    """Intersection over union of two masks; 1 where both are empty."""
    union = int((a | b).sum())
    return int((a & b).sum()) / union if union else 1.0


def hd95(a: Mask, b: Mask, spacing_mm: tuple[float, ...], percent: float = 95.0) -> float:
    """Hausdorff distance at a percentile, mm; NaN where a mask is empty.

    Args:
        a: mask of any dimension.
        b: mask of the same shape.
        spacing_mm: along the masks' axes.
        percent: 95, or 100 for the plain Hausdorff distance.
    """
    from scipy.ndimage import distance_transform_edt

    if not a.any() or not b.any():
        return float("nan")
    edges = surface(a), surface(b)
    to_a, to_b = (distance_transform_edt(~edge, sampling=spacing_mm) for edge in edges)
    return float(max(np.percentile(to_b[edges[0]], percent), np.percentile(to_a[edges[1]], percent)))


def surface(mask: Mask) -> Mask:
    """Voxels of a mask with a face neighbour outside it, or at the border of the array."""
    from scipy.ndimage import binary_erosion

    return np.asarray(mask & ~binary_erosion(mask))

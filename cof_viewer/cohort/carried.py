"""ED's labels carried through the beat by a case's motion as it is kept: what the motion says, beside the labels.

Labels move as outlines (in-plane signed distances), which interpolate between slices as shapes do, and nothing is
known beyond the first and the last slice.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_SPACING_MM, MOTION_STEP, CohortCase
from cof_viewer.domain.image import Label

UInt8 = NDArray[np.uint8]

_FIRST = (MOTION_STEP - 1) / 2.0
_STRUCTURES = (Label.LV, Label.MYO, Label.RV)


def carried_labels(case: CohortCase, phase: int) -> UInt8:
    """uint8 [z, 96, 96]: the labels of phase 0 where the motion puts them at a phase."""
    from scipy.ndimage import map_coordinates

    from cof_viewer.engine.motion.labels import DISTANCE_CAP_MM, signed_distances

    field = case.displacement_mm[phase].astype(np.float32)
    z, y, x = np.indices(case.labels.shape[1:], dtype=np.float32)
    on_lattice = (z, (y - _FIRST) / MOTION_STEP, (x - _FIRST) / MOTION_STEP)
    dx, dy, dz = (map_coordinates(field[..., k], on_lattice, order=1, mode="nearest") for k in range(3))
    source = (z + dz / case.slice_mm, y + dy / BOX_SPACING_MM, x + dx / BOX_SPACING_MM)
    outlines = signed_distances(case.labels[0], (BOX_SPACING_MM, BOX_SPACING_MM))
    lv, outer, rv = (
        map_coordinates(outlines[:, k], source, order=1, mode="grid-constant", cval=-DISTANCE_CAP_MM) > 0
        for k in range(3)
    )
    return np.asarray(np.select([lv, outer, rv], [Label.LV, Label.MYO, Label.RV], Label.BACKGROUND), dtype=np.uint8)


def carried_dice(case: CohortCase) -> dict[Label, float]:
    """Dice at ES of carried and stored labels, of LV, wall and RV; 1 where neither has the structure."""
    from cof_viewer.anatomy import dice

    carried, there = carried_labels(case, case.es_phase), case.labels[case.es_phase]
    return {label: dice(carried == label, there == label) for label in _STRUCTURES}

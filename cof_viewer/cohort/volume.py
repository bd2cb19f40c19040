"""A phase of a case as a scanner's stack, for what reads pictures as the viewer does."""

from __future__ import annotations

import numpy as np

from cof_viewer.cohort.case import BOX_PIXELS, BOX_SPACING_MM, CohortCase
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Volume


def volume_of(case: CohortCase, phase: int = 0) -> Volume:
    """One phase of a case as a scanner's stack without a place in the patient; grey levels 0 to 255."""
    shape = (case.slices, BOX_PIXELS, BOX_PIXELS)
    spacing = (BOX_SPACING_MM, BOX_SPACING_MM, case.slice_mm)
    grid = grid_from_spacing(shape, spacing, spacing_known=case.spacing_known, orientation_known=False)
    return Volume(case.image[phase].astype(np.float32), grid, name=case.case_id)

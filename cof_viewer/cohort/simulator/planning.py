"""Where the stack of slices lies along the heart."""

from __future__ import annotations

import numpy as np

from cof_viewer.cohort.simulator.anatomy import ABOVE_MM
from cof_viewer.cohort.simulator.arrays import Array
from cof_viewer.cohort.simulator.mri import SLICE_STEP_MM

_TRIES = 24
_CLEAR_MM = 0.8
_APEX_ROOM_MM = -1.5
"""The stack may end this far above the tip of the wall."""


def plan_first_slice_mm(rng: np.random.Generator, length_mm: float, descent_mm: float, slices: int) -> float:
    """Level of the first slice, 0 the mitral plane at ED.

    Planned at ED as a technician does: the mitral plane near the edge of a slab, one slice above it or two, the apex
    within the stack. Slices see the base in steps of 10 mm: where ED's first slice with ventricle and ES's disagree on
    whether the base has left a slice, no motion can lead from the one's labels to the other's. Such plans are drawn
    again, as they would be read against the long axes.

    Args:
        rng: own stream; the number of draws does not depend on the heart.
        length_mm: mitral plane to epicardial apex.
        descent_mm: of the mitral plane by ES.
        slices: in the stack.
    """
    above = SLICE_STEP_MM * (1.5 if rng.uniform() < 0.3 else 0.5)
    if SLICE_STEP_MM * (slices - 0.5) - above < length_mm + _APEX_ROOM_MM + 4.0:
        above = SLICE_STEP_MM * 0.5
    offsets = rng.uniform(-4.0, 4.0, _TRIES)
    clear = [_clearance_mm(offset - above, length_mm, descent_mm, slices) for offset in offsets]
    good = np.flatnonzero(np.asarray(clear) >= _CLEAR_MM)
    return float(offsets[good[0] if len(good) else int(np.argmax(clear))] - above)


def _clearance_mm(first_mm: float, length_mm: float, descent_mm: float, slices: int) -> float:
    """How far, mm at ED, the tissue in any slice at ES lies from where ED's and ES's labels would part; negative there
    and where the stack ends above the apex.

    A slice is labelled where its middle lies below the mitral plane. Tissue that came from between the mitral plane
    and half a slice above ED's first labelled slice is labelled at one of both alone.
    """
    levels = first_mm + SLICE_STEP_MM * np.arange(slices)
    edge = float(levels[levels >= 0.0][0]) - SLICE_STEP_MM / 2
    below = levels - descent_mm
    before: Array = below / np.where(below > 0, 1.0 - descent_mm / length_mm, 1.0 + descent_mm / ABOVE_MM)
    low, high = min(edge, 0.0), max(edge, 0.0)
    parted = float(np.where(before < low, low - before, np.where(before > high, before - high, -1.0)).min())
    below_apex = float(levels[-1]) + SLICE_STEP_MM / 2 - length_mm - _APEX_ROOM_MM
    return parted if below_apex >= 0 else below_apex - 1.0

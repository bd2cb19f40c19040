"""What the fourth pixdim means. Headers lie: the declared unit counts only if it makes the cycle one heartbeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

_MS_OF_UNIT = {8: 1000.0, 16: 1.0, 24: 0.001}
_CYCLE_MS = (300.0, 2000.0)
_BEATS_APART_MS = 250.0


@dataclass(frozen=True)
class Clock:
    """The time between a cine's phases.

    Attributes:
        step_ms: between phases; None where not known.
        unit_repaired: whether another unit than the declared one was believed.
        beats_apart: whether the header, as declared, says that the volumes are too far apart for one heartbeat.
    """

    step_ms: float | None
    unit_repaired: bool = False
    beats_apart: bool = False


def clock_of(header: Any, phases: int) -> Clock:
    """Tell the phase step of a series of so many volumes.

    A step of exactly 1 is what writers leave who know no time. Where the declared unit gives no possible heartbeat,
    the one unit that does is taken.
    """
    step = float(header["pixdim"][4])
    if phases < 2 or not np.isfinite(step) or step <= 0.0 or step == 1.0:
        return Clock(None)
    declared = _MS_OF_UNIT.get(int(header["xyzt_units"]) & 56)
    if declared and _is_beat(step * declared, phases):
        return Clock(step * declared)
    fitting = [scale for scale in _MS_OF_UNIT.values() if _is_beat(step * scale, phases)]
    if fitting:
        return Clock(step * fitting[0], unit_repaired=True)
    return Clock(None, beats_apart=bool(declared) and step * (declared or 0.0) >= _BEATS_APART_MS)


def _is_beat(step_ms: float, phases: int) -> bool:
    """Whether so many phases of this step make one possible heartbeat."""
    return _CYCLE_MS[0] <= step_ms * phases <= _CYCLE_MS[1]

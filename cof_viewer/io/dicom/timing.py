"""The order of the phases within one slice, their times and the RR interval (VIEWER, rules 3 to 5)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from cof_viewer.io.dicom.frames import Frame, Timing

RR_RANGE_MS = (300.0, 2000.0)
_SAME_TIME = 1e-3  # ms, or counts: clues that differ by less name the same phase
_MOST_REPEATS = 3
_UNEVEN = 0.2  # share of the mean step by which steps may differ before times count as uneven


@dataclass(frozen=True)
class Clue:
    """One header value that can order phases, and whether it is a time after the R peak."""

    name: str
    value: Callable[[Timing], float | None]
    is_time: bool


CLOCK = Clue("acquisition time", lambda timing: timing.clock_s, False)
CLUES: tuple[Clue, ...] = (
    Clue("TriggerTime", lambda timing: timing.trigger_ms, True),
    Clue("NominalCardiacTriggerDelayTime", lambda timing: timing.delay_ms, True),
    Clue("vendor phase number", lambda timing: timing.vendor_phase, False),
    Clue("temporal position", lambda timing: timing.temporal_index, False),
    CLOCK,
    Clue("InstanceNumber", lambda timing: timing.instance, False),
)


@dataclass(frozen=True, eq=False)
class Beat:
    """The frames of one slice in the order of their phases.

    Attributes:
        frames: one a phase.
        times_ms: after the R peak; None where the headers give only an order.
        rr_ms: length of the cycle; None where nothing tells.
        clue: name of the header value that ordered them.
        duplicates: number of frames left out because another one shows the same phase.
    """

    frames: tuple[Frame, ...]
    times_ms: tuple[float, ...] | None
    rr_ms: float | None
    clue: str
    duplicates: int

    @property
    def phases(self) -> int:
        """Number of phases."""
        return len(self.frames)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Each phase's place in the cycle, 0 to 1."""
        if self.times_ms is None or not self.rr_ms:
            return tuple(k / self.phases for k in range(self.phases))
        return tuple(time / self.rr_ms for time in self.times_ms)

    @property
    def span_ms(self) -> float | None:
        """Time from the first to the last phase."""
        return self.times_ms[-1] - self.times_ms[0] if self.times_ms else None

    @property
    def is_even(self) -> bool:
        """Whether all steps are within 20 % of their mean; True where there are no times."""
        if self.times_ms is None or self.phases < 3:
            return True
        steps = np.diff(self.times_ms)
        return bool(np.abs(steps - steps.mean()).max() <= _UNEVEN * steps.mean())


def order_phases(frames: Sequence[Frame]) -> Beat:
    """Sort the frames of one slice by phase; where two show the same phase, keep the latest.

    Args:
        frames: of one slice, at least one, in any order.
    """
    chosen = _latest_series(frames)
    clue = next(clue for clue in CLUES if _orders(clue, chosen))
    at: defaultdict[int, list[Frame]] = defaultdict(list)
    for frame in chosen:
        at[round((clue.value(frame.timing) or 0.0) / _SAME_TIME)].append(frame)
    kept = tuple(max(at[key], key=recency) for key in sorted(at))
    times = tuple(float(clue.value(frame.timing) or 0.0) for frame in kept) if clue.is_time else None
    return Beat(kept, times, rr_of(kept, times), clue.name, len(frames) - len(kept))


def _orders(clue: Clue, frames: Sequence[Frame]) -> bool:
    """Whether every frame has the clue and it tells them apart: a constant is no clue. The last clue always does.

    Frames may share a value where pictures were taken twice or thrice; a clock in whole seconds may not.
    """
    if clue is CLUES[-1]:
        return True
    values = [clue.value(frame.timing) for frame in frames]
    if any(value is None for value in values):
        return False
    distinct = len({round((value or 0.0) / _SAME_TIME) for value in values})
    return distinct == len(frames) > 1 if clue is CLOCK else distinct >= max(2, len(frames) / _MOST_REPEATS)


def _latest_series(frames: Sequence[Frame]) -> list[Frame]:
    """The frames of the latest acquisition where whole series repeat a slice.

    A series that holds much less than the fullest one is no repetition of it. Series of one frame each are phases
    that were exported one by one, and stay together.
    """
    by_series: defaultdict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.file.text("SeriesInstanceUID")].append(frame)
    fullest = max(len(series) for series in by_series.values())
    if len(by_series) == 1 or fullest < 2:
        return list(frames)
    full = [series for series in by_series.values() if len(series) >= 0.8 * fullest]
    return max(full, key=lambda series: max(map(recency, series)))


def recency(frame: Frame) -> tuple[float, float, float, str]:
    """Sorts the latest acquisition last: clock, series, instance, and the UID so that ties never depend on order."""
    file = frame.file
    return (
        frame.timing.clock_s or 0.0,
        file.number("SeriesNumber") or 0.0,
        frame.timing.instance,
        file.text("SOPInstanceUID"),
    )


def rr_of(frames: Sequence[Frame], times_ms: Sequence[float] | None) -> float | None:
    """RR of one slice in ms: NominalInterval where believable, else last time + mean step, else from the heart rate."""
    low, high = RR_RANGE_MS
    nominal = [i for f in frames if (i := f.timing.nominal_interval_ms) is not None and low <= i <= high]
    if nominal:
        return float(np.median(nominal))
    if times_ms is not None and len(times_ms) >= 2:
        rr = times_ms[-1] + (times_ms[-1] - times_ms[0]) / (len(times_ms) - 1)
        return float(rr) if low <= rr <= high else None
    rates = [rate for f in frames if (rate := f.timing.heart_rate_bpm) and low <= 60_000.0 / rate <= high]
    return 60_000.0 / float(np.median(rates)) if rates else None

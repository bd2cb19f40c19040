"""Which phase is due: playing is driven by a clock, so a slow screen drops pictures and never reorders them."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_RR_MS = 1000.0
"""Length of a beat whose true length is not known, for playing only (60 a minute)."""


@dataclass
class PlayClock:
    """Time within the beat while playing.

    Attributes:
        time_ms: time since the R peak that the clock has reached.
    """

    time_ms: float = 0.0

    def set_to_phase(self, phase: int, phases: int, rr_ms: float) -> None:
        """Put the clock to the start of a phase."""
        self.time_ms = phase * rr_ms / max(phases, 1)

    def advance(self, elapsed_ms: float, *, phases: int, rr_ms: float, loop: bool) -> tuple[int, bool]:
        """Let time pass.

        Args:
            elapsed_ms: time that passed, already multiplied by the speed.
            phases: number of phases T, evenly spaced over the beat.
            rr_ms: length of the beat.
            loop: start again after the last phase, or stop there.

        Returns:
            The phase that is due, and whether playing has come to its end.
        """
        step_ms = rr_ms / phases
        reached = self.time_ms + max(elapsed_ms, 0.0)
        if not loop and reached >= rr_ms - step_ms:
            self.time_ms = rr_ms - step_ms
            return phases - 1, True
        self.time_ms = reached % rr_ms
        # The small addition keeps a clock that stands on a phase's start, up to rounding, in that phase.
        return min(int(self.time_ms / step_ms + 1e-6), phases - 1), False


def phase_at_same_fraction(phase: int, phases: int, other_phases: int) -> int:
    """The phase of another cine nearest the same fraction of its beat, 0-based, the beat being cyclic."""
    if phases <= 0 or other_phases <= 0:
        return 0
    return int(phase * other_phases / phases + 0.5) % other_phases

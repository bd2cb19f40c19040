"""What the reader should know before believing a result."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a flag matters: a note informs, a caution warns, a stop withholds numbers."""

    NOTE = "note"
    CAUTION = "caution"
    STOP = "stop"

    @property
    def rank(self) -> int:
        """0 for a note, 2 for a stop: sort worst first by the negative."""
        return ("note", "caution", "stop").index(self.value)


@dataclass(frozen=True)
class Flag:
    """One finding about the input or the result.

    Attributes:
        code: stable lower-case name with hyphens, such as `affine-repaired`.
        severity: note, caution or stop.
        text: one sentence for the reader, without patient names.
        withholds: names of `Function` fields that a stop withholds, such as `ef_percent`.
    """

    code: str
    severity: Severity
    text: str
    withholds: tuple[str, ...] = ()


def worst_first(flags: tuple[Flag, ...]) -> tuple[Flag, ...]:
    """Sort by severity, stops first; equal severities keep their order; repeated flags stand once."""
    return tuple(sorted(dict.fromkeys(flags), key=lambda flag: -flag.severity.rank))

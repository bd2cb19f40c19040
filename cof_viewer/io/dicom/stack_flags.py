"""What a reader of the numbers should know about how a DICOM stack was put together."""

from __future__ import annotations

import numpy as np

from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.io.dicom.kinds import is_axis_aligned, looks_tagged
from cof_viewer.io.dicom.stacks import Stack

_FEW_SLICES = 5
_UNEVEN_SPACING = 0.15  # share of the spacing by which a slice may lie off the regular lattice
_RR_SPREAD = 0.05  # share of the median beyond which the slices' RR are said to differ


def flags_of(stack: Stack, used: Stack, numbers: tuple[int, ...]) -> tuple[Flag, ...]:
    """Flags of a stack.

    Args:
        stack: as found.
        used: with only the slices that make the cine, base -> apex.
        numbers: number of each used slice on the regular lattice, from 0.
    """
    flags = [*_space_flags(used, numbers), *_time_flags(used)]
    dropped = len(stack.slices) - len(used.slices)
    if dropped:
        text = f"{dropped} slice{'s' if dropped > 1 else ''} with less than half the phases of the others left out."
        flags.append(Flag("slices-dropped", Severity.CAUTION, text))
    if stack.duplicates:
        text = f"{stack.duplicates} pictures repeat a slice and phase; the latest acquisition is used."
        flags.append(Flag("duplicates-dropped", Severity.NOTE, text))
    if looks_tagged(stack):
        flags.append(Flag("not-bright-blood", Severity.CAUTION, "This looks like tagging, not a bright-blood cine."))
    return tuple(flags)


def _space_flags(stack: Stack, numbers: tuple[int, ...]) -> list[Flag]:
    """Missing, few and uneven slices; directions that no heart has."""
    flags = []
    gaps = np.abs(stack.gaps_mm)
    median = float(np.median(gaps)) if len(gaps) else 0.0
    total = numbers[-1] + 1
    for before, after, gap in zip(numbers, numbers[1:], gaps, strict=False):
        if after - before > 1:
            text = (
                f"Slice{'s' if after - before > 2 else ''} {_span(before + 2, after)} of {total} "
                f"{'are' if after - before > 2 else 'is'} missing: the gap there is {gap:.0f} mm, elsewhere "
                f"{median:.0f} mm. Volumes are interpolated across it."
            )
            flags.append(Flag("slices-missing", Severity.CAUTION, text))
    positions = np.array([piece.along_mm for piece in stack.slices])
    if len(positions) > 2:
        slope, start = np.polyfit(numbers, positions, 1)
        off = np.abs(positions - (slope * np.array(numbers) + start))
        if off.max() > _UNEVEN_SPACING * abs(slope):
            text = f"The slices are not evenly spaced: one lies {off.max():.0f} mm from where the others put it."
            flags.append(Flag("slices-uneven", Severity.CAUTION, text))
    if len(stack.slices) < _FEW_SLICES:
        text = f"The stack has only {len(stack.slices)} slices: volumes and EF are coarse."
        flags.append(Flag("slices-few", Severity.CAUTION, text))
    if is_axis_aligned(stack):
        text = "The header gives no oblique directions: base and apex are told from the picture alone."
        flags.append(Flag("orientation-unknown", Severity.NOTE, text))
    return flags


def _span(first: int, last: int) -> str:
    """`5` or `5 to 6`."""
    return str(first) if first == last else f"{first} to {last}"


def _time_flags(stack: Stack) -> list[Flag]:
    """Uneven counts, uneven or missing times, RR that differs."""
    flags = []
    counts = sorted({piece.beat.phases for piece in stack.slices})
    if len(counts) > 1:
        text = (
            f"The slices have {counts[0]} to {counts[-1]} phases; those with other than {stack.phases} were "
            "interpolated in time."
        )
        flags.append(Flag("phases-uneven", Severity.CAUTION, text))
    if stack.phases > 1 and stack.rr_ms is None:
        text = "The header gives no time between the phases: heart rate and cardiac output are not known."
        flags.append(Flag("time-unknown", Severity.CAUTION, text))
    if not all(piece.beat.is_even for piece in stack.slices):
        text = "The phases are not evenly spaced in time; each is shown at its own time."
        flags.append(Flag("phase-times-uneven", Severity.NOTE, text))
    rrs = [piece.beat.rr_ms for piece in stack.slices if piece.beat.rr_ms]
    if stack.rr_ms and max(rrs) - min(rrs) > _RR_SPREAD * stack.rr_ms:
        text = (
            f"RR differs between the slices ({min(rrs):.0f} to {max(rrs):.0f} ms); "
            f"the median, {stack.rr_ms:.0f} ms, is used."
        )
        flags.append(Flag("rr-differs", Severity.NOTE, text))
    return flags

"""From a stack of frames to a cine or a volume in the patient (rules 2, 4, 5, 7 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.grid import LPS_FROM_RAS, Affine, Grid
from cof_viewer.domain.image import Cine, FileLayout, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.io.apex import TYPICAL_APEX_DIRECTION
from cof_viewer.io.dicom.frames import Frame
from cof_viewer.io.dicom.identity import patient_of, reference_of, study_date_of
from cof_viewer.io.dicom.kinds import is_axis_aligned
from cof_viewer.io.dicom.pixels import decode
from cof_viewer.io.dicom.resample import fill_missing, resample_cycle, shift_in_plane
from cof_viewer.io.dicom.stack_flags import flags_of
from cof_viewer.io.dicom.stacks import MISSING_GAP, Slice, Stack
from cof_viewer.io.loaded import Loaded
from cof_viewer.io.pixel_checks import clean_pixels

_FEWEST_PHASES = 0.5  # share of the commonest count; a slice with fewer is no part of the cine
_ALIGNED_PIXELS = 0.1  # shifts in plane below this are rounding


@dataclass(frozen=True, eq=False)
class _Layout:
    """Where a stack's slices lie: the slice numbers (missing ones left out) and the affine, LPS."""

    numbers: tuple[int, ...]
    affine: Affine
    shifts_yx: tuple[tuple[float, float], ...]


def build(stack: Stack, where: str, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> Loaded:
    """Decode a stack and place it in the patient, slices base -> apex.

    Args:
        stack: of one or many phases.
        where: what to call its files in a sentence.
        progress: told the fraction done.
        cancel: looked at after every file.

    Raises:
        UserError: a picture is truncated or can't be decoded, or the pictures are empty.
    """
    slices = _used_slices(stack)
    used = replace(stack, slices=tuple(slices))
    layout = _lay_out(slices)

    shown = [frame for piece in slices for frame in piece.beat.frames]
    pictures = decode(shown, lambda fraction: progress(fraction, "Reading pictures"), cancel.raise_if_cancelled)
    cancel.raise_if_cancelled()
    data = _assemble(used, slices, pictures, layout)
    data, pixel_flags = clean_pixels(data, where)
    grid = Grid(
        (data.shape[1], data.shape[2], data.shape[3]), layout.affine, orientation_known=not is_axis_aligned(stack)
    )
    file = slices[0].first.file
    description = next(iter(stack.descriptions), "")
    return Loaded(
        stack=_as_stack(data, grid, used, _file_layout(grid, shown), description),
        flags=(*flags_of(stack, used, layout.numbers), *pixel_flags),
        patient=patient_of(file),
        study_date=study_date_of(file),
        description=description,
        reference=reference_of(shown),
    )


def _used_slices(stack: Stack) -> list[Slice]:
    """The slices that make the cine, base first where the header tells."""
    least = _FEWEST_PHASES * stack.phases
    slices = [piece for piece in stack.slices if piece.beat.phases >= least]
    assert stack.normal is not None
    if not is_axis_aligned(stack) and float(stack.normal @ TYPICAL_APEX_DIRECTION) < 0.0:
        slices.reverse()
    return slices


def _lay_out(slices: Sequence[Slice]) -> _Layout:
    """Number the slices by their gaps and fit the affine to their positions."""
    frame = slices[0].first
    assert frame.row_direction is not None
    assert frame.column_direction is not None
    assert frame.spacing_mm is not None
    x_step = frame.row_direction * frame.spacing_mm[1]
    y_step = frame.column_direction * frame.spacing_mm[0]
    positions = np.array([piece.first.position_mm for piece in slices], dtype=np.float64)
    numbers = _numbers([piece.along_mm for piece in slices])
    if len(slices) > 1:
        slope, start = np.polyfit(numbers, positions, 1)
    else:
        slope, start = frame.normal * (frame.file.number("SliceThickness") or 1.0), positions[0]
    off = positions - (start + np.outer(numbers, slope))
    shifts = np.stack([off @ y_step / (y_step @ y_step), off @ x_step / (x_step @ x_step)], axis=1)
    if np.abs(shifts).max() > _ALIGNED_PIXELS:  # stacks whose slices were moved one by one: no common axis fits
        normal = frame.normal * np.sign(float(slope @ frame.normal))
        slope, start = normal * abs(float(slope @ frame.normal)), positions[0]
        off = positions - (start + np.outer(numbers, slope))
        shifts = np.stack([off @ y_step / (y_step @ y_step), off @ x_step / (x_step @ x_step)], axis=1)
    affine = np.eye(4)
    affine[:3] = np.stack([x_step, y_step, slope, start], axis=1)
    return _Layout(numbers, affine, tuple((-float(dy), -float(dx)) for dy, dx in shifts))


def _numbers(along_mm: Sequence[float]) -> tuple[int, ...]:
    """Slice numbers from 0; a gap of more than 1.5 medians leaves numbers out."""
    gaps = np.abs(np.diff(along_mm))
    if not len(gaps):
        return (0,)
    median = float(np.median(gaps))
    steps = [max(2, round(gap / median)) if gap > MISSING_GAP * median else 1 for gap in gaps]
    return tuple(int(n) for n in np.cumsum([0, *steps]))


def _assemble(
    stack: Stack, slices: Sequence[Slice], pictures: list[NDArray[np.float32]], layout: _Layout
) -> NDArray[np.float32]:
    """Pictures, slice by slice and phase by phase, to [t, z, y, x] on the regular lattice."""
    phases = stack.phases
    wanted = _stack_fractions(stack)
    by_number: dict[int, NDArray[np.float32]] = {}
    start = 0
    for piece, number, shift in zip(slices, layout.numbers, layout.shifts_yx, strict=True):
        count = piece.beat.phases
        beat = np.stack(pictures[start : start + count])
        start += count
        if count != phases:
            beat = resample_cycle(beat, piece.beat.fractions, wanted)
        if max(abs(shift[0]), abs(shift[1])) > _ALIGNED_PIXELS:
            beat = shift_in_plane(beat, shift)
        by_number[number] = beat
    return fill_missing(by_number)


def _stack_fractions(stack: Stack) -> list[float]:
    """Places in the cycle of the stack's phases."""
    typical = [piece.beat.fractions for piece in stack.slices if piece.beat.phases == stack.phases]
    return [float(f) for f in np.median(typical, axis=0)]


def _file_layout(grid: Grid, frames: Sequence[Frame]) -> FileLayout:
    """How exports should lie: columns, rows, slices as shown, in RAS, in the stored type where one scale fits all."""
    file = frames[0].file
    scales = {frame.rescale for frame in frames}
    slope, intercept = scales.pop() if len(scales) == 1 else (1.0, 0.0)
    signed, bits = bool(file.number("PixelRepresentation")), int(file.number("BitsStored") or 16)
    dtype = "float32" if scales else ("int16" if signed or 8 < bits < 16 else f"uint{8 if bits <= 8 else 16}")
    ras = np.asarray(LPS_FROM_RAS @ grid.patient_from_voxel)
    return FileLayout((0, 1, 2), (False, False, False), ras, dtype, slope, intercept)


def _as_stack(data: NDArray[np.float32], grid: Grid, stack: Stack, layout: FileLayout, name: str) -> Cine | Volume:
    """A cine of the data, or the volume where there is one phase."""
    if len(data) == 1:
        return Volume(data[0], grid, layout, name)
    if len(data) < 3:
        raise UserError("The series has only two phases: it is no cine. Choose another series.", code="few-phases")
    return Cine(data, grid, stack.phase_ms, stack.rr_ms, layout, name)

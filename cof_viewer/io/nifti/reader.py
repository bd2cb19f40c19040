"""What a NIfTI file is, and its stack."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, FileLayout, Volume
from cof_viewer.domain.study import Finding, SeriesKind
from cof_viewer.io.apex import ALONG_HEART, TYPICAL_APEX_DIRECTION
from cof_viewer.io.loaded import Loaded
from cof_viewer.io.nifti.axes import Geometry, geometry_of, grid_of, layout_of, slice_axis, to_stack_order
from cof_viewer.io.nifti.clock import Clock, clock_of
from cof_viewer.io.nifti.container import BrokenNiftiError, numbers_of, read_image
from cof_viewer.io.nifti.sidecar import acdc_sidecar
from cof_viewer.io.picture import doubt_about_beat, is_one_slice_over_time, looks_like_labels
from cof_viewer.io.pixel_checks import clean_pixels, emptiness
from cof_viewer.io.sources import Source

MIN_PHASES = 10
_FEWEST_SLICES = 3
_SHORT_AXIS_SLICES = 5
_MOST_PIXEL_MM = 3.5
_SLICE_STEP_MM = (3.5, 25.0)
_LEAST_FIELD_MM = 50.0
_LEAST_PIXELS = 32
_MOST_SLICES_UNKNOWN_SPACING = 30
_ATLAS_CODES = {3, 4}  # NIfTI's codes of the Talairach and MNI brain atlases
_GENERATED, _SIMULATED = "GENERATED", "SIMULATED"  # how descriptions of our own exports begin


@dataclass(frozen=True, eq=False)
class NiftiFile:
    """A NIfTI picture, read and placed, not yet judged.

    Attributes:
        source: its file.
        image: nibabel's image, data in memory.
        geometry: its lattice.
        layout: how its axes turn into ours.
        clock: its time.
        shape: (i, j, k, t) with t = 1 for one volume.
        check: called between long steps; raises to stop.
    """

    source: Source
    image: Any
    geometry: Geometry
    layout: FileLayout
    clock: Clock
    shape: tuple[int, int, int, int]
    check: Callable[[], None] = field(default=lambda: None, repr=False)

    @cached_property
    def data(self) -> NDArray[np.float32]:
        """[t, z, y, x] float32."""
        values = numbers_of(self.image).reshape(self.shape)
        phases = []
        for t in range(self.phases):
            self.check()
            phases.append(to_stack_order(values[..., t], self.layout))
        return np.stack(phases)

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return grid_of(self.geometry, self.layout, self.shape[:3])

    @property
    def phases(self) -> int:
        """Number of volumes."""
        return self.shape[3]

    @property
    def rr_ms(self) -> float | None:
        """Length of the cycle: a cine spans one beat."""
        return None if self.clock.step_ms is None else self.clock.step_ms * self.phases

    @property
    def phase_ms(self) -> tuple[float, ...] | None:
        """Times of the phases after the R peak."""
        step = self.clock.step_ms
        return None if step is None else tuple(k * step for k in range(self.phases))


def read_nifti(source: Source, check: Callable[[], None] = lambda: None) -> NiftiFile:
    """Read a NIfTI file and find out how it lies.

    Args:
        source: its bytes.
        check: called between long steps, now and when its numbers are read; raises to stop.

    Raises:
        BrokenNiftiError: it can't be read or is no picture of three or four dimensions.
    """
    image = read_image(source, check)
    shape = _four_sizes(image.shape)
    geometry = geometry_of(image.header)
    layout = layout_of(geometry, shape[:3], slice_axis(shape[:3], geometry.spacing_mm))
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    stored = replace(layout, dtype=image.get_data_dtype().name, slope=float(slope), intercept=float(intercept))
    return NiftiFile(source, image, geometry, stored, clock_of(image.header, shape[3]), shape, check)


def _four_sizes(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(i, j, k, t), axes of one voxel beyond the third left out."""
    sizes = [*shape[:3], *(n for n in shape[3:] if n > 1)]
    if not 2 <= len(sizes) <= 4:
        raise BrokenNiftiError(f"It has {len(shape)} dimensions; a volume has 3 and a cine 4.")
    sizes += [1] * (4 - len(sizes))
    return sizes[0], sizes[1], sizes[2], sizes[3]


def inspect_nifti(source: Source, check: Callable[[], None] = lambda: None) -> tuple[Finding, NiftiFile | None]:
    """Say what a NIfTI file is; the file itself comes along where it could be read.

    Args:
        source: its bytes.
        check: called between long steps; raises to stop.
    """
    try:
        file = read_nifti(source, check)
        kind, problems = _judge(file)
    except BrokenNiftiError as error:
        readable = "header without" in str(error) or "CIFTI" in str(error)
        kind = SeriesKind.OTHER if readable else SeriesKind.UNREADABLE
        return Finding(source.path, kind, problems=(str(error),), files=(source.path,)), None
    x, y, z = file.grid.spacing_mm
    is_cine = kind is SeriesKind.SHORT_AXIS_CINE
    finding = Finding(
        path=source.path,
        kind=kind,
        modality=None if kind is SeriesKind.OTHER else "MR",
        description=_description(file.image.header),
        slices=file.grid.shape[0],
        phases=file.phases,
        spacing_mm=(x, y, z) if file.geometry.spacing_known else None,
        phase_ms=file.phase_ms if is_cine else None,
        rr_ms=file.rr_ms if is_cine else None,
        heart_rate_bpm=60_000.0 / file.rr_ms if is_cine and file.rr_ms else None,
        problems=(*problems, *(flag.text for flag in _header_flags(file))),
        files=(source.path,),
    )
    return finding, file


def _description(header: Any) -> str | None:
    """The header's description where it is text."""
    text = bytes(header["descrip"].tobytes()).split(b"\0")[0].decode("latin-1").strip()
    return text if text and text.isprintable() else None


def _judge(file: NiftiFile) -> tuple[SeriesKind, tuple[str, ...]]:
    """Kind and problems, from the header first, then from the picture."""
    shape = file.grid.shape
    empty = emptiness(file.data)
    if empty:
        return SeriesKind.OTHER_MR, (empty,)
    if {int(file.image.header["sform_code"]), int(file.image.header["qform_code"])} & _ATLAS_CODES:
        return SeriesKind.OTHER_MR, ("The header says that it lies in a brain atlas.",)
    odd = _odd_lattice(file)
    if min(shape[1:]) >= _LEAST_PIXELS and looks_like_labels(file.data[0]):
        return SeriesKind.OTHER, ("This holds labels, not a picture.",)
    if shape[0] == 1:
        if file.phases >= MIN_PHASES:
            return SeriesKind.LONG_AXIS_CINE, ("It has one slice.",)
        return SeriesKind.OTHER_MR, ("It has one slice.",)
    if file.phases == 1 and is_one_slice_over_time(file.data[0]):
        return SeriesKind.LONG_AXIS_CINE, ("Its third axis is time, not slices: it is one plane over a beat.",)
    if odd:
        return SeriesKind.OTHER_MR, (odd,)
    if file.phases == 1:
        return SeriesKind.SHORT_AXIS_VOLUME, ()
    if file.phases < MIN_PHASES:
        return SeriesKind.OTHER_MR, (f"It has only {file.phases} phases; a cine has at least {MIN_PHASES}.",)
    if file.clock.beats_apart:
        return SeriesKind.OTHER_MR, ("Its volumes are too far apart in time for one heartbeat.",)
    doubt = doubt_about_beat(file.data[:, shape[0] // 2]) if file.clock.step_ms is None else None
    return (SeriesKind.OTHER_MR, (doubt,)) if doubt else (SeriesKind.SHORT_AXIS_CINE, ())


def _odd_lattice(file: NiftiFile) -> str | None:
    """Why a lattice is no short-axis stack: too few or too many slices, thin slices, large pixels, wrong direction."""
    slices, rows, columns = file.grid.shape
    if slices < _FEWEST_SLICES:
        return f"It has only {slices} slices; a short-axis stack has at least {_FEWEST_SLICES}."
    if min(rows, columns) < _LEAST_PIXELS:
        return f"Its slices have only {columns} × {rows} pixels."
    if not file.geometry.spacing_known:
        return None if slices <= _MOST_SLICES_UNKNOWN_SPACING else f"It has {slices} slices: more than a heart needs."
    x, y, z = file.grid.spacing_mm
    if max(x, y) > _MOST_PIXEL_MM or min(x * columns, y * rows) < _LEAST_FIELD_MM:
        return f"Its pixels ({x:.2g} × {y:.2g} mm) and field of view are not those of a cine."
    if not _SLICE_STEP_MM[0] <= z <= _SLICE_STEP_MM[1] or z < 1.5 * max(x, y):
        return f"Its slices are {z:.2g} mm apart: this is no short-axis stack."
    normal = file.grid.directions[:, 2]
    if file.geometry.orientation_known and abs(float(normal @ TYPICAL_APEX_DIRECTION)) < ALONG_HEART:
        return "Its planes do not lie across the heart's long axis."
    return None


def load_nifti(file: NiftiFile) -> Loaded:
    """Make a stack of a NIfTI file that was judged to be a short-axis cine or volume.

    Raises:
        UserError: it has no content.
    """
    where = file.source.name
    data, pixel_flags = clean_pixels(file.data, where)
    sidecar = acdc_sidecar(file.source)
    description = _description(file.image.header) or ""
    name = where.removesuffix(".gz").removesuffix(".nii")
    stack: Cine | Volume
    if file.phases == 1:
        stack = Volume(data[0], file.grid, file.layout, name)
    else:
        stack = Cine(data, file.grid, file.phase_ms, file.rr_ms, file.layout, name)
    return Loaded(
        stack=stack,
        flags=(*_header_flags(file), *pixel_flags),
        patient=sidecar.patient,
        description=description or name,
        simulated=description.upper().startswith(_SIMULATED),
        anchor_phase_hint=(sidecar.phase or _phase_in_name(where)) if file.phases == 1 else None,
    )


def _phase_in_name(name: str) -> str | None:
    """`ed` or `es` where the file's name says it as a word of its own, such as sa_ED.nii.gz."""
    found = {match.lower() for match in re.findall(r"(?<![A-Za-z])(ED|ES)(?![A-Za-z])", name, re.IGNORECASE)}
    return found.pop() if len(found) == 1 else None


def _header_flags(file: NiftiFile) -> tuple[Flag, ...]:
    """What was doubtful or put right in the header."""
    flags = []
    name = file.source.name
    if file.geometry.repaired:
        text = (
            f'The affine in "{name}" has not the voxel sizes of its header; the directions are taken from the affine, '
            "the sizes from the header."
        )
        flags.append(Flag("affine-repaired", Severity.NOTE, text))
    if file.geometry.units_repaired:
        text = f'The unit of length in "{name}" can\'t be right; millimetres are assumed.'
        flags.append(Flag("units-repaired", Severity.NOTE, text))
    if not file.geometry.spacing_known:
        text = f'Spacing is not known in "{name}". Enter it to see mL; EF needs no spacing.'
        flags.append(Flag("spacing-unknown", Severity.CAUTION, text))
    if not file.geometry.orientation_known:
        text = f'"{name}" does not say how the patient lay; base and apex are told from the picture alone.'
        flags.append(Flag("orientation-unknown", Severity.NOTE, text))
    if file.phases > 1 and file.clock.step_ms is None:
        text = f'"{name}" gives no time between its phases: heart rate and cardiac output are not known.'
        flags.append(Flag("time-unknown", Severity.CAUTION, text))
    if file.clock.unit_repaired:
        step = f"{file.clock.step_ms:.1f} ms"
        text = f'The unit of time in "{name}" can\'t be right; the phases are taken as {step} apart.'
        flags.append(Flag("time-unit-repaired", Severity.NOTE, text))
    if (_description(file.image.header) or "").upper().startswith(_GENERATED):
        text = f'"{name}" says that it was generated: it is no measured cine.'
        flags.append(Flag("generated-source", Severity.CAUTION, text))
    if file.phases == 1 or file.grid.shape[0] >= _SHORT_AXIS_SLICES:
        return tuple(flags)
    text = f"The stack has only {file.grid.shape[0]} slices: volumes and EF are coarse."
    return (*flags, Flag("slices-few", Severity.CAUTION, text))

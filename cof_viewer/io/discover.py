"""What is in files and folders: every file told by its content, DICOM frames put together to stacks.

The same discovery serves `inspect` (which prints it) and `open_study` (which opens its best stack).
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.domain.study import Finding, SeriesKind
from cof_viewer.io.sniff import HEAD_BYTES, Content, sniff
from cof_viewer.io.sources import DiskFile, Source, common_folder, files_under, members_of

if TYPE_CHECKING:
    from cof_viewer.io.dicom.frames import Frame
    from cof_viewer.io.dicom.headers import DicomFile
    from cof_viewer.io.dicom.stacks import Stack
    from cof_viewer.io.nifti import NiftiFile

OPENABLE = (SeriesKind.SHORT_AXIS_CINE, SeriesKind.SHORT_AXIS_VOLUME)
"""Kinds that can be opened as a study."""

_MOST_HELD_BYTES = 1 << 29  # of NIfTI pictures between looking and opening; more are read again
_SKIPPED_IN_FOLDERS = (Content.TEXT, Content.UNKNOWN, Content.EMPTY)
_NOT_DICOM = "It is neither DICOM, NIfTI nor an ECG record."
_TOO_MANY_MEMBERS = 200_000


@dataclass(frozen=True, eq=False)
class Item:
    """One finding, and what is needed to open it.

    Attributes:
        finding: the row.
        stack: of a DICOM stack.
        nifti: of a NIfTI picture, where it is held in memory.
        nifti_source: of a NIfTI picture, to read it again where it is not.
    """

    finding: Finding
    stack: Stack | None = None
    nifti: NiftiFile | None = None
    nifti_source: Source | None = None


@dataclass(eq=False)
class Discovery:
    """All that was found; open archives live as long as the context that made it.

    Attributes:
        items: in the order of the paths.
        files: how many files were looked at.
        unreadable: names of files that are DICOM but can't be read.
    """

    items: list[Item] = field(default_factory=list)
    files: int = 0
    unreadable: list[str] = field(default_factory=list)


@contextmanager
def discover(
    paths: Sequence[Path],
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
    *,
    ecgs_described: bool = True,
) -> Iterator[Discovery]:
    """Look at all files under some paths.

    Args:
        paths: files or folders.
        progress: told the fraction of files done.
        cancel: looked at for every file.
        ecgs_described: whether ECG records are read for their row, or only listed.

    Raises:
        UserError: a path does not exist or can't be listed.
    """
    with ExitStack() as open_archives:
        discovery = Discovery()
        for i, path in enumerate(paths):
            part = part_of(progress, i / len(paths), (i + 1) / len(paths))
            _Search(discovery, open_archives, part, cancel, ecgs_described).run(Path(path))
        yield discovery


class _Search:
    """The search below one path."""

    def __init__(
        self,
        discovery: Discovery,
        archives: ExitStack,
        progress: Progress,
        cancel: CancelToken,
        ecgs_described: bool,
    ) -> None:
        """Keep where findings go."""
        self._found = discovery
        self._archives = archives
        self._progress = progress
        self._cancel = cancel
        self._ecgs_described = ecgs_described
        self._frames: list[Frame] = []
        self._without_pictures: dict[str, list[DicomFile]] = {}
        self._named = False
        self._held_bytes = 0

    def run(self, path: Path) -> None:
        """Search one path and add its findings."""
        if not path.exists():
            raise UserError(f'"{path}" does not exist. Check the path.', code="missing-path")
        self._named = path.is_file()
        if not self._named and not path.is_dir():
            raise UserError(f'"{path}" is neither a file nor a folder. Choose another.', code="not-a-file")
        try:
            sources: list[Source] = [DiskFile(path)] if self._named else list(files_under(path))
        except OSError as error:
            raise UserError(f'"{path}" can\'t be read. Check its permissions.', code="unreadable") from error
        self._look_at_all(sources)
        self._add_stacks()

    def _look_at_all(self, sources: Sequence[Source]) -> None:
        """Look at files one by one."""
        for done, source in enumerate(sources):
            self._cancel.raise_if_cancelled()
            self._progress(done / len(sources), "Looking at files")
            self._found.files += 1
            self._look_at(source)

    def _look_at(self, source: Source) -> None:
        """Tell what one file is and hand it to its reader."""
        if self._named and isinstance(source, DiskFile) and source.file.suffix.lower() == ".img":
            header = source.file.with_suffix(".hdr")  # an .img is opened by its header
            source = DiskFile(header) if header.is_file() else source
        try:
            content = sniff(source.read(HEAD_BYTES))
        except OSError:
            self._add_plain(source, SeriesKind.UNREADABLE, "It can't be read: it is damaged or protected.")
            return
        if content is Content.DICOM:
            self._add_dicom(source)
        elif content is Content.NIFTI:
            self._add_nifti(source)
        elif content is Content.ZIP and isinstance(source, DiskFile):
            self._add_zip(source)
        elif isinstance(source, DiskFile) and self._add_ecg(source):
            return
        elif self._named or content not in _SKIPPED_IN_FOLDERS:
            kind, problem = _plain_verdict(source, content)
            self._add_plain(source, kind, problem)

    def _add_plain(self, source: Source, kind: SeriesKind, problem: str) -> None:
        """A row for a file that no reader takes."""
        self._found.items.append(Item(Finding(source.path, kind, problems=(problem,))))

    def _add_dicom(self, source: Source) -> None:
        """Read a header: frames wait for their stack, a directory or waveform is dealt with at once."""
        from cof_viewer.io.dicom import headers
        from cof_viewer.io.dicom.frames import frames_of

        try:
            file = headers.read_file(source)
            frames = frames_of(file)
        except (headers.BrokenDicomError, OSError) as error:
            self._found.unreadable.append(source.name)
            self._add_plain(source, SeriesKind.UNREADABLE, str(error))
            return
        if file.text("SOPClassUID") == headers.MEDIA_DIRECTORY:
            self._add_directory(source, file)
        elif file.text("SOPClassUID").startswith(headers.WAVEFORM_PREFIX):
            if not (isinstance(source, DiskFile) and self._add_ecg(source)):
                self._add_plain(source, SeriesKind.ECG, "Take it out of the zip to open it.")
        elif not frames:
            self._without_pictures.setdefault(file.text("SeriesInstanceUID"), []).append(file)
        self._frames += frames

    def _add_directory(self, source: Source, file: DicomFile) -> None:
        """A DICOMDIR named by the user stands for the files it lists; inside a folder the files are found anyway."""
        if not self._named or not isinstance(source, DiskFile):
            return
        from cof_viewer.io.dicom.directory import listed_files

        listed, missing = listed_files(file, source.file)
        self._named = False
        if missing or not listed:
            problem = (
                f"{missing} of the {missing + len(listed)} files that it lists are not beside it."
                if missing
                else "It lists no files."
            )
            self._add_plain(source, SeriesKind.OTHER, problem)
        self._look_at_all([DiskFile(path) for path in listed])

    def _add_zip(self, source: DiskFile) -> None:
        """Look at the members of a zip."""
        try:
            archive = self._archives.enter_context(zipfile.ZipFile(source.file))
            members = members_of(archive, source.file)
        except (zipfile.BadZipFile, OSError, ValueError):
            self._add_plain(source, SeriesKind.UNREADABLE, "The zip is damaged or incomplete. Copy it again.")
            return
        if len(members) > _TOO_MANY_MEMBERS:
            self._add_plain(source, SeriesKind.UNREADABLE, f"The zip holds {len(members)} files: too many.")
            return
        self._named = False
        self._found.files -= 1  # the zip itself is no file of the exam
        self._look_at_all(list(members))

    def _add_nifti(self, source: Source) -> None:
        """A row for a NIfTI file."""
        from cof_viewer.io.nifti import inspect_nifti

        finding, nifti = inspect_nifti(source, self._cancel.raise_if_cancelled)
        size = 4 * math.prod(nifti.shape) if nifti else 0
        if finding.kind not in OPENABLE or self._held_bytes + size > _MOST_HELD_BYTES:
            nifti = None
        else:
            self._held_bytes += size
        self._found.items.append(Item(finding, nifti=nifti, nifti_source=source))

    def _add_ecg(self, source: DiskFile) -> bool:
        """A row for an ECG record; False where the file is none."""
        from cof_viewer.io.ecg_finding import ecg_finding, is_second_file

        finding = ecg_finding(source.file, described=self._ecgs_described)
        if finding is not None and (self._named or not is_second_file(source.file)):
            self._found.items.append(Item(finding))
        return finding is not None

    def _add_stacks(self) -> None:
        """Rows for the DICOM series without pictures, then for the stacks of those with."""
        for files in self._without_pictures.values():
            paths = tuple(file.source.path for file in files)
            finding = Finding(
                path=common_folder(list(paths)),
                kind=SeriesKind.OTHER,
                modality=files[0].text("Modality") or None,
                description=files[0].text("SeriesDescription") or None,
                problems=("It holds no pictures.",),
                files=paths,
            )
            self._found.items.append(Item(finding))
        if not self._frames:
            return
        from cof_viewer.io.dicom.kinds import classify
        from cof_viewer.io.dicom.stacks import build_stacks

        for stack in build_stacks(self._frames, self._cancel.raise_if_cancelled):
            verdict = classify(stack)
            kind, problems = verdict.kind, verdict.problems
            if kind is SeriesKind.SHORT_AXIS_CINE and stack.slices[0].beat.times_ms is None:
                doubt = _doubt_of_picture(stack, self._cancel.raise_if_cancelled)
                kind, problems = (SeriesKind.OTHER_MR, (doubt, *problems)) if doubt else (kind, problems)
            self._found.items.append(Item(_stack_finding(stack, kind, problems), stack=stack))


def _plain_verdict(source: Source, content: Content) -> tuple[SeriesKind, str]:
    """Kind and problem of a file that no reader takes."""
    if content is Content.EMPTY:
        return SeriesKind.UNREADABLE, "The file is empty."
    if content is Content.NPZ:
        return SeriesKind.OTHER, "This is a numpy archive, as training data has it; the viewer opens DICOM and NIfTI."
    if content is Content.ANALYZE:
        return SeriesKind.OTHER, "This is the old Analyze format, whose directions are not known. Convert it to NIfTI."
    if content is Content.ZIP:
        return SeriesKind.OTHER, "A zip inside a zip is not opened. Unpack it."
    if content is Content.UNKNOWN and source.name.lower().endswith((".dcm", ".nii", ".gz", ".hdr", ".zip")):
        return SeriesKind.UNREADABLE, "Its content is not what its name says: it is damaged or incomplete."
    return SeriesKind.OTHER, _NOT_DICOM


def _doubt_of_picture(stack: Stack, check: Callable[[], None]) -> str | None:
    """What the middle slice's pixels say against a cine whose headers give no times."""
    from cof_viewer.io.dicom.pixels import decode
    from cof_viewer.io.picture import doubt_about_beat

    try:
        phases = decode(stack.slices[len(stack.slices) // 2].beat.frames, check=check)
    except UserError:
        return None
    return doubt_about_beat(np.stack(phases))


def _stack_finding(stack: Stack, kind: SeriesKind, problems: tuple[str, ...]) -> Finding:
    """The row of a DICOM stack."""
    files = list(dict.fromkeys(frame.file.source.path for frame in stack.frames))
    frame = stack.first
    spacing = None
    if frame.spacing_mm and stack.slice_spacing_mm:
        spacing = (frame.spacing_mm[1], frame.spacing_mm[0], stack.slice_spacing_mm)
    is_beat = stack.phases > 1 and kind is not SeriesKind.PERFUSION
    rr = stack.rr_ms if is_beat else None
    return Finding(
        path=common_folder(files),
        kind=kind,
        modality=frame.file.text("Modality") or None,
        description=" / ".join(stack.descriptions) or None,
        slices=len(stack.slices) or None,
        phases=stack.phases or None,
        spacing_mm=spacing,
        phase_ms=stack.phase_ms if is_beat else None,
        rr_ms=rr,
        heart_rate_bpm=60_000.0 / rr if rr else None,
        problems=problems,
        files=tuple(files),
    )

"""Where results go: a folder that gets all of them or none, and never loses a file that is not ours.

Everything is written into a temporary folder first, on the same disk as the target, and moved at the end. A file that
is already there is replaced only if this program wrote it, told by its content, and put back if the move fails half
way.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cof_viewer.domain.errors import UserError

_PREFIX = ".cof-viewer-"
_DISK_FULL_WINDOWS = (39, 112)  # ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL
_MARK = b"COF Viewer"
_CSV_START = b"phase,time_ms,lv_ml,"


def is_ours(path: Path) -> bool:
    """Whether a file carries the mark of this program's exports: NIfTI description, JSON provenance, PDF producer."""
    try:
        name = path.name.lower()
        if name.endswith(".nii.gz"):
            with gzip.open(path) as stream:
                return _MARK in stream.read(348)[148:228]
        if name.endswith(".nii"):
            with path.open("rb") as stream:
                return _MARK in stream.read(348)[148:228]
        if name.endswith(".csv"):
            with path.open("rb") as stream:
                return stream.read(len(_CSV_START)) == _CSV_START
        content = path.read_bytes()
        if name.endswith(".json"):
            return b'"engine_version"' in content and b'"provenance"' in content
        return name.endswith(".pdf") and content.startswith(b"%PDF") and _MARK in content
    except (OSError, EOFError, gzip.BadGzipFile):
        return False


def check_target(folder: Path, names: Sequence[str], inputs: Sequence[Path] = ()) -> None:
    """Refuse, before any work, a folder that could not take these files.

    Args:
        folder: where the files shall go; it need not exist.
        names: of the files.
        inputs: the patient's own files and folders, never written to.

    Raises:
        UserError: the folder is a file, is the patient's own, can't be written, or holds other files of these names.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f'"{folder}" is a file, not a folder. Choose a folder for the results.', code="out")
    for given in inputs:
        if given.is_dir() and folder.exists() and _same(folder, given):
            raise UserError(
                f'"{folder}" holds the patient\'s own files, and nothing is written there. Choose another folder.',
                code="out",
            )
    for name in names:
        check_file(folder / name, inputs)
    with temporary_folder(folder):
        pass


def check_file(path: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse to replace a file that this program did not write.

    Raises:
        UserError: the path is a folder, one of the inputs, or somebody else's file.
    """
    if path.is_dir():
        raise UserError(f'"{path}" is a folder. Choose a name for the file.', code="out")
    if not path.exists():
        return
    if any(_same(path, given) for given in inputs) or not is_ours(path):
        raise UserError(
            f'"{path}" already exists and was not written by this program. Choose another place.', code="out"
        )


@contextlib.contextmanager
def temporary_folder(folder: Path) -> Iterator[Path]:
    """A folder on the target's disk that is gone at the end, whatever happens; failures to write become UserErrors.

    Raises:
        UserError: when the place can't be written, or the disk is full.
    """
    part: Path | None = None
    try:
        part = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_nearest_folder(folder)))
        yield part
    except OSError as error:
        raise write_failure(folder, error) from error
    except UserError as error:
        if isinstance(error.__cause__, OSError):  # a writer named the temporary folder; the user knows the real one
            raise write_failure(folder, error.__cause__) from error.__cause__
        raise
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def publish(part: Path, folder: Path) -> list[Path]:
    """Move the files of a temporary folder to their place, all or none; the folder is made if need be.

    Returns:
        Their paths, by name.

    Raises:
        OSError: when a file can't be moved; what was there is then as it was.
    """
    files = sorted(part.iterdir())
    made = _make_folders(folder)
    kept = part / f"{_PREFIX}replaced"
    kept.mkdir()
    moved: list[Path] = []
    try:
        for file in files:
            target = folder / file.name
            if target.exists():
                target.replace(kept / file.name)
            moved.append(target)
            file.replace(target)
    except BaseException:
        for target in moved:
            with contextlib.suppress(OSError):
                old = kept / target.name
                if old.exists():
                    old.replace(target)
                else:
                    target.unlink(missing_ok=True)
        for folder_made in made:
            with contextlib.suppress(OSError):
                folder_made.rmdir()
        raise
    return moved


def write_failure(folder: Path, error: OSError) -> UserError:
    """The sentence for a folder that could not be written."""
    full = (
        error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None))
        or getattr(error, "winerror", None) in _DISK_FULL_WINDOWS
    )
    if full:
        return UserError(
            f'The results could not be written to "{folder}": the disk is full. '
            "Free some space or choose another folder.",
            code="disk-full",
        )
    return UserError(
        f'The results could not be written to "{folder}": {_reason(error)}. Choose another folder.', code="out"
    )


def _reason(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "the folder is read-only"
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return "a part of its path is a file"
    if error.errno == errno.ENOENT:
        return "nothing can be made there"
    return (error.strerror or "it can't be reached").lower()


def _nearest_folder(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    for place in (folder, *folder.absolute().parents):
        if place.is_dir():
            return place
        if place.exists():
            raise NotADirectoryError(errno.ENOTDIR, "a part of the path is a file", str(place))
    raise FileNotFoundError(errno.ENOENT, "the drive does not exist", str(folder))


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; those that were made, innermost first."""
    missing = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False

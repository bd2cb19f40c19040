"""Files wherever they lie: on disk or inside a zip, read by the same two calls.

A zip is never unpacked to disk; its members are read in memory one at a time.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

_MAX_MEMBER_BYTES = 4 << 30  # nothing a viewer opens is larger; a larger member is a zip bomb or a mistake


class Source(Protocol):
    """One file's bytes and what to call it."""

    @property
    def name(self) -> str:
        """File name without folders."""
        ...

    @property
    def path(self) -> str:
        """Whole path for the user; members of a zip as `exam.zip/folder/file`."""
        ...

    @property
    def size(self) -> int:
        """Length in bytes, unpacked."""
        ...

    def read(self, limit: int = -1) -> bytes:
        """The first `limit` bytes, or all of them.

        Raises:
            OSError: they can't be read.
        """
        ...


@dataclass(frozen=True)
class DiskFile:
    """A file on disk."""

    file: Path

    @property
    def name(self) -> str:
        """File name without folders."""
        return self.file.name

    @property
    def path(self) -> str:
        """Whole path."""
        return str(self.file)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self.file.stat().st_size

    def read(self, limit: int = -1) -> bytes:
        """The first `limit` bytes, or all of them."""
        with self.file.open("rb") as stream:
            return stream.read(limit)


@dataclass(frozen=True, eq=False)
class ZipMember:
    """A member of an open zip archive."""

    archive: zipfile.ZipFile
    archive_path: Path
    info: zipfile.ZipInfo

    @property
    def name(self) -> str:
        """File name without folders."""
        return PurePosixPath(self.info.filename.replace("\\", "/")).name

    @property
    def path(self) -> str:
        """The zip's path, then the member's."""
        return f"{self.archive_path}/{self.info.filename}"

    @property
    def size(self) -> int:
        """Length in bytes, unpacked."""
        return self.info.file_size

    def read(self, limit: int = -1) -> bytes:
        """The first `limit` bytes, or all of them; whatever is wrong with the archive comes as OSError."""
        try:
            with self.archive.open(self.info) as stream:
                return stream.read(limit)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, ValueError, zlib.error) as error:
            raise OSError(f"{self.info.filename}: {error}") from error


def files_under(folder: Path) -> Iterator[DiskFile]:
    """All files below a folder, sorted by path so that results do not depend on the file system; no hidden ones.

    Raises:
        OSError: the folder itself can't be listed; folders below it that can't are passed over.
    """
    next(folder.iterdir(), None)
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(root, name)
            if not name.startswith(".") and file.is_file():
                yield DiskFile(file)


def members_of(archive: zipfile.ZipFile, path: Path) -> list[ZipMember]:
    """The files of an open zip, without folders, hidden files and the resource forks that macOS adds."""
    members = []
    for info in archive.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
        if not info.is_dir() and not hidden and info.file_size <= _MAX_MEMBER_BYTES:
            members.append(ZipMember(archive, path, info))
    return members


def common_folder(paths: list[str]) -> str:
    """The one file, or the deepest folder that all files share."""
    if len(paths) == 1:
        return paths[0]
    return os.path.commonpath([str(Path(path).parent) for path in paths])

"""Write a file whole or not at all."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from cof_viewer.domain.errors import UserError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "the folder is read-only",
    errno.EPERM: "the folder is read-only",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "the folder does not exist",
}


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its place once the block ends well.

    Args:
        path: the file to make or to replace; its folder must exist.

    Raises:
        UserError: when the folder can't be written or the disk is full; nothing is left behind then.
    """
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_error(path: Path, error: OSError) -> UserError:
    """The sentence for a file that can't be written."""
    reason = _REASONS.get(error.errno or 0, (error.strerror or "unknown reason").lower())
    return UserError(
        f'"{path.name}" could not be written to "{path.parent}": {reason}. Choose another folder.', code="write"
    )

"""One build at a time in a store: a lock file that says which process holds it."""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cof_viewer.domain.errors import UserError

LOCK = ".building"
"""Name of the lock file in a store's folder."""

_TRIES = 3
_FILLING_S = 5.0


@contextmanager
def only_build(store: Path) -> Iterator[None]:
    """Hold a store's lock. A lock whose process is dead is taken over.

    Args:
        store: the store's folder, which exists.

    Raises:
        UserError: another build holds it.
        OSError: the folder can't be written.
    """
    path = store / LOCK
    pid = os.getpid()
    mine = json.dumps({"host": socket.gethostname(), "pid": pid, "started": _started(pid), "id": uuid.uuid4().hex})
    _take(path, mine)
    try:
        yield
    finally:
        if _text(path) == mine:
            path.unlink(missing_ok=True)


def _take(path: Path, mine: str) -> None:
    """Write the lock where there is none; one of a dead process goes first."""
    for _ in range(_TRIES):
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(mine)
        except FileExistsError:
            held = _text(path)
            if _is_held(held) or _is_being_written(path, held):
                break
            _remove(path, held)
            continue
        return
    raise UserError(
        f'Another build is making the store "{path.parent}". Wait for it, or choose another folder. If there is none, '
        f'remove "{path}".',
        code="store-busy",
    )


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _remove(path: Path, held: str | None) -> None:
    """Take a dead process's lock away, unless another build has done so meanwhile and put its own there."""
    aside = path.with_name(f"{LOCK}.{uuid.uuid4().hex}.partial")
    try:
        path.rename(aside)
    except OSError:
        return
    if _text(aside) != held:
        try:
            aside.rename(path)
        except OSError:
            return
    aside.unlink(missing_ok=True)


def _is_held(text: str | None) -> bool:
    """Whether the process that wrote a lock may live. On another machine that can't be seen: it counts as alive."""
    if text is None:
        return False  # gone meanwhile
    try:
        said = json.loads(text)
        host, pid, started = said["host"], int(said["pid"]), said["started"]
    except (ValueError, KeyError, TypeError):
        return False  # cut short by a kill or a full disk: nobody holds it
    if host != socket.gethostname():
        return True
    return _lives(pid) and (started is None or _started(pid) in (started, None))


def _is_being_written(path: Path, text: str | None) -> bool:
    """Whether an empty lock is so young that its process may just not have filled it yet."""
    try:
        return text == "" and time.time() - path.stat().st_mtime < _FILLING_S
    except OSError:
        return False


def _lives(pid: int) -> bool:
    """Whether there is a process of that number."""
    if os.name == "nt":
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # type: ignore[attr-defined,unused-ignore]
        if not handle:
            return False
        ctypes.windll.kernel32.CloseHandle(handle)  # type: ignore[attr-defined,unused-ignore]
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str | None:
    """When a process began, where the system tells: numbers of processes are given again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None

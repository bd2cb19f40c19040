"""What happens when the program itself is wrong: a log file that helps to mend it and names no patient."""

from __future__ import annotations

import itertools
import os
import platform
import re
import traceback
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import cof_viewer
from cof_viewer.app.paths import user_log_dir

_count = itertools.count(1)
_PATHS = re.compile(r"""(?:[A-Za-z]:)?[\\/][^\s'":,;()]+""")
_QUOTED = re.compile(r"""'[^']*'|"[^"]*\"""")


def describe_bug(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """The error's kind and the places in the code it passed, without what may name a patient.

    Files and folders of users may carry names, so paths, quoted words and the given secrets are left out of the
    messages; the places are given relative to the package.
    """
    lines = [f"COF Viewer {cof_viewer.__version__}, Python {platform.python_version()}, {platform.system()}"]
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        lines.append(f"{type(link).__name__}: {_without_names(_message(link), secrets)}")
        lines.extend(
            f"  {_place(frame.filename)}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(link.__traceback__)
        )
        link = link.__cause__ or link.__context__
    return "\n".join(lines) + "\n"


def log_bug(error: BaseException, secrets: Iterable[str] = ()) -> Path | None:
    """Write the description into the user's log folder; None when even that is not possible."""
    now = datetime.now()
    name = f"bug-{now:%Y%m%d-%H%M%S}-{os.getpid()}-{next(_count)}.log"
    path = user_log_dir() / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(describe_bug(error, secrets), encoding="utf-8")
    except OSError:
        return None
    return path


def _message(error: BaseException) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else str(error)


def _without_names(message: str, secrets: Iterable[str]) -> str:
    for secret in sorted((s for s in secrets if len(s) > 2), key=len, reverse=True):
        message = message.replace(secret, "…")
    return _QUOTED.sub("…", _PATHS.sub("…", message))


def _place(filename: str) -> str:
    parts = Path(filename).parts
    for root in ("cof_viewer", "site-packages"):
        if root in parts:
            return "/".join(parts[len(parts) - 1 - parts[::-1].index(root) :])
    return Path(filename).name

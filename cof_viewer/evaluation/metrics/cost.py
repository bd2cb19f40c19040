"""Cost: the time and the most memory that a piece of work takes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType

_LOOK_S = 0.01
_STATM = Path("/proc/self/statm")


class Cost:
    """Measures a `with` block.

    Attributes:
        seconds: wall-clock time; the machine's other work counts too.
        peak_mb: most resident memory of the process meanwhile, looked at every 10 ms, so short peaks are missed;
            NaN where the system doesn't tell.
    """

    def __init__(self) -> None:
        """Start unmeasured."""
        self.seconds, self.peak_mb = float("nan"), float("nan")
        self._done = threading.Event()
        self._most = 0
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Cost:
        """Begin."""
        self._resident = resident_bytes()
        if self._resident is not None:
            self._watcher = threading.Thread(target=self._watch, args=(self._resident,), daemon=True)
            self._watcher.start()
        self._began = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self.seconds = time.perf_counter() - self._began
        self._done.set()
        if self._watcher is not None:
            self._watcher.join()
            self.peak_mb = self._most / 1e6

    def _watch(self, resident: Callable[[], int]) -> None:
        while True:
            self._most = max(self._most, resident())
            if self._done.wait(_LOOK_S):
                return


def resident_bytes() -> Callable[[], int] | None:
    """A function that tells the resident memory of this process; None where there is none.

    Linux tells it itself; elsewhere the package psutil does, where it is installed.
    """
    if _STATM.is_file():
        page = os.sysconf("SC_PAGE_SIZE")
        return lambda: int(_STATM.read_text(encoding="ascii").split()[1]) * page
    with suppress(ImportError):
        process = import_module("psutil").Process()
        return lambda: int(process.memory_info().rss)
    return None

"""Ctrl-C while the window is open.

Qt's loop runs no Python while nobody touches the window, so an ordinary handler would wait for the next mouse move,
and the workers would keep the process alive until their work is done. The interpreter tells a socket instead, at
once; a thread that listens there stops every job, which takes away what is half-made, and ends the process.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator

from cof_viewer.app.jobs import stop_everything
from cof_viewer.cli.main import CANCELLED

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_LONGEST_WAIT_S = 10.0


@contextlib.contextmanager
def interrupt_ends_program(last: Callable[[], None] | None = None) -> Iterator[None]:
    """Until the block ends, Ctrl-C cancels all jobs, calls `last` and ends the process with 130."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard, told = socket.socketpair()
    told.setblocking(False)
    before = {number: signal.signal(number, _nothing) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(heard, last), name="cof-interrupt", daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        told.close()  # the listener reads the end and stops


def _nothing(_number: int, _frame: object) -> None:
    """The listener does it all; without a handler of ours Python would raise in the middle of a slot."""


def _listen(heard: socket.socket, last: Callable[[], None] | None) -> None:
    with heard:
        while True:
            number = heard.recv(1)
            if not number:
                return
            if number[0] in _SIGNALS:
                stop_everything(_LONGEST_WAIT_S)
                if last is not None:
                    with contextlib.suppress(Exception):  # the process ends whatever it raises
                        last()
                os._exit(CANCELLED)

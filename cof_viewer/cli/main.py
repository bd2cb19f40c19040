"""The entry point: which command, and what its end means to the shell.

Exit codes: 0 good, 2 what was given can't be used (one sentence on stderr), 1 our fault (a log file), 130 cancelled.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

GOOD, OUR_FAULT, BAD_INPUT, CANCELLED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give the exit code.

    Args:
        arguments: without the program's name; those of the process where None.
    """
    try:
        # Imported here, so that Ctrl-C during the first imports is a cancel and not a traceback.
        from cof_viewer.cli.program import run

        return run(list(sys.argv[1:] if arguments is None else arguments))
    except KeyboardInterrupt:
        return CANCELLED


if __name__ == "__main__":
    raise SystemExit(main())

"""What an engine keeps from one call to the next, so that a hand on a slider waits for nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Kept(Generic[Made]):
    """The last thing that was made, of which object and under which key; thread-safe in that it is replaced whole."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._last: tuple[object, Hashable, Made] | None = None

    def get(self, of: object, key: Hashable, make: Callable[[], Made]) -> Made:
        """The kept thing, or a new one where another object or another key is asked for.

        Args:
            of: the very object it is made of: equal ones don't count.
            key: everything else that it depends on.
            make: makes it; what it raises goes through, and nothing is kept.
        """
        last = self._last
        if last is not None and last[0] is of and last[1] == key:
            return last[2]
        made = make()
        self._last = (of, key, made)
        return made

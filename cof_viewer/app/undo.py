"""Undo for whatever edits the case: the anchor phase, the ECG. Looking, loading and playing are not edits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LIMIT = 100


@dataclass(frozen=True)
class Edit:
    """One edit of the case.

    Attributes:
        words: what was done, for the menu, such as "anchor phase".
        before: fields of `CaseState` and their values before the edit.
        after: the same fields after it.
        merge: edits in a row with the same mark become one (a slider that is dragged); empty never merges.
    """

    words: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    merge: str = ""


class UndoStack:
    """Edits that were done and those that were undone, newest last."""

    def __init__(self) -> None:
        """Start empty."""
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @property
    def undo_words(self) -> str | None:
        """What undo would undo, None if nothing."""
        return self._done[-1].words if self._done else None

    @property
    def redo_words(self) -> str | None:
        """What redo would do again, None if nothing."""
        return self._undone[-1].words if self._undone else None

    def push(self, edit: Edit) -> None:
        """Remember an edit that was just done; what had been undone is forgotten."""
        self._undone.clear()
        last = self._done[-1] if self._done else None
        if last is not None and edit.merge and last.merge == edit.merge:
            self._done[-1] = Edit(edit.words, last.before, edit.after, edit.merge)
            return
        self._done.append(edit)
        del self._done[:-_LIMIT]

    def undo(self) -> Edit | None:
        """Take back the newest edit; the caller restores its `before`."""
        if not self._done:
            return None
        self._undone.append(self._done.pop())
        return self._undone[-1]

    def redo(self) -> Edit | None:
        """Do again what was undone last; the caller restores its `after`."""
        if not self._undone:
            return None
        self._done.append(self._undone.pop())
        return self._done[-1]

    def clear(self) -> None:
        """Forget everything: another study was opened."""
        self._done.clear()
        self._undone.clear()

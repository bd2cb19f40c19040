"""What is kept: the last thing, as long as the same object and the same key are asked for."""

from __future__ import annotations

import pytest

from cof_viewer.engine.kept import Kept


def test_the_same_is_made_once_and_another_anew():
    kept: Kept[int] = Kept()
    made = iter(range(9))
    first, equal = [1], [1]
    assert kept.get(first, "a", lambda: next(made)) == 0
    assert kept.get(first, "a", lambda: next(made)) == 0
    assert kept.get(equal, "a", lambda: next(made)) == 1
    assert kept.get(equal, "b", lambda: next(made)) == 2
    assert kept.get(first, "a", lambda: next(made)) == 3


def test_what_fails_leaves_the_last_one():
    kept: Kept[int] = Kept()
    of = object()
    kept.get(of, 1, lambda: 7)
    with pytest.raises(ZeroDivisionError):
        kept.get(of, 2, lambda: 1 // 0)
    assert kept.get(of, 1, lambda: 8) == 7

"""The methods that are compared. A new one is one class in a file here and one entry in `_FAMILIES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cof_viewer.domain.errors import UserError
from cof_viewer.evaluation.methods.base import Lesson, Method, Tools
from cof_viewer.evaluation.methods.engine import engine_methods
from cof_viewer.evaluation.methods.measured import MeasuredBeat
from cof_viewer.evaluation.methods.moved import moved_methods
from cof_viewer.evaluation.methods.numbers import number_methods
from cof_viewer.evaluation.methods.packed import packed_methods
from cof_viewer.evaluation.methods.regression import Regression

__all__ = ["DEFAULT", "OURS", "Lesson", "Method", "Tools", "all_methods", "chosen_methods"]

OURS = "cof"
"""What all others are compared with."""

DEFAULT = ("cof", "static", "mean", "mean-scaled", "regression", "trees", "constant", "no-ecg", "shuffled-ecg")

_FAMILIES: tuple[Callable[[], list[Method]], ...] = (
    engine_methods,
    packed_methods,
    moved_methods,
    lambda: [Regression(), MeasuredBeat()],
    number_methods,
)


def all_methods() -> dict[str, Method]:
    """Every method by name, none of them fitted."""
    return {method.name: method for family in _FAMILIES for method in family()}


def chosen_methods(names: Sequence[str], models: Path) -> list[Method]:
    """Methods by name, in the order given, each once.

    Raises:
        UserError: there is no such method, or what it needs is not there.
    """
    known = all_methods()
    for name in names:
        if name not in known:
            raise UserError(f'There is no method "{name}". Choose from {", ".join(known)}.', code="option")
    chosen = [known[name] for name in dict.fromkeys(names)]
    for method in chosen:
        method.check(models)
    return chosen

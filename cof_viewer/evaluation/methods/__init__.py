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
from cof_viewer.evaluation.methods.packed import PackedMethod, packed_methods, with_weights_of
from cof_viewer.evaluation.methods.regression import Regression

__all__ = ["DEFAULT", "OURS", "Lesson", "Method", "Tools", "all_methods", "chosen_methods", "method_of"]

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

    Args:
        names: of methods; "cof-packed:DIR" and "cof-diffusion:DIR" take the weights of another folder and are called
            "cof-packed@NAME" by the folder's name.
        models: the weights in use.

    Raises:
        UserError: there is no such method, or what it needs is not there.
    """
    chosen = [method_of(name) for name in dict.fromkeys(names)]
    shown = [method.name for method in chosen]
    if len(set(shown)) < len(shown):
        raise UserError("Two methods have weights in folders of one name. Name the folders apart.", code="option")
    for method in chosen:
        method.check(models)
    return chosen


def method_of(name: str) -> Method:
    """A method, not fitted, by what it was asked for or by what tables call it.

    Raises:
        UserError: there is no such method.
    """
    known = all_methods()
    plain, colon, place = name.partition(":")
    method = known.get(plain)
    if colon and isinstance(method, PackedMethod):
        return with_weights_of(method, Path(place).absolute())
    if colon or method is None:
        raise UserError(f'There is no method "{name}". Choose from {", ".join(known)}.', code="option")
    return method

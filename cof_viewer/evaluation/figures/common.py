"""What the figures share: which methods, in how many panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cof_viewer.evaluation.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 9
INK, ACCENT = "#404040", "#1f6f8b"


def panels(figure: Figure, methods: Sequence[str]) -> list[Any]:
    """One pair of axes a method, in a grid that is shared in both directions."""
    columns = math.ceil(math.sqrt(len(methods)))
    rows = math.ceil(len(methods) / columns)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes = list(grid.ravel())
    for spare in axes[len(methods) :]:
        spare.set_visible(False)
    for i in range(len(methods) - columns, len(methods)):
        axes[max(i, 0)].tick_params(labelbottom=True)  # the lowest panel of its column, also over an empty place
    for one, method in zip(axes, methods, strict=False):
        one.set_title(method, fontsize=9)
        one.tick_params(labelsize=8)
    return axes[: len(methods)]


def judged(study: Study) -> list[str]:
    """Methods with valid records, at most nine."""
    return [method for method in study.methods if study.of(method)][:MOST]

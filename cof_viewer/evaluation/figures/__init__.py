"""The figures. A new one is one function that draws into a matplotlib figure, and one entry in `FIGURES`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cof_viewer.cohort.file import write_whole
from cof_viewer.evaluation.figures import curves, ef, es
from cof_viewer.evaluation.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "write_figures"]

FIGURES: dict[str, Callable[[Study, Figure], bool]] = {
    "bland-altman-ef": ef.bland_altman,
    "scatter-ef": ef.scatter,
    "curves": curves.draw,
    "es-error": es.histogram,
}
"""Name of the file -> what draws it; it answers False where there is nothing to draw."""

_DPI = 110


def write_figures(study: Study, folder: Path) -> list[Path]:
    """Draw every figure of a study as PNG, without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in FIGURES.items():
        figure = Figure(figsize=(8, 6), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        if draw(study, figure):
            path = folder / f"{name}-{study.kind.value}.png"
            write_whole(path, lambda beside, c=canvas: c.print_png(str(beside), pil_kwargs={"dpi": (_DPI, _DPI)}))  # type: ignore[misc]
            written.append(path)
    return written

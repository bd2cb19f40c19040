"""The pictures of the page, in one style: solid is real, dotted is simulated (DESIGN 1)."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.audits.knowing import KNOWN, TARGETS, Knowledge
from cof_viewer.cohort.audits.likeness import ALL, ECG_NUMBERS, EcgLine
from cof_viewer.cohort.audits.population import METRICS
from cof_viewer.cohort.case import CohortCase
from cof_viewer.domain.image import Label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, TEXT, HINT, LINE, ACCENT, ENDO, EPI = "#17181A", "#4A4D54", "#646871", "#E0E1E5", "#0F7F70", "#C25400", "#2B7FB0"
_STYLE: dict[Any, Any] = {
    "font.family": ["Inter"],
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": TEXT,
    "axes.edgecolor": "#C2C5CB",
    "axes.titlesize": 9,
    "axes.titleweight": 600,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": HINT,
    "ytick.color": HINT,
    "lines.linewidth": 1.75,
    "legend.frameon": False,
    "figure.dpi": 110,
    "savefig.bbox": "tight",
    "figure.facecolor": "white",
}
_Given = ParamSpec("_Given")
_QUANTILES = np.linspace(2, 98, 49)


def _styled(draw: Callable[_Given, bytes]) -> Callable[_Given, bytes]:
    """Draw in the page's style and leave matplotlib's settings as they were."""

    @wraps(draw)
    def styled(*args: _Given.args, **kwargs: _Given.kwargs) -> bytes:
        import matplotlib as mpl

        know_inter()
        with mpl.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return styled


@lru_cache(maxsize=1)
def know_inter() -> None:
    """Make the program's own fonts known to matplotlib."""
    from matplotlib import font_manager

    package = Path(str(resources.files("cof_viewer")))
    installed = package / "_data" / "resources" / "fonts"
    folder = installed if installed.is_dir() else package.parent / "resources" / "fonts"
    for path in sorted(folder.glob("Inter-*.ttf")):
        font_manager.fontManager.addfont(path)


@_styled
def montage(rows: Sequence[tuple[str, CohortCase]]) -> bytes:
    """PNG of cases under each other: base, middle and apex at ED and at ES."""
    figure, axes = _grid(len(rows), 6, 1.35, 1.35)
    for row, (line, (name, case)) in enumerate(zip(axes, rows, strict=True)):
        for column, (t, z) in enumerate((t, z) for t in (0, case.es_phase) for z in _levels(case)):
            ax = line[column]
            ax.imshow(case.image[t, z], cmap="gray", vmin=0, vmax=255)
            ax.set_axis_off()
            if row == 0:
                ax.set_title(f"{'ED' if column < 3 else 'ES'}, {('base', 'middle', 'apex')[column % 3]}", loc="center")
        line[0].text(-0.06, 0.5, name, transform=line[0].transAxes, rotation=90, va="center", ha="right", fontsize=8)
    figure.subplots_adjust(wspace=0.03, hspace=0.03)
    return _png(figure)


@_styled
def quantile_plots(lines: Sequence[EcgLine], family: str) -> bytes:
    """PNG of quantiles of simulated against those of real ECGs, one panel a number."""
    shown = [line for line in lines if line.family == family]
    figure, axes = _grid(-(-len(shown) // 5), 5, 2.0, 2.0)
    for ax, line in zip(axes.ravel(), shown, strict=False):
        real, made = (np.percentile(values, _QUANTILES) for values in (line.real, line.simulated))
        low, high = min(real[0], made[0]), max(real[-1], made[-1])
        ax.plot([low, high], [low, high], color="#C2C5CB", linewidth=1)
        ax.plot(real, made, color=ENDO if family == ALL else ACCENT, linestyle=":", linewidth=2)
        ax.set_title(ECG_NUMBERS[line.number])
        ax.set_xlabel("real")
        ax.set_ylabel("simulated")
    for ax in axes.ravel()[len(shown) :]:
        ax.set_axis_off()
    figure.tight_layout()
    return _png(figure)


@_styled
def curve_plot(real: NDArray[np.float64], made: NDArray[np.float64], names: tuple[str, str]) -> bytes:
    """PNG of normalised volume curves over the beat: middle line and quartiles of both sets."""
    figure, axes = _grid(1, 1, 5.6, 3.0)
    ax = axes[0, 0]
    for curves, color, dash, name in ((real, INK, "-", names[0]), (made, ENDO, ":", names[1])):
        if not len(curves):
            continue
        share = np.arange(curves.shape[1]) / curves.shape[1]
        low, middle, high = np.percentile(curves, (25, 50, 75), axis=0)
        ax.fill_between(share, low, high, color=color, alpha=0.12, linewidth=0)
        ax.plot(share, middle, color=color, linestyle=dash, label=f"{name} (n {len(curves)})")
    ax.set_xlabel("share of RR")
    ax.set_ylabel("LV volume, 1 at ED, 0 at the smallest")
    ax.legend()
    return _png(figure)


@_styled
def knowledge_plot(lines: Sequence[Knowledge]) -> bytes:
    """PNG of errors with their intervals, one panel a target, one kind."""
    targets = [t for t in TARGETS if any(line.target == t for line in lines)]
    figure, axes = _grid(1, len(targets), 2.9, 2.2)
    for i, (ax, target) in enumerate(zip(axes[0], targets, strict=True)):
        held = {line.known: line for line in lines if line.target == target}
        for place, known in enumerate(KNOWN):
            line = held[known]
            ax.plot([line.low, line.high], [place, place], color=HINT, linewidth=1.5)
            ax.plot([line.mae], [place], "o", color=ACCENT if known == "both" else INK, markersize=5)
        ax.set_yticks(range(len(KNOWN)), KNOWN if i == 0 else [""] * len(KNOWN))
        ax.invert_yaxis()
        ax.set_xlim(left=0)
        ax.set_title(TARGETS[target])
        ax.set_xlabel("mean absolute error")
    figure.tight_layout()
    return _png(figure)


@_styled
def population_plot(values: dict[str, dict[str, NDArray[np.float64]]], metrics: Sequence[str]) -> bytes:
    """PNG of box plots of some numbers; `values` is label -> metric -> values, one box a label."""
    figure, axes = _grid(1, len(metrics), 2.6, 0.26 * len(values) + 0.9)
    for i, (ax, metric) in enumerate(zip(axes[0], metrics, strict=True)):
        held = [v[metric][np.isfinite(v[metric])] for v in values.values()]
        style = dict(color=INK, linewidth=1)
        ax.boxplot(
            held,
            orientation="horizontal",
            widths=0.6,
            showfliers=False,
            boxprops=style,
            whiskerprops=style,
            capprops=style,
            medianprops=dict(color=ENDO, linewidth=2),
        )
        ax.set_yticks(range(1, len(values) + 1), list(values) if i == 0 else [""] * len(values))
        ax.invert_yaxis()
        ax.set_title(METRICS[metric])
    figure.tight_layout()
    return _png(figure)


def _levels(case: CohortCase) -> tuple[int, int, int]:
    """Slices at a sixth, the middle and five sixths of the LV at ED."""
    held = np.flatnonzero((case.labels[0] == Label.LV).any(axis=(1, 2)))
    first, last = (int(held[0]), int(held[-1])) if len(held) else (0, case.slices - 1)
    base, middle, apex = (round(first + share * (last - first)) for share in (1 / 6, 1 / 2, 5 / 6))
    return base, middle, apex


def _grid(rows: int, columns: int, width: float, height: float) -> tuple[Figure, NDArray[Any]]:
    """A figure of `rows` x `columns` panels of the given size in inches, in the page's style."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawn

    figure = Drawn(figsize=(columns * width, rows * height))
    FigureCanvasAgg(figure)
    axes: NDArray[Any] = figure.subplots(rows, columns, squeeze=False)
    return figure, axes


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()

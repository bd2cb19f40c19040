"""One case on one picture: its slices over the beat with contours, its volume curve, its motion at ES, its lead II.

Colours and lines are the window's: LV orange, wall blue, RV yellow; solid is measured, dashed fitted, dotted simulated.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_SPACING_MM, COMPONENTS, CohortCase, lattice_pixels
from cof_viewer.cohort.case import Origin as By
from cof_viewer.cohort.file import write_whole
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ
from cof_viewer.domain.image import Label

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GROUND, _PANEL, _INK, _GREY, _LINE = "#131416", "#191A1D", "#ECEDEF", "#B4B7BD", "#3E4147"
_LV, _EPI, _RV, _ACCENT = "#EA6A10", "#56B4E9", "#F0E442", "#45B8A6"
_LINES = {By.SIMULATED.value: ":", By.FITTED.value: "--"}
_STYLE: dict[Any, Any] = {
    "font.family": ["Inter"],
    "font.size": 9,
    "text.color": _INK,
    "axes.facecolor": _PANEL,
    "axes.labelcolor": _GREY,
    "axes.edgecolor": _LINE,
    "axes.titlesize": 9.5,
    "axes.titleweight": 600,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "figure.facecolor": _GROUND,
}
_MOST_SLICES = 9
_ECG_S = 3.0
_WIDTH_IN, _TILE_IN, _FOOT_IN, _HEAD_IN = 13.0, 1.36, 2.7, 0.9


def draw_case(case: CohortCase, path: Path) -> None:
    """Draw a case as a PNG, whole or not at all.

    Args:
        case: any.
        path: of the picture; its folder exists.

    Raises:
        OSError: it can't be written.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from cof_viewer.cohort.audits.pictures import know_inter

    know_inter()
    with mpl.rc_context(_STYLE):
        phases = shown_phases(case)
        figure = Figure(figsize=(_WIDTH_IN, _HEAD_IN + len(phases) * _TILE_IN + _FOOT_IN), dpi=120)
        _head(figure, case)
        _slices(figure, case, phases)
        _foot(figure, case)
        FigureCanvasAgg(figure)
        write_whole(path, lambda beside: figure.savefig(str(beside), format="png"))


def shown_phases(case: CohortCase) -> list[tuple[int, str]]:
    """Phases of the montage and what they are called: ED, half-way to ES, ES, half-way back to ED."""
    es = case.es_phase
    named = {0: "ED", es // 2: "systole", es: "ES", (es + case.phases) // 2: "filling"}
    named |= {0: "ED", es: "ES"}
    return sorted(named.items())


def shown_slices(case: CohortCase) -> list[int]:
    """Slices of the montage: from one above to one below those with labels at ED, thinned evenly to what fits."""
    labelled = np.flatnonzero(case.labels[0].any(axis=(1, 2)))
    first, last = (max(labelled[0] - 1, 0), min(labelled[-1] + 1, case.slices - 1)) if labelled.size else (0, -1)
    count = last - first + 1 if last >= first else case.slices
    last = first + count - 1
    return [int(z) for z in np.unique(np.linspace(first, last, min(count, _MOST_SLICES)).round())]


def lv_volume_ml(case: CohortCase) -> NDArray[np.float64]:
    """LV volume at each phase, [t] in mL, by counting labels; in mL only where the spacing is known."""
    voxels = (case.labels == Label.LV).sum(axis=(1, 2, 3))
    return np.asarray(voxels * BOX_SPACING_MM**2 * case.slice_mm / 1000.0, dtype=np.float64)


def _head(figure: Figure, case: CohortCase) -> None:
    top = 1.0 - 0.24 / figure.get_figheight()
    below = 1.0 - 0.5 / figure.get_figheight()
    figure.text(0.015, top, case.case_id, fontsize=14, fontweight=700, va="center")
    origins = "   ".join(f"{name}: {case.origins.get(name, '?')}" for name in COMPONENTS)
    age = "" if np.isnan(case.age_years) else f", {case.age_years:.0f} years"
    words = f"{case.group or 'no group'}, {case.part.value}{', ' + case.sex if case.sex else ''}{age}     {origins}"
    figure.text(0.015, below, words, fontsize=9, color=_GREY, va="center")
    badge = dict(boxstyle="round,pad=0.45", facecolor=_GROUND, edgecolor=_ACCENT, linewidth=1.4)
    figure.text(
        *(0.985, top, case.kind.value.upper()),
        fontsize=12,
        fontweight=700,
        color=_ACCENT,
        va="center",
        ha="right",
        bbox=badge,
    )


def _slices(figure: Figure, case: CohortCase, phases: list[tuple[int, str]]) -> None:
    """Rows of phases, columns of slices from base to apex."""
    levels = shown_slices(case)
    height = figure.get_figheight()
    grid = figure.add_gridspec(
        *(len(phases), len(levels)),
        left=0.05,
        right=0.992,
        top=1.0 - _HEAD_IN / height,
        bottom=(_FOOT_IN + 0.05) / height,
        wspace=0.03,
        hspace=0.03,
    )
    for i, (phase, name) in enumerate(phases):
        for j, level in enumerate(levels):
            ax = figure.add_subplot(grid[i, j])
            _tile(ax, case, phase, level)
            if j == 0:
                said = f"{name}\n{case.phase_ms[phase]:.0f} ms\n{case.labels_by[phase]}"
                ax.text(-0.06, 0.5, said, transform=ax.transAxes, ha="right", va="center", fontsize=8, color=_GREY)
            if i == 0:
                where = {0: "  base", case.slices - 1: "  apex"}.get(level, "")
                ax.set_title(f"{level + 1}{where}", fontsize=8, fontweight=400, color=_GREY, pad=3)


def _tile(ax: Axes, case: CohortCase, phase: int, level: int) -> None:
    ax.imshow(case.image[phase, level], cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
    contours(ax, case.labels[phase, level], _LINES.get(case.labels_by[phase], "-"))
    ax.set_axis_off()


def contours(ax: Axes, labels: NDArray[np.uint8], line: str) -> None:
    """Outlines of cavity, wall and RV of one slice [y, x] over its picture."""
    inside = {
        _RV: labels == Label.RV,
        _EPI: np.isin(labels, (Label.LV, Label.MYO)),
        _LV: labels == Label.LV,
    }
    for colour, mask in inside.items():
        if mask.any():
            ax.contour(mask.astype(float), levels=[0.5], colors=[colour], linewidths=1.0, linestyles=line)


def _foot(figure: Figure, case: CohortCase) -> None:
    height = figure.get_figheight()
    grid = figure.add_gridspec(
        *(1, 4),
        left=0.05,
        right=0.985,
        top=(_FOOT_IN - 0.4) / height,
        bottom=0.55 / height,
        wspace=0.22,
        width_ratios=[1.1, 0.72, 0.72, 1.5],
    )
    axes = [figure.add_subplot(grid[0, i]) for i in range(4)]
    _curve(axes[0], case)
    _motion(figure, axes[1], case)
    _travel(axes[2], case)
    _lead(axes[3], case)


def _curve(ax: Axes, case: CohortCase) -> None:
    volumes = lv_volume_ml(case)
    line = _LINES.get(case.origins.get("labels", ""), "-")
    ax.plot(case.phase_ms, volumes, color=_LV, linestyle=line, linewidth=1.8, label="labels")
    es_ms = case.phase_ms[case.es_phase]
    ax.axvline(es_ms, color=_LINE, linewidth=1)
    said = [(case.phase_ms[0], "edv_ml"), (es_ms, "esv_ml")]
    known = [(ms, case.numbers[name]) for ms, name in said if name in case.numbers]
    if known:
        ax.plot(*zip(*known, strict=True), "o", markerfacecolor="none", color=_INK, markersize=5, label="numbers")
    ax.set_ylim(0, max(1.15 * volumes.max(), 1.0))
    ax.set_xlim(case.phase_ms[0], case.phase_ms[0] + case.rr_ms)
    ef = f", EF {case.numbers['ef_percent']:.0f} %" if "ef_percent" in case.numbers else ""
    ax.set_title(f"LV volume, mL{ef}" if case.spacing_known else f"LV volume, spacing not known{ef}")
    ax.set_xlabel(f"ms of an RR of {case.rr_ms:.0f}")
    ax.legend(frameon=False, fontsize=8, loc="lower right", labelcolor=_GREY)


def _motion(figure: Figure, ax: Axes, case: CohortCase) -> None:
    """How far the tissue seen at ES has come since ED, on the slice with the most wall at ES."""
    level = int((case.labels[case.es_phase] == Label.MYO).sum(axis=(1, 2)).argmax())
    field = case.displacement_mm[case.es_phase, level].astype(np.float32)
    size = np.linalg.norm(field, axis=-1)
    ax.imshow(case.image[case.es_phase, level], cmap="gray", vmin=0, vmax=255)
    at = lattice_pixels()
    edge = (at[0] - 2.0, at[-1] + 2.0)
    shown = ax.imshow(size, cmap="inferno", alpha=0.55, extent=(*edge, *edge[::-1]), interpolation="bilinear", vmin=0)
    contours(ax, case.labels[case.es_phase, level], "-")
    x, y = np.meshgrid(at, at)
    # Pull-back points to where the tissue came from; the arrow shows where it went.
    ax.quiver(
        *(x, y, -field[..., 0], -field[..., 1]),
        angles="xy",
        scale_units="xy",
        scale=BOX_SPACING_MM,
        color="white",
        width=0.006,
        alpha=0.8,
    )
    ax.set_xlim(0, case.image.shape[-1] - 1)
    ax.set_ylim(case.image.shape[-2] - 1, 0)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_title(f"Motion at ES, slice {level + 1}, mm")
    bar = figure.colorbar(shown, ax=ax, fraction=0.046, pad=0.03)
    bar.outline.set_visible(False)


def _travel(ax: Axes, case: CohortCase) -> None:
    """Mean length of the motion of the ED wall's surroundings over the beat: in plane and through it."""
    field = case.displacement_mm.astype(np.float32)
    near = (case.labels[0] == Label.MYO)[:, 1::4, 1::4]
    if near.any():
        plane = np.linalg.norm(field[..., :2], axis=-1)[:, near].mean(axis=1)
        through = np.abs(field[..., 2])[:, near].mean(axis=1)
        ax.plot(case.phase_ms, plane, color=_ACCENT, linewidth=1.8, label="in plane")
        ax.plot(case.phase_ms, through, color=_GREY, linewidth=1.4, label="through plane")
        ax.set_ylim(0, max(1.5 * max(plane.max(), through.max()), 1.0))
        ax.legend(frameon=False, fontsize=8, loc="upper right", labelcolor=_GREY)
    ax.set_title("Mean motion of the wall, mm")
    ax.set_xlabel("ms")


def _lead(ax: Axes, case: CohortCase) -> None:
    name = f" ({case.ecg_name})" if case.ecg_name else ""
    ax.set_title(f"ECG, lead II, mV: {case.origins.get('ecg', '')}{name}")
    if case.ecg_mv is None:
        ax.text(0.5, 0.5, "no ECG", transform=ax.transAxes, ha="center", va="center", color=_GREY)
        ax.set_xticks([])
        ax.set_yticks([])
        return
    signal = case.ecg_mv[LEADS.index("II"), : int(_ECG_S * SAMPLING_HZ)]
    ax.plot(np.arange(len(signal)) / SAMPLING_HZ, signal, color=_INK, linewidth=1.0)
    ax.set_xlim(0, _ECG_S)
    ax.grid(True, color=_LINE, linewidth=0.5)
    ax.set_xlabel("s")

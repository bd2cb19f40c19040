"""EF against the truth: Bland and Altman's picture, and the scatter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cof_viewer.evaluation.figures.common import ACCENT, INK, judged, panels
from cof_viewer.evaluation.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LIMITS = 1.96
"""Standard deviations between the bias and the limits of agreement (Bland and Altman 1986)."""


def bland_altman(study: Study, figure: Figure) -> bool:
    """Difference against mean, with bias and limits of agreement."""
    methods = judged(study)
    if not methods:
        return False
    for axes, method in zip(panels(figure, methods), methods, strict=True):
        ours, true = _both(study, method)
        gap = ours - true
        axes.scatter((ours + true) / 2, gap, s=9, color=ACCENT, alpha=0.7)
        bias, spread = float(gap.mean()), float(gap.std(ddof=1)) if len(gap) > 1 else 0.0
        for at, style in ((bias, "-"), (bias - LIMITS * spread, "--"), (bias + LIMITS * spread, "--")):
            axes.axhline(at, color=INK, lw=0.8, ls=style)
        axes.text(0.03, 0.94, f"{bias:+.1f} ± {LIMITS * spread:.1f}", transform=axes.transAxes, fontsize=8, va="top")
    figure.supxlabel("mean of true and generated EF, %", fontsize=9)
    figure.supylabel("generated minus true EF, points", fontsize=9)
    return True


def scatter(study: Study, figure: Figure) -> bool:
    """Generated against true EF."""
    methods = judged(study)
    if not methods:
        return False
    for axes, method in zip(panels(figure, methods), methods, strict=True):
        ours, true = _both(study, method)
        axes.scatter(true, ours, s=9, color=ACCENT, alpha=0.7)
        axes.plot([0, 90], [0, 90], color=INK, lw=0.8)
        error = float(np.abs(ours - true).mean())
        axes.text(0.03, 0.94, f"MAE {error:.1f}", transform=axes.transAxes, fontsize=8, va="top")
        axes.set(xlim=(0, 90), ylim=(0, 90))
    figure.supxlabel("true EF, %", fontsize=9)
    figure.supylabel("generated EF, %", fontsize=9)
    return True


def _both(study: Study, method: str) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], ...]:
    records = study.of(method)
    return np.array([r.ef_percent for r in records]), np.array([r.true_ef_percent for r in records])

"""The error of the time of ES, as a histogram a method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cof_viewer.evaluation.figures.common import ACCENT, INK, judged, panels
from cof_viewer.evaluation.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REACH = 12.0


def histogram(study: Study, figure: Figure) -> bool:
    """Signed error in phases of 50; what lies beyond 12 is shown at the edge."""
    errors = {m: np.array([r.value("es_error_phases") for r in study.of(m)]) for m in judged(study)}
    known = {method: e[np.isfinite(e)] for method, e in errors.items() if np.isfinite(e).any()}
    if not known:
        return False
    for axes, error in zip(panels(figure, list(known)), known.values(), strict=True):
        axes.hist(np.clip(error, -_REACH, _REACH), bins=np.linspace(-_REACH, _REACH, 25), color=ACCENT)
        axes.axvline(0, color=INK, lw=0.8)
        size = f"mean size {np.abs(error).mean():.2f}"
        axes.text(0.03, 0.94, size, transform=axes.transAxes, fontsize=8, va="top")
    figure.supxlabel("ES error, phases of 50 (late is positive)", fontsize=9)
    figure.supylabel("cases", fontsize=9)
    return True

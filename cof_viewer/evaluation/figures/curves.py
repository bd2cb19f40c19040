"""LV volume curves of `cof` and the truth: the cases at even places between the best and the worst curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cof_viewer.evaluation.figures.common import ACCENT, INK, MOST, panels
from cof_viewer.evaluation.methods import OURS
from cof_viewer.evaluation.study import Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(study: Study, figure: Figure) -> bool:
    """Nine cases at most, ordered by the error of their curve."""
    drawn = [record for record in study.of(OURS) if record.curve_ml and record.true_curve_ml]
    records = sorted(drawn, key=lambda r: r.value("curve_rmse_percent"))
    if not records:
        return False
    chosen = [records[i] for i in np.unique(np.linspace(0, len(records) - 1, min(MOST, len(records))).astype(int))]
    for axes, record in zip(panels(figure, [r.case_id for r in chosen]), chosen, strict=True):
        place = np.arange(len(record.curve_ml)) / len(record.curve_ml)
        whole = max(record.true_curve_ml[0], 1e-9)
        axes.plot(place, np.array(record.true_curve_ml) / whole, color=INK, lw=1.2)
        axes.plot(place, np.array(record.curve_ml) / whole, color=ACCENT, lw=1.2, ls="--")
        axes.set_ylim(0, 1.3)
    figure.supxlabel("share of RR", fontsize=9)
    figure.supylabel("LV volume over the true EDV: true (solid), generated (dashed)", fontsize=9)
    return True

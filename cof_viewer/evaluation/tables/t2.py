"""T2: the pictures. PSNR and SSIM, and Fréchet distances where a backbone is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cof_viewer.evaluation.bench import TRUE_FEATURES
from cof_viewer.evaluation.metrics.frechet import RESAMPLES, resampled_distance
from cof_viewer.evaluation.record import record_path
from cof_viewer.evaluation.statistics import Interval
from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables.base import Column, Table, shown, usual_table

NAME = "T2"
FEWEST = 3
"""Patients below which no Fréchet distance is given."""

_COLUMNS = (
    Column("psnr_db", "PSNR, dB"),
    Column("ssim", "SSIM", 3),
    Column("psnr_heart_db", "PSNR heart, dB"),
    Column("ssim_heart", "SSIM heart", 3),
)
_NOTE = "PSNR and SSIM a slice, of all phases but the anchor's; heart: the box round LV, wall and RV. Higher is better."
_DISTANCES = ("image", "temporal")


def make(study: Study) -> Table | None:
    """The table; None where no method makes pictures."""
    table = usual_table(study, NAME, "T2: image quality", _COLUMNS, (_NOTE,))
    if table is None or not study.backbone:
        return table
    found = {row[0]: distances(study, row[0]) for row in table.rows}
    rows = tuple((*row, *(shown(found[row[0]][kind], 2) for kind in _DISTANCES)) for row in table.rows)
    note = (
        f"Fréchet distances by the backbone {study.backbone}, covariances shrunk, percentiles of {RESAMPLES} resamples "
        "of patients; of few patients they are biased. The paper's are DINOv2's: never compare these with its."
    )
    lines = [_line(study, method, kind, d) for method, each in found.items() for kind, d in each.items()]
    return replace(
        table,
        head=(*table.head, "Fréchet, image", "Fréchet, temporal"),
        rows=rows,
        notes=(note, *table.notes),
        long=(*table.long, *lines),
    )


def distances(study: Study, method: str) -> dict[str, Interval]:
    """Image and temporal Fréchet distance of a method's pictures to the real ones of the same patients."""
    pairs: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {kind: [] for kind in _DISTANCES}
    for record in study.of(method):
        paths = [record_path(study.out, record.case_id, m).with_suffix(".npz") for m in (method, TRUE_FEATURES)]
        if all(path.is_file() for path in paths):
            ours, true = (dict(np.load(path)) for path in paths)
            for kind in _DISTANCES:
                pairs[kind].append((ours[kind].astype(np.float64), true[kind].astype(np.float64)))
    unknown = Interval(float("nan"), float("nan"), float("nan"))
    if len(pairs["image"]) < FEWEST:
        return dict.fromkeys(_DISTANCES, unknown)
    stacked = {kind: [np.stack(side) for side in zip(*found, strict=True)] for kind, found in pairs.items()}
    return {kind: resampled_distance(ours, true, study.seed) for kind, (ours, true) in stacked.items()}


def _line(study: Study, method: str, kind: str, distance: Interval) -> dict[str, object]:
    head = {"table": NAME, "kind": study.kind.value, "part": study.part.value, "method": method}
    empty = dict.fromkeys(("difference", "difference_low", "difference_high", "p", "p_holm"), "")
    figures = {"value": distance.value, "low": distance.low, "high": distance.high}
    plain = {k: "" if not np.isfinite(v) else repr(float(v)) for k, v in figures.items()}
    what = {"metric": f"frechet_{kind}", "take": "value", "patients": len(study.of(method))}
    return {**head, **what, **plain, **empty}

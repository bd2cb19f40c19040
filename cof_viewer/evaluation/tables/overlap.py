"""Overlap: Dice, IoU and HD95 of moved labels, against the truth and by the assessor."""

from __future__ import annotations

from cof_viewer.evaluation.metrics.overlap import STRUCTURES
from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables.base import Column, Table, usual_table

NAME = "overlap"
_SHOWN = {"lv": "LV", "myo": "Myo", "rv": "RV"}
_NOTE = (
    "ES: each beat's own. Imaged: without slices whose content at ES lay outside the stack at ED. Beat: mean over all "
    "phases at equal share of RR. HD95: the larger of the two directed 95th percentiles, 3-D, mm."
)


def columns(prefix: str = "") -> tuple[Column, ...]:
    """ES of every structure, then the rest; `prefix` as in T3."""
    es = [Column(f"{prefix}{s}_dice_es", f"{_SHOWN[s]} Dice ES", 3) for s in STRUCTURES]
    rest = [
        column
        for s in STRUCTURES
        for column in (
            Column(f"{prefix}{s}_iou_es", f"{_SHOWN[s]} IoU ES", 3, compared=False),
            Column(f"{prefix}{s}_hd95_es_mm", f"{_SHOWN[s]} HD95 ES, mm", 1),
            Column(f"{prefix}{s}_dice_es_imaged", f"{_SHOWN[s]} Dice ES, imaged", 3, compared=False),
            Column(f"{prefix}{s}_dice_beat", f"{_SHOWN[s]} Dice, beat", 3, compared=False),
            Column(f"{prefix}{s}_dice_ed", f"{_SHOWN[s]} Dice ED", 3, compared=False),
        )
    ]
    return (*es, *rest)


def make(study: Study) -> Table | None:
    """Against the case's labels."""
    return usual_table(study, NAME, "Overlap of labels", columns(), (_NOTE,))


def make_by_assessor(study: Study) -> Table | None:
    """By the assessor's labels of both; None where it did not judge."""
    title = "Overlap of the assessor's labels of generated and real pictures"
    return usual_table(study, f"{NAME}-assessor", title, columns("assessor_"), (_NOTE,))

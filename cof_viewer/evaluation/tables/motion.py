"""Motion: folding, stretch and the wall's volume."""

from __future__ import annotations

from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables.base import Column, Table, usual_table

NAME = "motion"
_COLUMNS = (
    Column("folding_percent", "folding, %", 3),
    Column("sd_log_j", "SD log J at ES", 3, compared=False),
    Column("wall_change_es_percent", "wall volume at ES, %", 1, compared=False),
    Column("wall_change_most_percent", "largest change of wall volume, %", 1, "size"),
)
_NOTE = (
    "Folding: share of heart points and phases whose determinant is not above zero. Wall volume: integral of det J of "
    "the forward map over the anchor's wall, never counted on slices. Methods that learned from stored motion (6 mm) "
    "read some percent too little."
)


def make(study: Study) -> Table | None:
    """The table; None where no method gives motion."""
    return usual_table(study, NAME, "Motion", _COLUMNS, (_NOTE,))

"""T3: function. Volumes, EF, the curve and the time of ES, against the truth and by the assessor."""

from __future__ import annotations

from cof_viewer.evaluation.study import Study
from cof_viewer.evaluation.tables.base import Column, Table, usual_table

NAME = "T3"


def columns(prefix: str = "") -> tuple[Column, ...]:
    """The columns, of the truth's metrics or of the assessor's (prefix "assessor_")."""
    return (
        Column(f"{prefix}esv_error_ml", "ESV MAE, mL", 1, "size"),
        Column(f"{prefix}ef_error_points", "EF MAE, points", 1, "size"),
        Column(f"{prefix}sv_error_ml", "SV MAE, mL", 1, "size"),
        Column(f"{prefix}curve_rmse_ml", "curve RMSE, mL", 1),
        Column(f"{prefix}es_error_phases", "ES error, phases of 50", 2, "size"),
        Column(f"{prefix}es_error_ms", "ES error, ms", 0, "size", compared=False),
        Column(f"{prefix}ef_error_points", "EF bias", 1, compared=False),
        Column(f"{prefix}ef_error_points", "EF error SD", 1, "spread", compared=False),
        Column(f"{prefix}esv_error_ml", "ESV bias, mL", 1, compared=False),
        Column(f"{prefix}esv_error_ml", "ESV error SD, mL", 1, "spread", compared=False),
    )


_TRUTH = (
    "Against the truth: the numbers that a simulated patient was made from; for real hearts those of the experts' (ED, "
    "ES) and the segmenter's (other phases) labels. Lower is better; a beat that is not moved has no ES."
)
_SEEN = (
    "By the assessor, as the paper judges: its labels of the generated pictures against its labels of the real ones. "
    "Methods without pictures can't be judged so."
)


def make(study: Study) -> Table | None:
    """Against the truth."""
    return usual_table(study, NAME, "T3: function", columns(), (_TRUTH,))


def make_by_assessor(study: Study) -> Table | None:
    """By the assessor; None where it did not judge."""
    return usual_table(study, f"{NAME}-assessor", "T3: function by the assessor", columns("assessor_"), (_SEEN,))

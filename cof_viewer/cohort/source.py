"""What the builder asks of a source of cases: a list of what it could make, and one case at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.domain.split import Split


@dataclass(frozen=True)
class CaseRequest:
    """A case that a source can make, known before the work is done.

    Attributes:
        case_id: as in `CohortCase`.
        patient_id: as in `CohortCase`.
        kind: see `Kind`.
        part: of the split.
        group: diagnosis or condition.
        what: plain values from which the source makes it (a path, a seed); picklable.
    """

    case_id: str
    patient_id: str
    kind: Kind
    part: Split
    group: str
    what: tuple[str | int | float, ...] = ()


class CaseSource(Protocol):
    """A source of cases. It is pickled to worker processes: heavy things (an engine, tables) are made on first use."""

    def requests(self) -> Sequence[CaseRequest]:
        """Every case it can make, in a stable order.

        Raises:
            UserError: the source can't be read at all.
        """

    def make(self, request: CaseRequest) -> CohortCase:
        """Make one case; the same request gives the same bytes.

        Raises:
            UserError: this case can't be made, in one sentence that names it; the others still are.
        """

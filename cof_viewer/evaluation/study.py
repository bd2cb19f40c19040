"""The records of one kind of cases, as tables and figures read them. Kinds are never mixed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import Kind
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.methods import OURS
from cof_viewer.evaluation.record import Record

_MATCHED = (
    "the ECG is another person's, drawn by diagnosis and EF class; it was not measured in this patient. What an ECG "
    "seems to tell about EF here is partly the match itself."
)

HONESTY: dict[Kind, str] = {
    Kind.SIMULATED: "Simulated patients: ECG, pictures and motion come from one simulation and the truth is exact. "
    "What is reached here is no statement about patients.",
    Kind.ECG_FIRST: "Simulated hearts round real ECGs: the ECG was measured, the heart that it drives was not.",
    Kind.COMPLETED: f"Real anatomy with a matched ECG: {_MATCHED} Motion between ED and ES was fitted, not measured; "
    "times follow the ECG.",
    Kind.MEASURED_CINE: f"Real, tracked cines with a matched ECG: {_MATCHED}",
    Kind.MEASURED_PAIR: "Cine and ECG of the same person.",
}
"""What must be said under every table of a kind."""


@dataclass(frozen=True, eq=False)
class Study:
    """Records of one kind.

    Attributes:
        kind: of all cases.
        part: that was judged.
        records: in order of case and method.
        methods: in the order of the tables.
        out: folder of the results.
        labels: "segmented" or "expert" anchors.
        backbone: of Fréchet distances; empty for none.
        seed: of resampling.
    """

    kind: Kind
    part: Split
    records: tuple[Record, ...]
    methods: tuple[str, ...]
    out: Path
    labels: str = "segmented"
    backbone: str = ""
    seed: int = 0

    @property
    def patients(self) -> list[str]:
        """Everybody in it."""
        return sorted({record.patient_id for record in self.records})

    @property
    def cases(self) -> int:
        """How many cases."""
        return len({record.case_id for record in self.records})

    def of(self, method: str) -> list[Record]:
        """Valid records of a method."""
        return [record for record in self.records if record.method == method and not record.failed]

    def failed(self, method: str) -> list[Record]:
        """Invalid outputs of a method."""
        return [record for record in self.records if record.method == method and record.failed]

    def by_patient(self, method: str, metric: str, *, size: bool = False) -> dict[str, float]:
        """Mean of a metric (or of its size) over each patient's cases, for patients with a finite one."""
        values: defaultdict[str, list[float]] = defaultdict(list)
        for record in self.of(method):
            value = record.value(metric)
            if np.isfinite(value):
                values[record.patient_id].append(abs(value) if size else value)
        return {patient: float(np.mean(given)) for patient, given in sorted(values.items())}

    def paired(self, method: str, metric: str, *, size: bool = False) -> NDArray[np.float64]:
        """Differences of a method to `cof`, patient by patient, where both have the metric."""
        theirs, ours = (self.by_patient(name, metric, size=size) for name in (method, OURS))
        return np.array([theirs[patient] - ours[patient] for patient in theirs if patient in ours])

    @property
    def notes(self) -> list[str]:
        """What must be said under every table."""
        said = [HONESTY[self.kind], f"{self.part.value} part, {self.cases} cases of {len(self.patients)} patients."]
        if self.labels == "expert":
            said.append("Upper bound: the anchor's labels are the case's own, not the segmenter's.")
        failed = {method: len(self.failed(method)) for method in self.methods}
        bad = ", ".join(f"{method} {count}" for method, count in failed.items() if count)
        return [*said, f"Invalid outputs: {bad or 'none'}."]


def studies(records: Sequence[Record], part: Split, methods: Sequence[str], out: Path, **known: str) -> list[Study]:
    """One study for each kind among the records; `known` are further attributes."""
    kinds = [kind for kind in Kind if any(record.kind is kind for record in records)]
    return [
        Study(kind, part, tuple(r for r in records if r.kind is kind), tuple(methods), out, **known)  # type: ignore[arg-type]
        for kind in kinds
    ]

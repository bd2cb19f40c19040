"""A small store of made cases whose numbers are known by construction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cof_viewer.cohort.audits.measures import Measured, Measures
from cof_viewer.cohort.audits.shape import ANATOMY_NAMES, FUNCTION_NAMES
from cof_viewer.cohort.case import COMPONENTS, CohortCase, Kind
from cof_viewer.cohort.manifest import CaseRow
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.domain.split import Split
from cof_viewer.signal import FEATURE_NAMES


def tube(
    radius_mm: tuple[float, float] = (24.0, 16.0),
    wall_mm: tuple[float, float] = (8.0, 12.0),
    descent_mm: float = 12.0,
    slices: int = 9,
) -> CohortCase:
    """A heart that is a tube: LV and wall of the given radii at ED and ES in every slice but the outermost.

    The wall comes down from base to apex linearly by `descent_mm` at ES, half way between ED and ES of everything.
    """
    y, x = np.mgrid[:96, :96] - 47.5
    radius = 1.5 * np.hypot(x, y)
    swing = np.sin(np.pi * np.arange(25) / 20) ** 2 * (np.arange(25) < 20)
    image = np.full((25, slices, 96, 96), 60, np.uint8)
    labels = np.zeros((25, slices, 96, 96), np.uint8)
    field = np.zeros((25, slices, 24, 24, 3), np.float16)
    depth = np.linspace(1.0, 0.0, slices)[:, None, None]
    for t, s in enumerate(swing):
        inner = radius_mm[0] + s * (radius_mm[1] - radius_mm[0])
        outer = inner + wall_mm[0] + s * (wall_mm[1] - wall_mm[0])
        one = np.where(radius < inner, 1, np.where(radius < outer, 2, 0))
        labels[t, 1:-1] = one
        image[t, 1:-1] = np.array([60, 200, 90], np.uint8)[one]
        field[t, ..., 2] = -descent_mm * s * depth
    times = tuple(float(32 * k) for k in range(25))
    return CohortCase(
        case_id="sim-1",
        patient_id="sim:1",
        kind=Kind.SIMULATED,
        part=Split.TRAIN,
        group="normal",
        image=image,
        labels=labels,
        labels_by=("simulated",) * 25,
        displacement_mm=field,
        slice_mm=10.0,
        rr_ms=800.0,
        phase_ms=times,
        es_phase=10,
        numbers={},
        origins=dict.fromkeys(COMPONENTS, "simulated") | {"ecg": "none"},
    )


def measured(index: int, kind: Kind, ef: float, ecg: dict[str, float], anatomy: float, **row: str) -> Measured:
    """A case of which only some numbers are told."""
    function = dict.fromkeys(FUNCTION_NAMES, np.nan) | {"ef_percent": ef, "esv_ml": 200.0 - ef}
    by = dict.fromkeys(COMPONENTS, "measured") | {"ecg": row.get("ecg_by", "simulated")}
    line = CaseRow(
        *(f"case-{index}", row.get("patient", f"p{index}"), kind, Split.TRAIN, row.get("group", "normal"), "x.h5"),
        bytes=1,
        sha256=f"{index:064d}",
        made_from="",
        sex=row.get("sex", ""),
        age_years=float("nan"),
        rr_ms=800.0,
        numbers={},
        origins=by,
    )
    values = dict.fromkeys(FEATURE_NAMES, 0.0) | ecg
    shape = dict.fromkeys(ANATOMY_NAMES, 0.0) | {"lv_ml": anatomy}
    return Measured(line, Measures(function, shape, values, [0.0] * 19, [1.0] * 25, 800.0, f"ecg-{index}"))


@dataclass(frozen=True)
class Patients:
    """A few simulated patients on few slices, as a source."""

    count: int

    def requests(self) -> list[CaseRequest]:
        """All of them."""
        from cof_viewer.cohort.simulator.source import SimulatedPatients

        return SimulatedPatients(self.count).requests()

    def make(self, request: CaseRequest) -> CohortCase:
        """One of them."""
        from cof_viewer.cohort.simulator.source import SimulatedPatients

        return SimulatedPatients(self.count).make(request)

"""Cases quickly made by hand, and a source of them that can fail in every way."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cof_viewer.cohort.case import BOX_PHASES, BOX_PIXELS, COMPONENTS, MOTION_PIXELS, CohortCase, Kind, lattice_pixels
from cof_viewer.cohort.case import Origin as By
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split

ES_PHASE = 9
SLICES = 3
_CENTRE = 47.5


def request_for(name: str, *, patient: str = "", part: Split = Split.TRAIN, what: tuple[str, ...] = ()) -> CaseRequest:
    """A request for the case of that name."""
    return CaseRequest(name, patient or f"hand:{name}", Kind.SIMULATED, part, "normal", what or ("good",))


def ring_case(request: CaseRequest, scale: float = 0.7) -> CohortCase:
    """A ring round the box's centre whose radius shrinks to `scale` at ES and comes back; EF is 1 - scale²."""
    half = 0.5 * (1.0 - np.cos(2 * math.pi * np.arange(BOX_PHASES) / BOX_PHASES))
    size = 1.0 - (1.0 - scale) * half / half[ES_PHASE]
    y, x = np.mgrid[:BOX_PIXELS, :BOX_PIXELS] - _CENTRE
    radius = np.hypot(y, x)
    labels = np.zeros((BOX_PHASES, SLICES, BOX_PIXELS, BOX_PIXELS), np.uint8)
    for t, s in enumerate(size):
        labels[t] = np.where(radius < 20 * s, 1, np.where(radius < 20 * s + 6, 2, 0))
    at = lattice_pixels() - _CENTRE
    inside = np.exp(-((np.hypot(*np.meshgrid(at, at)) / 30.0) ** 4))
    # The point at x at time t came from x / size.
    pull = (1.0 / size - 1.0)[:, None, None] * inside
    motion = np.zeros((BOX_PHASES, SLICES, MOTION_PIXELS, MOTION_PIXELS, 3), np.float16)
    motion[..., 0] = (1.5 * pull * at[None, None, :])[:, None]
    motion[..., 1] = (1.5 * pull * at[None, :, None])[:, None]
    ed_ml = float((labels[0] == 1).sum()) * 1.5 * 1.5 * 8 / 1000
    es_ml = float((labels[ES_PHASE] == 1).sum()) * 1.5 * 1.5 * 8 / 1000
    return CohortCase(
        *(request.case_id, request.patient_id, request.kind, request.part, request.group),
        image=np.where(labels == 1, 200, np.where(labels == 2, 60, 90)).astype(np.uint8),
        labels=labels,
        labels_by=(By.SIMULATED.value,) * BOX_PHASES,
        displacement_mm=motion,
        slice_mm=8.0,
        rr_ms=1000.0,
        phase_ms=tuple(40.0 * t for t in range(BOX_PHASES)),
        es_phase=ES_PHASE,
        numbers={"edv_ml": ed_ml, "esv_ml": es_ml, "ef_percent": 100 * (1 - es_ml / ed_ml), "es_ms": 360.0},
        origins={name: By.SIMULATED.value for name in COMPONENTS},
        ecg_mv=np.zeros((12, 5000), np.float32),
    )


@dataclass(frozen=True)
class HandMade:
    """A source whose requests say how each ends; `seed` as in real sources."""

    asked: tuple[CaseRequest, ...]
    seed: int = 0

    def requests(self) -> Sequence[CaseRequest]:
        return self.asked

    def make(self, request: CaseRequest) -> CohortCase:
        how = request.what[0]
        if how == "unusable":
            raise UserError(f'The labels of "{request.case_id}" are missing. Add them.')
        if how == "fault":
            raise ZeroDivisionError("nobody thought of it")
        if how == "killed":
            os._exit(9)
        if how == "memory":
            raise MemoryError
        if how == "slow":
            time.sleep(60)
        if how == "killed-once":
            once = Path(str(request.what[1]))
            if not once.exists():
                once.touch()
                os._exit(9)
        return ring_case(request)


def keep_fault(folder: Path, error: BaseException) -> Path:
    """Log a fault as the program would."""
    log = folder / "fault.log"
    log.write_text(type(error).__name__, encoding="utf-8")
    return log

"""One case of the cohort: a beat, its labels, its motion and an ECG, and what of it was measured.

Cases of different kinds are never mixed up: every case carries its kind, its part of the split, and for each of its
components where it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.split import Split

BOX_PIXELS = 96
"""Rows and columns of the heart's box."""

BOX_SPACING_MM = 1.5
"""In-plane pixel of the box: that of the canonical grid."""

BOX_PHASES = 25
"""Phases that a case keeps, k·RR/25 after the anchor."""

MOTION_STEP = 4
"""Pixels of the box between two points of the stored displacement."""

MOTION_PIXELS = BOX_PIXELS // MOTION_STEP
"""Rows and columns of the stored displacement."""


class Kind(StrEnum):
    """How real a case is."""

    MEASURED_PAIR = "measured-pair"
    MEASURED_CINE = "measured-cine"
    COMPLETED = "completed"
    ECG_FIRST = "ecg-first"
    SIMULATED = "simulated"


MADE_KINDS = (Kind.SIMULATED, Kind.ECG_FIRST)
"""Kinds whose heart is simulated: its motion and numbers are known."""


class Origin(StrEnum):
    """Where a component of a case comes from."""

    MEASURED = "measured"
    EXPERT = "expert"
    SEGMENTED = "segmented"
    TRACKED = "tracked"
    FITTED = "fitted"
    MATCHED = "matched"
    RULE = "rule"
    SIMULATED = "simulated"
    NONE = "none"


COMPONENTS = ("image", "labels", "motion", "times", "ecg")
"""The components whose origin every case states."""


@dataclass(frozen=True, eq=False)
class CohortCase:
    """One case, on the heart's box: canonical orientation (base first, RV left, anterior up), 96 x 96 at 1.5 mm.

    Phase 0 is ED and the anchor, whatever the source's order was.

    Attributes:
        case_id: letters, digits, "-" and "_"; the name of its file.
        patient_id: source and patient, as "acdc:patient001" or "sim:000123"; what the split goes by.
        kind: see `Kind`.
        part: what the case may be used for.
        group: diagnosis of the source or simulated condition.
        image: uint8 [t, z, 96, 96]; 0 where nothing was imaged.
        labels: uint8 [t, z, 96, 96]; 1 LV, 2 Myo, 3 RV.
        labels_by: origin of each phase's labels, [t] of `Origin` values.
        displacement_mm: float16 [t, z, 24, 24, 3] = (dx, dy, dz) in mm along the box's axes, pull-back from the anchor:
            the picture of phase t at x is the anchor at x + u_t(x). Point (i, j) lies at pixel (4 j + 1.5, 4 i + 1.5).
        slice_mm: distance between slices.
        rr_ms: length of the beat, consistent with the ECG's where there is one.
        phase_ms: [t] from the R peak.
        es_phase: index of ES.
        numbers: what is known of the beat: "edv_ml", "esv_ml", "ef_percent", "es_ms", "lv_mass_g", ...; truth for
            simulated patients, label counts of the experts or of the segmenter for real ones (see `origins`).
        origins: origin of each of `COMPONENTS`.
        ecg_mv: float32 [12, samples] at 500 Hz in the order I II III aVR aVL aVF V1-V6; None where there is none.
        ecg_name: which record it is; empty where there is none.
        ecg_candidates: names of the records it was drawn from, where it was matched.
        age_years: NaN where unknown.
        sex: "M", "F" or "".
        recipe: plain values that make the case again in full (simulated: seed and arguments), else what was done.
        spacing_known: whether mm and mL are true.
    """

    case_id: str
    patient_id: str
    kind: Kind
    part: Split
    group: str
    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    labels_by: tuple[str, ...]
    displacement_mm: NDArray[np.float16]
    slice_mm: float
    rr_ms: float
    phase_ms: tuple[float, ...]
    es_phase: int
    numbers: Mapping[str, float]
    origins: Mapping[str, str]
    ecg_mv: NDArray[np.float32] | None = None
    ecg_name: str = ""
    ecg_candidates: tuple[str, ...] = ()
    age_years: float = float("nan")
    sex: str = ""
    recipe: Mapping[str, object] = field(default_factory=dict)
    spacing_known: bool = True

    @property
    def phases(self) -> int:
        """Number of phases T."""
        return len(self.image)

    @property
    def slices(self) -> int:
        """Number of slices."""
        return int(self.image.shape[1])


def lattice_pixels() -> NDArray[np.float64]:
    """Where the rows and the columns of the stored displacement lie, in the box's pixels."""
    return np.asarray(np.arange(MOTION_PIXELS) * MOTION_STEP + (MOTION_STEP - 1) / 2.0)

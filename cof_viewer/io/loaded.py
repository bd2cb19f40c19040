"""What a reader hands back: a stack with all that its own file says, before the study around it is put together."""

from __future__ import annotations

from dataclasses import dataclass, field

from cof_viewer.domain.flag import Flag
from cof_viewer.domain.image import Cine, Volume
from cof_viewer.domain.study import Patient


@dataclass(frozen=True, eq=False)
class Loaded:
    """A stack and what its file says.

    Attributes:
        stack: the pictures.
        flags: what reading found out.
        patient: as far as the file says.
        study_date: ISO or None.
        description: of the stack.
        anchor_phase_hint: "ed" or "es" where the file says which phase a single volume is.
        reference: DICOM attributes for derived objects.
        simulated: whether the file says that the patient is simulated.
    """

    stack: Cine | Volume
    flags: tuple[Flag, ...] = ()
    patient: Patient = field(default_factory=Patient)
    study_date: str | None = None
    description: str = ""
    anchor_phase_hint: str | None = None
    reference: dict[str, str] = field(default_factory=dict)
    simulated: bool = False

"""A case as files that the window opens: a cine in NIfTI, the ECG as a WFDB record, and who it is.

The frame is the box's own: rows and columns along the box's axes, no place in a scanner. Simulated pictures and ECGs
say so in their files, as those of the demo do.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from cof_viewer.cohort.case import BOX_PIXELS, BOX_SPACING_MM, CohortCase, Origin
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ
from cof_viewer.domain.grid import grid_from_spacing

_COUNTS_A_MV = 1000.0
_MOST_COUNTS = 32767


def write_study(case: CohortCase, folder: Path) -> tuple[Path, Path | None]:
    """Write `cine.nii.gz`, `study.json` and, where there is one, `ecg.hea` with `ecg.dat`.

    Args:
        case: any.
        folder: an empty one.

    Returns:
        The cine and the ECG's header, None without an ECG.

    Raises:
        UserError: the folder can't be written.
    """
    from cof_viewer.io.export.nifti import MEASURED, SIMULATED, write_cine

    simulated = case.origins.get("image") == Origin.SIMULATED
    shape = (case.slices, BOX_PIXELS, BOX_PIXELS)
    grid = grid_from_spacing(
        shape,
        (BOX_SPACING_MM, BOX_SPACING_MM, case.slice_mm),
        spacing_known=case.spacing_known,
        orientation_known=False,
    )
    cine = folder / "cine.nii.gz"
    write_cine(
        cine,
        case.image.astype(np.float32),
        grid,
        phase_ms=case.phase_ms,
        rr_ms=case.rr_ms,
        description=SIMULATED if simulated else MEASURED,
    )
    facts: dict[str, object] = {
        "name": f"{case.case_id} ({case.kind.value})",
        "simulated": simulated,
        "description": f"{case.kind.value} case of a cohort: {case.group}",
        "rr_ms": case.rr_ms,
    }
    if case.sex:
        facts["sex"] = case.sex
    if math.isfinite(case.age_years):
        facts["age"] = case.age_years
    (folder / "study.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8", newline="\n")
    return cine, None if case.ecg_mv is None else _write_ecg(case, folder)


def _write_ecg(case: CohortCase, folder: Path) -> Path:
    """WFDB header and format-16 samples, 1 uV a count."""
    assert case.ecg_mv is not None
    counts = np.clip(np.rint(case.ecg_mv.T * _COUNTS_A_MV), -_MOST_COUNTS, _MOST_COUNTS).astype("<i2")
    lines = [f"ecg {len(LEADS)} {SAMPLING_HZ:g} {len(counts)}"]
    for i, lead in enumerate(LEADS):
        check = (int(counts[:, i].astype(np.int64).sum()) + 0x8000) % 0x10000 - 0x8000
        lines.append(f"ecg.dat 16 {_COUNTS_A_MV:g}(0)/mV 16 0 {counts[0, i]} {check} 0 {lead}")
    simulated = case.origins.get("ecg") == Origin.SIMULATED
    lines.append("# SIMULATED: no patient" if simulated else f"# {case.origins.get('ecg', '')} to the pictures")
    header = folder / "ecg.hea"
    header.write_text("\n".join(lines) + "\n", encoding="ascii", errors="replace", newline="\n")
    (folder / "ecg.dat").write_bytes(counts.tobytes())
    return header

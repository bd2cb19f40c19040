"""Make the demo studies: simulated patients that ship with the program, the same bytes every time.

Run `python -m cof_viewer.cohort.demo --out DIR`. Each study is a folder with `cine.nii.gz`, an ECG in WFDB
form (`ecg.hea`, `ecg.dat`) and `study.json`; all three say that the patient is simulated.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator import Condition, SimulatedCase, simulate
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ
from cof_viewer.domain.grid import LPS_FROM_RAS

_PHASES = 25
_SIZE = 128
_SPACING_MM = 1.8
_NOISE = 2.0
_COUNTS = 0.5
"""Counts a unit of simulated signal: few grey levels and little noise keep the files small."""


@dataclass(frozen=True)
class DemoStudy:
    """One row of the demo: folder, name on screen, and what is simulated."""

    folder: str
    name: str
    condition: Condition
    seed: int
    sex: str
    heart_rate_bpm: float
    lbbb: bool | None = None
    slices: int = 12


STUDIES: tuple[DemoStudy, ...] = (
    DemoStudy("normal", "Demo: normal", Condition.NORMAL, 61, "F", 64.0, slices=11),
    DemoStudy("dilated-lbbb", "Demo: dilated, LBBB", Condition.DILATED, 73, "M", 76.0, lbbb=True, slices=12),
    DemoStudy("infarct", "Demo: old anterior infarct", Condition.INFARCT_ANTERIOR, 22, "M", 70.0, slices=12),
)

_README = """# Demo studies: simulated patients

Nobody was scanned: pictures, ECGs and numbers in these folders are simulated. They are for trying the program and for
tests, never for judging a method. Each folder holds

- `cine.nii.gz`: short-axis cine, 25 phases over one beat, slices base to apex, 8 mm thick and 10 mm apart
  (NIfTI, int16, RAS affine in mm, phase step in ms in the fourth spacing);
- `ecg.hea`, `ecg.dat`: 12 leads, 10 s, 500 Hz, 1 uV a count (WFDB format 16);
- `study.json`: name, sex, age, height, weight, and under `truth` the numbers that the simulation was made from.

Made by `python -m cof_viewer.cohort.demo --out DIR`, and kept as they are: the simulator has changed since, and makes
other patients of the same kinds (the same version makes the same bytes). Picture, motion
and ECG of a patient follow from one set of causes: one activation map drives QRS and the onset of regional
contraction, one scar map drives lost R waves and motionless, thinned wall, and the ECG's intervals set the times of
the beat.
"""


def _nifti_header(shape: tuple[int, ...], affine_ras: NDArray[np.float64], step_ms: float, words: str) -> bytes:
    """The 348 bytes of a NIfTI-1 header and 4 of no extension; int16, mm and ms, sform and qform of the scanner.

    Written out here because this room may not use nibabel; layout after the NIfTI-1 standard (nifti1.h).
    """
    header = bytearray(352)
    lengths = np.linalg.norm(affine_ras[:3, :3], axis=0)
    quaternion, sign = _quaternion(affine_ras[:3, :3] / lengths)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, len(shape), *shape, *([1] * (7 - len(shape))))
    struct.pack_into("<2h", header, 70, 4, 16)
    struct.pack_into("<8f", header, 76, sign, *lengths, step_ms, 0.0, 0.0, 0.0)
    struct.pack_into("<3f", header, 108, 352.0, 1.0, 0.0)
    struct.pack_into("<B", header, 123, 2 | 16)
    struct.pack_into("<80s", header, 148, words.encode("ascii"))
    struct.pack_into("<2h", header, 252, 1, 1)
    struct.pack_into("<3f", header, 256, *quaternion)
    struct.pack_into("<3f", header, 268, *affine_ras[:3, 3])
    struct.pack_into("<12f", header, 280, *affine_ras[:3].ravel())
    struct.pack_into("<16s", header, 328, b"simulated")
    struct.pack_into("<4s", header, 344, b"n+1\0")
    return bytes(header)


def _quaternion(axes: NDArray[np.float64]) -> tuple[tuple[float, float, float], float]:
    """(b, c, d) of a rotation and qfac: -1 where the third axis had to be turned for a right-handed frame."""
    sign = 1.0 if np.linalg.det(axes) > 0 else -1.0
    m = axes * np.array([1.0, 1.0, sign])
    values, vectors = np.linalg.eigh(
        np.array(
            [
                [m[0, 0] - m[1, 1] - m[2, 2], 0, 0, 0],
                [m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], 0, 0],
                [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1], 0],
                [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], m[0, 0] + m[1, 1] + m[2, 2]],
            ]
        )
        / 3.0
    )
    x, y, z, w = vectors[:, int(np.argmax(values))]
    turn = -1.0 if w < 0 else 1.0
    return (float(turn * x), float(turn * y), float(turn * z)), sign


def cine_bytes(case: SimulatedCase) -> bytes:
    """The cine as gzipped NIfTI; time stamp 0, so equal cases give equal bytes."""
    assert case.cine is not None
    data = np.clip(np.rint(case.cine.data * _COUNTS), 0, 4095).astype("<i2")
    affine_ras = LPS_FROM_RAS @ case.grid.patient_from_voxel
    step_ms = case.timing.rr_ms / case.cine.phases
    shape = tuple(reversed(data.shape))
    header = _nifti_header(shape, affine_ras, step_ms, "SIMULATED short-axis cine, no patient; COF Viewer demo")
    out = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=9, mtime=0) as packed:
        packed.write(header + data.tobytes())
    return out.getvalue()


def ecg_files(case: SimulatedCase, record: str = "ecg") -> tuple[str, bytes]:
    """WFDB header text and format-16 samples (1000 counts a mV)."""
    counts = np.clip(np.rint(case.ecg.signal_mv.T * 1000.0), -32767, 32767).astype("<i2")
    lines = [f"{record} {len(LEADS)} {SAMPLING_HZ:g} {len(counts)}"]
    for i, lead in enumerate(LEADS):
        check = int(counts[:, i].astype(np.int64).sum()) & 0xFFFF
        check -= 0x10000 if check >= 0x8000 else 0
        lines.append(f"{record}.dat 16 1000(0)/mV 16 0 {counts[0, i]} {check} 0 {lead}")
    lines += ["# SIMULATED: no patient", f"# Age: {case.subject.age_years}", f"# Sex: {case.subject.sex}"]
    return "\n".join(lines) + "\n", counts.tobytes()


def study_facts(study: DemoStudy, case: SimulatedCase) -> dict[str, Any]:
    """What `study.json` holds."""
    truth = case.truth
    single = {
        name: None if (value := getattr(truth, name)) is None else round(float(value), 2)
        for name in truth.__dataclass_fields__
        if not isinstance(getattr(truth, name), tuple)
    }
    curves = {
        name: [round(v, 2) for v in getattr(truth, name)] for name in ("phase_ms", "lv_volume_ml", "rv_volume_ml")
    }
    subject = case.subject
    return {
        "name": study.name,
        "simulated": True,
        "condition": study.condition.value,
        "sex": subject.sex,
        "age": subject.age_years,
        "height_cm": subject.height_cm,
        "weight_kg": subject.weight_kg,
        "truth": {**single, **curves},
    }


def make_study(study: DemoStudy) -> SimulatedCase:
    """Simulate one row."""
    return simulate(
        study.seed,
        study.condition,
        study.sex,
        heart_rate_bpm=study.heart_rate_bpm,
        lbbb=study.lbbb,
        phases=_PHASES,
        slices=study.slices,
        size=_SIZE,
        spacing_mm=_SPACING_MM,
        noise=_NOISE,
    )


def write_demo(out: Path) -> None:
    """Write every study and the README below a folder."""
    for study in STUDIES:
        case = make_study(study)
        folder = out / study.folder
        folder.mkdir(parents=True, exist_ok=True)
        header, samples = ecg_files(case)
        (folder / "cine.nii.gz").write_bytes(cine_bytes(case))
        (folder / "ecg.hea").write_text(header, encoding="ascii", newline="\n")
        (folder / "ecg.dat").write_bytes(samples)
        text = json.dumps(study_facts(study, case), indent=1) + "\n"
        (folder / "study.json").write_text(text, encoding="utf-8", newline="\n")
    (out / "README.md").write_text(_README, encoding="utf-8", newline="\n")


def main(arguments: list[str] | None = None) -> int:
    """Command line: `--out FOLDER`."""
    parser = argparse.ArgumentParser(prog="python -m cof_viewer.cohort.demo", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that receives the studies")
    write_demo(parser.parse_args(arguments).out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

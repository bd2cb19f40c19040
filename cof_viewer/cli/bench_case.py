"""The simulated patient that the engine is timed on, made once and kept in the temporary folder."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import cof_viewer
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, Volume
from cof_viewer.domain.study import Study

_SEEDS = (3, 4)  # the patient, and who lends another ECG
_FIELD_MM = 360.0
CINE_PHASES = 30


@dataclass(frozen=True, eq=False)
class KeptCase:
    """Files of one made patient.

    Attributes:
        cine: [30, z, y, x] float32, `.npy`; read only when the cine is asked for.
        rest: `.npz` with geometry, times and both ECGs.
    """

    cine: Path
    rest: Path

    def anchor(self) -> Volume:
        """Phase 0, which is ED."""
        data = np.load(self.cine, mmap_mode="r")
        return Volume(np.array(data[0]), self._grid(), name="bench")

    def ecgs(self) -> tuple[Ecg, Ecg]:
        """The patient's own and another one's."""
        with np.load(self.rest) as file:
            return tuple(Ecg(file[f"ecg{k}"], 500.0, (), name=f"bench-{k}", simulated=True) for k in range(2))  # type: ignore[return-value]

    def study(self) -> Study:
        """The whole cine."""
        with np.load(self.rest) as file:
            phase_ms, rr_ms = tuple(map(float, file["phase_ms"])), float(file["rr_ms"])
        return Study("bench", cine=Cine(np.load(self.cine), self._grid(), phase_ms, rr_ms), simulated=True)

    def _grid(self) -> Grid:
        with np.load(self.rest) as file:
            shape = tuple(int(n) for n in file["shape"])
            return Grid((shape[0], shape[1], shape[2]), file["affine"])


def bench_case(slices: int, size: int) -> KeptCase:
    """A patient of that size, from the temporary folder or made now.

    It is made in a process of its own, so that the making does not count as the engine's memory.

    Args:
        slices: of the stack.
        size: rows and columns; the field of view is 360 mm.
    """
    folder = Path(tempfile.gettempdir()) / f"cof-viewer-bench-{cof_viewer.__version__}"
    case = KeptCase(folder / f"{slices}x{size}.npy", folder / f"{slices}x{size}.npz")
    if not (case.cine.is_file() and case.rest.is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        maker = multiprocessing.get_context("spawn").Process(target=make_case, args=(case, slices, size))
        maker.start()
        maker.join()
        if maker.exitcode:
            raise RuntimeError(f"the case could not be made (exit code {maker.exitcode})")
    return case


def make_case(case: KeptCase, slices: int, size: int) -> None:
    """Simulate the patient and write both files."""
    from cof_viewer.cohort.simulator.case import simulate

    made = simulate(_SEEDS[0], phases=CINE_PHASES, slices=slices, size=size, spacing_mm=_FIELD_MM / size)
    other = simulate(_SEEDS[1], phases=CINE_PHASES, picture=False)
    cine = made.cine
    assert cine is not None
    beside = case.cine.with_suffix(f".{os.getpid()}.part.npy")
    np.save(beside, cine.data.astype(np.float32))
    beside.replace(case.cine)
    beside = case.rest.with_suffix(f".{os.getpid()}.part.npz")
    np.savez(
        beside,
        shape=np.array(made.grid.shape),
        affine=made.grid.patient_from_voxel,
        phase_ms=np.array(cine.phase_ms),
        rr_ms=np.array(cine.rr_ms),
        ecg0=made.ecg.signal_mv,
        ecg1=other.ecg.signal_mv,
    )
    beside.replace(case.rest)

"""What the session writes into the library; never in the way of the work itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from cof_viewer.app.bugs import log_bug
from cof_viewer.app.library import Library, LibraryRow
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.study import Study


class LibraryKeeper:
    """Keeps the library up to date; when it can't be written, everything else goes on."""

    def __init__(self, library: Library) -> None:
        """Write into this library."""
        self._library = library

    def remember(self, path: Path, ecg: Path | None, study: Study, keep: int) -> None:
        """Put a study that was opened on top."""
        row = LibraryRow(
            path=str(path.absolute()),
            ecg_path=str(ecg.absolute()) if ecg is not None else None,
            name=study.patient.name,
            patient_id=study.patient.patient_id,
            study_date=study.study_date,
            description=study.description,
            simulated=study.simulated,
            has_cine=study.cine is not None,
        )
        self._try(lambda: self._library.remember(row, keep=keep))

    def set_measured(self, path: Path, measurement: Measurement) -> None:
        """Note the measured numbers of a study."""
        numbers = measurement.result.function
        self._try(
            lambda: self._library.set_numbers(
                str(path.absolute()), measured_ef_percent=numbers.ef_percent, measured_edv_ml=numbers.edv_ml
            )
        )

    def set_generated(self, path: Path, generation: Generation) -> None:
        """Note the generated numbers of a study, and which of them are withheld."""
        result = generation.result
        self._try(
            lambda: self._library.set_numbers(
                str(path.absolute()),
                generated_ef_percent=result.function.ef_percent,
                generated_edv_ml=result.function.edv_ml,
                withheld=" ".join(result.withheld),
            )
        )

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except (sqlite3.Error, OSError) as error:
            log_bug(error)

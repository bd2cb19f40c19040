"""A 12-lead ECG and the one cycle of it that drives a beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEADS: tuple[str, ...] = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
"""Standard order of leads in every array of the project."""

SAMPLING_HZ = 500.0
"""Rate of every ECG inside the program (COF, data protocol)."""


@dataclass(frozen=True, eq=False)
class Ecg:
    """A record in standard form: mV, 500 Hz, 12 leads, unfiltered.

    Attributes:
        signal_mv: float32 [12, samples], leads in the order of `LEADS`; a lead that is missing is all zero.
        source_hz: rate of the file before resampling.
        source_leads: names of the leads that the file itself holds.
        flat_leads: leads without signal.
        problems: codes with a sentence each, such as ("lead-flat", "Lead V3 is flat."), found while reading.
        name: file name without folder.
        sha256: checksum of signal and rate, free of names; identifies the input in provenance.
        simulated: whether the record says that it was simulated.
        age_years: of the patient, None where not known.
        sex: "M", "F" or None.
        recorded: date or date and time as the file has it, ISO, or None.
    """

    signal_mv: NDArray[np.float32]
    source_hz: float
    source_leads: tuple[str, ...]
    flat_leads: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    name: str = ""
    sha256: str = ""
    simulated: bool = False
    age_years: float | None = None
    sex: str | None = None
    recorded: str | None = None

    def __post_init__(self) -> None:
        """Check the shape."""
        if self.signal_mv.ndim != 2 or self.signal_mv.shape[0] != len(LEADS):
            raise ValueError(f"signal must be [12, samples], is {self.signal_mv.shape}")

    @property
    def seconds(self) -> float:
        """Length of the record."""
        return float(self.signal_mv.shape[1] / SAMPLING_HZ)

    def lead(self, name: str) -> NDArray[np.float32]:
        """Samples of one lead in mV."""
        return np.asarray(self.signal_mv[LEADS.index(name)])


@dataclass(frozen=True)
class Intervals:
    """Measures of the median beat, unfiltered, None where not measurable.

    Times `*_at_ms` count from the R peak (negative before it); the rest are durations.
    """

    rr_ms: float | None = None
    pr_ms: float | None = None
    qrs_ms: float | None = None
    qt_ms: float | None = None
    p_ms: float | None = None
    axis_degrees: float | None = None
    p_onset_at_ms: float | None = None
    p_end_at_ms: float | None = None
    qrs_onset_at_ms: float | None = None
    qrs_end_at_ms: float | None = None
    t_peak_at_ms: float | None = None
    t_end_at_ms: float | None = None

    @property
    def qtc_fridericia_ms(self) -> float | None:
        """QT / RR^(1/3), RR in seconds (Fridericia 1920)."""
        return self.qt_ms / (self.rr_ms / 1000.0) ** (1 / 3) if self.qt_ms and self.rr_ms else None

    @property
    def qtc_bazett_ms(self) -> float | None:
        """QT / RR^(1/2), RR in seconds (Bazett 1920)."""
        return self.qt_ms / (self.rr_ms / 1000.0) ** 0.5 if self.qt_ms and self.rr_ms else None


@dataclass(frozen=True, eq=False)
class Beat:
    """The representative cycle: from one R peak to the next, nearest to the median beat.

    Attributes:
        signal_mv: float32 [12, L], the samples from R to R at 500 Hz, unfiltered.
        median_mv: float32 [12, M], the median beat from `median_start_ms` before to after R, unfiltered.
        median_start_ms: time of the first sample of `median_mv` relative to R (negative).
        rr_ms: length of the chosen cycle.
        r_peaks_ms: times of all R peaks from the start of the record.
        chosen: index into `r_peaks_ms` of the R peak that starts the cycle.
        intervals: measures of the median beat.
        irregular: whether RR varies too much for one beat to stand for the record (as in atrial fibrillation).
        excluded: indices of R peaks whose beats were left out (ectopic, artefact).
    """

    signal_mv: NDArray[np.float32]
    median_mv: NDArray[np.float32]
    median_start_ms: float
    rr_ms: float
    r_peaks_ms: tuple[float, ...]
    chosen: int
    intervals: Intervals
    irregular: bool = False
    excluded: tuple[int, ...] = ()

    @property
    def heart_rate_bpm(self) -> float:
        """60,000 / RR of the chosen cycle."""
        return 60_000.0 / self.rr_ms

    @property
    def start_ms(self) -> float:
        """Time of the chosen cycle's R peak from the start of the record."""
        return self.r_peaks_ms[self.chosen]

"""What an ECG file holds, before it is brought into standard form. Every format reader returns this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RawRecord:
    """The rhythm record of one file as stored: its own leads, its own rate.

    Attributes:
        signal_mv: float64 [channel, sample] in mV; NaN where the file marks a sample as missing.
        names: name of each channel as the file spells it, "" where it has none.
        hz: sampling rate.
        problems: codes with a sentence each, found while reading.
        simulated: whether the file says that the record was simulated.
        age_years: of the patient, None where not known.
        sex: "M", "F" or None.
        recorded: date or date and time, ISO, or None.
    """

    signal_mv: NDArray[np.float64]
    names: tuple[str, ...]
    hz: float
    problems: tuple[tuple[str, str], ...] = ()
    simulated: bool = False
    age_years: float | None = None
    sex: str | None = None
    recorded: str | None = None

    @property
    def seconds(self) -> float:
        """Length of the record."""
        return float(self.signal_mv.shape[1] / self.hz)


_MV_PER_UNIT = {
    "mv": 1.0,
    "millivolt": 1.0,
    "uv": 1e-3,
    "µv": 1e-3,
    "μv": 1e-3,
    "microvolt": 1e-3,
    "nv": 1e-6,
    "v": 1e3,
}


def mv_per_unit(unit: str | None) -> float | None:
    """Factor from a unit of voltage to mV; None where the unit is not known."""
    return _MV_PER_UNIT.get((unit or "").strip().casefold())


def plain_sex(text: object) -> str | None:
    """ "M" or "F" from what files write, else None."""
    word = str(text or "").strip().casefold()
    if word in {"m", "male", "man", "1"}:
        return "M"
    return "F" if word in {"f", "female", "woman", "2"} else None


def plain_age(text: object) -> float | None:
    """Age in years from a number as text; None where it is not a likely age (PTB-XL writes 300 for 90 or older)."""
    try:
        years = float(str(text).strip())
    except ValueError:
        return None
    if years >= 250:
        return 90.0
    return years if 0 <= years <= 125 else None

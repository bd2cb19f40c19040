"""The numbers of a beat, and where each comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from cof_viewer.domain.flag import Flag


class Source(StrEnum):
    """Where a number or a picture comes from; the line style in every panel (solid, dashed, dotted)."""

    MEASURED = "measured"
    GENERATED = "generated"
    SIMULATED = "simulated"
    ECG = "ecg"


PAPILLARIES_IN_VOLUME = "papillaries-in-volume"
"""Convention of the labels: papillary muscles and trabeculae count as blood (ACDC, M&Ms; Petersen 2017)."""

MYOCARDIUM_DENSITY_G_PER_ML = 1.05
"""Density of heart muscle used for mass (SCMR post-processing guideline)."""


@dataclass(frozen=True)
class Function:
    """Volumes over the beat and the numbers that follow. Unrounded; None = not known.

    Attributes:
        ed_phase: phase of largest LV volume, 0-based, earlier on a tie, on the curve that is shown.
        es_phase: phase of smallest LV volume.
        lv_volume_ml: soft volume of each phase; None where spacing is unknown (then see `lv_relative`).
        lv_relative: volume of each phase over the largest, always known.
        interval90: metric name -> (low, high), calibrated; empty before calibration.
        lv_band_ml: (low, high) per phase, None before calibration.
        rv_band_ml: the same for the right ventricle.
        source: metric name -> where it comes from.
    """

    edv_ml: float | None = None
    esv_ml: float | None = None
    sv_ml: float | None = None
    ef_percent: float | None = None
    cardiac_output_l_min: float | None = None
    heart_rate_bpm: float | None = None
    lv_mass_g: float | None = None
    rv_edv_ml: float | None = None
    rv_esv_ml: float | None = None
    rv_ef_percent: float | None = None
    ed_phase: int | None = None
    es_phase: int | None = None
    phase_ms: tuple[float, ...] | None = None
    lv_volume_ml: tuple[float, ...] | None = None
    rv_volume_ml: tuple[float, ...] | None = None
    lv_relative: tuple[float, ...] = ()
    rv_relative: tuple[float, ...] = ()
    interval90: dict[str, tuple[float, float]] = field(default_factory=dict)
    lv_band_ml: tuple[tuple[float, float], ...] | None = None
    rv_band_ml: tuple[tuple[float, float], ...] | None = None
    source: dict[str, Source] = field(default_factory=dict)
    convention: str = PAPILLARIES_IN_VOLUME


METRICS: tuple[str, ...] = (
    "ef_percent",
    "edv_ml",
    "esv_ml",
    "sv_ml",
    "cardiac_output_l_min",
    "heart_rate_bpm",
    "lv_mass_g",
    "rv_edv_ml",
    "rv_esv_ml",
    "rv_ef_percent",
)
"""Names of the single numbers of `Function`, in the order in which they are shown."""


@dataclass(frozen=True)
class Agreement:
    """Dice of generated against measured labels, per generated phase, at equal fraction of RR."""

    lv_dice: tuple[float, ...]
    myo_dice: tuple[float, ...]
    rv_dice: tuple[float, ...]


@dataclass(frozen=True)
class Provenance:
    """What made a result; inputs by checksum, never by name."""

    engine_version: str
    weights_sha256: dict[str, str]
    seed: int | None = None
    members: int | None = None
    steps: int | None = None
    device: str = "cpu"
    anchor: str | None = None
    anchor_phase: int | None = None
    ecg: str | None = None


@dataclass(frozen=True)
class Result:
    """What a report, an export or the window needs beside pictures: numbers, agreement, flags, provenance.

    Attributes:
        function: the generated numbers of a generation, the measured ones of a measurement.
        measured: the measured numbers beside a generation, else None.
    """

    function: Function
    measured: Function | None
    agreement: Agreement | None
    flags: tuple[Flag, ...]
    provenance: Provenance

    @property
    def withheld(self) -> tuple[str, ...]:
        """Names of the numbers that a stop withholds, in the order of `METRICS`."""
        named = {name for flag in self.flags for name in flag.withholds}
        return tuple(name for name in METRICS if name in named)

"""What a report says, worked out before anything is drawn: rows of numbers, sources, ranges, what is withheld."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cof_viewer.anatomy.norms import NormRange, lookup
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.flag import Flag, Severity, worst_first
from cof_viewer.domain.function import METRICS, Function, Result, Source
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import Cine, LabelCine
from cof_viewer.domain.study import Study

NAMES: dict[str, tuple[str, str]] = {
    "ef_percent": ("LV EF", "%"),
    "edv_ml": ("LV EDV", "mL"),
    "esv_ml": ("LV ESV", "mL"),
    "sv_ml": ("LV SV", "mL"),
    "cardiac_output_l_min": ("CO", "L/min"),
    "heart_rate_bpm": ("HR", "/min"),
    "lv_mass_g": ("LV mass", "g"),
    "rv_edv_ml": ("RV EDV", "mL"),
    "rv_esv_ml": ("RV ESV", "mL"),
    "rv_ef_percent": ("RV EF", "%"),
}
"""Metric -> (name, unit) as printed."""

_INDEXED = ("edv_ml", "esv_ml", "sv_ml", "cardiac_output_l_min", "lv_mass_g", "rv_edv_ml", "rv_esv_ml")
MINUS = "\u2212"


@dataclass(frozen=True)
class NumberRow:
    """One line of the table.

    Attributes:
        metric: name of the `Function` field.
        name: as printed.
        unit: as printed.
        value: unrounded; None where not known or withheld.
        interval: calibrated 90 % interval, None before calibration.
        per_m2: value per m² of body surface.
        norm: normal range that fits the patient.
        source: where the value comes from.
        measured: value of the measured cine beside a generation.
        withheld_by: the stop that withholds the value.
    """

    metric: str
    name: str
    unit: str
    value: float | None
    interval: tuple[float, float] | None = None
    per_m2: float | None = None
    norm: NormRange | None = None
    source: Source | None = None
    measured: float | None = None
    withheld_by: Flag | None = None

    @property
    def side(self) -> int:
        """-1 below the normal range, 1 above it, 0 inside or without a range."""
        return self.norm.side_of(self.value) if self.norm is not None and self.value is not None else 0

    def rounded(self, value: float) -> str:
        """A value of this row as printed: whole numbers, CO with one decimal."""
        return rounded(value, 1 if self.metric == "cardiac_output_l_min" else 0)


@dataclass(frozen=True, eq=False)
class ReportFacts:
    """All that a report is made from."""

    study: Study
    outcome: Generation | Measurement
    ecg: Ecg | None
    beat: Beat | None
    institution: str = ""
    conclusion: str = ""

    @property
    def result(self) -> Result:
        """Numbers, flags and provenance."""
        return self.outcome.result

    @property
    def function(self) -> Function:
        """The numbers on top: generated ones of a generation, measured ones of a measurement."""
        return self.outcome.result.function

    @property
    def generated(self) -> Generation | None:
        """The generation, None for a measurement."""
        return self.outcome if isinstance(self.outcome, Generation) else None

    @property
    def cine(self) -> Cine:
        """The beat that is shown."""
        return self.outcome.cine

    @property
    def labels(self) -> LabelCine:
        """Its labels."""
        return self.outcome.labels

    @property
    def simulated(self) -> bool:
        """Whether patient or ECG are simulated."""
        return self.study.simulated or (self.ecg is not None and self.ecg.simulated)

    @property
    def rr_ms(self) -> float | None:
        """Length of the beat that is shown."""
        if self.cine.rr_ms:
            return self.cine.rr_ms
        return self.beat.rr_ms if self.beat is not None and self.generated is not None else None

    @cached_property
    def flags(self) -> tuple[Flag, ...]:
        """Flags of study and result, worst first, each once."""
        return worst_first(self.result.flags + self.study.flags)

    @property
    def stops(self) -> tuple[Flag, ...]:
        """Flags that withhold numbers."""
        return tuple(flag for flag in self.flags if flag.severity is Severity.STOP)

    @property
    def hides_curve(self) -> bool:
        """Whether nothing drawn may let a withheld volume or EF be read off."""
        return bool({"ef_percent", "edv_ml", "esv_ml", "sv_ml"} & set(self.result.withheld))

    def source_at(self, phase: int | None) -> Source:
        """Where picture and contours of a phase come from: the anchor's phase of a generation is the anchor."""
        generated = self.generated
        if generated is not None and phase != generated.anchor_phase:
            return Source.GENERATED
        return Source.SIMULATED if self.study.simulated else Source.MEASURED

    @cached_property
    def rows(self) -> tuple[NumberRow, ...]:
        """The table, in the order of `METRICS`."""
        return tuple(self._row(metric) for metric in METRICS)

    def row(self, metric: str) -> NumberRow:
        """The row of one metric."""
        return self.rows[METRICS.index(metric)]

    def _row(self, metric: str) -> NumberRow:
        name, unit = NAMES[metric]
        measured = getattr(self.result.measured, metric) if self.result.measured is not None else None
        if metric in self.result.withheld:
            by = next(flag for flag in self.result.flags if metric in flag.withholds)
            return NumberRow(metric, name, unit, None, measured=measured, withheld_by=by)
        value: float | None = getattr(self.function, metric)
        if value is None:
            return NumberRow(metric, name, unit, None, measured=measured)
        patient = self.study.patient
        bsa = patient.bsa_m2
        return NumberRow(
            metric,
            name,
            unit,
            value,
            interval=self.function.interval90.get(metric),
            per_m2=value / bsa if bsa and metric in _INDEXED else None,
            norm=lookup(metric, patient.sex, patient.age_years, bsa, self.function.convention),
            source=self.function.source.get(metric),
            measured=measured,
        )


def rounded(value: float, decimals: int = 0) -> str:
    """A number as printed, half away from zero, with a true minus and no negative zero."""
    scale = 10**decimals
    whole = int(abs(value) * scale + 0.5 + 1e-9)
    sign = MINUS if value < 0 and whole else ""
    return sign + (f"{whole / scale:.{decimals}f}" if decimals else f"{whole}")


def span(low: float, high: float, decimals: int = 0) -> str:
    """A range as printed, with an en dash."""
    return f"{rounded(low, decimals)}–{rounded(high, decimals)}"

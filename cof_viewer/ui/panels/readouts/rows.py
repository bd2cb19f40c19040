"""What the readouts show: read from the session's numbers, without drawing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cof_viewer.anatomy.norms import NormRange, lookup
from cof_viewer.app.session import Session
from cof_viewer.domain.flag import Flag, Severity, worst_first
from cof_viewer.domain.function import Function, Source
from cof_viewer.domain.study import Patient


@dataclass(frozen=True)
class RowSpec:
    """One number: its field in `Function`, its words, its unit, its decimals."""

    metric: str
    name: str
    unit: str
    digits: int = 0


EF = RowSpec("ef_percent", "LV EF", "%")
ROWS: tuple[RowSpec, ...] = (
    RowSpec("edv_ml", "LV EDV", "mL"),
    RowSpec("esv_ml", "LV ESV", "mL"),
    RowSpec("sv_ml", "LV SV", "mL"),
    RowSpec("cardiac_output_l_min", "CO", "L/min", 1),
    RowSpec("heart_rate_bpm", "HR", "/min"),
    RowSpec("lv_mass_g", "LV mass", "g"),
    RowSpec("rv_edv_ml", "RV EDV", "mL"),
    RowSpec("rv_esv_ml", "RV ESV", "mL"),
    RowSpec("rv_ef_percent", "RV EF", "%"),
)
"""Rows below EF, in the order in which they are shown; adding a number is adding a row here."""


def figure(value: float, digits: int = 0) -> str:
    """A number with a true minus and thin spaces between groups of thousands."""
    return f"{value:,.{digits}f}".replace(",", "\u2009").replace("-", "\u2212")


def span(pair: tuple[float, float], digits: int = 0) -> str:
    """A range, such as "28–40"."""
    return f"{figure(pair[0], digits)}–{figure(pair[1], digits)}"


@dataclass(frozen=True)
class Readout:
    """One number ready to show.

    Attributes:
        spec: its words.
        value: None where not known or withheld.
        source: where the value comes from.
        interval: 90 % interval, None before calibration.
        normal: normal range of the patient's sex and age, None where no trusted table fits.
        measured: the measured value beside a generated one, else None.
        measured_source: how that value is marked: measured, or simulated where the patient is.
        withheld: whether a stop withholds it.
    """

    spec: RowSpec
    value: float | None
    source: Source
    interval: tuple[float, float] | None = None
    normal: NormRange | None = None
    measured: float | None = None
    measured_source: Source = Source.MEASURED
    withheld: bool = False

    @property
    def side(self) -> int:
        """-1 below normal, 1 above, 0 inside or not known."""
        return self.normal.side_of(self.value) if self.normal is not None and self.value is not None else 0

    @property
    def placeable(self) -> bool:
        """Whether there is anything on a strip to compare the value with."""
        beside = (self.normal, self.interval, self.measured)
        return self.value is not None and any(other is not None for other in beside)

    @property
    def words(self) -> str:
        """The value, or a dash where there is none."""
        return "–" if self.value is None else figure(self.value, self.spec.digits)

    @property
    def difference(self) -> float | None:
        """Generated minus measured."""
        return None if self.value is None or self.measured is None else self.value - self.measured


@dataclass(frozen=True)
class ReadoutsShown:
    """Everything that the panel shows.

    Attributes:
        ef: the ejection fraction.
        rows: the other numbers.
        flags: worst first.
        generated: whether the numbers are of a generated beat.
        stopped: whether a stop withholds some of them (also when they are shown anyway).
        compared: whether measured values stand beside generated ones.
        measured_source: how measured values are marked: measured, or simulated where the patient is.
        sex: whose normal ranges are used, "" where unknown.
    """

    ef: Readout
    rows: tuple[Readout, ...]
    flags: tuple[Flag, ...]
    generated: bool
    stopped: bool
    compared: bool
    measured_source: Source
    sex: str

    def count(self, severity: Severity) -> int:
        """How many flags of one severity there are."""
        return sum(flag.severity is severity for flag in self.flags)

    @property
    def counts_words(self) -> str:
        """Such as "2 stops · 3 cautions"."""
        parts = []
        for severity in (Severity.STOP, Severity.CAUTION, Severity.NOTE):
            number = self.count(severity)
            if number:
                parts.append(f"{number} {severity.value}{'s' if number > 1 else ''}")
        return " · ".join(parts)


def readouts_of(session: Session, *, anyway: bool = False) -> ReadoutsShown | None:
    """Read the session's numbers; None before anything is measured or generated.

    Args:
        session: the document.
        anyway: whether the reader asked to see the numbers that a stop withholds.
    """
    numbers, study = session.numbers, session.case.study
    if numbers is None or study is None:
        return None
    generated = session.result.shown == "generated"
    measurement = session.result.measurement
    beside = (measurement.result.function if measurement else numbers.measured) if generated else None
    withheld = frozenset() if anyway else frozenset(numbers.withheld)

    stands_for = Source.SIMULATED if study.simulated else Source.MEASURED

    def read(spec: RowSpec) -> Readout:
        source = numbers.function.source.get(spec.metric, session.source)
        source = stands_for if source is Source.MEASURED else source
        readout = Readout(spec, None, source, measured_source=stands_for)
        if beside is not None and source is Source.GENERATED:
            readout = replace(readout, measured=getattr(beside, spec.metric))
        if spec.metric in withheld:
            return replace(readout, withheld=True)
        return _with_value(readout, numbers.function, study.patient)

    return ReadoutsShown(
        read(EF),
        tuple(read(spec) for spec in ROWS),
        worst_first((*study.flags, *numbers.flags)),
        generated,
        bool(numbers.withheld),
        beside is not None,
        stands_for,
        study.patient.sex or "",
    )


def _with_value(readout: Readout, function: Function, patient: Patient) -> Readout:
    """The number with what it is to be judged by."""
    metric = readout.spec.metric
    return replace(
        readout,
        value=getattr(function, metric),
        interval=function.interval90.get(metric),
        normal=lookup(metric, patient.sex, patient.age_years, patient.bsa_m2, function.convention),
    )

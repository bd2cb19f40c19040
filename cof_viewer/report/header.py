"""Top of the page: title, who and what, and the box that says what is generated."""

from __future__ import annotations

from cof_viewer.domain.function import Source
from cof_viewer.report import words
from cof_viewer.report.facts import ReportFacts, rounded
from cof_viewer.report.page import Page, fitted, wrapped
from cof_viewer.report.style import (
    BODY,
    DASHES,
    INK,
    LEADING,
    LEFT,
    RED,
    RIGHT,
    SEMIBOLD,
    SMALL,
    TEXT2,
    TITLE,
)

_COLUMNS = (LEFT, 143.0, 249.4, 356.2, 463.2, RIGHT)


def draw_title(page: Page, facts: ReportFacts) -> None:
    """Title, what it is made from, the institution; ends at y = 64."""
    page.text(LEFT, 41, "Cardiac function", TITLE, SEMIBOLD)
    page.text(LEFT, 54, words.subtitle(facts), BODY, color=TEXT2)
    lines = [line.strip() for line in facts.institution.splitlines() if line.strip()][:2]
    for row, line in enumerate(lines):
        font, color = (SEMIBOLD, INK) if row == 0 else ("Inter", TEXT2)
        text = fitted(line, 250, BODY, font)
        page.text(RIGHT, 54 - 11 * (len(lines) - 1 - row), text, BODY, font, color, "right")
    page.line([(LEFT, 64), (RIGHT, 64)], INK, 1.2)


def draw_facts(page: Page, facts: ReportFacts) -> None:
    """Five columns: patient, size, MRI, anchor or cine, ECG; ends at y = 115."""
    columns = (_patient(facts), _size(facts), _mri(facts), _anchor(facts), _ecg(facts))
    for start, end, (label, *lines) in zip(_COLUMNS, _COLUMNS[1:], columns, strict=False):
        page.text(start, 79, label, SMALL, color=TEXT2)
        for row, line in enumerate(lines):
            font, color = (SEMIBOLD, INK) if row == 0 else ("Inter", TEXT2)
            page.text(start, 90 + 11 * row, fitted(line, end - start - 6, BODY, font), BODY, font, color)


def draw_origin(page: Page, facts: ReportFacts, y: float) -> float:
    """The box that says what is generated, its line solid, dashed or dotted; returns its lower edge."""
    head, body = words.origin(facts)
    width = RIGHT - LEFT - 18
    lines = wrapped([(head, SEMIBOLD), (body, "Inter")], width, BODY)
    height = len(lines) * BODY * LEADING + 10
    stopped = bool(facts.stops)
    source = Source.GENERATED if facts.generated is not None else Source.MEASURED
    if facts.simulated and facts.generated is None:
        source = Source.SIMULATED
    color = RED if stopped else INK
    page.box(
        LEFT,
        y,
        RIGHT - LEFT,
        height,
        stroke=color,
        line_width=1.2 if stopped else 0.8,
        dash=DASHES[source],
        radius=2,
    )
    page.paragraph(LEFT + 9, y + 12.4, width, [(head, SEMIBOLD), (body, "Inter")], BODY, color)
    return y + height


def _patient(facts: ReportFacts) -> tuple[str, ...]:
    patient = facts.study.patient
    name = patient.name or patient.patient_id or "Name not known"
    age = f"{rounded(patient.age_years)} y" if patient.age_years is not None else None
    who = " · ".join(part for part in (patient.sex, age) if part) or "sex and age not known"
    other_id = patient.patient_id if patient.name and patient.patient_id != patient.name else None
    return ("Patient", name, who, *([f"ID {other_id}"] if other_id else []))


def _size(facts: ReportFacts) -> tuple[str, ...]:
    patient = facts.study.patient
    parts = [
        f"{rounded(value)} {unit}" for value, unit in ((patient.height_cm, "cm"), (patient.weight_kg, "kg")) if value
    ]
    bsa = patient.bsa_m2
    second = f"BSA {rounded(bsa, 2)} m² (Mosteller)" if bsa else "body surface not known"
    return ("Size", " · ".join(parts) or "Not known", second)


def _mri(facts: ReportFacts) -> tuple[str, ...]:
    grid = facts.cine.grid
    x, y, z = grid.spacing_mm
    in_plane = f"{x:.2f}" if abs(x - y) < 0.005 else f"{x:.2f} × {y:.2f}"
    spacing = f"{z:.4g} mm, {in_plane} mm in plane" if grid.spacing_known else "spacing not known"
    day = words.day(facts.study.study_date)
    slices = grid.shape[0]
    return ("MRI", f"Short axis, {slices} slice{'' if slices == 1 else 's'}", spacing, day or "date not known")


def _anchor(facts: ReportFacts) -> tuple[str, ...]:
    generated = facts.generated
    if generated is None:
        return ("Cine", f"Measured, {facts.cine.phases} phases", words.convention(facts))
    phase = generated.anchor_phase
    function = facts.function
    name = {function.ed_phase: "ED, phase", function.es_phase: "ES, phase"}.get(phase, "Phase")
    guessed = ("phase estimated",) if any(flag.code == "anchor-phase-guessed" for flag in facts.flags) else ()
    return ("Anchor", f"{name} {phase + 1} of {facts.cine.phases}", words.convention(facts), *guessed)


def _ecg(facts: ReportFacts) -> tuple[str, ...]:
    ecg, beat = facts.ecg, facts.beat
    if ecg is None:
        return ("ECG", "None", "")
    title = f"{ecg.name}, {rounded(ecg.seconds)} s" if ecg.name else f"12 leads, {rounded(ecg.seconds)} s"
    if beat is None:
        return ("ECG", title)
    rhythm = "irregular" if beat.irregular else "regular"
    day = words.day(ecg.recorded)
    return ("ECG", title, f"{rhythm}, {rounded(beat.heart_rate_bpm)}/min", *([day] if day else []))

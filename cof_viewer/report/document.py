"""One page, two at most: puts the parts of the report in their places and writes the file."""

from __future__ import annotations

import io
from pathlib import Path

from cof_viewer import __version__
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.study import Study
from cof_viewer.io.export.atomic import atomic_file
from cof_viewer.report import comparison, curve, ecg_cycle, header, notes, pictures, table, words
from cof_viewer.report.facts import ReportFacts
from cof_viewer.report.page import Page
from cof_viewer.report.style import COLUMN, LEFT, PAGE_HEIGHT, PAGE_WIDTH, REGULAR, RIGHT, register_fonts


def write_report(
    path: Path,
    study: Study,
    generation_or_measurement: Generation | Measurement,
    ecg: Ecg | None = None,
    beat: Beat | None = None,
    *,
    institution: str = "",
    conclusion: str = "",
) -> None:
    """Write the report of a generated or measured beat as a PDF (A4, vector, fonts embedded).

    The same arguments give the same bytes: no clock enters, the only dates are the study's and the ECG's.

    Args:
        path: the file to make; replaced whole or left alone.
        study: patient, date, flags of reading.
        generation_or_measurement: pictures, labels and numbers.
        ecg: the record that drove the beat, or that lies beside the cine.
        beat: its representative cycle.
        institution: up to two lines for the head.
        conclusion: the reader's words; a summary of the numbers stands there where it is empty.

    Raises:
        UserError: when the file can't be written.
    """
    facts = ReportFacts(study, generation_or_measurement, ecg, beat, institution, conclusion)
    content = render(facts)
    with atomic_file(path) as file:
        file.write(content)


def render(facts: ReportFacts) -> bytes:
    """The PDF's bytes. Drawn twice where the first pass finds that a second page is needed."""
    content, overflows = _draw(facts, pages=1)
    return _draw(facts, pages=2)[0] if overflows else content


def _draw(facts: ReportFacts, pages: int) -> tuple[bytes, bool]:
    """Draw all pages; tells whether the notes overflow the first one."""
    from reportlab.pdfgen.canvas import Canvas

    register_fonts()
    buffer = io.BytesIO()
    canvas = Canvas(
        buffer, (PAGE_WIDTH, PAGE_HEIGHT), invariant=1, pageCompression=1, initialFontName=REGULAR, lang="en"
    )
    canvas.setTitle(f"Cardiac function. {words.RESEARCH_ONLY}")
    canvas.setSubject(words.origin(facts)[0])
    canvas.setAuthor("")
    canvas.setDateFormatter(lambda *_: words.pdf_date(facts.study.study_date))
    canvas.setCreator(f"COF Viewer {__version__}")
    page = Page(canvas)
    overflows = _first_page(page, facts, pages)
    canvas.showPage()
    if pages > 1:
        notes.draw_notes_page(page, facts)
        notes.draw_foot(page, facts, 2, pages)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue(), overflows


def _first_page(page: Page, facts: ReportFacts, pages: int) -> bool:
    """Everything in its place; the box and the table push what follows down a little."""
    header.draw_title(page, facts)
    header.draw_facts(page, facts)
    y = header.draw_origin(page, facts, 121)
    y = table.draw_table(page, facts, y + 8) + 9
    plots_bottom = y + 124
    curve.draw_lv_curve(page, facts, (LEFT, y, COLUMN - 24, plots_bottom))
    top, bottom = plots_bottom + 9, 660.0
    if facts.beat is not None or facts.result.measured is not None:
        ecg_cycle.draw_ecg_cycle(page, facts, (COLUMN, y, RIGHT, plots_bottom))
        pictures.draw_pictures(page, facts, (LEFT, top, COLUMN - 24, bottom))
        _right_of_pictures(page, facts, top, bottom)
    else:  # without an ECG the RV takes its place and more slices are shown
        curve.draw_rv_curve(page, facts, (COLUMN, y, RIGHT, plots_bottom))
        pictures.draw_pictures(page, facts, (LEFT, top, RIGHT, bottom), columns=5)
    pictures.draw_legend(page, facts, RIGHT, bottom - 2)
    overflows = notes.draw_notes(page, facts, bottom + 18, 748)
    notes.draw_provenance(page, facts)
    notes.draw_foot(page, facts, 1, pages)
    return overflows


def _right_of_pictures(page: Page, facts: ReportFacts, top: float, bottom: float) -> None:
    """The RV's curve; below it measured beside generated where the study has both."""
    if facts.generated is not None and facts.result.measured is not None:
        split = bottom - 116
        curve.draw_rv_curve(page, facts, (COLUMN, top, RIGHT, split))
        comparison.draw_comparison(page, facts, (COLUMN, split + 8, RIGHT, bottom - 12))
    else:
        curve.draw_rv_curve(page, facts, (COLUMN, top, RIGHT, bottom - 14))

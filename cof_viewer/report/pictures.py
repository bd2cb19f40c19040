"""ED and ES at base, middle and apex, one window and one crop for all, with contours in their source's line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy.contours import contours
from cof_viewer.domain.function import Source
from cof_viewer.domain.image import Label
from cof_viewer.report.facts import ReportFacts, rounded
from cof_viewer.report.page import Page, width_of
from cof_viewer.report.style import DASHES, ENDO, EPI, RULE, RV, SMALL, TEXT2
from cof_viewer.report.table import draw_glyph

_GAP = 6.0
_CAPTION = 14.0
_DOTS_PER_POINT = 3.6  # about 260 dots per inch
_CONTOUR_DASH = {**DASHES, Source.GENERATED: (2.4, 1.4), Source.SIMULATED: (0.01, 1.7)}


@dataclass(frozen=True)
class Crop:
    """The part of every slice that is shown, in pixels: centre and half sizes."""

    x: float
    y: float
    half_width: float
    half_height: float


@dataclass(frozen=True)
class Window:
    """Grey window."""

    centre: float
    width: float

    def apply(self, grey: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Grey values to 0–255."""
        share = (grey - (self.centre - self.width / 2)) / max(self.width, 1e-6)
        return np.asarray(np.clip(np.nan_to_num(share) * 255.0 + 0.5, 0, 255), dtype=np.uint8)


def draw_pictures(page: Page, facts: ReportFacts, box: tuple[float, float, float, float], columns: int = 3) -> None:
    """Draw ED above ES from base to apex, their names and the caption into (left, top, right, bottom)."""
    left, top, right, bottom = box
    phases = [(name, phase) for name, phase in _phases(facts) if phase is not None]
    slices = chosen_slices(facts.labels.data[phases[0][1]], columns) if phases else ()
    if not slices:
        page.text(left, top + 12, "No phase with a heart to show.", SMALL, color=TEXT2)
        return
    height = (bottom - top - 12 - _GAP) / 2
    width = (right - left - _CAPTION - (columns - 1) * _GAP) / columns
    crop = heart_crop(facts, [phase for _, phase in phases], width / height)
    window = blood_muscle_window(facts, phases[0][1])
    for row, (name, phase) in enumerate(phases):
        y = top + row * (height + _GAP)
        for column, z in enumerate(slices):
            x = left + column * (width + _GAP)
            _draw_slice(page, facts, phase, z, crop, window, (x, y, width, height))
        source = facts.source_at(phase)
        page.upright(right - _CAPTION / 2, y + height / 2, f"{name}, {source}", SMALL, TEXT2)
    shown = ", ".join(str(z + 1) for z in slices)
    places = "Base, middle, apex" if columns == 3 else "Base to apex"
    caption = f"{places} (slices {shown} of {facts.labels.grid.shape[0]}). "
    caption += f"Window W {rounded(window.width)} L {rounded(window.centre)}."
    page.text(left, bottom - 2, caption, SMALL, color=TEXT2)


def draw_legend(page: Page, facts: ReportFacts, right: float, y: float) -> None:
    """Colours say what, lines say where from; set from the right edge."""
    used = {facts.source_at(phase) for _, phase in _phases(facts)}
    if facts.result.measured is not None:
        used.add(Source.MEASURED)
    x = right
    for source in (Source.GENERATED, Source.MEASURED, Source.SIMULATED):
        if source not in used:
            continue
        page.text(x, y, str(source), SMALL, color=TEXT2, align="right")
        x -= width_of(str(source), SMALL) + 16
        draw_glyph(page, x - 1, y - 2.5, source)
        x -= 8
    for name, color in (("RV", RV), ("LV epi", EPI), ("LV endo", ENDO)):
        page.text(x, y, name, SMALL, color=TEXT2, align="right")
        x -= width_of(name, SMALL) + 9
        page.box(x, y - 5.2, 5.2, 5.2, fill=color, radius=1)
        x -= 7


def chosen_slices(labels: NDArray[np.uint8], count: int = 3) -> tuple[int, ...]:
    """Slices evenly along those that hold the LV cavity; three are one sixth, half and five sixths along.

    Args:
        labels: [z, y, x] of one phase, slices base -> apex.
        count: how many at most.
    """
    holding = np.flatnonzero((labels == Label.LV).any(axis=(1, 2)))
    if not len(holding):
        return ()
    places = [len(holding) * (2 * k + 1) // (2 * count) for k in range(count)]
    return tuple(dict.fromkeys(int(holding[place]) for place in places))


def heart_crop(facts: ReportFacts, phases: list[int], aspect: float) -> Crop:
    """A box of the given width : height (in mm) round the labels of these phases, with a margin."""
    found = np.any(facts.labels.data[phases] > 0, axis=(0, 1))
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    spacing_x, spacing_y, _ = facts.labels.grid.spacing_mm
    half_w = 0.5 * (columns[-1] - columns[0] + 1) * spacing_x * 1.25
    half_h = 0.5 * (rows[-1] - rows[0] + 1) * spacing_y * 1.25
    half_w, half_h = max(half_w, half_h * aspect), max(half_h, half_w / aspect)
    centre_x, centre_y = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
    return Crop(float(centre_x), float(centre_y), half_w / spacing_x, half_h / spacing_y)


def blood_muscle_window(facts: ReportFacts, phase: int) -> Window:
    """Centre between the medians of blood and muscle, 2.2 times their distance wide; the same for all pictures."""
    picture, labels = facts.cine.data[phase], facts.labels.data[phase]
    blood, muscle = picture[labels == Label.LV], picture[labels == Label.MYO]
    if len(blood) and len(muscle):
        bright, dark = float(np.median(blood)), float(np.median(muscle))
        if bright - dark > 1e-3 * max(abs(bright), 1.0):
            return Window((bright + dark) / 2, 2.2 * (bright - dark))
    low, high = (float(v) for v in np.percentile(np.nan_to_num(picture), (0.5, 99.5)))
    return Window((low + high) / 2, max(high - low, 1.0))


def _phases(facts: ReportFacts) -> tuple[tuple[str, int | None], ...]:
    """ED and ES."""
    return (("ED", facts.function.ed_phase), ("ES", facts.function.es_phase))


def _draw_slice(
    page: Page,
    facts: ReportFacts,
    phase: int,
    z: int,
    crop: Crop,
    window: Window,
    box: tuple[float, float, float, float],
) -> None:
    """One picture with its contours."""
    x, y, width, height = box
    page.picture(window.apply(_sampled(facts.cine.data[phase, z], crop, width, height)), *box)
    outlines = contours(facts.labels.data[phase, z])
    scale = np.array([width / (2 * crop.half_width), height / (2 * crop.half_height)])
    corner = np.array([crop.x - crop.half_width, crop.y - crop.half_height])
    dash = _CONTOUR_DASH[facts.source_at(phase)]
    with page.clipped(*box, radius=1.5):
        for pieces, color in ((outlines.rv, RV), (outlines.epi, EPI), (outlines.endo, ENDO)):
            for piece in pieces:
                points = (piece - corner) * scale + (x, y)
                page.line(points, "#000000", 1.7, closed=True)
                page.line(points, color, 1.2 if 0 < sum(dash) < 2 else 0.9, dash, closed=True)
    page.box(*box, stroke=RULE, line_width=0.3, radius=1.5)


def _sampled(picture: NDArray[np.float32], crop: Crop, width: float, height: float) -> NDArray[np.float32]:
    """The crop at print resolution, by cubic interpolation; black beyond the picture's edge."""
    from scipy import ndimage

    rows, columns = round(height * _DOTS_PER_POINT), round(width * _DOTS_PER_POINT)
    step = np.array([2 * crop.half_height / rows, 2 * crop.half_width / columns])
    start = np.array([crop.y - crop.half_height, crop.x - crop.half_width]) + step / 2
    finite = np.nan_to_num(np.asarray(picture, dtype=np.float32))
    smooth = ndimage.affine_transform(
        finite, step, start, output_shape=(rows, columns), order=3, mode="nearest", output=np.float32
    )
    return np.asarray(smooth)

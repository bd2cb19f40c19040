"""A thin layer over reportlab: places from the top left, wrapped runs of text, lines that dash."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cof_viewer.report.style import BODY, INK, LEADING, PAGE_HEIGHT, REGULAR, register_fonts

Align = Literal["left", "right", "centre"]
Run = tuple[str, str]
"""(text, font name)."""


class Page:
    """What is drawn on the page that is being made."""

    def __init__(self, canvas: Any) -> None:
        """Draw on a reportlab canvas."""
        register_fonts()
        self.canvas = canvas

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = BODY,
        font: str = REGULAR,
        color: str = INK,
        align: Align = "left",
    ) -> float:
        """Write one line with its baseline at y; returns its width."""
        shown = printable(text, font)
        self.canvas.setFillColor(color)
        self.canvas.setFont(font, size)
        draw = {"left": "drawString", "right": "drawRightString", "centre": "drawCentredString"}[align]
        getattr(self.canvas, draw)(x, PAGE_HEIGHT - y, shown)
        return width_of(shown, size, font)

    def upright(self, x: float, y: float, text: str, size: float = BODY, color: str = INK) -> None:
        """Write a line that runs downwards, centred at (x, y)."""
        with self._saved():
            self.canvas.translate(x, PAGE_HEIGHT - y)
            self.canvas.rotate(-90)
            self.canvas.setFillColor(color)
            self.canvas.setFont(REGULAR, size)
            self.canvas.drawCentredString(0, -size * 0.35, printable(text, REGULAR))

    def paragraph(
        self,
        x: float,
        y: float,
        width: float,
        runs: str | Sequence[Run],
        size: float = BODY,
        color: str = INK,
        most: int | None = None,
    ) -> float:
        """Write wrapped text whose first baseline is at y; returns the baseline after the last line.

        Args:
            x: left edge.
            y: first baseline.
            width: of the column.
            runs: text, or pieces of text with their fonts.
            size: of the type.
            color: of the type.
            most: lines at most; the rest is cut with an ellipsis.
        """
        lines = wrapped(runs, width, size)
        if most is not None and len(lines) > most:
            lines = lines[:most]
            text, font = lines[-1][-1]
            lines[-1][-1] = (fitted(f"{text}…", width - _line_width(lines[-1][:-1], size), size, font), font)
        for line in lines:
            at = x
            for text, font in line:
                at += self.text(at, y, text, size, font, color)
            y += size * LEADING
        return y

    def line(
        self,
        points: Sequence[tuple[float, float]] | NDArray[np.floating],
        color: str = INK,
        width: float = 0.6,
        dash: Sequence[float] = (),
        *,
        closed: bool = False,
    ) -> None:
        """Draw a line through points."""
        with self._saved():
            self.canvas.setStrokeColor(color)
            self.canvas.setLineWidth(width)
            self.canvas.setLineJoin(1)
            if dash:
                self.canvas.setDash(list(dash))
                self.canvas.setLineCap(1 if dash[0] < 0.1 else 0)
            self.canvas.drawPath(self._path(points, closed), stroke=1, fill=0)

    def polygon(
        self, points: Sequence[tuple[float, float]] | NDArray[np.floating], color: str, opacity: float = 1.0
    ) -> None:
        """Fill the inside of a closed line."""
        with self._saved():
            self.canvas.setFillColor(color)
            self.canvas.setFillAlpha(opacity)
            self.canvas.drawPath(self._path(points, True), stroke=0, fill=1)

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        *,
        fill: str | None = None,
        stroke: str | None = None,
        line_width: float = 0.6,
        dash: Sequence[float] = (),
        radius: float = 0.0,
    ) -> None:
        """Draw a rectangle whose top left corner is (x, y)."""
        with self._saved():
            if fill is not None:
                self.canvas.setFillColor(fill)
            if stroke is not None:
                self.canvas.setStrokeColor(stroke)
                self.canvas.setLineWidth(line_width)
                if dash:
                    self.canvas.setDash(list(dash))
                    self.canvas.setLineCap(1 if dash[0] < 0.1 else 0)
            flags = {"stroke": int(stroke is not None), "fill": int(fill is not None)}
            self.canvas.roundRect(x, PAGE_HEIGHT - y - height, width, height, radius, **flags)

    def disc(self, x: float, y: float, radius: float, fill: str, stroke: str | None = None) -> None:
        """Draw a disc, with a ring round it where `stroke` is given."""
        with self._saved():
            self.canvas.setFillColor(fill)
            self.canvas.setLineWidth(1.0)
            if stroke is not None:
                self.canvas.setStrokeColor(stroke)
            self.canvas.circle(x, PAGE_HEIGHT - y, radius, stroke=int(stroke is not None), fill=1)

    def arrow(self, x: float, y: float, side: int, color: str) -> None:
        """Draw a small arrow centred at (x, y), up for side 1, down for -1."""
        tip, tail = y - 3.0 * side, y + 3.0 * side
        self.line([(x, tail), (x, tip)], color, 0.8)
        self.line([(x - 2.2, tip + 2.2 * side), (x, tip), (x + 2.2, tip + 2.2 * side)], color, 0.8)

    def picture(self, grey: NDArray[np.uint8], x: float, y: float, width: float, height: float) -> None:
        """Put a grey picture [rows, columns] into a box, corners slightly rounded."""
        from PIL import Image
        from reportlab.lib.utils import ImageReader

        with self.clipped(x, y, width, height, radius=1.5):
            reader = ImageReader(Image.fromarray(grey))
            self.canvas.drawImage(reader, x, PAGE_HEIGHT - y - height, width, height)

    @contextmanager
    def clipped(self, x: float, y: float, width: float, height: float, radius: float = 0.0) -> Iterator[None]:
        """Draw inside a rectangle only."""
        with self._saved():
            path = self.canvas.beginPath()
            path.roundRect(x, PAGE_HEIGHT - y - height, width, height, radius)
            self.canvas.clipPath(path, stroke=0, fill=0)
            yield

    def _saved(self) -> AbstractContextManager[None]:
        """Keep pen, clip and place of the canvas as they were."""
        return _saved_state(self.canvas)

    def _path(self, points: Sequence[tuple[float, float]] | NDArray[np.floating], closed: bool) -> Any:
        """A path through points."""
        path = self.canvas.beginPath()
        for place, (x, y) in enumerate(points):
            (path.lineTo if place else path.moveTo)(float(x), PAGE_HEIGHT - float(y))
        if closed:
            path.close()
        return path


@contextmanager
def _saved_state(canvas: Any) -> Iterator[None]:
    canvas.saveState()
    try:
        yield
    finally:
        canvas.restoreState()


def width_of(text: str, size: float = BODY, font: str = REGULAR) -> float:
    """Width of one line in points."""
    from reportlab.pdfbase import pdfmetrics

    register_fonts()
    return float(pdfmetrics.stringWidth(text, font, size))


def printable(text: str, font: str) -> str:
    """The text with signs that the font lacks replaced by a question mark (better than an empty box)."""
    from reportlab.pdfbase import pdfmetrics

    register_fonts()
    known = pdfmetrics.getFont(font).face.charToGlyph
    return "".join(sign if ord(sign) in known else "?" for sign in text)


def fitted(text: str, width: float, size: float = BODY, font: str = REGULAR) -> str:
    """The text, cut with an ellipsis where it is wider than the room."""
    if width_of(printable(text, font), size, font) <= width:
        return text
    text = text.rstrip("…")
    while text and width_of(printable(text + "…", font), size, font) > width:
        text = text[:-1]
    return text.rstrip() + "…"


def wrapped(runs: str | Sequence[Run], width: float, size: float) -> list[list[Run]]:
    """Break text into lines of runs; a word longer than a line is broken inside."""
    pieces = [(runs, REGULAR)] if isinstance(runs, str) else list(runs)
    lines: list[list[Run]] = [[]]
    used = 0.0
    for text, font in pieces:
        for word in _words(text, width, size, font):
            wide = width_of(printable(word.rstrip(), font), size, font)
            if used and used + wide > width:
                lines.append([])
                used, word = 0.0, word.lstrip()
            lines[-1].append((word, font))
            used += width_of(printable(word, font), size, font)
            if word.endswith("\n"):
                lines[-1][-1] = (word[:-1], font)
                lines.append([])
                used = 0.0
    return [_joined(line) for line in lines if line]


def _words(text: str, width: float, size: float, font: str) -> Iterator[str]:
    """Words with the space after them; over-long ones in parts; a line break ends a word."""
    for row, paragraph in enumerate(text.split("\n")):
        if row:
            yield "\n"
        for word in paragraph.split(" "):
            parts = math.ceil(width_of(printable(word, font), size, font) / width) if word else 1
            step = math.ceil(len(word) / parts) if parts > 1 else max(len(word), 1)
            cut = [word[start : start + step] for start in range(0, len(word), step)] or [""]
            yield from cut[:-1]
            yield cut[-1] + " "


def _joined(line: list[Run]) -> list[Run]:
    """Put neighbouring words of one font together."""
    result: list[Run] = []
    for text, font in line:
        if result and result[-1][1] == font:
            result[-1] = (result[-1][0] + text, font)
        else:
            result.append((text, font))
    text, font = result[-1]
    return [*result[:-1], (text.rstrip(), font)]


def _line_width(line: Sequence[Run], size: float) -> float:
    """Width of a line of runs."""
    return sum(width_of(printable(text, font), size, font) for text, font in line)

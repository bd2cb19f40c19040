"""Pictures and outlines of the shown stacks, kept between paints.

The large picture, the film strip and the grid all ask here, so that they agree on window, framing and contours, and
so that a phase change costs one windowed plane and, the first time, one set of outlines.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSizeF
from PySide6.QtGui import QImage, QPainterPath, QPolygonF

from cof_viewer.app.session import Session
from cof_viewer.app.state import Shown
from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.function import Source
from cof_viewer.domain.image import Cine, Label, LabelCine
from cof_viewer.ui.render.slice_image import SliceFrame, frame_of, grey_image, heart_box, to_grey

OUTLINES: tuple[str, ...] = ("rv", "epi", "endo")
"""Names of the outlines in the order in which they are drawn, which are also the names of their colours."""

_KEPT_OUTLINES = 2_000
_NEAREST_MARGIN_MM, _FARTHEST_MARGIN_MM = 12.0, 60.0
_THUMB_MARGIN_MM = 8.0


@dataclass(frozen=True)
class Framing:
    """How a stack is laid before the reader.

    Attributes:
        frame: pixel size and turns.
        heart: box in display mm round everything labelled, None before labels are known.
        thumb: square in pixel edges that a thumbnail shows.
    """

    frame: SliceFrame
    heart: QRectF | None
    thumb: QRectF

    def home(self, size: QSizeF) -> QRectF:
        """The box in display mm that zoom 1 shows in a place of the given size.

        The picture fills its place as long as the heart keeps 12 to 60 mm of room; without a heart it is shown whole.
        """
        whole = self.frame.size_mm
        picture = QRectF(-whole.width() / 2, -whole.height() / 2, whole.width(), whole.height())
        if self.heart is None or size.isEmpty():
            return picture
        nearest, farthest = (_scale_to_fit(self.heart, size, m) for m in (_NEAREST_MARGIN_MM, _FARTHEST_MARGIN_MM))
        filling = max(size.width() / whole.width(), size.height() / whole.height())
        seen = size / min(max(filling, farthest), nearest)
        centre = self.heart.center()
        x = _held(centre.x(), picture.left(), picture.right(), seen.width())
        y = _held(centre.y(), picture.top(), picture.bottom(), seen.height())
        return QRectF(x - seen.width() / 2, y - seen.height() / 2, seen.width(), seen.height())


class SlicePictures:
    """What the slice widgets draw, read from a session."""

    def __init__(self, session: Session) -> None:
        """Start with empty stores."""
        self._session = session
        self._outlines: OrderedDict[tuple[int, int, int], dict[str, QPainterPath]] = OrderedDict()
        self._framings: dict[int, tuple[LabelCine | None, CanonicalPose | None, Framing]] = {}
        self._counted: tuple[object, tuple[bool, ...]] | None = None

    def forget(self) -> None:
        """Drop what was kept; called when another study is open or another result is there."""
        self._outlines.clear()
        self._framings.clear()
        self._counted = None

    def cine(self, shown: Shown) -> Cine | None:
        """One of the two cines."""
        return self._session.cine_of(shown)

    def source(self, shown: Shown) -> Source:
        """How a picture of one of the two cines is marked."""
        if shown == "generated":
            return Source.GENERATED
        study = self._session.case.study
        return Source.SIMULATED if study is not None and study.simulated else Source.MEASURED

    def image(self, shown: Shown, phase: int, index: int) -> QImage | None:
        """A slice through the session's window, 8 bit, as it is stored; None where there is none."""
        cine = self.cine(shown)
        if cine is None or not (0 <= phase < cine.phases and 0 <= index < cine.grid.shape[0]):
            return None
        view = self._session.view
        plane = cine.data[phase, index]
        return grey_image(to_grey(plane, view.window.centre, view.window.width, invert=view.invert))

    def framing(self, shown: Shown) -> Framing | None:
        """How one of the two cines is laid out; the same as long as cine and labels stay."""
        cine = self.cine(shown)
        if cine is None:
            return None
        labels = self._session.labels_of(shown)
        if labels is not None and labels.grid.shape != cine.grid.shape:
            labels = None
        pose = self._pose()
        kept = self._framings.get(id(cine))
        if kept is None or kept[0] is not labels or kept[1] != pose:
            kept = (labels, pose, _framing_of(cine, labels, pose))
            self._framings[id(cine)] = kept
        return kept[2]

    def outlines(self, shown: Shown, phase: int, index: int) -> dict[str, QPainterPath]:
        """Closed outlines by name, in pixel edges ((0.5, 0.5) is the middle of the first pixel)."""
        labels = self._session.labels_of(shown)
        if labels is None or not (0 <= phase < labels.phases and 0 <= index < labels.grid.shape[0]):
            return {}
        key = (id(labels), phase, index)
        if key not in self._outlines:
            self._outlines[key] = _paths_of(labels, phase, index)
            while len(self._outlines) > _KEPT_OUTLINES:
                self._outlines.popitem(last=False)
        return self._outlines[key]

    def counted_slices(self) -> tuple[bool, ...]:
        """For each slice whether it counts in the LV volume at any phase; empty before labels are known."""
        labels = self._session.labels
        if labels is None:
            return ()
        if self._counted is None or self._counted[0] is not labels:
            lv = (labels.data == Label.LV).any(axis=(0, 2, 3))
            self._counted = (labels, tuple(bool(held) for held in lv))
        return self._counted[1]

    def _pose(self) -> CanonicalPose | None:
        """How the heart lies in the stack, where the engine has found it out."""
        study = self._session.case.study
        return study.pose if study else None


def _scale_to_fit(box: QRectF, size: QSizeF, margin: float) -> float:
    """Pixels a mm at which a box with a margin just fits."""
    return min(size.width() / (box.width() + 2 * margin), size.height() / (box.height() + 2 * margin))


def _held(centre: float, low: float, high: float, length: float) -> float:
    """Shift a span's centre so that it stays inside [low, high], or to their middle where it is longer."""
    if length >= high - low:
        return (low + high) / 2
    return min(max(centre, low + length / 2), high - length / 2)


def _framing_of(cine: Cine, labels: LabelCine | None, pose: CanonicalPose | None) -> Framing:
    """Frame the heart where labels tell where it is, else the whole picture."""
    frame = frame_of(cine.grid, pose)
    rows, columns = frame.shape
    middle = _square(QRectF(columns * 0.2, rows * 0.2, columns * 0.6, rows * 0.6), frame)
    held = None if labels is None else np.asarray((labels.data != 0).any(axis=(0, 1)), dtype=np.uint8)
    tight = None if held is None else heart_box(held, (0, 0))
    near = None if held is None else heart_box(held, _pixels(_THUMB_MARGIN_MM, frame))
    if tight is None or near is None:
        return Framing(frame, None, middle)
    return Framing(frame, frame.pixel_rect_to_display(*tight), _square(_box(near), frame))


def _pixels(length_mm: float, frame: SliceFrame) -> tuple[float, float]:
    return length_mm / frame.pixel_mm[0], length_mm / frame.pixel_mm[1]


def _box(edges: tuple[int, int, int, int]) -> QRectF:
    left, top, right, bottom = edges
    return QRectF(left, top, right - left, bottom - top)


def _square(box: QRectF, frame: SliceFrame) -> QRectF:
    """Grow a box in pixel edges until it is square in millimetres, moved to stay inside the picture if it fits."""
    side = max(box.width() * frame.pixel_mm[0], box.height() * frame.pixel_mm[1])
    width, height = side / frame.pixel_mm[0], side / frame.pixel_mm[1]
    rows, columns = frame.shape
    left = min(max(0.0, box.center().x() - width / 2), max(0.0, columns - width))
    top = min(max(0.0, box.center().y() - height / 2), max(0.0, rows - height))
    return QRectF(left, top, width, height)


def _paths_of(labels: LabelCine, phase: int, index: int) -> dict[str, QPainterPath]:
    from cof_viewer.anatomy.contours import contours

    found = contours(labels.data[phase, index])
    paths: dict[str, QPainterPath] = {}
    for name in OUTLINES:
        path = QPainterPath()
        for line in getattr(found, name):
            points = line.astype(np.float64) + 0.5
            path.addPolygon(QPolygonF([QPointF(x, y) for x, y in points.tolist()]))
        if not path.isEmpty():
            paths[name] = path
    return paths

"""The ECG's measures in words: intervals of the median beat, or what is said of an irregular rhythm."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.domain.ecg import Beat
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.icons import paint_icon


def measures_words(beat: Beat) -> str:
    """Intervals of the median beat, such as "PR 160 · QRS 90 · QT 406 · QTcF 444 ms · axis 82°"."""
    found = beat.intervals
    times = (("PR", found.pr_ms), ("QRS", found.qrs_ms), ("QT", found.qt_ms), ("QTcF", found.qtc_fridericia_ms))
    parts = [f"{name} {value:.0f}" for name, value in times if value is not None]
    words = " · ".join(parts) + (" ms" if parts else "")
    if found.axis_degrees is not None:
        axis = f"axis {found.axis_degrees:.0f}°".replace("-", "\u2212")
        words = f"{words} · {axis}" if words else axis
    return words


def rhythm_words(beat: Beat) -> str:
    """What is said of a rhythm without a regular beat, such as "mean RR 716 ms, varies 22 %"."""
    gaps = np.diff(np.asarray(beat.r_peaks_ms))
    if len(gaps) < 2:
        return ""
    mean = float(gaps.mean())
    words = f"mean RR {mean:.0f} ms, varies {100 * float(gaps.std(ddof=1)) / mean:.0f} %"
    return words if beat.intervals.pr_ms is not None else f"{words} · no PR"


class MeasuresLine(QWidget):
    """The measures in the header; a warning sign and coloured words where the rhythm is irregular."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Start empty."""
        super().__init__(parent)
        self._theme = theme
        self._warning, self._words = "", ""
        self._stopped = False
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)

    @property
    def text(self) -> str:
        """All the words."""
        return " · ".join(part for part in (self._warning, self._words) if part)

    def set_beat(self, beat: Beat | None, *, stopped: bool = False) -> None:
        """Show another beat's measures; an irregular rhythm is red where a result was stopped, else a caution."""
        self._stopped = stopped
        self._warning = "Irregular rhythm" if beat is not None and beat.irregular else ""
        self._words = "" if beat is None else rhythm_words(beat) if beat.irregular else measures_words(beat)
        self.setToolTip(self.text)
        self.setAccessibleName(self.text)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Sign, warning, measures; cut with an ellipsis where the header is narrow."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self._theme.font("small")
        metrics, left = QFontMetricsF(font), 0.0
        painter.setFont(font)
        middle = Qt.AlignmentFlag.AlignVCenter
        if self._warning:
            colour = self._theme.color("red" if self._stopped else "amber")
            icon = "octagon-x" if self._stopped else "triangle-alert"
            paint_icon(painter, icon, QRectF(0, (self.height() - 13) / 2, 13, 13), colour)
            painter.setPen(colour)
            painter.drawText(QRectF(18, 0, self.width(), self.height()), middle, self._warning)
            left = 18 + metrics.horizontalAdvance(self._warning) + 5
        painter.setPen(self._theme.color("t2"))
        words = f"· {self._words}" if self._warning and self._words else self._words
        room = max(0.0, self.width() - left)
        cut = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(left, 0, room, self.height()), middle, cut)

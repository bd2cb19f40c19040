"""A row of a list: small picture or icon, two lines of words, a glyph at the end, a marker when chosen."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QSizePolicy, QWidget

from cof_viewer.domain.function import Source
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import ThemedButton
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.tag import paint_glyph


class ListRow(ThemedButton):
    """One row, 46 px; clicking it is the command."""

    def __init__(
        self,
        theme: Theme,
        title: str,
        below: str,
        parent: QWidget | None = None,
        *,
        icon: str = "layers",
        picture: QPixmap | None = None,
        source: Source | None = None,
        chosen: bool = False,
        flush: bool = False,
    ) -> None:
        """Build one row.

        Args:
            theme: the window's.
            title: first line.
            below: second line.
            parent: Qt's.
            icon: shown where there is no picture.
            picture: its middle square is shown.
            source: line glyph at the end of the row, or None.
            chosen: whether this row is what is shown.
            flush: whether the picture stands at the left edge, without the panel's padding.
        """
        super().__init__(theme, parent)
        self._below, self._icon, self._picture, self._source = below, icon, picture, source
        self._chosen, self._flush = chosen, flush
        self.setText(title)
        self.setToolTip(f"{title}\n{below}" if below else title)
        self.setAccessibleName(f"{title}, {below}")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def below(self) -> str:
        """The second line."""
        return self._below

    @property
    def chosen(self) -> bool:
        """Whether this row is what is shown."""
        return self._chosen

    def sizeHint(self) -> QSize:
        """By density."""
        return QSize(180, self.theme.px(46, 53))

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Fill, marker, picture, words, glyph."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        theme = self.theme
        if self._chosen or (self.isEnabled() and (self.underMouse() or self.isDown())):
            painter.fillRect(self.rect(), theme.color("raised" if self._chosen else "hover"))
        if self._chosen:
            painter.fillRect(0, 0, 2, self.height(), theme.color("accent"))
        side = theme.px(36, 40)
        left = 0 if self._flush else theme.px(12, 14)
        box = QRectF(left, (self.height() - side) / 2, side, side)
        self._paint_picture(painter, box)
        start = box.right() + 9
        end = self.width() - theme.px(12, 14) - (20 if self._source else 0)
        self._paint_words(painter, start, end - start)
        if self._source is not None:
            paint_glyph(painter, theme, self._source, self.width() - theme.px(12, 14) - 14, self.height() / 2)
        self.paint_focus(painter, 4)

    def _paint_picture(self, painter: QPainter, box: QRectF) -> None:
        painter.save()
        frame = QPainterPath()
        frame.addRoundedRect(box, 3, 3)
        painter.setClipPath(frame)
        if self._picture is not None:
            side = min(self._picture.width(), self._picture.height())
            part = QRectF((self._picture.width() - side) / 2, (self._picture.height() - side) / 2, side, side)
            painter.drawPixmap(box, self._picture, part)
        else:
            painter.fillRect(box, self.theme.color("raised" if not self._chosen else "active"))
            center = box.center()
            paint_icon(painter, self._icon, QRectF(center.x() - 8, center.y() - 8, 16, 16), self.theme.color("t2"))
        painter.restore()

    def _paint_words(self, painter: QPainter, left: float, width: float) -> None:
        theme, middle = self.theme, self.height() / 2
        title, below = theme.font("base"), theme.font("small")
        elide = Qt.TextElideMode.ElideRight
        upper = QRectF(left, middle - 17, width, 17) if self._below else QRectF(left, middle - 9, width, 18)
        align = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setFont(title)
        painter.setPen(theme.color("t1" if self.isEnabled() else "t3"))
        painter.drawText(upper, align, QFontMetricsF(title).elidedText(self.text(), elide, width))
        painter.setFont(below)
        painter.setPen(theme.color("t3"))
        words = QFontMetricsF(below).elidedText(self._below, elide, width)
        painter.drawText(QRectF(left, middle, width, 17), align, words)

"""The bottom bar: play under the rail, time under the slices, speed and Generate under the right column."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from cof_viewer.app.session import Session
from cof_viewer.app.state import SPEEDS
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import IconButton, PushButton, SegmentedControl, ThemedButton
from cof_viewer.ui.widgets.icons import paint_icon
from cof_viewer.ui.widgets.panel import ThemedLabel
from cof_viewer.ui.widgets.progress import ProgressBar
from cof_viewer.ui.widgets.time_line import Beat, TimeLine

_SPEED_WORDS = {0.25: "¼", 0.5: "½", 1.0: "1×", 2.0: "2×"}


class PlayButton(ThemedButton):
    """A 34 px disc with play or pause."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        """Build in the state "not playing"."""
        super().__init__(theme, parent)
        self._playing = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Play or pause")
        self.setToolTip("Play or pause (Space)")

    def set_playing(self, playing: bool) -> None:
        """Show pause while playing."""
        self._playing = playing
        self.update()

    def sizeHint(self) -> QSize:
        """The disc."""
        return QSize(34, 34)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Disc in the text's colour, icon in the panel's."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.theme.color("t1" if self.isEnabled() else "active"))
        painter.drawEllipse(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        ink = self.theme.color("win" if self.isEnabled() else "off")
        left = 9.0 if self._playing else 10.0
        paint_icon(painter, "pause" if self._playing else "play", QRectF(left, 9, 16, 16), ink)
        self.paint_focus(painter, 17)


class TransportBar(QWidget):
    """Three parts under the grid's three columns; Generate becomes progress and Cancel while something runs."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build the bar and listen to the session."""
        super().__init__(parent)
        self._session, self._theme = session, theme
        self._left, self._middle, self._right = QWidget(self), QWidget(self), QWidget(self)
        self._lines = (216, 360)
        self._build_left()
        self._build_middle()
        self._build_right()
        bridge = bridge_of(session)
        for signal in (bridge.case_changed, bridge.result_changed, bridge.busy_changed):
            signal.connect(self.refresh)
        bridge.view_changed.connect(self._view_changed)
        bridge.progress_changed.connect(self._show_progress)
        theme.changed.connect(self.restyle)
        self.restyle()
        self.refresh()

    # -- building ------------------------------------------------------------------------------------------------

    def _build_left(self) -> None:
        row = QHBoxLayout(self._left)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(9)
        row.addStretch(1)
        self.play = PlayButton(self._theme, self._left)
        self.play.clicked.connect(self._session.toggle_play)
        self._steps: list[IconButton] = []
        for icon, tip, command in (
            ("skip-back", "First phase (Home)", self._session.first_phase),
            ("step-back", "Previous phase (←)", lambda: self._session.step_phase(-1)),
            ("", "", None),
            ("step-forward", "Next phase (→)", lambda: self._session.step_phase(1)),
            ("skip-forward", "Last phase (End)", self._session.last_phase),
        ):
            row.addWidget(self.play if command is None else self._step(icon, tip, command))
        row.addStretch(1)

    def _step(self, icon: str, tip: str, command: Callable[[], None]) -> IconButton:
        button = IconButton(self._theme, icon, tip, self._left)
        button.clicked.connect(command)
        self._steps.append(button)
        return button

    def _build_middle(self) -> None:
        row = QHBoxLayout(self._middle)
        row.setSpacing(12)
        self._middle_row = row
        self.time_line = TimeLine(self._theme, self._middle)
        self.time_line.phase_wanted.connect(self._session.set_phase)
        self.time_now = ThemedLabel(self._theme, "", self._middle, bold=True, tabular=True)
        self.time_now.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.time_rest = ThemedLabel(self._theme, "", self._middle, color="t2", tabular=True)
        words = QHBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.time_now)
        words.addWidget(self.time_rest)
        row.addWidget(self.time_line, 1)
        row.addLayout(words)

    def _build_right(self) -> None:
        row = QHBoxLayout(self._right)
        row.setSpacing(8)
        self._right_row = row
        choices = [(str(speed), _SPEED_WORDS[speed], f"Play at {_SPEED_WORDS[speed]} of the beat") for speed in SPEEDS]
        self.speed = SegmentedControl(self._theme, choices, self._right)
        self.speed.chosen.connect(lambda key: self._session.set_speed(float(key)))
        self.loop = IconButton(self._theme, "repeat", "Loop (L)", self._right, checkable=True)
        self.loop.clicked.connect(self._session.toggle_loop)
        self._idle = [self.speed, self.loop]
        self.progress = ProgressBar(self._theme, self._right)
        self.main = PushButton(self._theme, "Generate", self._right, icon="refresh-cw", key="G")
        self.main.clicked.connect(self._main_clicked)
        row.addWidget(self.speed)
        row.addWidget(self.loop)
        row.addWidget(self.progress, 1)
        self._spring = QWidget(self._right)
        row.addWidget(self._spring, 1)
        row.addWidget(self.main)

    # -- following the session -------------------------------------------------------------------------------------

    def set_lines(self, rail: int, right: int) -> None:
        """Follow the grid's two upright lines."""
        self._lines = (rail, right)
        self._place()

    def restyle(self) -> None:
        """Height and margins by density."""
        self.setFixedHeight(self._theme.px(48, 56))
        self._middle_row.setContentsMargins(self._theme.px(6, 8), 0, self._theme.px(12, 14), 0)
        self._right_row.setContentsMargins(self._theme.px(10, 12), 0, self._theme.px(10, 12), 0)
        self._reserve_time()
        self._place()
        self.update()

    def refresh(self) -> None:
        """Show what the session says."""
        session = self._session
        busy, moving = session.busy is not None, session.phases > 1
        self.play.setEnabled(moving)
        for button in self._steps:
            button.setEnabled(moving)
        self.speed.setEnabled(moving)
        self.loop.setEnabled(moving)
        for widget in self._idle:
            widget.setVisible(not busy)
        self._spring.setVisible(not busy)
        self.progress.setVisible(busy)
        if busy and session.busy is not None:
            self._show_progress(session.busy.fraction, session.busy.words)
        self._refresh_main(busy)
        self._reserve_time()
        self._view_changed(frozenset({"phase", "playing", "speed", "loop"}))

    def _refresh_main(self, busy: bool) -> None:
        session = self._session
        if busy:
            self.main.set_look("Cancel", icon=None, key="Esc", primary=False)
            self.main.setEnabled(True)
            self.main.setToolTip("Stop what is running (Esc)")
            return
        obstacle = session.generate_obstacle
        again = session.result.generation is not None
        primary = obstacle is None and not again
        self.main.set_look("Generate again" if again else "Generate", icon="refresh-cw", key="G", primary=primary)
        self.main.setEnabled(obstacle is None)
        stale = "The ECG or the anchor has changed since the last beat was generated. " if session.case.stale else ""
        self.main.setToolTip(obstacle or f"{stale}Generate a beat (G)")

    def _main_clicked(self) -> None:
        if self._session.busy is not None:
            self._session.cancel()
        else:
            self._session.generate()

    def _show_progress(self, fraction: float, words: str) -> None:
        self.progress.set_progress(fraction, words)

    def _view_changed(self, fields: frozenset[str]) -> None:
        session = self._session
        if "playing" in fields:
            self.play.set_playing(session.view.playing)
        if "speed" in fields:
            self.speed.set_current(str(session.view.speed))
        if "loop" in fields:
            self.loop.setChecked(session.view.loop)
        if "phase" in fields:
            self._show_phase()

    def _show_phase(self) -> None:
        session = self._session
        phases, function = session.phases, session.function
        moving = phases > 1
        beat = Beat(
            fractions=self._fractions(),
            phase=session.view.phase,
            ed=function.ed_phase if function is not None and moving else None,
            es=function.es_phase if function is not None and moving else None,
            live=moving,
        )
        self.time_line.set_beat(beat)
        now, rest = self._time_words(session.view.phase)
        self.time_now.setText(now)
        self.time_rest.setText(rest)

    def _reserve_time(self) -> None:
        """Room for the longest words of this beat, so that nothing shifts while playing."""
        last = self._time_words(max(self._session.phases - 1, 0))
        for label, text in zip((self.time_now, self.time_rest), last, strict=True):
            label.setFixedWidth(ceil(QFontMetricsF(label.font()).horizontalAdvance(text)) + 1)

    def _fractions(self) -> tuple[float, ...]:
        session = self._session
        times, rr = session.phase_ms, session.rr_ms
        if times and rr:
            return tuple(min(max(time / rr, 0.0), 1.0) for time in times)
        return tuple(k / session.phases for k in range(session.phases))

    def _time_words(self, phase: int) -> tuple[str, str]:
        """Bold and plain part at a phase, such as "280" and " / 764 ms · 12/30"."""
        session = self._session
        if session.phases < 2:
            beat = session.case.beat
            return "–", f" / {beat.rr_ms:.0f} ms" if beat is not None else ""
        place = f"{phase + 1}/{session.phases}"
        times, rr = session.phase_ms, session.rr_ms
        if times is None or rr is None or phase >= len(times):
            return place, " · times unknown"
        return f"{times[phase]:.0f}", f" / {rr:.0f} ms · {place}"

    # -- drawing ---------------------------------------------------------------------------------------------------

    def _place(self) -> None:
        rail, right = self._lines
        rail = rail or 0
        left_width = rail if rail else 216
        height = self.height()
        self._left.setGeometry(0, 0, left_width, height)
        self._middle.setGeometry(left_width + 1, 0, max(self.width() - left_width - right - 2, 60), height)
        self._right.setGeometry(self.width() - right, 0, right, height)

    def resizeEvent(self, _event: object) -> None:
        """Follow the window."""
        self._place()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """One flat fill, darker than the panels."""
        QPainter(self).fillRect(self.rect(), self._theme.color("win"))

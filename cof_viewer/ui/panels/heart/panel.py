"""The heart panel: header with colouring and views, the picture below; surfaces come from a worker."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from cof_viewer.app.bugs import log_bug
from cof_viewer.app.session import Session
from cof_viewer.ui.bridge import bridge_of
from cof_viewer.ui.panels.heart.builder import SurfaceBuilder
from cof_viewer.ui.panels.heart.model import Colouring, HeartModel
from cof_viewer.ui.panels.heart.view import HeartView
from cof_viewer.ui.render.camera import PATIENT_PRESETS, PRESETS
from cof_viewer.ui.render.heart_surfaces import HeartFrame
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.buttons import MenuButton
from cof_viewer.ui.widgets.panel import Panel

COLOURINGS: tuple[tuple[Colouring, str], ...] = (
    ("structure", "Structure"),
    ("displacement", "Displacement"),
    ("thickening", "Thickening"),
)
NEEDS_MOTION = "Needs a generated beat: a measured one has no map of points between phases."


class HeartPanel(Panel):
    """Reads labels, motion, phase and slice of the session; nothing is built while it is hidden."""

    def __init__(self, session: Session, theme: Theme, parent: QWidget | None = None) -> None:
        """Build header and view and follow the session."""
        super().__init__("Heart", theme, parent)
        self._session = session
        self._model = HeartModel(session)
        self._builder = SurfaceBuilder(self)
        self._builder.built.connect(self._take)
        self._builder.failed.connect(self._give_up)
        self._stale, self._failed = True, False
        self.view = HeartView(session, self._model, theme, self)
        self.view.double_clicked.connect(self.maximise_requested)
        self.colour_button = MenuButton(theme, "Structure", self._menu(), self)
        self.header.add_option(self.colour_button)
        self.reset_button = self.header.add_icon("refresh-cw", "Turn back to the overview")
        self.reset_button.clicked.connect(lambda: self.view.look("Overview"))
        self.add_maximise()
        self.set_body(self.view)
        bridge = bridge_of(session)
        bridge.case_changed.connect(self._refresh)
        bridge.result_changed.connect(self._refresh)
        bridge.view_changed.connect(self._on_view)
        self._refresh()

    def minimumSizeHint(self) -> QSize:
        """DESIGN section 4."""
        return QSize(300, 160)

    def is_settled(self) -> bool:
        """Whether the shown phase is built and finely drawn, or nothing can be built."""
        if self._failed or self._session.labels is None:
            return True
        return not self._stale and self._session.view.phase in self._model.frames and self.view.is_still

    def finalize(self) -> None:
        """End the worker and give the graphics context back."""
        self._builder.close()
        self.view.close_scene()

    # -- header --------------------------------------------------------------------------------------------------

    def _menu(self) -> QMenu:
        menu = QMenu()
        group = QActionGroup(menu)
        self._colour_actions: dict[Colouring, QAction] = {}
        for key, words in COLOURINGS:
            action = QAction(words, menu, checkable=True, checked=key == "structure")
            action.triggered.connect(partial(self.set_colouring, key))
            group.addAction(action)
            menu.addAction(action)
            self._colour_actions[key] = action
        menu.addSeparator()
        for name in PRESETS:
            menu.addAction(name).triggered.connect(partial(self._look, name))
        self._patient_actions = [menu.addAction(name) for name in PATIENT_PRESETS]
        for action in self._patient_actions:
            action.triggered.connect(partial(self._look, action.text()))
        return menu

    def _look(self, preset: str, _checked: bool = False) -> None:
        self.view.look(preset)

    def set_colouring(self, colouring: Colouring, _checked: bool = False) -> None:
        """Colour by structure, displacement or thickening."""
        self.view.colouring = colouring
        self._colour_actions[colouring].setChecked(True)
        self.colour_button.set_text(dict(COLOURINGS)[colouring])
        self.view.show_phase()

    def _refresh_header(self) -> None:
        numbers, shown = self._session.numbers, self._session.result.shown
        stopped = shown == "generated" and bool(numbers and numbers.withheld)
        self.set_source(self._session.source if self._session.labels is not None else None, stopped=stopped)
        generated = self._session.result.generation is not None and shown == "generated"
        for key, action in self._colour_actions.items():
            action.setEnabled(generated or key == "structure")
            action.setToolTip("" if action.isEnabled() else NEEDS_MOTION)
        if not generated and self.view.colouring != "structure":
            self.set_colouring("structure")
        grid = self._session.labels.grid if self._session.labels is not None else None
        for action in self._patient_actions:
            action.setEnabled(grid is not None and grid.orientation_known)

    # -- following the session -----------------------------------------------------------------------------------

    def _refresh(self) -> None:
        self._refresh_header()
        self._stale = True
        if self.isVisible():
            self._build_if_stale()

    def _build_if_stale(self) -> None:
        """Ask the worker for the surfaces of what is shown now, if they are others."""
        if not self._stale:
            return
        self._stale = False
        before = self._model.grid, self._model.frames
        source = self._model.refresh()
        if source is not None:
            self._failed = False
            self._builder.build(source)
        elif not self._model.phases:
            self._builder.drop()
        if before[1] is not self._model.frames:
            self.view.forget()
        self._say()

    def _take(self, phase: int, frame: HeartFrame) -> None:
        """One more phase is built."""
        if not frame:
            return
        first = not self._model.frames
        self._model.frames[phase] = frame
        self._say()
        if first or phase == self._session.view.phase:
            self.view.show_phase()

    def _give_up(self, error: BaseException) -> None:
        log_bug(error)
        self._failed = True
        self.view.message = "The surfaces could not be made from these labels."
        self.view.update()

    def _say(self) -> None:
        """What is still being built, in one line; nothing once it is there."""
        built, phases = len(self._model.frames), self._model.phases
        if not phases:
            words = "" if self._session.case.study is None else "The heart appears when it has been outlined."
        elif built and self._session.view.phase not in self._model.frames:
            words = f"Surfaces: {built} of {phases} phases"
        else:
            words = ""
        if words != self.view.message:
            self.view.message = words
            self.view.update()

    def _on_view(self, changed: frozenset[str]) -> None:
        if changed & {"phase", "slice"} and self._model.frames:
            self._say()
            self.view.show_phase()

    def showEvent(self, event: object) -> None:
        """The first time something is seen, it is built."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._build_if_stale()

    def restyle(self) -> None:
        """Another palette or density."""
        super().restyle()
        if hasattr(self, "view"):
            self.view.restyle()

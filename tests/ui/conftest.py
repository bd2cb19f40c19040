"""What the tests of the window share: a home of their own, a theme, and windows that are closed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cof_viewer.app.session import Session
from cof_viewer.ui import window as window_module
from cof_viewer.ui.grid import Place
from cof_viewer.ui.panel_factory import TITLES, make_panel
from cof_viewer.ui.theme import Theme
from cof_viewer.ui.widgets.panel import Panel
from cof_viewer.ui.window import Window
from tests.ui.fixtures import Content, make_session_with_case

MakeWindow = Callable[..., Window]


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, library and logs of a test never meet the user's."""
    monkeypatch.setenv("COF_VIEWER_HOME", str(tmp_path / "home"))


@pytest.fixture
def theme(qapp) -> Theme:
    """Dark and compact."""
    return Theme()


@pytest.fixture
def plain_panels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the rail is real; the other panels are empty frames, so that a window opens at once."""

    def make(place: Place, session: Session, theme: Theme) -> Panel:
        return make_panel(place, session, theme) if place == "rail" else Panel(TITLES[place], theme)

    monkeypatch.setattr(window_module, "make_panel", make)


@pytest.fixture
def make_window(qtbot, plain_panels) -> Iterator[MakeWindow]:
    """Gives a shown window: `make_window("generated")`, `make_window(None)` for nothing open."""
    made: list[Window] = []

    def make(content: Content | None = "generated", size: tuple[int, int] = (1280, 800)) -> Window:
        session = make_session_with_case(content) if content else Session()
        window = Window(session)
        window.resize(*size)
        with qtbot.waitExposed(window):
            window.show()
        window.ensure_panels()
        made.append(window)
        return window

    yield make
    for window in made:
        window.close()
        window.deleteLater()

"""Commands in this process, with the stand-in engine and a home of their own."""

from __future__ import annotations

import pytest

from cof_viewer.cli import working
from cof_viewer.cli.program import run
from tests.app.fakes import FakeEngine


@pytest.fixture(autouse=True)
def user_home(tmp_path_factory, monkeypatch):
    """Keep logs of tests away from the user's."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("COF_VIEWER_HOME", str(home))
    return home


class HeadsUpEngine(FakeEngine):
    """Finds the slices in order, as the demo's are."""

    def orient(self, study, cancel=None):
        super().orient(study)
        return study


@pytest.fixture
def engine(monkeypatch):
    made = HeadsUpEngine()
    monkeypatch.setattr(working, "load_engine", lambda device: made)
    return made


@pytest.fixture
def command(capfd):
    """Run a command: gives its exit code, stdout and stderr."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return call


@pytest.fixture
def demo(demo_dir):
    """The normal demo study and its ECG."""
    study = demo_dir / "normal"
    return study, study / "ecg.hea"

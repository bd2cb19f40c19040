"""A home of its own for every test, and a session with the stand-in engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from cof_viewer.app import usecases
from cof_viewer.app.session import Session
from cof_viewer.app.settings import Settings
from cof_viewer.app.usecases import OpenCase
from tests.app import fakes


@pytest.fixture(autouse=True)
def user_home(tmp_path, monkeypatch):
    """Keep settings, library and logs of tests away from the user's."""
    monkeypatch.setenv("COF_VIEWER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def engine():
    return fakes.FakeEngine()


@pytest.fixture
def files(monkeypatch):
    """What "files" hold: a test may put studies in under a name."""
    studies = {"cine": fakes.cine_study(), "volume": fakes.volume_study(), "other": fakes.cine_study(10, sha256="b")}

    def open_case(path, ecg_path=None, progress=None, cancel=None, *, series=None, **_):
        found = studies[Path(path).name]
        if isinstance(found, Exception):
            raise found
        return OpenCase(found, fakes.ecg(), fakes.beat(), Path(ecg_path)) if ecg_path else OpenCase(found)

    monkeypatch.setattr(usecases, "open_case", open_case)
    monkeypatch.setattr(
        usecases, "open_ecg_with_beat", lambda path: (fakes.ecg(f"ecg-{Path(path).name}"), fakes.beat())
    )
    return studies


@pytest.fixture
def session(engine, files):
    made = Session(Settings(), engine_loader=lambda device: engine)
    yield made
    engine.gate.set()
    made.close()

"""The program as a user runs it: a process of its own, the shipped weights, real files."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cof_viewer.app.engine_port import EnginePort, load_engine
from cof_viewer.cli import working
from cof_viewer.cli.program import run

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ("segmenter", "localiser", "pose", "registration", "ecg_encoder", "flow")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home of its own for the program's settings, library and logs."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def environment(home):
    return {**os.environ, "COF_VIEWER_HOME": str(home), "QT_QPA_PLATFORM": "offscreen"}


@pytest.fixture(scope="session")
def cof_viewer(environment):
    """Run a command in a process of its own."""

    def call(*arguments: object, timeout_s: float = 300.0) -> Ended:
        line = [sys.executable, str(ROOT / "main.py"), *(str(argument) for argument in arguments)]
        done = subprocess.run(
            line, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=timeout_s, check=False
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return call


@functools.lru_cache(maxsize=1)
def _engine_once(device: str) -> EnginePort:
    return load_engine(device)


@pytest.fixture(scope="session")
def in_process():
    """Run a command in this process with the real engine, loaded once: seconds instead of a start each time."""

    def call(*arguments: object) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.setattr(working, "load_engine", _engine_once)
            code = run([str(argument) for argument in arguments])
        return Ended(code, out.getvalue(), err.getvalue())

    return call


@pytest.fixture(scope="session")
def weights():
    """Skips where the weights have not been made."""
    missing = [name for name in WEIGHTS if not (ROOT / "models" / f"{name}.safetensors").is_file()]
    if missing:
        pytest.skip(f"weights are not in models/: {', '.join(missing)}")

"""What all tests share: where the real data lies, quiet threads, a window without a screen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.pop("DISPLAY", None)

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real data beside the project (environment variable COF_DATA overrides); skips where it is absent."""
    folder = Path(os.environ.get("COF_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "mri").is_dir():
        pytest.skip("the real data is not beside the project (../shared/data or COF_DATA)")
    return folder


@pytest.fixture(scope="session")
def demo_dir() -> Path:
    """The demo studies that ship."""
    return ROOT / "resources" / "demo"

"""Start-up and pictures without a user, each in a fresh interpreter as a user has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from cof_viewer.ui.tokens import DARK

ROOT = Path(__file__).resolve().parents[2]

FIRST_PAINT = """
import json, sys, time
from cof_viewer.app.session import Session
from cof_viewer.ui import main
app = main._application()
window = main.Window(Session())
painted = []
window.grid.ensure = None
window.resize(1280, 800)
window.show()
window.repaint()
heavy = ("torch", "neurokit2", "monai", "pandas", "matplotlib", "scipy.signal", "vtkmodules", "nibabel", "pydicom")
print(json.dumps({"seconds": time.process_time(), "heavy": [name for name in heavy if name in sys.modules]}))
window.close()
"""


def _run(code: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "OMP_NUM_THREADS": "1",
        "COF_VIEWER_HOME": str(tmp_path / "home"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    environment.pop("QT_SCALE_FACTOR", None)
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, timeout=170,
        check=False,
    )  # fmt: skip


def test_the_first_paint_is_quick_and_imports_nothing_heavy(tmp_path):
    done = _run(FIRST_PAINT, tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["heavy"] == []
    assert told["seconds"] < 2.0  # of the processor: other programs on the machine do not count


PICTURE = """
import sys
from pathlib import Path
from cof_viewer.ui.main import run_window
study = Path(sys.argv[2]) if len(sys.argv) > 4 else None
sys.exit(run_window(study, None, Path(sys.argv[1]), (int(sys.argv[-2]), int(sys.argv[-1]))))
"""


@pytest.mark.parametrize(("size", "bar"), [((1280, 800), 40), ((3840, 2160), 66)])
def test_a_picture_has_the_size_that_was_asked_for_and_nothing_is_tiny(tmp_path, size, bar):
    target = tmp_path / "shot.png"
    done = _run(PICTURE, tmp_path, str(target), str(size[0]), str(size[1]))
    assert done.returncode == 0, done.stderr
    image = QImage(str(target))
    assert (image.width(), image.height()) == size
    assert image.pixelColor(size[0] // 3, bar // 2) == QColor(DARK["panel"])
    below = {image.pixelColor(size[0] // 3, y).name().upper() for y in range(bar - 3, bar + 4)}
    assert DARK["gap"] in below  # the line under the top bar: 40 px, or 44 scaled by 1.5


def test_what_cannot_be_opened_is_one_sentence_and_exit_2(tmp_path):
    target = tmp_path / "shot.png"
    done = _run(PICTURE, tmp_path, str(target), str(tmp_path / "gone"), "1280", "800")
    assert done.returncode == 2
    sentences = [line for line in done.stderr.splitlines() if "propagateSizeHints" not in line]
    assert len(sentences) == 1
    assert "gone" in sentences[0]
    assert not target.exists()


COUNTS = """
import sys
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter
image = QImage(10, 10, QImage.Format.Format_RGB32)
painter = QPainter(image)
def fill():
    for _ in range(1000):
        painter.fillRect(QRectF(0, 0, 1, 1), QColor("red"))
fill()  # the first calls load what the binding needs, and that holds references of its own
before = sys.getrefcount(None)
fill()
print(sys.getrefcount(None) - before)
painter.end()
"""


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_the_toolkit_keeps_the_counts_of_python(tmp_path):
    """PySide6 6.12.0 takes one reference to None at every call on Python 3.11: the window dies after minutes."""
    assert abs(int(_run(COUNTS, tmp_path).stdout)) < 50

"""`make run`: the window on a demo study; without a display the same off-screen, its results left in out/."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def has_display() -> bool:
    """Whether a window can be shown here."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def main(study: str) -> int:
    """Open the study, or make its picture, report and NIfTI."""
    program = [sys.executable, "main.py"]
    ecg = str(Path(study) / "ecg.hea")
    if has_display():
        return subprocess.run([*program, study, "--ecg", ecg], check=False).returncode
    out = Path("out")
    out.mkdir(exist_ok=True)
    quiet = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    steps = [
        [*program, "generate", study, "--ecg", ecg, "--out", str(out)],
        [*program, study, "--ecg", ecg, "--screenshot", str(out / "window.png")],
    ]
    for step in steps:
        code = subprocess.run(step, check=False, env=quiet).returncode
        if code:
            return code
    print("No display: the window's picture, the report and the NIfTI files lie in out/.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

"""Name the system libraries that the window needs and lack here; install them when root on Debian or Ubuntu.

Runs on a bare Python, before anything is installed.
"""

from __future__ import annotations

import ctypes.util
import os
import platform
import shutil
import subprocess
import sys

NEEDED = {
    "glib-2.0": "libglib2.0-0",
    "GL": "libgl1",
    "EGL": "libegl1",
    "dbus-1": "libdbus-1-3",
    "fontconfig": "libfontconfig1",
    "xkbcommon": "libxkbcommon0",
    "xkbcommon-x11": "libxkbcommon-x11-0",
    "xcb-cursor": "libxcb-cursor0",
    "xcb-icccm": "libxcb-icccm4",
    "xcb-keysyms": "libxcb-keysyms1",
    "xcb-image": "libxcb-image0",
    "xcb-render-util": "libxcb-render-util0",
    "xcb-shape": "libxcb-shape0",
    "xcb-xkb": "libxcb-xkb1",
    "xcb-randr": "libxcb-randr0",
    "xcb-xinerama": "libxcb-xinerama0",
}


def missing_packages() -> list[str]:
    """Debian names of libraries that the loader does not find."""
    return [package for library, package in NEEDED.items() if ctypes.util.find_library(library) is None]


def main() -> int:
    """Install or name what is missing; never stops the build, because tests run without a screen."""
    if platform.system() != "Linux":
        return 0
    missing = missing_packages()
    if not missing:
        return 0
    command = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing system libraries:", *missing)
        quiet = {"stdout": subprocess.DEVNULL, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update"], check=False, **quiet)
        done = subprocess.run(command, check=False, **quiet).returncode == 0
        if done:
            return 0
    print("The window needs system libraries that are missing. Install them with:", file=sys.stderr)
    print("  sudo", *command, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Where things lie: what ships with the program, and the user's own folders.

What ships (`resources/`, `models/`) lies at the root of a checkout, and in `cof_viewer/_data/` of an installed
wheel. The user's folders are those of the platform (platformdirs); the environment variable COF_VIEWER_HOME puts
them all below one folder, for portable installations and for tests.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "cof-viewer"
_PACKAGE = Path(__file__).resolve().parents[1]


def _shipped(name: str) -> Path:
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name


def resources_dir() -> Path:
    """Folder with icons, fonts, the style sheet, translations and the demo studies."""
    return _shipped("resources")


def shipped_models_dir() -> Path:
    """Folder with the weights that came with the program."""
    return _shipped("models")


def models_dir() -> Path:
    """Folder with the learned weights, their cards and their checksums.

    COF_VIEWER_MODELS goes first, then the folder of the user's settings (`cof-viewer models use`), then what ships.
    """
    from cof_viewer.app.settings import load_settings  # the settings ask this module where they lie

    override = os.environ.get("COF_VIEWER_MODELS") or load_settings().models_folder
    return Path(override) if override else shipped_models_dir()


def demo_dir() -> Path:
    """Folder with the demo studies, one folder each."""
    return resources_dir() / "demo"


def _user(kind: str, platform_folder: Path) -> Path:
    home = os.environ.get("COF_VIEWER_HOME")
    return Path(home) / kind if home else platform_folder


def user_config_dir() -> Path:
    """Folder of the user's settings; it may not exist yet."""
    return _user("config", platformdirs.user_config_path(_APP, appauthor=False))


def user_data_dir() -> Path:
    """Folder of the user's library; it may not exist yet."""
    return _user("data", platformdirs.user_data_path(_APP, appauthor=False))


def user_log_dir() -> Path:
    """Folder of bug reports; it may not exist yet."""
    return _user("logs", platformdirs.user_log_path(_APP, appauthor=False))

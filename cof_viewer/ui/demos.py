"""The demo studies that ship: found by their folders, described by their `study.json`; nothing is read but that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from cof_viewer.app.paths import demo_dir, resources_dir


@dataclass(frozen=True)
class Demo:
    """One demo study.

    Attributes:
        folder: what is opened.
        ecg: its ECG record.
        name: for the list.
        facts: one line about it.
        picture: a small picture, or None where it lacks one.
    """

    folder: Path
    ecg: Path | None
    name: str
    facts: str
    picture: Path | None


def demos() -> list[Demo]:
    """The demo studies, the normal one first."""
    folders = sorted(path.parent for path in demo_dir().glob("*/study.json"))
    return sorted((_read(folder) for folder in folders), key=lambda demo: demo.folder.name != "normal")


def _read(folder: Path) -> Demo:
    try:
        facts = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        facts = {}
    ecg = folder / "ecg.hea"
    picture = resources_dir() / "pictures" / f"demo-{folder.name}.png"
    name = str(facts.get("name") or folder.name)
    parts = ["Simulated"]
    if facts.get("sex") and facts.get("age"):
        parts.append(f"{facts['sex']}, {facts['age']:.0f} y")
    return Demo(
        folder,
        ecg if ecg.is_file() else None,
        name,
        " · ".join(parts),
        picture if picture.is_file() else None,
    )

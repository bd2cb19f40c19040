"""The user's settings: typed rows, one JSON file, and a value for everything that the file lacks or spoils."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cof_viewer.app.files import write_text_atomic
from cof_viewer.app.paths import user_config_dir

Value = bool | int | float | str | None


@dataclass(frozen=True)
class Settings:
    """Every setting with its default; `ROWS` says what each may be."""

    measure_on_open: bool = True
    device: str = "auto"
    members: int = 8
    steps: int | None = None
    phases: int | None = None
    seed: int = 0
    theme: str = "dark"
    colours: str = "safe"
    wheel: str = "slice"
    ecg_speed_mm_s: int = 25
    ecg_gain_mm_mv: int = 10
    institution: str = ""
    models_folder: str = ""
    recent_limit: int = 50


@dataclass(frozen=True)
class SettingRow:
    """One row of the settings page.

    Attributes:
        name: field of `Settings`.
        label: for the page.
        choices: allowed values; empty where any value of the kind is.
        low: smallest number.
        high: largest number.
        optional: whether None is allowed.
        help: one sentence.
    """

    name: str
    label: str
    choices: tuple[Value, ...] = ()
    low: int | None = None
    high: int | None = None
    optional: bool = False
    help: str = ""

    @property
    def kind(self) -> type:
        """bool, int or str: the type of the default; optional rows are numbers."""
        default = getattr(Settings(), self.name)
        return int if default is None else type(default)

    def accepts(self, value: object) -> bool:
        """Whether a value of a file or a page may stand in this row."""
        if value is None:
            return self.optional
        if type(value) is not self.kind:
            return False
        if self.choices and value not in self.choices:
            return False
        if isinstance(value, int) and not isinstance(value, bool):
            return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        return True


ROWS: tuple[SettingRow, ...] = (
    SettingRow("measure_on_open", "Measure a cine when it is opened"),
    SettingRow("device", "Compute on", choices=("auto", "cpu", "cuda"), help="Auto takes a graphics card if any."),
    SettingRow("members", "Members", low=1, high=64, help="How many beats are made; their spread is the interval."),
    SettingRow("steps", "Sampling steps", low=1, high=200, optional=True, help="Empty: what the weights ask for."),
    SettingRow("phases", "Phases", low=2, high=200, optional=True, help="Empty: as many as the cine has, else 50."),
    SettingRow("seed", "Seed", low=0, high=2**31 - 1, help="The same seed gives the same beat."),
    SettingRow("theme", "Theme", choices=("dark", "light")),
    SettingRow("colours", "Contour colours", choices=("safe", "classic"), help="Safe suits colour-blind eyes."),
    SettingRow("wheel", "Mouse wheel", choices=("slice", "phase")),
    SettingRow("ecg_speed_mm_s", "ECG paper speed", choices=(25, 50), help="mm/s"),
    SettingRow("ecg_gain_mm_mv", "ECG gain", choices=(5, 10, 20), help="mm/mV"),
    SettingRow("institution", "Institution", help="Stands at the head of the report."),
    SettingRow("models_folder", "Folder of the models", help="Empty: the models that came with the program."),
    SettingRow("recent_limit", "Recent studies kept", low=0, high=1000),
)


def settings_path() -> Path:
    """The file of the settings; it may not exist yet."""
    return user_config_dir() / "settings.json"


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; what is missing, unknown or of the wrong kind is the default."""
    try:
        stored = json.loads((path or settings_path()).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Settings()
    if not isinstance(stored, dict):
        return Settings()
    good: dict[str, Any] = {row.name: stored[row.name] for row in ROWS if row.name in stored}
    return replace(Settings(), **{name: value for name, value in good.items() if row_of(name).accepts(value)})


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings.

    Raises:
        OSError: when the user's folder can't be written.
    """
    values = {field.name: getattr(settings, field.name) for field in fields(settings)}
    write_text_atomic(path or settings_path(), json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def row_of(name: str) -> SettingRow:
    """The row of a setting.

    Raises:
        KeyError: when there is none of that name.
    """
    for row in ROWS:
        if row.name == name:
            return row
    raise KeyError(name)


def changed_settings(settings: Settings, **changes: Value) -> Settings:
    """The settings with some values replaced.

    Raises:
        KeyError: when a name is not a setting's.
        ValueError: when a value does not fit its row.
    """
    for name, value in changes.items():
        if not row_of(name).accepts(value):
            raise ValueError(f"{name} can't be {value!r}")
    given: dict[str, Any] = dict(changes)
    return replace(settings, **given)

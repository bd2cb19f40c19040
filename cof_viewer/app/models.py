"""The folder of learned weights as users see it: what is in it, whether it is whole, and which one is in use."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cof_viewer.app.paths import models_dir, shipped_models_dir
from cof_viewer.app.settings import changed_settings, load_settings, save_settings
from cof_viewer.domain.errors import UserError

if TYPE_CHECKING:
    from cof_viewer.engine.weights import WeightsEntry

Condition = Literal["good", "changed", "missing", "no card"]
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ModelRow:
    """One set of weights of a folder.

    Attributes:
        name: how the engine asks for it.
        file: the safetensors file.
        card: the Markdown page that describes it.
        megabytes: of the file (10⁶ bytes); None where it is missing.
        about: first sentence of its card.
        trained: how long, and on which day where that was kept; "" where the manifest does not tell.
        data: names of the sets that it learned from; "" likewise.
        condition: "good"; "changed" (another checksum than the manifest's); "missing"; "no card".
    """

    name: str
    file: Path
    card: Path
    megabytes: float | None
    about: str
    trained: str
    data: str
    condition: Condition


def model_rows(folder: Path) -> tuple[ModelRow, ...]:
    """Everything that a folder's manifest names, by name, each file read and its checksum compared.

    Raises:
        UserError: there is no manifest, or it is damaged.
    """
    from cof_viewer.engine.weights import read_entries

    return tuple(_row(folder, entry) for _, entry in sorted(read_entries(folder).items()))


def verify_models(folder: Path) -> tuple[ModelRow, ...]:
    """The rows of a folder whose weights all match their checksums and have their cards.

    Raises:
        UserError: names the first set of weights that does not, or says that there is no manifest.
    """
    rows = model_rows(folder)
    for row in rows:
        if row.condition != "good":
            raise UserError(_complaint(row), code="weights")
    return rows


def use_models(folder: Path) -> None:
    """Check a folder, load the engine from it once, and remember it for the window and all commands.

    Raises:
        UserError: something in it is spoiled or missing, or is of another kind than this version reads; nothing is
            remembered then.
    """
    folder = folder.absolute()
    verify_models(folder)
    _try(folder)
    _remember(str(folder))


def use_shipped_models() -> Path:
    """Go back to the weights that came with the program; returns their folder."""
    _remember("")
    return shipped_models_dir()


def require_models_folder() -> Path:
    """The folder in use.

    Raises:
        UserError: the remembered folder has gone; says how to go back.
    """
    folder = models_dir()
    if load_settings().models_folder == str(folder) and not folder.is_dir():
        raise UserError(
            f'The folder of models "{folder}" is gone. Put it back, or run "cof-viewer models use --default".',
            code="weights",
        )
    return folder


def _row(folder: Path, entry: WeightsEntry) -> ModelRow:
    file, card = folder / entry.file, folder / (entry.card or f"{entry.name}.md")
    return ModelRow(
        name=entry.name,
        file=file,
        card=card,
        megabytes=file.stat().st_size / 1e6 if file.is_file() else None,
        about=_first_sentence(card),
        trained=_trained(entry.about),
        data=", ".join(map(str, _mapping(entry.about.get("data")).get("sets") or ())),
        condition=_condition(file, card, entry.sha256),
    )


def _condition(file: Path, card: Path, sha256: str) -> Condition:
    if not file.is_file():
        return "missing"
    if _digest(file) != sha256:
        return "changed"
    return "good" if card.is_file() else "no card"


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _first_sentence(card: Path) -> str:
    """The first paragraph's first sentence, headings left out; "" without a card."""
    if not card.is_file():
        return ""
    lines = [line.strip() for line in card.read_text(encoding="utf-8").splitlines()]
    text = next((line for line in lines if line and not line.startswith("#")), "")
    return text.split(". ")[0].rstrip(".")


def _trained(about: Mapping[str, Any]) -> str:
    training = _mapping(about.get("training")) or _mapping(about.get("train"))
    parts = [str(about["trained"])] if "trained" in about else []
    given = ((name, training.get(name)) for name in ("steps", "minutes"))
    parts += [f"{value:g} {name}" for name, value in given if isinstance(value, int | float)]
    return ", ".join(parts)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _complaint(row: ModelRow) -> str:
    if row.condition == "no card":
        return f'The weights "{row.name}" have no card: "{row.card}" is missing. Write one, or install them again.'
    what = "are missing" if row.condition == "missing" else "do not match their checksum"
    return f'The weights "{row.name}" {what}: "{row.file}". Install them again.'


def _try(folder: Path) -> None:
    from cof_viewer.engine.engine import Engine

    try:
        Engine.load(folder, "cpu")
    except UserError:
        raise
    except Exception as error:  # whatever a foreign network's shapes break
        raise UserError(
            f'The weights in "{folder}" are of another kind than this version of the program reads.', code="weights"
        ) from error


def _remember(folder: str) -> None:
    try:
        save_settings(changed_settings(load_settings(), models_folder=folder))
    except OSError as error:
        raise UserError(f"The choice could not be kept: {error.strerror}. Check the settings' folder.") from error

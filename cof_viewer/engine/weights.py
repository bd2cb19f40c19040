"""Learned weights on disk: safetensors files, named and checked by `manifest.json`.

The manifest names each set of weights with its file, SHA-256, the config its network is built from, and what it
learned from. Nothing is read whose checksum differs. Values are stored as 16-bit floats where asked and come back
as 32-bit.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cof_viewer.domain.errors import UserError

if TYPE_CHECKING:  # the manifest is read by commands that should not wait for torch
    from torch import Tensor

MANIFEST = "manifest.json"
_FORMAT = 1


@dataclass(frozen=True)
class WeightsEntry:
    """One set of weights in the manifest.

    Attributes:
        name: how the engine asks for it.
        file: its file beside the manifest.
        sha256: of the file, hexadecimal.
        config: plain values its network is built from.
        about: plain values for readers: data, splits, figures, training.
        card: the Markdown page that describes it.
    """

    name: str
    file: str
    sha256: str
    config: Mapping[str, Any]
    about: Mapping[str, Any] = field(default_factory=dict)
    card: str = ""


def read_entries(folder: Path) -> dict[str, WeightsEntry]:
    """All entries of a folder's manifest by name.

    Raises:
        UserError: the folder has no manifest, or it can't be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f'No weights were found in "{folder}". Install the program again.', code="weights")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {name: WeightsEntry(name=name, **values) for name, values in raw["weights"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f'The list of weights "{path}" is damaged. Install the program again.', code="weights"
        ) from error


def load_weights(folder: Path, name: str) -> tuple[dict[str, Tensor], WeightsEntry]:
    """Tensors (32-bit where floating) and entry of one set of weights, its checksum verified.

    Raises:
        UserError: the weights are missing, or their checksum differs.
    """
    entry = read_entries(folder).get(name)
    path = folder / entry.file if entry else folder / f"{name}.safetensors"
    if entry is None or not path.is_file():
        raise UserError(
            f'The weights "{path.name}" are missing in "{folder}". Install the program again.', code="weights"
        )
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != entry.sha256:
        raise UserError(
            f'The weights "{path.name}" do not match their checksum. Install the program again.', code="weights"
        )
    from safetensors.torch import load

    tensors = load(content)
    return {key: value.float() if value.is_floating_point() else value for key, value in tensors.items()}, entry


def save_weights(
    folder: Path,
    name: str,
    tensors: Mapping[str, Tensor],
    *,
    config: Mapping[str, Any],
    about: Mapping[str, Any] | None = None,
    half: bool = True,
) -> WeightsEntry:
    """Write one set of weights and its entry; the rest of the manifest stays.

    Args:
        folder: of the manifest; made if missing.
        name: file and entry are named by it.
        tensors: to store.
        config: plain values the network is built from.
        about: plain values for readers.
        half: store floats as 16-bit.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True, exist_ok=True)
    content = save({key: _stored(value, half=half) for key, value in tensors.items()})
    file = f"{name}.safetensors"
    _write(folder / file, content)
    digest = hashlib.sha256(content).hexdigest()
    entry = WeightsEntry(name, file, digest, dict(config), dict(about or {}), f"{name}.md")
    entries = read_entries(folder) if (folder / MANIFEST).is_file() else {}
    _write_manifest(folder, entries | {name: entry})
    return entry


def amend_about(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    """Add plain values to what the manifest says of one set of weights; its file stays as it is."""
    entries = read_entries(folder)
    _write_manifest(folder, entries | {name: replace(entries[name], about=dict(entries[name].about) | dict(values))})


def weights_sha256(folder: Path) -> str:
    """One SHA-256 over the checksums of all weights of a folder, for provenance."""
    digests = [f"{name}:{entry.sha256}" for name, entry in sorted(read_entries(folder).items())]
    return hashlib.sha256("\n".join(digests).encode("utf-8")).hexdigest()


def _stored(value: Tensor, *, half: bool) -> Tensor:
    import torch

    plain = value.detach().cpu().contiguous()
    return plain.to(torch.float16) if half and plain.is_floating_point() else plain.clone()


def _write_manifest(folder: Path, entries: Mapping[str, WeightsEntry]) -> None:
    weights = {
        name: {"file": e.file, "sha256": e.sha256, "config": e.config, "about": e.about, "card": e.card}
        for name, e in sorted(entries.items())
    }
    text = json.dumps({"format": _FORMAT, "weights": weights}, indent=1, ensure_ascii=False) + "\n"
    _write(folder / MANIFEST, text.encode("utf-8"))


def _write(path: Path, content: bytes) -> None:
    """Write beside the target, then replace it."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise

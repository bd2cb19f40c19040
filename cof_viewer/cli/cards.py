"""A first card for freshly published weights, from what the manifest knows; a person adds figures and limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cof_viewer.app.files import write_text_atomic

if TYPE_CHECKING:
    from cof_viewer.engine.weights import WeightsEntry

_TERMS = "These weights carry the terms of the data they learned from. Research use only; not a medical device."


def write_card(entry: WeightsEntry, path: Path) -> None:
    """Write the Markdown card of one set of weights.

    Raises:
        OSError: when it can't be written.
    """
    lines = [
        f"# {entry.name}",
        "",
        f"Weights of the {entry.name}, trained by `cof-viewer train`.",
        "",
        "| | |",
        "| --- | --- |",
        f"| file | {entry.file} |",
        f"| SHA-256 | {entry.sha256} |",
        *(f"| {name} | {value} |" for name, value in _flat(entry.about)),
        "",
        "## Network",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in _flat(entry.config)),
        "",
        "## Terms",
        "",
        _TERMS,
        "",
        "## Limits",
        "",
        "Nobody has written down the limits of these weights yet.",
        "",
    ]
    write_text_atomic(path, "\n".join(lines))


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Nested plain values as rows: dotted names, lists joined."""
    for name, value in values.items():
        full = f"{before}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{full}.")
        elif isinstance(value, list | tuple):
            yield full, ", ".join(map(str, value))
        elif isinstance(value, float):
            yield full, f"{value:.5g}"
        else:
            yield full, str(value)

"""One page, twice: HTML that needs nothing beside it, and Markdown whose pictures lie in a folder beside it."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

PICTURES = "pictures"
"""Folder of the Markdown's pictures."""

_WEBP_QUALITY = 80
_STYLE = """
@page { size: A4; margin: 16mm 14mm; }
* { box-sizing: border-box; }
body { margin: 0; background: #ECEDEF; color: #17181A; font: 13px/1.45 Inter, "Segoe UI", system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; background: #F7F7F8; padding: 24px 32px 48px; }
h1 { font-size: 22px; font-weight: 600; margin: 8px 0 4px; }
h2 { font-size: 15px; font-weight: 600; margin: 32px 0 8px; padding-top: 12px; border-top: 1px solid #E0E1E5; }
p { color: #4A4D54; max-width: 78ch; margin: 6px 0 10px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0 12px; font-size: 12px; }
th { text-align: left; font-weight: 600; color: #4A4D54; padding: 4px 12px 4px 0; border-bottom: 1px solid #C2C5CB;
     vertical-align: bottom; }
td { padding: 3px 12px 3px 0; border-bottom: 1px solid #E0E1E5; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.caution td { color: #8A5A00; }
figure { margin: 8px 0 16px; break-inside: avoid; }
figure img { max-width: 100%; height: auto; display: block; background: #FFFFFF; }
figcaption { color: #646871; font-size: 11px; margin-top: 4px; max-width: 90ch; }
footer { color: #646871; font-size: 11px; margin-top: 32px; }
@media print { body, main { background: #FFFFFF; } main { padding: 0; max-width: none; }
  tr { break-inside: avoid; } thead { display: table-header-group; } }
"""


@dataclass(frozen=True)
class Table:
    """A table of words and numbers already written out.

    Attributes:
        columns: heads; those of numbers begin with "#", which is not shown.
        rows: cells, in order of the columns.
        caution: numbers of the rows that are marked.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caution: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Figure:
    """A picture with what it shows."""

    png: bytes
    caption: str


@dataclass(frozen=True)
class Section:
    """One question of the page: title, words, then tables and pictures."""

    title: str
    words: str
    tables: Sequence[Table] = field(default=())
    figures: Sequence[Figure] = field(default=())


def as_html(title: str, words: str, sections: Sequence[Section]) -> str:
    """The page; pictures are in it, nothing is loaded from elsewhere."""
    body = "".join(_section(section) for section in sections)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body><main>'
        f"<h1>{html.escape(title)}</h1><p>{html.escape(words)}</p>{body}"
        "<footer>Research use only; not a medical device.</footer></main></body></html>\n"
    )


def as_markdown(title: str, words: str, sections: Sequence[Section]) -> str:
    """The same words and tables in Markdown, which shows the files of `picture_files`."""
    parts = [f"# {title}", words]
    for section in sections:
        parts += [f"## {section.title}", section.words]
        parts += [_markdown_table(table) for table in section.tables if table.rows]
        named = zip(picture_names(section), section.figures, strict=True)
        parts += [f"![{figure.caption}]({name})\n\n*{figure.caption}*" for name, figure in named]
    return "\n\n".join(part for part in parts if part) + "\n"


def picture_names(section: Section) -> list[str]:
    """Paths, relative to the page, of a section's pictures."""
    word = re.sub(r"[^a-z0-9]+", "-", section.title.lower()).strip("-")
    return [f"{PICTURES}/{word}-{number}.webp" for number in range(1, len(section.figures) + 1)]


def picture_files(sections: Sequence[Section]) -> dict[str, bytes]:
    """Path, relative to the page, -> WebP of every picture: a third of the PNG's size."""
    from PIL import Image

    files = {}
    for section in sections:
        for name, figure in zip(picture_names(section), section.figures, strict=True):
            stream = io.BytesIO()
            Image.open(io.BytesIO(figure.png)).convert("RGB").save(stream, "WEBP", quality=_WEBP_QUALITY, method=6)
            files[name] = stream.getvalue()
    return files


def _section(section: Section) -> str:
    tables = "".join(_html_table(table) for table in section.tables if table.rows)
    figures = "".join(_figure(figure) for figure in section.figures)
    return (
        f"<section><h2>{html.escape(section.title)}</h2><p>{html.escape(section.words)}</p>{tables}{figures}</section>"
    )


def _figure(figure: Figure) -> str:
    data = base64.b64encode(figure.png).decode("ascii")
    caption = html.escape(figure.caption)
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{data}"><figcaption>{caption}</figcaption></figure>'
    )


def _html_table(table: Table) -> str:
    kinds = [' class="number"' if name.startswith("#") else "" for name in table.columns]
    head = "".join(
        f"<th{kind}>{html.escape(name.lstrip('#'))}</th>" for kind, name in zip(kinds, table.columns, strict=True)
    )
    rows = []
    for i, row in enumerate(table.rows):
        cells = "".join(f"<td{kind}>{html.escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True))
        rows.append(f'<tr class="caution">{cells}</tr>' if i in table.caution else f"<tr>{cells}</tr>")
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _markdown_table(table: Table) -> str:
    line = "| " + " | ".join(name.lstrip("#") for name in table.columns) + " |"
    rule = "|" + "|".join("--:" if name.startswith("#") else "---" for name in table.columns) + "|"
    rows = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in table.rows]
    return "\n".join([line, rule, *rows])

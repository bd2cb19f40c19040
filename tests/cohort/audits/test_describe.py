"""The page of a small store: complete, self-contained, and cheap the second time."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest

from cof_viewer.cohort.audits import describe
from cof_viewer.cohort.audits import measures as measures_module
from cof_viewer.cohort.audits.page import Section, Table, as_html, as_markdown
from cof_viewer.cohort.build import build
from cof_viewer.cohort.store import Store
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.progress import CancelToken
from tests.cohort.audits.made import Patients


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    build([Patients(3)], folder)
    return Store.open(folder)


def test_page_is_whole_and_needs_nothing_beside_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words: list[tuple[float, str]] = []
    page = describe(store, tmp_path / "out", workers=1, progress=lambda share, said: words.append((share, said)))
    text = page.read_text(encoding="utf-8")
    assert page.name == "index.html"
    for title in (
        "What is in the store",
        "Population",
        "Motion from ED to ES",
        "What anatomy and ECG tell",
        "ECGs",
        "pictures",
        "Volume curves",
    ):
        assert title in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "http" not in text
    pictures = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", text)
    assert len(pictures) >= 2
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for data in pictures)
    assert "nan" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text).lower()
    assert (tmp_path / "out" / "summary.md").read_text(encoding="utf-8").startswith("# Cohort audit")
    summary = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    shown = re.findall(r"\]\((pictures/[a-z0-9-]+\.webp)\)", summary)
    assert len(shown) == len(set(shown)) == len(pictures)
    assert all((tmp_path / "out" / name).read_bytes()[8:12] == b"WEBP" for name in shown)
    shares = [share for share, _ in words]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    monkeypatch.setattr(measures_module, "measure_files", lambda _paths: pytest.fail("measured again"))
    assert describe(store, tmp_path / "out", workers=1).read_text(encoding="utf-8") == text


def test_spoiled_cache_is_made_again(store: Store, tmp_path: Path) -> None:
    (tmp_path / "measures.json").write_text("{", encoding="utf-8")
    describe(store, tmp_path, workers=1)
    assert len(json.loads((tmp_path / "measures.json").read_text(encoding="utf-8"))["cases"]) == len(store.rows)


def test_empty_store_and_cancel(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no case"):
        describe(Store(store.folder, ()), tmp_path)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        describe(store, tmp_path / "new", workers=1, cancel=token)
    assert not (tmp_path / "new" / "index.html").exists()


def test_words_can_not_break_the_page() -> None:
    section = Section("A & B", "<script>", [Table(["name", "#n"], [["a|b", "1"]], frozenset([0]))])
    text = as_html("T", "w", [section])
    assert "&lt;script&gt;" in text
    assert '<tr class="caution">' in text
    assert '<td class="number">1</td>' in text
    assert "| a\\|b | 1 |" in as_markdown("T", "w", [section])

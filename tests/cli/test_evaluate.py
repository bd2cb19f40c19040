"""`cof-viewer evaluate`: its options, and that what can't be used is said in one sentence with exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from cof_viewer.cli.program import run
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.methods import DEFAULT
from cof_viewer.evaluation.settings import Settings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Settings]:
    """The settings that commands hand to the evaluation, which itself is left out."""
    found: list[Settings] = []

    def note(settings: Settings, quiet: bool) -> Path:
        found.append(settings)
        return settings.out / "report.md"

    monkeypatch.setattr("cof_viewer.cli.evaluate._run", note)
    (tmp_path / "store").mkdir()
    return found


def _run(tmp_path: Path, *more: str) -> int:
    return run(["evaluate", "--cohort", str(tmp_path / "store"), "--out", str(tmp_path / "out"), *more])


def test_defaults_judge_validation(asked: list[Settings], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(tmp_path) == 0
    assert asked[0].part is Split.VALIDATION
    assert asked[0].methods == DEFAULT
    assert asked[0].labels == "segmented"
    assert capsys.readouterr().out.strip().endswith("report.md")


def test_every_option_arrives(asked: list[Settings], tmp_path: Path) -> None:
    words = "--split test --methods cof,static --kinds simulated,completed --labels expert --members 4 --seed 7"
    more = "--limit 3 --workers 2 --no-assessor --backbone assessor --quiet"
    assert _run(tmp_path, *words.split(), *more.split()) == 0
    settings = asked[0]
    assert settings.part is Split.TEST
    assert settings.methods == ("cof", "static")
    assert [kind.value for kind in settings.kinds] == ["simulated", "completed"]
    assert (settings.members, settings.seed, settings.limit, settings.workers) == (4, 7, 3, 2)
    assert (settings.labels, settings.assess, settings.backbone) == ("expert", False, "assessor")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--split train", "Choose val or test"),
        ("--kinds real", "no kind"),
        ("--labels mine", "segmented or expert"),
        ("--members 0", "--members"),
        ("--workers 0", "--workers"),
        ("--limit -1", "--limit"),
        ("--seed -1", "--seed"),
        ("--methods ,", "--methods names nothing"),
    ],
)
def test_what_cant_be_used_is_said(
    asked: list[Settings], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert _run(tmp_path, *words.split()) == 2
    assert said in capsys.readouterr().err
    assert not asked


def test_a_folder_that_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "store").mkdir()
    assert _run(tmp_path, "--quiet") == 2
    assert "no cohort store" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_store_that_is_not_there_and_an_out_that_is_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path) == 2
    (tmp_path / "store").mkdir()
    (tmp_path / "out").write_text("")
    assert _run(tmp_path) == 2
    assert "is a file" in capsys.readouterr().err

"""What commands write and print, with a stand-in for the engine and the real readers and writers."""

from __future__ import annotations

import builtins
import json
import os
import sys
import types

import nibabel as nib
import numpy as np
import pytest

from tests.cli.conftest import HeadsUpEngine

KEYS = {
    "edv_ml", "esv_ml", "sv_ml", "ef_percent", "cardiac_output_l_min", "heart_rate_bpm", "lv_mass_g", "rv_edv_ml",
    "rv_esv_ml", "rv_ef_percent", "ed_phase", "es_phase", "phase_ms", "lv_volume_ml", "rv_volume_ml", "interval90",
    "measured", "source", "agreement", "convention", "flags", "withheld", "provenance",
}  # fmt: skip
FINDING_KEYS = [
    "path", "kind", "modality", "description", "slices", "phases", "spacing_mm", "phase_ms", "rr_ms", "leads",
    "sampling_hz", "seconds", "heart_rate_bpm", "problems",
]  # fmt: skip


def test_measure_writes_its_four_files_and_says_the_numbers(command, engine, demo, tmp_path):
    code, out, err = command("measure", demo[0], "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "function.json", "labels.nii.gz", "report.pdf", "volume_curve.csv",
    ]  # fmt: skip
    assert "EF          60 %" in out
    function = json.loads((tmp_path / "out" / "function.json").read_text(encoding="utf-8"))
    assert set(function) >= KEYS
    source = nib.load(demo[0] / "cine.nii.gz")
    labels = nib.load(tmp_path / "out" / "labels.nii.gz")
    assert labels.shape == source.shape
    np.testing.assert_allclose(labels.affine, source.affine, atol=1e-3)


def test_generate_writes_its_six_files_and_passes_every_option(command, engine, demo, tmp_path):
    code, out, err = command(
        "generate", demo[0], "--ecg", demo[1], "--out", tmp_path / "out", "--anchor-phase", "es", "--phases", 30,
        "--members", 3, "--steps", 7, "--seed", 11, "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    printed = json.loads(out)
    assert set(printed) >= KEYS | {"files"}
    assert len(printed["files"]) == 6
    assert engine.calls == ["orient", "measure", "generate"]
    made = engine.generated_with[0]
    assert (made["anchor_phase"], made["seed"], made["phases"], made["members"], made["steps"]) == ("es", 11, 30, 3, 7)
    assert made["measured"] is not None
    cine = nib.load(tmp_path / "out" / "cine.nii.gz")
    assert cine.shape[3] == 30
    assert cine.get_data_dtype() == nib.load(demo[0] / "cine.nii.gz").get_data_dtype()


def test_the_same_command_gives_the_same_bytes(command, engine, demo, tmp_path):
    for name in ("one", "two"):
        assert command("generate", demo[0], "--ecg", demo[1], "--out", tmp_path / name, "-q") == (0, "", "")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_segment_writes_all_phases_or_one(command, engine, demo, tmp_path):
    source = nib.load(demo[0] / "cine.nii.gz")
    assert command("segment", demo[0], "--out", tmp_path / "all.nii.gz")[0] == 0
    assert nib.load(tmp_path / "all.nii.gz").shape == source.shape
    code, out, _ = command("segment", demo[0], "--out", tmp_path / "one.nii.gz", "--phase", 3)
    assert code == 0
    assert out.strip() == str(tmp_path / "one.nii.gz")
    one = nib.load(tmp_path / "one.nii.gz")
    assert one.shape == source.shape[:3]
    np.testing.assert_allclose(one.affine, source.affine, atol=1e-3)
    code, _, err = command("segment", demo[0], "--out", tmp_path / "two.nii.gz", "--phase", 25)
    assert code == 2
    assert "counted from 0 to 24" in err
    assert not (tmp_path / "two.nii.gz").exists()


def test_inspect_lists_rows_for_people_and_for_machines(command, demo_dir):
    code, out, _ = command("inspect", demo_dir / "normal")
    assert code == 0
    assert "short-axis-cine" in out
    code, out, err = command("inspect", demo_dir / "normal", "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert all(list(row) == FINDING_KEYS for row in rows)
    cine = next(row for row in rows if row["kind"] == "short-axis-cine")
    assert cine["leads"] is None
    assert len(cine["phase_ms"]) == cine["phases"] == 25


def test_a_broken_file_is_a_row_and_a_missing_path_is_not(command, demo, tmp_path):
    (tmp_path / "broken.nii.gz").write_bytes((demo[0] / "cine.nii.gz").read_bytes()[:100_000])
    code, out, err = command("inspect", tmp_path, "--json")
    assert (code, err) == (0, "")
    assert [row["kind"] for row in json.loads(out)] == ["unreadable"]
    code, out, err = command("inspect", tmp_path / "gone")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1


@pytest.fixture
def opened_windows(monkeypatch):
    """Stands in for the window's room and notes how it was called."""
    calls: list[tuple] = []
    module = types.ModuleType("cof_viewer.ui.main")
    module.run_window = lambda *arguments: calls.append(arguments) or 0
    module.DEFAULT_SIZE = (1280, 800)
    monkeypatch.setitem(sys.modules, "cof_viewer.ui.main", module)
    return calls


def test_a_study_as_first_word_opens_the_window(command, opened_windows, demo, tmp_path):
    study, ecg = demo
    assert command(study)[0] == 0
    assert command()[0] == 0
    assert command("--ecg", ecg, study)[0] == 0
    picture = tmp_path / "p.png"
    assert command(study, "--screenshot", picture, "--size", "1920x1080")[0] == 0
    assert opened_windows == [
        (study, None, None, (1280, 800)),
        (None, None, None, (1280, 800)),
        (study, ecg, None, (1280, 800)),
        (study, None, picture, (1920, 1080)),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "big"], "1280x800"),
        (["--size", "10x10"], "640x480"),
        (["gone"], "no file or folder"),
        (["--screenshot", "p.jpg"], ".png"),
    ],
)
def test_the_window_refuses_odd_options(command, opened_windows, arguments, words):
    code, out, err = command(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert opened_windows == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere there is always a display")
def test_without_a_display_a_picture_is_drawn_and_a_window_refused(command, opened_windows, monkeypatch, tmp_path):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    code, out, err = command()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "no display" in err
    assert command("--screenshot", tmp_path / "p.png")[0] == 0
    assert os.environ["QT_QPA_PLATFORM"] == "offscreen"
    assert len(opened_windows) == 1


def test_a_missing_system_library_is_named(command, monkeypatch):
    def missing(name, *arguments, **options):
        if name == "cof_viewer.ui.main":
            raise ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
        return real_import(name, *arguments, **options)

    real_import = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", missing)
    code, _, err = command()
    assert code == 2
    assert "libEGL.so.1" in err


def test_withheld_numbers_are_not_said(demo):
    from dataclasses import replace

    from cof_viewer.cli.console import result_lines
    from cof_viewer.domain.flag import Flag, Severity
    from tests.app import fakes

    result = HeadsUpEngine().measure(fakes.cine_study()).result
    stop = Flag("odd", Severity.STOP, "The motion folds the wall.", ("ef_percent",))
    lines = result_lines(replace(result, flags=(stop,)))
    assert "EF          withheld" in lines
    assert not any("60" in line for line in lines)
    assert lines[-1] == "Stop: The motion folds the wall."

"""How commands end: exit codes, one sentence on stderr, nothing half-written."""

from __future__ import annotations

import io
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from cof_viewer.cli import working
from cof_viewer.cli.console import long_work
from cof_viewer.cli.main import main
from cof_viewer.domain.errors import UserError


@pytest.mark.parametrize("command_name", [[], ["window"], ["inspect"], ["segment"], ["measure"], ["generate"]])
def test_help_everywhere(command, command_name):
    code, out, err = command(*command_name, "--help")
    assert (code, err) == (0, "")
    assert "Usage" in out


def test_version(command):
    assert command("--version")[1].startswith("cof-viewer ")


def test_help_imports_nothing_heavy():
    heavy = "{'torch', 'PySide6', 'vtkmodules', 'neurokit2', 'pydicom', 'nibabel', 'scipy.signal', 'reportlab'}"
    program = f"""
import sys
from cof_viewer.cli.console import long_work
from cof_viewer.cli.main import main
assert main(["--help"]) == 0
assert main(["generate", "--help"]) == 0
sys.exit(', '.join({heavy} & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--anchor-phase", "systole"], "ed, es or the number"),
        (["--anchor-phase", "-1"], "count from 0"),
        (["--anchor-phase", "25"], "0 to 24"),
        (["--phases", "1"], "2 to 200"),
        (["--phases", "201"], "2 to 200"),
        (["--phases", "many"], "--phases takes a whole number"),
        (["--members", "0"], "1 to 64"),
        (["--members", "65"], "1 to 64"),
        (["--steps", "0"], "1 to 200"),
        (["--seed", "-1"], "seed"),
        (["--device", "tpu"], "auto, cpu or cuda"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_odd_options_are_refused_before_the_engine_is_loaded(command, engine, demo, tmp_path, options, words):
    code, out, err = command("generate", demo[0], "--ecg", demo[1], "--out", tmp_path / "out", *options)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert words in err
    assert engine.calls == []
    assert list(tmp_path.iterdir()) == []


def test_a_missing_argument_is_one_sentence(command):
    code, out, err = command("measure")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "cof-viewer measure --help" in err


@pytest.mark.parametrize("arguments", [["measure", "x", "--out", ""], ["measure", "x", "--out="], [""]])
def test_an_empty_name_is_not_the_current_folder(command, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = command(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "empty" in err
    assert list(tmp_path.iterdir()) == []


def test_no_heart_and_missing_weights_are_bad_input(command, engine, demo, tmp_path, monkeypatch):
    engine.heart = False
    code, _, err = command("measure", demo[0], "--out", tmp_path / "out")
    assert (code, err) == (2, 'No heart found in "study". Open a short-axis stack of the heart.\n')

    def missing(device: str) -> None:
        raise UserError("The weights are missing. Install the program again.")

    monkeypatch.setattr(working, "load_engine", missing)
    code, _, err = command("segment", demo[0], "--out", tmp_path / "a.nii.gz")
    assert (code, err) == (2, "The weights are missing. Install the program again.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_ours_is_one_line_and_a_log_without_names(command, engine, demo, tmp_path, user_home):
    engine.error = ValueError(f"odd array of {demo[0]}")
    code, out, err = command("measure", demo[0], "--out", tmp_path / "out")
    assert (code, out, err.count("\n")) == (1, "", 1)
    (log,) = (user_home / "logs").iterdir()
    assert str(log) in err
    text = log.read_text(encoding="utf-8")
    assert "ValueError" in text
    assert str(demo[0]) not in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_measuring_is_130_and_leaves_nothing(command, engine, demo, tmp_path, monkeypatch, number):
    def interrupted(name, progress, cancel):
        signal.raise_signal(number)
        started = time.monotonic()
        while time.monotonic() - started < 5:
            cancel.raise_if_cancelled()

    monkeypatch.setattr(engine, "_work", interrupted)
    before = signal.getsignal(number)
    assert command("measure", demo[0], "--out", tmp_path / "out") == (130, "", "")
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(number) is before


def test_ctrl_c_while_the_engine_loads_does_not_wait_for_it(command, demo, tmp_path, monkeypatch):
    def slow(device: str) -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(5)

    monkeypatch.setattr(working, "load_engine", slow)
    started = time.monotonic()
    assert command("measure", demo[0], "--out", tmp_path / "out")[0] == 130
    assert time.monotonic() - started < 4


def test_ctrl_c_before_the_first_command_is_130(monkeypatch):
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("cof_viewer.cli.program.run", interrupted)
    assert main(["inspect"]) == 130


def test_results_may_be_piped_into_a_reader_that_goes_away(demo_dir):
    program = (
        f"import sys; from cof_viewer.cli.main import main; sys.exit(main(['inspect', {str(demo_dir)!r}, '--json']))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        err = process.stderr.read()
        assert process.wait(60) == 0
    assert err == b""


def test_output_that_can_not_be_written_is_refused_before_the_engine(command, engine, demo, tmp_path):
    (tmp_path / "file").write_text("mine")
    code, _, err = command("measure", demo[0], "--out", tmp_path / "file")
    assert code == 2
    assert "is a file" in err
    code, _, err = command("measure", demo[0], "--out", tmp_path / "file" / "below")
    assert code == 2
    (tmp_path / "report.pdf").write_text("mine")
    code, _, err = command("measure", demo[0], "--out", tmp_path)
    assert code == 2
    assert "not written by this program" in err
    code, _, err = command("measure", demo[0], "--out", demo[0])
    assert code == 2
    assert "patient's own" in err
    assert engine.calls == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "report.pdf"]


def _nifti(path, data, zooms=(1.5, 1.5, 10.0, 40.0)):
    import nibabel as nib

    image = nib.Nifti1Image(data, np.diag([*zooms[:3], 1.0]))
    image.header.set_xyzt_units("mm", "msec")
    image.header.set_zooms(zooms[: data.ndim])
    nib.save(image, path)
    return path


def _bad_studies(folder):
    """Every study that must be refused, by what is wrong with it."""
    picture = np.random.default_rng(1).integers(0, 500, (96, 96, 8, 20)).astype(np.int16)
    whole = _nifti(folder / "whole.nii.gz", picture).read_bytes()
    (folder / "empty").mkdir()
    (folder / "text.dcm").write_text("no picture at all")
    (folder / "truncated.nii.gz").write_bytes(whole[: len(whole) // 2])
    return {
        "missing": folder / "gone",
        "empty folder": folder / "empty",
        "not DICOM": folder / "text.dcm",
        "truncated": folder / "truncated.nii.gz",
        "one slice": _nifti(folder / "one.nii.gz", picture[:, :, :1]),
        "two phases": _nifti(folder / "two.nii.gz", picture[..., :2]),
        "all NaN": _nifti(folder / "nan.nii.gz", np.full((96, 96, 8, 20), np.nan, np.float32)),
        "constant": _nifti(folder / "flat.nii.gz", np.full((96, 96, 8, 20), 7, np.int16)),
    }


BAD = ["missing", "empty folder", "not DICOM", "truncated", "one slice", "two phases", "all NaN", "constant"]


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", ["measure", "generate", "segment"])
def test_bad_studies_are_refused(command, engine, demo, tmp_path, case, name):
    study = _bad_studies(tmp_path)[case]
    out = tmp_path / "out"
    out.mkdir()
    target = out / "labels.nii.gz" if name == "segment" else out
    ecg = ["--ecg", demo[1]] if name == "generate" else []
    code, printed, err = command(name, study, *ecg, "--out", target)
    assert (code, printed, err.count("\n")) == (2, "", 1), err
    assert err.strip().endswith(".")
    assert list(out.iterdir()) == []
    assert engine.calls == []


def _write_ecg(folder, signal_mv):
    """A WFDB record of 12 leads at 500 Hz, 1 µV a count."""
    leads = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")[: len(signal_mv)]
    counts = np.round(np.asarray(signal_mv) * 1000).astype("<i2")
    (folder / "r.dat").write_bytes(counts.T.tobytes())
    lines = [f"r {len(leads)} 500 {counts.shape[1]}"]
    lines += [f"r.dat 16 1000(0)/mV 16 0 0 0 0 {lead}" for lead in leads]
    (folder / "r.hea").write_text("\n".join(lines) + "\n")
    return folder / "r.hea"


def _bad_signal(case):
    from wfdb import rdrecord  # noqa: F401  # the reader's library, here to fail early where it is missing

    time_s = np.arange(5000) / 500
    beats = sum(np.exp(-(((time_s - t) / 0.02) ** 2)) for t in np.arange(0.5, 10, 0.8))
    whole = np.outer(np.array([0.6, 1, 0.4, -0.8, 0.1, 0.7, -0.5, 0.4, 0.8, 1.1, 1, 0.8]), beats)
    return {
        "all flat": np.zeros_like(whole),
        "seven leads": whole[[0, 1, 6, 7, 8, 9, 10]][:3],
        "four seconds": whole[:, :2000],
        "no R peak": np.tile(0.02 * np.sin(2 * np.pi * 0.3 * time_s), (12, 1)),
    }[case]


@pytest.mark.parametrize("case", ["all flat", "seven leads", "four seconds", "no R peak"])
def test_bad_ecgs_are_refused(command, engine, demo, tmp_path, case):
    record = _write_ecg(tmp_path, _bad_signal(case))
    code, printed, err = command("generate", demo[0], "--ecg", record, "--out", tmp_path / "out")
    assert (code, printed, err.count("\n")) == (2, "", 1), err
    assert not (tmp_path / "out").exists()
    assert engine.calls == []


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_drawn_on_a_terminal_only_and_not_when_quiet(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for quiet in (False, True):
        terminal = _Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        with long_work(quiet) as work:
            work.progress(0.25, "Measuring phase 3 of 12")
            time.sleep(0.2)
        assert ("Measuring phase 3 of 12" in terminal.getvalue()) is not quiet
        assert ("25%" in terminal.getvalue()) is not quiet

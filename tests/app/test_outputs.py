"""Exports: all files or none, and never over a file that is not ours."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from cof_viewer.app import export, outputs
from cof_viewer.app.export import FILE_OF, export_case, export_labels, write_report_file
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.image import LabelCine
from cof_viewer.domain.progress import CancelToken
from tests.app import fakes


@pytest.fixture(autouse=True)
def quick_report(monkeypatch):
    """The report's own tests look at its pages; here it only has to be a file."""

    def write(path: Path, content) -> None:
        path.write_bytes(b"%PDF-1.4 (COF Viewer)")

    monkeypatch.setitem(export._WRITERS, "report", write)
    monkeypatch.setattr(export, "_report", write)


@pytest.fixture
def study():
    return fakes.cine_study()


@pytest.fixture
def generation(study):
    return fakes.FakeEngine().generate(study, fakes.ecg())


@pytest.fixture
def measurement(study):
    return fakes.FakeEngine().measure(study)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_generation_gives_six_files_and_leaves_nothing_beside_them(tmp_path, study, generation):
    out = tmp_path / "a" / "b"
    written = export_case(out, study, generation, fakes.ecg(), fakes.beat())
    assert names(out) == sorted(FILE_OF.values())
    assert sorted(written) == sorted(out.iterdir())
    assert names(tmp_path) == ["a"]
    cine = nib.load(out / "cine.nii.gz")
    assert cine.shape == (32, 32, 6, 20)
    assert cine.header.get_zooms()[3] == pytest.approx(40.0)
    np.testing.assert_array_equal(np.asarray(nib.load(out / "anchor.nii.gz").dataobj), cine.dataobj[..., 0])
    assert json.loads((out / "function.json").read_text())["ef_percent"] == 55.0


def test_a_measurement_gives_four_files_and_has_no_cine_to_write(tmp_path, study, measurement):
    export_case(tmp_path / "out", study, measurement, None, None)
    assert names(tmp_path / "out") == ["function.json", "labels.nii.gz", "report.pdf", "volume_curve.csv"]
    with pytest.raises(UserError, match="no cine"):
        export_case(tmp_path / "out2", study, measurement, None, None, ["cine"])
    assert not (tmp_path / "out2").exists()


def test_only_the_chosen_kinds_are_written(tmp_path, study, generation):
    export_case(tmp_path, study, generation, None, None, ["curve", "labels"])
    assert names(tmp_path) == ["labels.nii.gz", "volume_curve.csv"]


def test_equal_results_give_equal_bytes_and_replace_our_own_files(tmp_path, study, generation):
    export_case(tmp_path / "one", study, generation, None, None)
    first = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    export_case(tmp_path / "one", study, generation, None, None)
    assert {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()} == first


@pytest.mark.parametrize("name", sorted(FILE_OF.values()))
def test_a_file_that_is_not_ours_is_never_replaced(tmp_path, study, generation, name):
    (tmp_path / name).write_bytes(b"{} somebody's own")
    with pytest.raises(UserError, match="not written by this program"):
        export_case(tmp_path, study, generation, None, None)
    assert names(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"{} somebody's own"


def test_the_studys_own_file_is_never_replaced_even_when_we_once_wrote_it(tmp_path, study, generation):
    export_case(tmp_path, study, generation, None, None, ["cine"])
    before = (tmp_path / "cine.nii.gz").read_bytes()
    with pytest.raises(UserError, match="not written by this program"):
        export_case(tmp_path, study, generation, None, None, inputs=[tmp_path / "cine.nii.gz"])
    assert (tmp_path / "cine.nii.gz").read_bytes() == before


def test_nothing_is_written_into_the_studys_own_folder(tmp_path, study, generation):
    with pytest.raises(UserError, match="patient's own files"):
        export_case(tmp_path, study, generation, None, None, inputs=[tmp_path])
    assert names(tmp_path) == []


def test_cancel_while_writing_leaves_nothing(tmp_path, study, generation):
    cancel = CancelToken()
    told: list[str] = []

    def progress(fraction: float, words: str) -> None:
        told.append(words)
        if len(told) == 3:
            cancel.cancel()

    with pytest.raises(Cancelled):
        export_case(tmp_path / "out", study, generation, None, None, None, progress, cancel)
    assert names(tmp_path) == []


def test_a_full_disk_is_said_with_the_users_folder_and_leaves_the_old_export(tmp_path, study, generation, monkeypatch):
    out = tmp_path / "out"
    export_case(out, study, generation, None, None)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(path: Path, content) -> None:
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setitem(export._WRITERS, "function", full)
    with pytest.raises(UserError, match="disk is full") as caught:
        export_case(out, study, generation, None, None)
    assert f'"{out}"' in caught.value.sentence
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_move_that_fails_half_way_puts_everything_back(tmp_path, monkeypatch):
    part, out = tmp_path / "part", tmp_path / "out"
    part.mkdir()
    out.mkdir()
    (out / "a").write_text("old a")
    for name in "abc":
        (part / name).write_text(f"new {name}")
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if self == part / "c":
            raise OSError(errno.EIO, "odd disk")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(OSError, match="odd disk"):
        outputs.publish(part, out)
    assert names(out) == ["a"]
    assert (out / "a").read_text() == "old a"


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, study, generation, below):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(UserError, match="file"):
        export_case(tmp_path / "out" / below, study, generation, None, None)
    assert (tmp_path / "out").read_text() == "a file"


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(tmp_path, monkeypatch):
    def denied(**_: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(outputs.tempfile, "mkdtemp", denied)
    with pytest.raises(UserError, match=r"read-only\. Choose another folder"):
        outputs.check_target(tmp_path / "out", ["a.json"])


def test_labels_of_one_phase_are_three_dimensional_and_of_all_four(tmp_path, study, measurement):
    one = LabelCine(measurement.labels.data[:1], study.cine.grid)
    export_labels(tmp_path / "one.nii.gz", study, one, single=True)
    export_labels(tmp_path / "all.nii.gz", study, measurement.labels)
    assert nib.load(tmp_path / "one.nii.gz").shape == (32, 32, 6)
    assert nib.load(tmp_path / "all.nii.gz").shape == (32, 32, 6, 20)
    with pytest.raises(UserError, match=r"must end in .nii.gz"):
        export_labels(tmp_path / "all.png", study, measurement.labels)


def test_a_report_alone_gets_its_suffix(tmp_path, study, measurement):
    written = write_report_file(tmp_path / "doe", study, measurement, None, None)
    assert written == tmp_path / "doe.pdf"
    assert names(tmp_path) == ["doe.pdf"]

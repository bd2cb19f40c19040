"""DICOMDIR: a disc named by its directory."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.fileset import FileSet
from pydicom.uid import UID

from cof_viewer.domain.errors import UserError
from cof_viewer.io import inspect, open_study
from tests.io.made import beating, write_cine


def _disc(folder):
    data = write_cine(folder / "files", edit=lambda ds, z, t: setattr(ds, "StudyInstanceUID", UID("1.2.3.4")))
    disc = FileSet()
    for file in sorted((folder / "files").iterdir()):
        disc.add(pydicom.dcmread(file))
    disc.write(folder / "disc")
    return data


def test_a_dicomdir_opens_the_files_it_lists(tmp_path):
    data = _disc(tmp_path)
    study = open_study(tmp_path / "disc" / "DICOMDIR")
    np.testing.assert_array_equal(study.stack.data, data)
    assert study.flags == ()


def test_a_disc_opened_as_a_folder_lists_its_stack_once(tmp_path):
    _disc(tmp_path)
    assert [finding.slices for finding in inspect([tmp_path / "disc"])] == [6]


def test_names_are_found_in_lower_case_too(tmp_path):
    data = _disc(tmp_path)
    for path in sorted((tmp_path / "disc").rglob("*"), key=lambda p: -len(p.parts)):
        if path.name != "DICOMDIR":
            path.rename(path.with_name(path.name.lower()))
    np.testing.assert_array_equal(open_study(tmp_path / "disc" / "DICOMDIR").stack.data, data)


def test_missing_files_are_counted(tmp_path):
    _disc(tmp_path)
    (tmp_path / "alone").mkdir()
    (tmp_path / "disc" / "DICOMDIR").rename(tmp_path / "alone" / "DICOMDIR")
    with pytest.raises(UserError, match="72 of the 72 files that it lists are not beside it"):
        open_study(tmp_path / "alone" / "DICOMDIR")


def test_a_listing_can_not_lead_out_of_its_folder(tmp_path):
    from cof_viewer.io.dicom.directory import listed_files
    from cof_viewer.io.dicom.headers import DicomFile

    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "disc").mkdir()
    header = pydicom.Dataset()
    record = pydicom.Dataset()
    record.ReferencedFileID = ["..", "secret"]
    header.DirectoryRecordSequence = pydicom.Sequence([record])
    file = DicomFile(None, header, "", 0, 0)
    assert listed_files(file, tmp_path / "disc" / "DICOMDIR") == ([], 0)


def test_made_data_moves():
    assert np.ptp(beating()[:, 0].reshape(12, -1).sum(axis=1)) > 0

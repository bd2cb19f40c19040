"""Enhanced multi-frame MR: one file, frames in any order, every fact in functional groups."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import SeriesKind
from cof_viewer.io import inspect, open_study
from tests.io.made import NORMAL, beating, write_enhanced


def test_one_file_is_a_whole_cine(tmp_path):
    data = beating(12, 6)
    write_enhanced(tmp_path / "cine", data)
    study = open_study(tmp_path / "cine")
    np.testing.assert_allclose(study.stack.data, data * 2.0 + 1.0)
    assert study.cine.rr_ms == 900.0
    assert study.cine.phase_ms == pytest.approx([75.0 * t for t in range(12)])
    assert study.stack.grid.spacing_mm == pytest.approx((1.25, 1.5, 10.0))
    assert study.stack.grid.directions[:, 2] @ NORMAL == pytest.approx(1.0)
    assert study.reference["SOPInstanceUIDs"].count("\\") == 0


def test_frames_without_place_are_no_cine(tmp_path):
    def edit(frame, z, t):
        del frame.PlanePositionSequence

    write_enhanced(tmp_path / "cine", beating(), edit)
    (finding,) = inspect([tmp_path / "cine"])
    assert finding.kind is SeriesKind.OTHER_MR
    with pytest.raises(UserError, match="no position in the patient"):
        open_study(tmp_path / "cine")


def test_a_truncated_file_is_refused(tmp_path):
    write_enhanced(tmp_path / "cine", beating())
    whole = (tmp_path / "cine").read_bytes()
    (tmp_path / "cine").write_bytes(whole[:-5000])
    with pytest.raises(UserError, match="ends too early: 5000 bytes"):
        open_study(tmp_path / "cine")
    (tmp_path / "cine").write_bytes(whole[:3000])
    with pytest.raises(UserError, match="ends too early"):
        open_study(tmp_path / "cine")


def test_phase_frames_are_told_from_magnitude_by_their_frame_type(tmp_path):
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    def edit(frame, z, t):
        kind = Dataset()
        kind.FrameType, kind.ComplexImageComponent = ["ORIGINAL", "PRIMARY", "VELOCITY", "NONE"], "PHASE"
        frame.MRImageFrameTypeSequence = Sequence([kind])

    write_enhanced(tmp_path / "cine", beating(), edit)
    assert inspect([tmp_path / "cine"])[0].kind is SeriesKind.PHASE_CONTRAST

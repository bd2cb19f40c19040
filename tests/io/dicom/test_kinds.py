"""What a stack is said to be, and the sentence with which the wrong kind is refused."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import SeriesKind
from cof_viewer.io import inspect, open_study
from tests.io.made import COLUMN, NORMAL, ORIGIN, ROW, beating, write_cine


def _only(path):
    (finding,) = inspect([path])
    return finding


def _refused(path, words):
    with pytest.raises(UserError, match=words) as caught:
        open_study(path)
    assert caught.value.sentence.endswith(".")
    assert caught.value.sentence.count("\n") == 0


def test_perfusion_looks_like_a_cine_but_its_phases_are_beats_apart(tmp_path):
    def edit(ds, z, t):
        ds.TriggerTime, ds.NominalInterval, ds.HeartRate = 769.0 + 697.0 * t, 6, 86

    write_cine(tmp_path, beating(14, 1), edit=edit)
    finding = _only(tmp_path)
    assert (finding.kind, finding.rr_ms, finding.phase_ms) == (SeriesKind.PERFUSION, None, None)
    _refused(tmp_path, "looks like perfusion, not a cine: 14 pictures at one position")


def test_perfusion_over_several_slices(tmp_path):
    write_cine(tmp_path, beating(14, 5), edit=lambda ds, z, t: setattr(ds, "TriggerTime", 700.0 * t))
    assert _only(tmp_path).kind is SeriesKind.PERFUSION


@pytest.mark.parametrize("name", ["First Pass New", "stress perfusion sax", "DYNAMIC_sax"])
def test_perfusion_by_its_name(tmp_path, name):
    write_cine(tmp_path, edit=lambda ds, z, t: setattr(ds, "SeriesDescription", name))
    assert _only(tmp_path).kind is SeriesKind.PERFUSION


def test_perfusion_without_times_is_doubted_by_its_picture(tmp_path):
    frame = np.arange(12, dtype=np.float64)[:, None, None, None]
    y, x = np.mgrid[:48, :56]
    contrast = 300 * np.exp(-((x - 20) ** 2 + (y - 20) ** 2) / 60.0) * (frame / 11)
    data = (100 + 40 * np.sin(x / 5) * np.cos(y / 7) + contrast + np.zeros((12, 6, 1, 1))).astype(np.int16)

    def edit(ds, z, t):
        del ds.TriggerTime

    write_cine(tmp_path, data, edit=edit)
    finding = _only(tmp_path)
    assert finding.kind is SeriesKind.OTHER_MR
    assert "may be perfusion" in finding.problems[0]


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("ImageType", ["ORIGINAL", "PRIMARY", "P", "RETRO"]),
        ("ImageType", ["ORIGINAL", "PRIMARY", "PHASE CONTRAST M", "P"]),
        ("SequenceName", "*fl2d1_v150in"),
        ("SeriesDescription", "sax_flow"),
        ("ComplexImageComponent", "PHASE"),
    ],
)
def test_phase_contrast(tmp_path, keyword, value):
    write_cine(tmp_path, beating(12, 1), edit=lambda ds, z, t: setattr(ds, keyword, value))
    assert _only(tmp_path).kind is SeriesKind.PHASE_CONTRAST
    _refused(tmp_path, "phase-contrast")


def _turned(ds, z, t):
    """A plane along the heart's axis: its normal lies in the short-axis plane."""
    ds.ImageOrientationPatient = [float(v) for v in (*ROW, *NORMAL)]
    ds.ImagePositionPatient = [float(v) for v in ORIGIN + 8.0 * z * COLUMN]


@pytest.mark.parametrize("slices", [1, 2, 3])
def test_up_to_three_planes_along_the_heart_are_long_axis(tmp_path, slices):
    write_cine(tmp_path, beating(12, slices), edit=_turned)
    assert _only(tmp_path).kind is SeriesKind.LONG_AXIS_CINE
    _refused(tmp_path, "holds a long-axis view, not a short-axis cine")


def test_many_planes_along_the_heart_are_doubtful(tmp_path):
    write_cine(tmp_path, beating(12, 6), edit=_turned)
    finding = _only(tmp_path)
    assert finding.kind is SeriesKind.OTHER_MR
    assert "do not lie across the heart's long axis" in finding.problems[0]


@pytest.mark.parametrize("slices", [1, 2])
def test_one_or_two_short_axis_slices_are_refused(tmp_path, slices):
    write_cine(tmp_path, beating(12, slices))
    assert _only(tmp_path).kind is SeriesKind.OTHER_MR
    _refused(tmp_path, f"short-axis cine of only {'one slice' if slices == 1 else '2 slices'}")


@pytest.mark.parametrize("slices", [3, 4])
def test_three_or_four_slices_are_opened_and_flagged(tmp_path, slices):
    write_cine(tmp_path, beating(12, slices))
    assert "slices-few" in {flag.code for flag in open_study(tmp_path).flags}


@pytest.mark.parametrize("phases", [2, 9])
def test_few_phases_are_no_cine(tmp_path, phases):
    write_cine(tmp_path, beating(phases, 6))
    _refused(tmp_path, f"only {phases} phases; a cine has at least 10")


def test_a_single_picture_is_refused(tmp_path):
    write_cine(tmp_path, beating(1, 1))
    _refused(tmp_path, "single picture")


def test_a_gated_stack_of_one_phase_is_a_volume(tmp_path):
    data = write_cine(tmp_path, beating(1, 7))
    study = open_study(tmp_path)
    assert study.cine is None
    np.testing.assert_array_equal(study.volume.data, data[0])


@pytest.mark.parametrize("body", ["HEAD", "ABDOMEN", "LSPINE"])
def test_other_organs_are_refused_by_the_header(tmp_path, body):
    write_cine(tmp_path, edit=lambda ds, z, t: setattr(ds, "BodyPartExamined", body))
    _refused(tmp_path, f"The header says {body.lower()}, not heart")


@pytest.mark.parametrize("name", ["localizer", "AA scout", "Survey_MST"])
def test_localisers(tmp_path, name):
    write_cine(tmp_path, beating(1, 3), edit=lambda ds, z, t: setattr(ds, "SeriesDescription", name))
    assert _only(tmp_path).kind is SeriesKind.LOCALISER


@pytest.mark.parametrize("name", ["MOLLI sax", "T1_map_MOCO", "sax_PSIR", "DE sax", "late enhancement"])
def test_mapping_and_late_enhancement(tmp_path, name):
    write_cine(tmp_path, beating(3, 3), edit=lambda ds, z, t: setattr(ds, "SeriesDescription", name))
    assert _only(tmp_path).kind is SeriesKind.MAPPING


def test_tagging_is_opened_and_flagged(tmp_path):
    write_cine(tmp_path, edit=lambda ds, z, t: setattr(ds, "SeriesDescription", "sax tagging"))
    assert "not-bright-blood" in {flag.code for flag in open_study(tmp_path).flags}


def test_a_series_over_many_beats_is_no_cine(tmp_path):
    write_cine(tmp_path, beating(40, 5), edit=lambda ds, z, t: setattr(ds, "TriggerTime", 60.0 * t))
    finding = _only(tmp_path)
    assert finding.kind is SeriesKind.OTHER_MR
    assert "more than one heartbeat" in finding.problems[0]


def test_axis_aligned_planes_are_a_placeholder_unless_called_axial(tmp_path):
    def aligned(ds, z, t):
        ds.ImageOrientationPatient, ds.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 10.0 * z]

    def axial(ds, z, t):
        aligned(ds, z, t)
        ds.SeriesDescription = "cine tra stack"

    write_cine(tmp_path / "a", edit=aligned)
    write_cine(tmp_path / "b", edit=axial)
    study = open_study(tmp_path / "a")
    assert not study.stack.grid.orientation_known
    assert "orientation-unknown" in {flag.code for flag in study.flags}
    assert _only(tmp_path / "b").kind is SeriesKind.OTHER_MR


def test_an_exam_of_long_axis_views_names_what_it_holds(tmp_path):
    write_cine(tmp_path / "a", beating(12, 1), edit=_turned)
    write_cine(tmp_path / "b", beating(12, 1), edit=_turned)
    write_cine(tmp_path / "c", beating(1, 1), edit=lambda ds, z, t: setattr(ds, "SeriesDescription", "localizer"))
    _refused(tmp_path, r'No short-axis cine found in ".*": its 25 pictures hold 2 long-axis views and a localiser\.')

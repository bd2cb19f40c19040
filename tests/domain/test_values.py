"""Values at the borders: shapes are checked, derived numbers are right."""

import numpy as np
import pytest

from cof_viewer.domain.ecg import LEADS, Ecg, Intervals
from cof_viewer.domain.flag import Flag, Severity, worst_first
from cof_viewer.domain.function import Function, Provenance, Result
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, FileLayout, Label, LabelCine, LabelMap, Volume, regular_phase_ms
from cof_viewer.domain.progress import CancelToken, part_of
from cof_viewer.domain.study import Patient, Study

GRID = grid_from_spacing((3, 4, 5), (2.0, 2.0, 10.0))


def test_pictures_must_fit_their_grid() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Volume(np.zeros((3, 4, 6), np.float32), GRID)
    with pytest.raises(ValueError, match="times for"):
        Cine(np.zeros((2, 3, 4, 5), np.float32), GRID, phase_ms=(0.0,))


def test_reversing_slices_keeps_every_voxel_in_its_place() -> None:
    layout = FileLayout((0, 1, 2), (False, False, False), np.eye(4))
    volume = Volume(np.arange(60, dtype=np.float32).reshape(3, 4, 5), GRID, layout)
    turned = volume.with_slices_reversed()
    assert turned.data[0, 0, 0] == volume.data[2, 0, 0]
    assert turned.layout.flipped == (False, False, True)
    assert turned.grid.patient_from_points(np.zeros(3)) == pytest.approx(GRID.patient_from_points(np.array([0, 0, 2])))


def test_volumes_by_counting_and_by_shares() -> None:
    data = np.zeros((3, 4, 5), np.uint8)
    data[1, 1:3, 1:3] = Label.LV
    assert LabelMap(data, GRID).volume_ml(Label.LV) == pytest.approx(4 * 0.04)
    soft = np.zeros((1, 4))
    soft[0, Label.LV] = 3.5
    assert LabelCine(data[None], GRID, soft).voxels(Label.LV) == pytest.approx([3.5])
    assert LabelCine(data[None], GRID).voxels(Label.LV) == pytest.approx([4.0])


def test_phases_stand_at_k_rr_over_t() -> None:
    assert regular_phase_ms(4, 1000.0) == (0.0, 250.0, 500.0, 750.0)


def test_qtc_by_both_formulas() -> None:
    intervals = Intervals(rr_ms=640.0, qt_ms=360.0)
    assert intervals.qtc_bazett_ms == pytest.approx(450.0)
    assert intervals.qtc_fridericia_ms == pytest.approx(360.0 / 0.64 ** (1 / 3))
    assert Intervals(qt_ms=360.0).qtc_bazett_ms is None


def test_leads_by_name() -> None:
    signal = np.arange(12, dtype=np.float32)[:, None].repeat(5000, axis=1)
    ecg = Ecg(signal, 500.0, LEADS)
    assert ecg.lead("V1")[0] == 6.0
    assert ecg.seconds == 10.0
    with pytest.raises(ValueError, match="must be"):
        Ecg(signal[:8], 500.0, LEADS)


def test_bsa_by_mosteller() -> None:
    assert Patient(height_cm=170.0, weight_kg=62.0).bsa_m2 == pytest.approx(1.711, abs=1e-3)
    assert Patient(height_cm=170.0).bsa_m2 is None


def test_a_study_holds_exactly_one_stack() -> None:
    with pytest.raises(ValueError, match="either"):
        Study("x")


def test_flags_are_sorted_and_stops_withhold() -> None:
    note = Flag("a", Severity.NOTE, "A.")
    stop = Flag("b", Severity.STOP, "B.", ("sv_ml", "ef_percent"))
    assert worst_first((note, stop, note)) == (stop, note)
    result = Result(Function(), None, None, (note, stop), Provenance("0", {}))
    assert result.withheld == ("ef_percent", "sv_ml")


def test_progress_of_a_part() -> None:
    told = []
    part_of(lambda fraction, words: told.append((fraction, words)), 0.2, 0.6)(0.5, "half")
    assert told == [(pytest.approx(0.4), "half")]


def test_a_token_is_cancelled_once_for_all() -> None:
    token = CancelToken()
    assert not token.is_cancelled
    token.cancel()
    assert token.is_cancelled

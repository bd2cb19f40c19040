"""The order of phases within a slice, their times and RR: the chain of clues and its traps."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from cof_viewer.io.dicom.frames import Frame, Timing
from cof_viewer.io.dicom.headers import DicomFile
from cof_viewer.io.dicom.timing import order_phases


def _frame(**timing):
    header = Dataset()
    header.SeriesInstanceUID = str(timing.pop("series", "1.2"))
    header.SOPInstanceUID = str(timing.get("instance", 0))
    file = DicomFile(source=None, header=header, transfer_syntax="", pixel_offset=0, missing_bytes=0)
    return Frame(file, 0, 4, 4, None, None, None, None, Timing(**timing), (), "", (1.0, 0.0))


def _instances(beat):
    return [frame.timing.instance for frame in beat.frames]


def test_trigger_times_order_and_give_rr_from_the_last_step():
    beat = order_phases([_frame(trigger_ms=t, instance=i) for i, t in enumerate([80.0, 0.0, 40.0, 120.0])])
    assert beat.times_ms == (0.0, 40.0, 80.0, 120.0)
    assert _instances(beat) == [1, 2, 0, 3]
    assert beat.rr_ms is None  # 160 ms is no heartbeat
    assert beat.clue == "TriggerTime"


def test_rr_is_last_time_plus_mean_step_where_no_interval_is_stated():
    beat = order_phases([_frame(trigger_ms=10.0 + 46.0 * t, instance=t) for t in range(20)])
    assert beat.rr_ms == pytest.approx(10 + 46.0 * 20)


@pytest.mark.parametrize(("nominal", "rr"), [(863.0, 863.0), (6.0, 800.0), (0.0, 800.0), (2500.0, 800.0)])
def test_a_nominal_interval_outside_300_to_2000_is_not_believed(nominal, rr):
    frames = [_frame(trigger_ms=40.0 * t, instance=t, nominal_interval_ms=nominal) for t in range(20)]
    assert order_phases(frames).rr_ms == rr


def test_a_constant_trigger_time_is_no_trigger_time():
    frames = [_frame(trigger_ms=12.0, delay_ms=30.0 * (9 - i), instance=i) for i in range(10)]
    beat = order_phases(frames)
    assert beat.clue == "NominalCardiacTriggerDelayTime"
    assert _instances(beat) == list(range(9, -1, -1))


@pytest.mark.parametrize(
    ("clue", "name"),
    [("vendor_phase", "vendor phase number"), ("temporal_index", "temporal position"), ("clock_s", "acquisition time")],
)
def test_counts_and_clocks_order_but_give_no_times(clue, name):
    frames = [_frame(trigger_ms=5.0, instance=i, heart_rate_bpm=75.0, **{clue: 20.0 - i}) for i in range(10)]
    beat = order_phases(frames)
    assert (beat.clue, beat.times_ms, beat.rr_ms) == (name, None, 800.0)
    assert _instances(beat) == list(range(9, -1, -1))
    assert beat.fractions[3] == pytest.approx(0.3)


def test_a_clock_in_whole_seconds_does_not_swallow_pictures():
    beat = order_phases([_frame(clock_s=float(i // 3), instance=i) for i in range(12)])
    assert (beat.clue, beat.phases) == ("InstanceNumber", 12)


def test_a_clue_that_some_frames_lack_is_passed_over():
    frames = [_frame(trigger_ms=40.0 * (9 - i) if i else None, instance=i) for i in range(10)]
    assert _instances(order_phases(frames)) == list(range(10))


def test_uneven_times_are_noticed():
    even = order_phases([_frame(trigger_ms=40.0 * t + (t % 2) * 3, instance=t) for t in range(20)])
    uneven = order_phases([_frame(trigger_ms=40.0 * t + (t == 7) * 15, instance=t) for t in range(20)])
    assert even.is_even
    assert not uneven.is_even


def test_one_picture_a_series_is_a_phase_not_a_repetition():
    beat = order_phases([_frame(trigger_ms=40.0 * t, instance=1, series=f"1.{t}") for t in range(15)])
    assert (beat.phases, beat.duplicates) == (15, 0)


def test_a_short_series_on_the_same_place_does_not_replace_a_full_one():
    cine = [_frame(trigger_ms=40.0 * t, instance=t, series="1.1", clock_s=10.0) for t in range(20)]
    scout = [_frame(trigger_ms=300.0 + t, instance=t, series="1.2", clock_s=99.0) for t in range(2)]
    beat = order_phases(cine + scout)
    assert (beat.phases, beat.duplicates) == (20, 2)
    np.testing.assert_allclose(beat.times_ms, 40.0 * np.arange(20))

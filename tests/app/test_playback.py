"""Playing by a clock: the right phase at any rate of pictures, at the patient's own beat."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cof_viewer.app.playback import PlayClock, phase_at_same_fraction


@given(
    st.lists(st.floats(0.0, 0.5), min_size=1, max_size=60),
    st.integers(2, 60),
    st.floats(400.0, 1500.0),
    st.sampled_from([0.25, 0.5, 1.0, 2.0]),
)
def test_the_phase_is_the_clocks_however_often_one_looks(ticks, phases, rr_ms, speed):
    clock = PlayClock()
    for elapsed_s in ticks:
        phase, ended = clock.advance(elapsed_s * 1000 * speed, phases=phases, rr_ms=rr_ms, loop=True)
        assert not ended
    position = (sum(ticks) * 1000 * speed / rr_ms % 1.0) * phases
    assert abs(phase + 0.5 - position) <= 0.5 + 1e-3 or abs(abs(phase + 0.5 - position) - phases) <= 0.5 + 1e-3


def test_one_beat_takes_one_rr(opened):
    opened.toggle_play()
    shown = []
    for _ in range(90):  # 90 pictures of 10 ms: one beat of 900 ms
        opened.tick(0.010)
        shown.append(opened.view.phase)
    assert shown[:3] == [0, 0, 0]
    assert sorted(set(shown)) == list(range(20))
    assert shown[-1] == 0
    assert shown[:-1] == sorted(shown[:-1])


def test_a_slow_screen_drops_phases_and_keeps_time(opened):
    opened.toggle_play()
    opened.tick(0.400)
    assert opened.view.phase == 8  # floor(400 / 45)
    opened.tick(0.400)
    assert opened.view.phase == 17
    opened.set_speed(0.5)
    opened.tick(0.200)
    assert opened.view.phase == 0


def test_without_loop_playing_stops_at_the_last_phase_and_starts_over(opened):
    opened.toggle_loop()
    opened.toggle_play()
    opened.tick(5.0)
    assert opened.view.phase == 19
    assert not opened.view.playing
    opened.toggle_play()
    assert opened.view.playing
    assert opened.view.phase == 0


def test_pausing_and_stepping_play_on_from_where_one_is(opened):
    opened.toggle_play()
    opened.tick(0.2)
    opened.set_phase(10)
    opened.tick(0.045)
    assert opened.view.phase == 11
    opened.toggle_play()
    opened.tick(1.0)
    assert opened.view.phase == 11


def test_stepping_goes_round_the_beat_and_slices_stop_at_their_ends(opened):
    opened.step_phase(-1)
    assert opened.view.phase == 19
    opened.step_phase(1)
    assert opened.view.phase == 0
    opened.step_slice(-99)
    assert opened.view.slice == 0
    opened.step_slice(99)
    assert opened.view.slice == 5


def test_ed_and_es_are_jumped_to_and_times_told(opened):
    opened.jump_es()
    assert opened.view.phase == 10
    assert opened.time_ms == pytest.approx(450.0)
    assert opened.cycle_fraction == pytest.approx(0.5)
    opened.jump_ed()
    assert opened.view.phase == 0


def test_each_change_of_view_names_its_fields_once(opened):
    told: list[frozenset[str]] = []
    opened.view_changed.connect(lambda names: told.append(names))
    opened.set_phase(3)
    opened.set_phase(3)
    opened.set_zoom_pan(2.0, (1.0, 2.0))
    opened.reset_view()
    assert told == [{"phase"}, {"zoom", "pan"}, {"zoom", "pan"}]


def test_measured_and_generated_are_linked_at_equal_fraction_of_the_beat(opened):
    opened.open_ecg(Path("a.hea")).wait(5)
    opened._settings = opened._settings.__class__(phases=50)
    opened.set_phase(10)
    opened.generate()
    opened.wait_idle(5)
    assert opened.result.shown == "generated"
    assert opened.phases == 50
    assert opened.view.phase == 25
    assert opened.phase_of("measured") == 10
    opened.show("measured")
    assert opened.view.phase == 10


@pytest.mark.parametrize(("phase", "phases", "other", "expected"), [(0, 20, 50, 0), (19, 20, 50, 48), (49, 50, 20, 0)])
def test_the_same_fraction_in_another_cine(phase, phases, other, expected):
    assert phase_at_same_fraction(phase, phases, other) == expected


@pytest.fixture
def opened(session):
    session.open(Path("cine"))
    session.wait_idle(5)
    return session

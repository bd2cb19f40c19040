"""The session without a window: opening, measuring, generating, staleness, undo, cancel, an orderly end."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.app.session import Session
from cof_viewer.app.settings import Settings
from cof_viewer.domain.errors import UserError
from tests.app import fakes

CINE, VOLUME, OTHER, ECG = Path("cine"), Path("volume"), Path("other"), Path("a.hea")


def heard(session: Session) -> list[tuple[str, str]]:
    messages: list[tuple[str, str]] = []
    session.message.connect(lambda text, severity: messages.append((text, severity)))
    return messages


def test_an_empty_session_starts_no_thread_and_no_engine(session, engine):
    before = threading.active_count()
    assert session.cine is None
    assert session.labels is None
    assert session.phases == 0
    assert session.engine_state == "absent"
    session.set_phase(3)
    session.toggle_play()
    session.tick(1.0)
    assert threading.active_count() == before
    assert engine.calls == []


def test_opening_a_cine_turns_it_measures_it_and_shows_it(session, engine):
    states: list[str] = []
    session.engine_state_changed.connect(lambda state: states.append(state))
    session.open(CINE)
    assert session.wait_idle(5)
    assert engine.calls == ["orient", "measure"]
    assert states == ["loading", "ready"]
    assert session.case.oriented
    assert session.source == "measured"
    assert session.function.ef_percent == 60.0
    assert session.labels.phases == session.phases == 20
    # The stand-in's study was apex first: what is shown is turned round.
    np.testing.assert_array_equal(session.cine.data, fakes.cine_study().cine.data[:, ::-1])


def test_the_slice_that_is_looked_at_stays_the_same_place_when_the_stack_is_turned(session, engine):
    engine.gate.clear()
    session._settings = Settings(measure_on_open=False)
    session.open(CINE)
    session.wait_idle(5)
    session.set_slice(1)
    before = session.cine.data[0, 1].copy()
    engine.gate.set()
    session.measure()
    session.wait_idle(5)
    assert session.view.slice == 4
    np.testing.assert_array_equal(session.cine.data[0, 4], before)


def test_a_single_volume_is_outlined_and_has_one_phase_without_time(session, engine):
    session.open(VOLUME)
    session.wait_idle(5)
    assert engine.calls == ["orient", "segment"]
    assert session.phases == 1
    assert session.time_ms is None
    assert session.labels.phases == 1
    assert session.measure() is None


def test_generating_needs_an_ecg_and_says_so(session):
    messages = heard(session)
    session.open(CINE)
    session.wait_idle(5)
    assert session.generate() is None
    assert messages[-1][1] == "warning"
    assert "ECG" in messages[-1][0]


def test_generating_measures_once_and_shows_the_generated_beat(session, engine):
    session.open(CINE, ECG).wait(5)
    session.generate()  # asked for while measuring still waits
    session.wait_idle(5)
    assert engine.calls == ["orient", "measure", "generate"]
    assert session.result.measurement is not None
    assert engine.generated_with[0]["measured"] is session.result.measurement
    assert session.result.shown == "generated"
    assert session.source == "generated"
    assert session.rr_ms == 800.0
    session.show("measured")
    assert session.rr_ms == 900.0
    assert session.source == "measured"


def test_the_chosen_anchor_phase_reaches_the_engine_and_none_leaves_it_the_choice(session, engine):
    session.open(CINE, ECG).wait(5)
    session.generate()
    session.wait_idle(5)
    session.set_anchor_phase("es")
    session.generate()
    session.wait_idle(5)
    assert [made["anchor_phase"] for made in engine.generated_with] == [None, "es"]


def test_another_ecg_makes_the_generation_stale_and_undo_makes_it_fresh_again(session):
    session.open(CINE, ECG).wait(5)
    session.generate()
    session.wait_idle(5)
    assert not session.case.stale
    session.open_ecg(Path("b.hea"))
    session.wait_idle(5)
    assert session.case.ecg.sha256 == "ecg-b.hea"
    assert session.case.stale
    session.undo()
    assert session.case.ecg.sha256 == "ecg-a"
    assert not session.case.stale
    session.redo()
    assert session.case.stale


def test_the_anchor_phase_is_undoable_and_checked(session):
    messages = heard(session)
    session.open(CINE)
    session.wait_idle(5)
    session.set_anchor_phase(3)
    session.set_anchor_phase("es")  # merged: one choice, one undo
    session.undo()
    assert session.case.anchor_phase is None
    assert session.undo_words is None
    session.redo()
    assert session.case.anchor_phase == "es"
    session.set_anchor_phase(20)
    assert session.case.anchor_phase == "es"
    assert "0 to 19" in messages[-1][0]


def test_opening_another_study_drops_what_runs_for_the_first(session, engine):
    engine.gate.clear()
    session.open(CINE)
    while "measure" not in engine.calls:
        pass
    session.open(OTHER)
    engine.gate.set()
    session.wait_idle(5)
    assert session.phases == 10
    assert session.result.measurement.labels.phases == 10
    assert session.case.study.sha256 == "b"


def test_a_result_that_arrives_after_another_study_is_dropped(session, engine):
    """The window may apply ends late: by then they belong to a study that is gone."""
    session.open(CINE)
    session.wait_idle(5)
    waiting: list = []
    session.dispatch = waiting.append
    session.measure()
    session.wait_idle(5)
    session.dispatch = lambda change: change()
    session.open(OTHER)
    session.wait_idle(5)
    for change in waiting:
        change()
    assert session.result.measurement.labels.phases == 10


def test_a_study_that_cannot_be_read_leaves_the_last_one_on_the_screen(session, files):
    messages = heard(session)
    session.open(CINE)
    session.wait_idle(5)
    files["bad"] = UserError('"bad" can\'t be read. Choose another file.')
    session.open(Path("bad"))
    session.wait_idle(5)
    assert session.phases == 20
    assert messages == [('"bad" can\'t be read. Choose another file.', "error")]


def test_no_heart_is_said_and_the_picture_stays(session, engine):
    messages = heard(session)
    engine.heart = False
    session.open(CINE)
    session.wait_idle(5)
    assert "No heart found" in messages[-1][0]
    assert session.cine is not None
    assert session.labels is None


def test_a_fault_of_ours_is_logged_without_the_patients_name(session, engine, user_home):
    messages = heard(session)
    engine.error = ValueError("array of Doe^Jane in /data/Doe_Jane/exam is odd")
    session.open(CINE)
    session.wait_idle(5)
    text, severity = messages[-1]
    assert severity == "error"
    logs = list((user_home / "logs").glob("*.log"))
    assert len(logs) == 1
    assert str(logs[0]) in text
    log = logs[0].read_text(encoding="utf-8")
    assert "ValueError" in log
    assert "Doe" not in log
    assert "fakes.py" in log


def test_cancel_stops_measuring_within_half_a_second_and_keeps_the_study(session, engine):
    engine.gate.clear()
    session.open(CINE)
    while "measure" not in engine.calls:
        pass
    assert session.busy.name == "Measuring"
    session.cancel()
    assert session.wait_idle(0.5)
    assert session.busy is None
    assert session.result.measurement is None
    assert session.phases == 20


def test_closing_while_measuring_leaves_no_thread(engine, files):
    session = Session(Settings(), engine_loader=lambda device: engine)
    before = set(threading.enumerate())
    engine.gate.clear()
    session.open(CINE)
    while "measure" not in engine.calls:
        pass
    session.close()
    assert {t for t in threading.enumerate() if t.name.startswith("cof-")} - before == set()


def test_a_failed_engine_is_tried_again(files, engine):
    answers = [UserError("The weights are missing. Reinstall the program."), engine]

    def load(device):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    session = Session(Settings(), engine_loader=load)
    messages = heard(session)
    session.open(CINE)
    session.wait_idle(5)
    assert session.engine_state == "failed"
    assert messages[-1] == ("The weights are missing. Reinstall the program.", "error")
    session.measure()
    session.wait_idle(5)
    assert session.engine_state == "ready"
    assert session.function is not None
    session.close()


def test_whoever_hears_the_first_signal_reads_the_whole_new_state(session):
    """A panel that draws on any signal must never meet a phase or slice that the cine does not have."""
    seen = []

    def check(*_: object) -> None:
        if session.cine is not None:
            fits = session.view.phase < session.phases and session.view.slice < session.slices
            same = session.labels is None or session.labels.phases == session.phases
            seen.append(fits and same)

    for signal in (session.case_changed, session.result_changed, session.view_changed):
        signal.connect(check)
    session.open(CINE, ECG).wait(5)
    session.wait_idle(5)
    session.set_phase(19)
    session.update_settings(phases=4)
    session.generate()
    session.wait_idle(5)
    session.show("measured")
    session.set_phase(19)
    session.open(OTHER)
    session.wait_idle(5)
    session.open(VOLUME)
    session.wait_idle(5)
    assert len(seen) > 8
    assert all(seen)


def test_an_export_goes_on_when_another_study_is_opened(session, tmp_path, monkeypatch):
    from cof_viewer.app import export

    gate, started = threading.Event(), threading.Event()

    def slow(*_arguments, **_options):
        started.set()
        gate.wait(5)
        return [tmp_path / "a"]

    monkeypatch.setattr(export, "export_case", slow)
    messages = heard(session)
    session.open(CINE)
    session.wait_idle(5)
    job = session.export(tmp_path)
    started.wait(5)
    assert session.open(OTHER).wait(5)
    assert not job.has_ended
    gate.set()
    session.wait_idle(5)
    assert job.state == "done"
    assert messages == [(f'1 files written to "{tmp_path}".', "info")]
    assert session.case.study.sha256 == "b"


def test_progress_of_the_foremost_job_is_told(session):
    told: list[tuple[float, str]] = []
    session.progress_changed.connect(lambda fraction, words: told.append((fraction, words)))
    session.open(CINE)
    session.wait_idle(5)
    assert (0.5, "measure half done") in told


def test_a_newer_generation_replaces_the_one_that_runs(session, engine):
    session.open(CINE, ECG).wait(5)
    session.wait_idle(5)
    engine.gate.clear()
    first = session.generate()
    while "generate" not in engine.calls:
        pass
    session.update_settings(seed=5)
    session.generate()
    engine.gate.set()
    session.wait_idle(5)
    assert first.state == "cancelled"
    assert [made["seed"] for made in engine.generated_with] == [0, 5]


def test_the_library_knows_the_last_numbers(session):
    session.open(CINE, ECG).wait(5)
    session.generate()
    session.wait_idle(5)
    (row,) = session.library.rows()
    assert row.path == str(CINE.absolute())
    assert row.name == "Doe^Jane"
    assert (row.measured_ef_percent, row.generated_ef_percent) == (60.0, 55.0)


def test_settings_are_kept_and_odd_values_refused(session):
    session.update_settings(members=4)
    again = Session(engine_loader=lambda device: fakes.FakeEngine())
    assert again.settings.members == 4
    with pytest.raises(ValueError, match="members"):
        session.update_settings(members=65)
    again.close()

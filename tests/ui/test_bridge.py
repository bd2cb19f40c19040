"""The bridge: signals of workers arrive on the window's thread, its own at once."""

from __future__ import annotations

import threading

from cof_viewer.ui.bridge import bridge_of
from tests.ui.fixtures import make_session_with_case


def test_a_session_has_one_bridge(qapp):
    session = make_session_with_case("opened")
    assert bridge_of(session) is bridge_of(session)


def test_the_windows_own_changes_arrive_at_once(qapp):
    session = make_session_with_case("generated")
    seen = []
    bridge_of(session).view_changed.connect(seen.append)
    session.set_phase(7)
    assert seen == [frozenset({"phase"})]


def test_what_a_worker_does_arrives_on_the_windows_thread(qtbot):
    session = make_session_with_case("generated")
    bridge = bridge_of(session)
    threads, told = [], []
    bridge.progress_changed.connect(lambda fraction, words: told.append((fraction, words)))
    bridge.message.connect(lambda text, severity: told.append((text, severity)))
    bridge.busy_changed.connect(lambda: threads.append(threading.current_thread()))

    heard = threading.Event()
    bridge.progress_changed.connect(lambda *_: heard.set())

    def work(progress, cancel):
        progress(0.5, "Making the motion")
        heard.wait(3)
        raise MemoryError

    session._submit("Generating", "generate", work, lambda _: None)
    qtbot.waitUntil(lambda: session.busy is None and len(told) >= 2, timeout=4000)
    assert (0.5, "Making the motion") in told
    assert ("Not enough memory. Make fewer members, or close other programs.", "error") in told
    assert set(threads) == {threading.main_thread()}
    session.close()


def test_results_are_applied_on_the_windows_thread(qtbot):
    session = make_session_with_case("opened")
    bridge_of(session)
    where = []
    session._submit("Measuring", "measure", lambda _p, _c: 1, lambda _: where.append(threading.current_thread()))
    qtbot.waitUntil(lambda: bool(where), timeout=4000)
    assert where == [threading.main_thread()]
    session.close()

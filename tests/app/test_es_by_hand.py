"""ES set by hand: the heart follows before the pictures, the hand is followed to its end, undo gives ES back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cof_viewer.app.phase_choice import after_end_diastole
from cof_viewer.app.session import Session
from tests.app.fakes import FakeEngine


@pytest.fixture
def generated(session: Session) -> Session:
    session.open(Path("cine"), Path("a.hea"))
    session.wait_idle(5)
    session.generate()
    session.wait_idle(5)
    return session


def test_setting_es_generates_with_it_and_is_undone_with_it(generated: Session, engine: FakeEngine):
    generated.set_es_time(480.0)
    generated.wait_idle(5)
    assert [made["es_ms"] for made in engine.generated_with] == [None, 480.0]
    assert generated.function.es_phase == 12
    assert not generated.case.stale
    generated.undo()
    generated.wait_idle(5)
    assert engine.generated_with[-1]["es_ms"] is None
    assert generated.function.es_phase == 8
    generated.redo()
    generated.wait_idle(5)
    assert generated.function.es_phase == 12


def test_heart_and_numbers_are_seen_before_the_pictures(generated: Session, engine: FakeEngine):
    before = generated.result.generation
    engine.gate.clear()
    seen = []
    generated.result_changed.connect(lambda: seen.append(generated.result.generation))
    generated.set_es_time(480.0)
    while not seen:
        pass
    first = seen[0]
    assert first.result.function.es_phase == 12
    assert np.all(first.motion.pull_back_mm == 12)
    assert first.cine is before.cine
    assert first.result.function.rv_esv_ml == before.result.function.rv_esv_ml
    assert generated.case.stale
    engine.gate.set()
    generated.wait_idle(5)
    assert generated.result.generation.cine is not before.cine
    assert not generated.case.stale


def test_a_hand_that_moves_on_is_followed_to_where_it_rests(generated: Session, engine: FakeEngine):
    engine.gate.clear()
    for moment in (300.0, 340.0, 380.0, 420.0, 460.0):
        generated.set_es_time(moment)
    engine.gate.set()
    generated.wait_idle(5)
    assert engine.generated_with[-1]["es_ms"] == 460.0
    assert generated.case.es_by_hand_ms == 460.0
    assert not generated.case.stale
    generated.undo()
    generated.wait_idle(5)
    assert generated.case.es_by_hand_ms is None


def test_set_es_here_on_a_generated_beat_sets_its_time(generated: Session, engine: FakeEngine):
    generated.set_phase(10)
    generated.set_es_here()
    generated.wait_idle(5)
    assert engine.generated_with[-1]["es_ms"] == pytest.approx(generated.phase_ms[10])
    assert generated.case.es_phase is None


def test_another_ecg_takes_es_back(generated: Session):
    generated.set_es_time(480.0)
    generated.wait_idle(5)
    generated.open_ecg(Path("b.hea"))
    generated.wait_idle(5)
    assert generated.case.es_by_hand_ms is None
    assert generated.case.stale
    generated.undo()
    assert generated.case.es_by_hand_ms == 480.0


def test_nothing_generated_nothing_to_set(session: Session, engine: FakeEngine):
    session.open(Path("cine"), Path("a.hea"))
    session.wait_idle(5)
    session.set_es_time(480.0)
    assert session.undo_words is None
    assert engine.generated_with == []


def test_a_moment_is_told_from_ed_round_the_beat(generated: Session):
    generation = generated.result.generation
    assert after_end_diastole(generation, 333.4) == 333.0
    assert after_end_diastole(generation, 900.0) == 100.0

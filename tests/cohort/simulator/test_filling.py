"""Patterns of diastole and the volume curves they give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.cohort.simulator.draw import draw_subject
from cof_viewer.cohort.simulator.filling import Pattern, draw_filling
from cof_viewer.cohort.simulator.subject import Condition, Subject
from cof_viewer.cohort.simulator.timing import Timing, draw_timing


def _subject(condition: Condition, **more) -> Subject:
    subject = draw_subject(np.random.default_rng([1, 1]), condition, sex="M", heart_rate_bpm=65.0)
    return replace(subject, **more)


def _timings(subject: Subject, pattern: Pattern, count: int = 60) -> list[Timing]:
    """Timings of seeds whose filling has the pattern."""
    found = []
    for seed in range(count):
        if draw_filling(subject, _after_period(seed)).pattern == pattern:
            found.append(draw_timing(subject, 40.0, 390.0, 0.0, np.random.default_rng(seed)))
    return found


def _after_period(seed: int) -> np.random.Generator:
    """The stream of `draw_timing` where the filling is drawn: the scatter of the pre-ejection period comes first."""
    rng = np.random.default_rng(seed)
    rng.normal(0, 6)
    return rng


def _filled_after(timing: Timing, ms: float) -> float:
    """Share of the stroke volume that is back `ms` after mitral opening."""
    return 1.0 - float(timing.fraction(np.array([timing.filling_ms + ms]))[0])


def test_every_pattern_comes_up_where_it_belongs():
    def patterns(condition: Condition, **more) -> set[Pattern]:
        subject = _subject(condition, **more)
        return {draw_filling(subject, np.random.default_rng(seed)).pattern for seed in range(80)}

    assert Pattern.RESTRICTIVE in patterns(Condition.DILATED, ef=0.15)
    assert Pattern.IMPAIRED in patterns(Condition.HYPERTENSIVE, ef=0.6)
    assert patterns(Condition.NORMAL, ef=0.6, age_years=45) == {Pattern.NORMAL}


def test_restrictive_filling_is_early_and_impaired_late():
    subject = _subject(Condition.DILATED, ef=0.2, age_years=70)
    early = {p: np.mean([_filled_after(t, 120.0) for t in _timings(subject, p)]) for p in Pattern}
    assert early[Pattern.RESTRICTIVE] > early[Pattern.NORMAL] + 0.05
    assert early[Pattern.IMPAIRED] < early[Pattern.NORMAL] - 0.05


def test_impaired_relaxation_leaves_more_to_the_kick():
    subject = _subject(Condition.HYPERTENSIVE, ef=0.6, age_years=60)
    kick = {p: np.mean([t.atrial_share for t in _timings(subject, p)]) for p in (Pattern.NORMAL, Pattern.IMPAIRED)}
    assert kick[Pattern.IMPAIRED] == pytest.approx(1.35 * kick[Pattern.NORMAL])


def test_fibrillation_has_no_kick_and_fast_hearts_no_diastasis():
    af = _subject(Condition.ATRIAL_FIBRILLATION, fibrillation=True, atrial_share=0.0)
    assert draw_timing(af, 40.0, 360.0, 0.0, np.random.default_rng(2)).kick_ms is None

    def flattest(rate: float) -> float:
        """Slowest filling between mitral opening and the end of the kick, share of the stroke volume per second."""
        subject = replace(_subject(Condition.NORMAL, age_years=40), heart_rate_bpm=rate)
        timing = draw_timing(subject, 40.0, 390.0 - 1.6 * (rate - 65.0), 0.0, np.random.default_rng(2))
        times = np.linspace(timing.filling_ms + 40, timing.rr_ms - 60, 200)
        return float(-np.diff(timing.fraction(times)).max() / (times[1] - times[0]) * 1000)

    assert flattest(110.0) > 2 * flattest(60.0)


def test_curve_ends_where_it_began_for_every_pattern():
    for condition in (Condition.DILATED, Condition.HYPERTENSIVE, Condition.ATRIAL_FIBRILLATION):
        subject = _subject(condition)
        for seed in range(12):
            timing = draw_timing(subject, 40.0, 380.0, 0.0, np.random.default_rng(seed))
            share = timing.fraction(np.linspace(0, timing.rr_ms - 1e-6, 300))
            assert share.min() >= -1e-9
            assert share.max() <= 1 + 1e-9
            assert share[-1] == pytest.approx(0.0, abs=2e-3)

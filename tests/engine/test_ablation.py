"""What the generator hears of an ECG when part of it is kept from it."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.cohort.simulator import simulate
from cof_viewer.domain.ecg import Beat
from cof_viewer.engine.generator import heard_features, heard_marks
from cof_viewer.signal import representative_beat
from cof_viewer.signal.features import FEATURE_NAMES


@pytest.fixture(scope="module")
def beat() -> Beat:
    return representative_beat(simulate(3, "normal", heart_rate_bpm=70, picture=False).ecg)


def test_all_but_the_rate_is_unknown(beat: Beat):
    features = dict(zip(FEATURE_NAMES, heard_features(beat, "all-but-rate"), strict=True))
    assert features["rr_ms"] == pytest.approx(beat.rr_ms, rel=0.02)
    assert np.isnan(features["qrs_ms"])
    assert np.isfinite(heard_features(beat, None)[FEATURE_NAMES.index("qrs_ms")])


def test_without_an_ecg_the_marks_are_those_of_the_mean_beat(beat: Beat):
    assert heard_marks(beat, "ecg").es_ms == pytest.approx(0.38 * beat.rr_ms)


def test_the_rate_alone_places_es_by_weissler_and_the_whole_ecg_by_the_end_of_t(beat: Beat):
    by_rate, by_ecg = heard_marks(beat, "all-but-rate"), heard_marks(beat, None)
    assert by_rate.es_ms == pytest.approx(546 - 2.1 * 60_000 / beat.rr_ms - 40, abs=0.5)
    assert beat.intervals.t_end_at_ms is not None
    assert by_ecg.es_ms == pytest.approx(beat.intervals.t_end_at_ms, abs=60)

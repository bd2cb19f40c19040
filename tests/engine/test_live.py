"""Live use: another ECG, seed or timing moves the heart at once; nothing is read or drawn twice; the cine follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine import live as live_module
from cof_viewer.engine import plan as plan_module
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.ecg_encoder import load_encoder
from cof_viewer.engine.engine import Engine, EngineInfo
from cof_viewer.engine.generator import Generator
from cof_viewer.engine.live import Ear
from cof_viewer.engine.motion.time_law import MarkEdit, TimeMarks, edited_marks
from cof_viewer.io import open_ecg
from tests.conftest import ROOT
from tests.engine.test_generate import prepared  # noqa: F401 - fixture

CALIBRATION = {
    "calibration": {
        "real": {"ef_logit": 0.8, "edv_share": 0.1, "patients": 9},
        "simulated": {"ef_logit": 0.3, "edv_share": 0.05, "patients": 9},
    }
}


@pytest.fixture(scope="module")
def ecg() -> Ecg:
    return open_ecg(next((ROOT / "resources" / "demo" / "normal").glob("ecg.*")))


@pytest.fixture(scope="module")
def other_ecg(ecg: Ecg) -> Ecg:
    return open_ecg(next((ROOT / "resources" / "demo" / "dilated-lbbb").glob("ecg.*")))


@pytest.fixture
def engine() -> Engine:
    generator = Generator.load(ROOT / "models", torch.device("cpu"))
    info = EngineInfo("0", "cpu", {})
    return Engine(None, None, load_encoder(ROOT / "models"), generator, info, {"flow": CALIBRATION})  # type: ignore[arg-type]


class Counted:
    """A function that knows how often it was called."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self.work, self.calls = work, 0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return self.work(*args, **kwargs)


def count(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> Counted:
    counted = Counted(getattr(owner, name))
    monkeypatch.setattr(owner, name, counted)
    return counted


def test_the_cine_is_the_live_beat_with_pictures(engine: Engine, prepared: Prepared, ecg: Ecg) -> None:  # noqa: F811
    live = engine.live(prepared, ecg, anchor_phase="ed", phases=20, seed=3)
    whole = engine.cine(live)
    straight = engine.generate(prepared, ecg, anchor_phase="ed", phases=20, seed=3)
    assert np.array_equal(whole.cine.data, straight.cine.data)
    assert np.array_equal(whole.motion.push_forward_mm, live.motion.push_forward_mm)
    known = whole.result.function
    assert live.function.ef_percent == pytest.approx(known.ef_percent, abs=2.0)
    assert live.function.es_phase == known.es_phase
    assert whole.result.provenance.seed == 3
    assert live.function.interval90.keys() >= {"ef_percent", "esv_ml"}


def test_an_ecg_is_heard_once(
    engine: Engine,
    prepared: Prepared,  # noqa: F811
    ecg: Ecg,
    other_ecg: Ecg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = count(monkeypatch, live_module, "representative_beat")
    encoded = count(monkeypatch, live_module, "encode")
    for record in (ecg, other_ecg, ecg, replace(ecg, name="renamed")):
        engine.live(prepared, record, phases=5)
    assert (read.calls, encoded.calls) == (2, 2)


def test_ecgs_are_told_apart_by_their_signal(ecg: Ecg) -> None:
    ear = Ear(load_encoder(ROOT / "models"))
    louder = replace(ecg, signal_mv=ecg.signal_mv * 1.5)
    assert ear.hear(ecg).key != ear.hear(louder).key, "its old checksum is still in it"
    assert ear.hear(replace(ecg, name="b")).ecg.name == "b"
    for gain in np.linspace(0.5, 0.9, 12):
        ear.hear(replace(ecg, signal_mv=(ecg.signal_mv * gain).astype(np.float32)))
    assert len(ear._kept) == 8


def test_timing_by_hand_draws_nothing_anew(
    engine: Engine,
    prepared: Prepared,  # noqa: F811
    ecg: Ecg,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn = count(monkeypatch, Generator, "draw")
    monkeypatch.setattr(Generator, "draw", lambda self, *a, **k: drawn(self, *a, **k))
    scaled = count(monkeypatch, plan_module, "scale_to_ef")
    plain = engine.live(prepared, ecg, anchor_phase="ed", phases=50, members=3)
    early = engine.live(prepared, ecg, anchor_phase="ed", phases=50, members=3, timing=MarkEdit(es_ms=250.0))
    late = engine.live(prepared, ecg, anchor_phase="ed", phases=50, members=3, timing=MarkEdit(es_ms=420.0))
    assert (drawn.calls, scaled.calls) == (1, 3)
    step = plain.heard.beat.rr_ms / 50
    for live, asked in ((early, 250.0), (late, 420.0)):
        function = live.function
        assert function.phase_ms[function.es_phase] == pytest.approx(asked, abs=step)
        assert function.ef_percent == pytest.approx(plain.function.ef_percent, abs=1.0)
    engine.live(prepared, ecg, anchor_phase="ed", phases=50, members=3, seed=1)
    assert drawn.calls == 2
    codes = {flag.code for flag in engine.cine(early).result.flags}
    assert "timing-by-hand" in codes
    assert "timing-by-hand" not in {flag.code for flag in engine.cine(plain).result.flags}


def test_a_simulated_heart_has_the_intervals_of_simulated_hearts(
    engine: Engine,
    prepared: Prepared,  # noqa: F811
    ecg: Ecg,
) -> None:
    def width(**told: Any) -> float:
        low, high = engine.generate(prepared, ecg, anchor_phase="ed", phases=6, **told).result.function.interval90[
            "ef_percent"
        ]
        return float(high - low)

    assert width(simulated=True) < 0.5 * width()
    simulated = replace(prepared, simulated=True)
    low, high = engine.live(simulated, ecg, phases=6).function.interval90["ef_percent"]
    assert high - low == pytest.approx(width(simulated=True), rel=0.1)


def test_what_was_known_of_the_study_stays_known(engine: Engine, prepared: Prepared, ecg: Ecg) -> None:  # noqa: F811
    told = Flag("affine-repaired", Severity.NOTE, "The affine was repaired.")
    known = replace(prepared, role="es", share=0.4, sha256="a1", flags=(told,))
    live = engine.live(known, ecg, phases=50)
    assert live.plan.anchor_phase == 20
    assert live.anchor.role == "es"
    result = engine.cine(live).result
    assert told in result.flags
    assert result.provenance.anchor == "a1"
    assert engine.live(known, ecg, phases=10).plan.anchor_phase == 4
    assert engine.live(known, ecg, phases=10, anchor_phase=7).plan.anchor_phase == 7


@pytest.mark.parametrize("asked", [-1, 10])
def test_a_phase_that_is_not_there_is_refused(
    engine: Engine,
    prepared: Prepared,  # noqa: F811
    ecg: Ecg,
    asked: int,
) -> None:
    with pytest.raises(UserError, match="is not one of the 10 generated phases"):
        engine.live(prepared, ecg, phases=10, anchor_phase=asked)


def test_live_use_stops_when_asked(engine: Engine, prepared: Prepared, ecg: Ecg) -> None:  # noqa: F811
    token = CancelToken()
    live = engine.live(prepared, ecg, phases=10)
    token.cancel()
    with pytest.raises(Cancelled):
        engine.live(prepared, ecg, phases=10, seed=9, cancel=token)
    with pytest.raises(Cancelled):
        engine.cine(live, cancel=token)


def test_marks_by_hand_keep_their_order_and_drag_the_others() -> None:
    marks = TimeMarks(150.0, 300.0, 500.0, 900.0)
    assert edited_marks(marks, None) is marks
    assert edited_marks(marks, MarkEdit()) is marks
    moved = edited_marks(marks, MarkEdit(es_ms=360.0))
    assert (moved.es_ms, moved.half_ejection_ms) == (360.0, pytest.approx(180.0))
    assert moved.half_filling_ms == pytest.approx(360.0 + 200.0 * 540 / 600)
    only = edited_marks(marks, MarkEdit(half_filling_ms=600.0))
    assert only == TimeMarks(150.0, 300.0, 600.0, 900.0)
    wild = edited_marks(marks, MarkEdit(half_ejection_ms=800.0, es_ms=5.0, half_filling_ms=1.0))
    assert 0 < wild.half_ejection_ms < wild.es_ms < wild.half_filling_ms < 900.0


def test_the_same_anchor_is_prepared_once_and_first_sight_comes_before_the_cine(engine, ecg, prepared, monkeypatch):  # noqa: F811
    made = []
    monkeypatch.setattr(engine, "prepare", lambda *_a, **_k: made.append(1) or prepared)
    monkeypatch.setattr(engine, "cine", lambda live, **_k: live)
    seen = []
    for es_ms in (None, 250.0, 300.0):
        timing = None if es_ms is None else MarkEdit(es_ms=es_ms)
        engine.generate(prepared.volume, ecg, phases=20, timing=timing, seen_first=lambda *sight: seen.append(sight))
    assert len(made) == 1
    assert len(seen) == 3
    assert seen[1][1].es_phase < seen[2][1].es_phase
    assert seen[0][0].pull_back_mm.shape[0] == 20
    engine.generate(prepared.volume, ecg, phases=20, anchor_phase="es")
    assert len(made) == 2

"""ED and ES chosen by the reader: numbers by hand, undo, and what a generation is made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.app.phase_choice import with_chosen_phases
from cof_viewer.domain.function import Function
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import LabelCine
from tests.app import fakes


def test_numbers_are_read_at_the_chosen_phases():
    labels = np.zeros((4, 1, 10, 10), np.uint8)
    labels[2, 0, :5] = 2  # 50 voxels of 1 mL of muscle in the phase that is chosen
    made = fakes.FakeEngine().measure(fakes.cine_study(4))
    function = Function(
        ed_phase=0, es_phase=1, edv_ml=100.0, esv_ml=40.0, ef_percent=60.0, lv_mass_g=1.0, heart_rate_bpm=60.0,
        lv_volume_ml=(100.0, 40.0, 80.0, 60.0), lv_relative=(1.0, 0.4, 0.8, 0.6),
        rv_volume_ml=(120.0, 60.0, 100.0, 75.0), rv_relative=(1.0, 0.5, 100 / 120, 0.625),
        interval90={"ef_percent": (50.0, 70.0)},
    )  # fmt: skip
    grid = grid_from_spacing((1, 10, 10), (10.0, 10.0, 10.0))
    made = replace(made, labels=LabelCine(labels, grid), result=replace(made.result, function=function))
    chosen = with_chosen_phases(made, 2, 3).result
    found = chosen.function
    assert (found.edv_ml, found.esv_ml, found.sv_ml) == (80.0, 60.0, 20.0)
    assert found.ef_percent == pytest.approx(25.0)
    assert found.cardiac_output_l_min == pytest.approx(1.2)
    assert found.lv_mass_g == pytest.approx(50 * 1.05)
    assert (found.rv_edv_ml, found.rv_esv_ml) == (100.0, 75.0)
    assert found.rv_ef_percent == pytest.approx(25.0)
    assert found.interval90 == {}
    assert [flag.text for flag in chosen.flags] == ["The reader chose ED and ES: phases 3 and 4."]
    assert with_chosen_phases(made, None, None) is made
    assert with_chosen_phases(made, 0, 1) is made


def test_choosing_is_undoable_and_makes_a_generation_stale(session, engine):
    session.open(Path("cine"), Path("a.hea"))
    session.wait_idle(5)
    session.set_phase(4)
    session.set_ed_here()
    assert session.function.ed_phase == 4
    session.generate()
    session.wait_idle(5)
    assert engine.generated_with[0]["measured"].result.function.ed_phase == 4
    assert session.result.measurement.result.function.ed_phase == 4
    assert not session.case.stale
    session.undo()
    assert session.result.measurement.result.function.ed_phase == 0
    assert session.case.stale
    session.redo()
    assert not session.case.stale


def test_only_the_measured_cine_has_phases_to_choose(session):
    told = []
    session.message.connect(lambda text, importance: told.append(importance))
    session.open(Path("volume"))
    session.wait_idle(5)
    session.set_es_here()
    assert told == ["warning"]
    assert session.undo_words is None

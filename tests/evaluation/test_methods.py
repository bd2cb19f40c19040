"""The baselines learn what they should and say what they know; a missing method is named."""

from __future__ import annotations

import math
import pickle
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cof_viewer.anatomy import dice
from cof_viewer.domain.errors import UserError
from cof_viewer.evaluation.anchor import Anchor, canonical_labels, ecg_of, geometry, volume_of
from cof_viewer.evaluation.beat import reference_of
from cof_viewer.evaluation.lessons import lesson_of
from cof_viewer.evaluation.methods import DEFAULT, OURS, all_methods, chosen_methods
from cof_viewer.evaluation.methods.engine import EngineMethod
from cof_viewer.evaluation.methods.numbers import retimed
from cof_viewer.evaluation.methods.packed import PackedMethod
from tests.conftest import ROOT
from tests.evaluation.made import ES, swing, tube_case

MODELS = Path("models")
DEPTHS = (0.12, 0.16, 0.2, 0.24, 0.28, 0.32)
CASES = [tube_case(f"sim-{i:06d}", depth, seed=i) for i, depth in enumerate(DEPTHS)]


@pytest.fixture(scope="module")
def lessons() -> list[Any]:
    found = [lesson_of(case) for case in CASES]
    assert all(found)
    return found


def _anchor(case) -> Anchor:
    return Anchor(
        case_id=case.case_id,
        kind=case.kind,
        labels=case.labels[0],
        picture=case.image[0].astype(np.float32) / np.float32(255),
        prepared=None,  # type: ignore[arg-type]
        ecg=ecg_of(case),
        phases=case.phases,
        rr_ms=case.rr_ms,
        slice_mm=case.slice_mm,
    )


def _fitted(name: str, lessons: list[Any]) -> Any:
    method = all_methods()[name]
    method.fit(lessons)
    return pickle.loads(pickle.dumps(method))  # as workers get it


def test_the_registry_holds_what_the_command_promises():
    promised = "cof,cof-packed,cof-diffusion,static,mean,mean-scaled,regression,trees,constant,no-ecg,shuffled-ecg"
    assert set(f"{promised},heart-rate-only,no-anatomy".split(",")) <= set(all_methods())
    assert OURS in DEFAULT
    assert all(method.words for method in all_methods().values())
    assert [m.name for m in chosen_methods(["trees", "static", "trees"], MODELS)] == ["trees", "static"]
    with pytest.raises(UserError, match='no method "xdyna"'):
        chosen_methods(["static", "xdyna"], MODELS)


def test_a_form_that_is_absent_is_named(tmp_path: Path):
    (tmp_path / "manifest.json").write_text('{"weights": {}}')
    with pytest.raises(UserError, match="cof-packed"):
        chosen_methods(["cof-packed"], tmp_path)
    with pytest.raises(UserError, match="cof-diffusion"):
        PackedMethod("cof-diffusion", "", "diffusion").check(tmp_path)


def test_a_lesson_holds_the_truth_of_its_case(lessons):
    lesson, truth = lessons[3], reference_of(CASES[3])
    assert lesson.ef_percent == truth.ef_percent
    assert lesson.es_fraction == pytest.approx(ES / 25)
    assert lesson.curve[0] == 0
    assert lesson.curve[ES] == pytest.approx(1)
    assert np.isnan(lesson.ecg).all()
    assert np.isfinite(lesson.geometry).all()
    empty = CASES[0].__class__(**{**CASES[0].__dict__, "labels": np.zeros_like(CASES[0].labels)})
    assert lesson_of(empty) is None


def test_static_does_not_move():
    beat = all_methods()["static"].beat(_anchor(CASES[0]), None)  # type: ignore[arg-type]
    assert beat.ef_percent == 0
    assert math.isnan(beat.es_fraction)
    assert (beat.labels == CASES[0].labels[0]).all()


def test_the_mean_motion_moves_as_the_mean(lessons):
    beat = _fitted("mean", lessons).beat(_anchor(CASES[0]), None)
    middle = np.mean([reference_of(case).ef_percent for case in CASES])
    assert beat.ef_percent == pytest.approx(middle, abs=5.0)
    assert abs(beat.es_phase - ES) <= 1
    assert (beat.labels[0] == CASES[0].labels[0]).mean() > 0.99
    assert not beat.pull_back_mm[0].any()
    assert not beat.push_forward_mm[0].any()


def test_scaled_motion_meets_the_predicted_ef(lessons):
    method = _fitted("mean-scaled", lessons)
    method._trees = SimpleNamespace(ef_percent=lambda _: 25.0)
    assert method.beat(_anchor(CASES[0]), None).ef_percent == pytest.approx(25.0, abs=0.5)


def test_constant_and_trees_keep_the_anchors_own_size(lessons):
    for name in ("constant", "trees"):
        beat = _fitted(name, lessons).beat(_anchor(CASES[5]), None)
        assert beat.edv_ml == pytest.approx(reference_of(CASES[5]).edv_ml)
        assert beat.es_fraction == pytest.approx(ES / 25, abs=0.01)
        assert beat.lv_ml.min() == pytest.approx(beat.esv_ml, rel=1e-3)
        assert beat.labels is None
    middle = np.mean([reference_of(case).ef_percent for case in CASES])
    assert _fitted("constant", lessons).beat(_anchor(CASES[5]), None).ef_percent == pytest.approx(middle)


def test_regression_finds_what_shape_tells():
    """Hearts whose size tells how far they contract: regression sees it, also in a heart that it did not learn from."""
    cases = [tube_case(f"sim-{i:06d}", depth, seed=i) for i, depth in enumerate(np.linspace(0.1, 0.34, 9))]
    found = [lesson_of(case) for case in cases]
    told = [  # the ECG carries the depth
        lesson.__class__(**{**lesson.__dict__, "ecg": np.full(len(lesson.ecg), depth)})
        for lesson, depth in zip(found, np.linspace(0.1, 0.34, 9), strict=True)
    ]
    method = _fitted("regression", told)
    import cof_viewer.evaluation.methods.regression as module

    numbers = module.ecg_numbers
    try:
        module.ecg_numbers = lambda _: np.full(len(told[0].ecg), 0.31)
        beat = method.beat(_anchor(cases[0]), None)
    finally:
        module.ecg_numbers = numbers
    truth = reference_of(tube_case(depth=0.31))
    assert beat.ef_percent == pytest.approx(truth.ef_percent, abs=4)
    assert dice(beat.labels[ES] == 1, truth.labels[ES] == 1) > 0.93


def test_a_curve_is_stretched_so_that_es_moves():
    curve = 100 - 50 * swing()
    moved = retimed(curve, ES / 25, 12 / 25)
    assert int(np.argmin(moved)) == 12
    assert moved[0] == curve[0]
    assert retimed(curve, ES / 25, ES / 25) == pytest.approx(curve)


def test_an_engine_method_without_an_ecg_says_so():
    with pytest.raises(UserError, match="no ECG"):
        EngineMethod("cof", "").beat(_anchor(CASES[0]), None)  # type: ignore[arg-type]


def test_the_box_lies_in_the_middle_of_the_canonical_grid():
    labels = CASES[0].labels[0]
    canonical = canonical_labels(labels)
    assert canonical.shape == (6, 128, 128)
    assert (canonical[:, 16:112, 16:112] == labels).all()
    assert (canonical > 0).sum() == (labels > 0).sum()
    assert np.isfinite(geometry(labels, 10.0)).all()
    volume = volume_of(CASES[0])
    assert volume.grid.spacing_mm == pytest.approx((1.5, 1.5, 10.0))


def test_a_packed_form_takes_the_weights_of_another_folder(tmp_path):
    (method,) = chosen_methods([f"cof-packed:{_copied(tmp_path / 'without_rea')}"], ROOT / "models")
    assert method.name == "cof-packed@without_rea"
    assert '"without_rea"' in method.words
    assert len(method.own_weights()) == 64
    assert chosen_methods(["cof-packed"], ROOT / "models")[0].own_weights() == ""
    with pytest.raises(UserError, match="one name"):
        chosen_methods([f"cof-packed:{_copied(tmp_path / str(k) / 'same')}" for k in (1, 2)], ROOT / "models")
    with pytest.raises(UserError, match="can't be used"):
        chosen_methods([f"cof-packed:{tmp_path / 'nothing'}"], ROOT / "models")
    with pytest.raises(UserError, match='no method "static:'):
        chosen_methods(["static:here"], ROOT / "models")


def _copied(folder):
    """A models folder with what a packed form needs."""
    folder.mkdir(parents=True)
    for name in ("manifest.json", "packed.safetensors", "ecg_encoder.safetensors"):
        shutil.copy(ROOT / "models" / name, folder / name)
    return folder

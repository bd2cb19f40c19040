"""The gate of the anchor: silent on real hearts, loud on what is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.real.mri import Pair, choose, load_pair, read_manifest
from cof_viewer.domain.flag import Severity
from cof_viewer.domain.image import LabelMap
from cof_viewer.domain.split import Split
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.engine import Engine
from cof_viewer.engine.gate_anchor import AnchorSigns, anchor_flags, anchor_signs, label_flags, oddities
from cof_viewer.evaluation import gate
from cof_viewer.evaluation.pairs import volume_of
from cof_viewer.evaluation.spoiled import SPOILED_ANCHORS
from tests.conftest import ROOT
from tests.engine.test_generate import prepared  # noqa: F401 - fixture

GOOD = AnchorSigns(0.86, 0.97, 1.1, 1.0, 0.2, 130.0, 9, 0)


def codes(flags) -> set[str]:
    return {flag.code for flag in flags}


def test_a_made_heart_is_silent(prepared: Prepared) -> None:  # noqa: F811
    assert anchor_flags(prepared) == []
    signs = anchor_signs(prepared)
    assert signs.elongation == pytest.approx(1.0, abs=0.05)
    assert signs.ring == 1.0
    assert signs.contrast > 0.99
    assert signs.lead is None


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"lead": 0.6}, "segmentation-doubt"),
        ({"contrast": 0.5}, "no-cine-contrast"),
        ({"elongation": 1.8}, "not-short-axis"),
        ({"ring": 0.5}, "wall-open"),
        ({"wander": 1.4}, "slices-shifted"),
        ({"lv_ml": 4.0}, "size-implausible"),
        ({"lv_ml": 900.0}, "size-implausible"),
        ({"slices": 2}, "few-slices"),
        ({"empty": 3}, "empty-slices"),
    ],
)
def test_one_odd_sign_is_a_caution(change: dict[str, float], code: str) -> None:
    assert oddities(GOOD) == []
    assert [found for found, _ in oddities(replace(GOOD, **change))] == [code]


def test_unknown_signs_say_nothing() -> None:
    assert oddities(replace(GOOD, lead=None, lv_ml=None)) == []


def test_several_odd_signs_stop_the_numbers(prepared: Prepared) -> None:  # noqa: F811
    grey = replace(prepared, lead=0.5, volume=replace(prepared.volume, data=np.ones_like(prepared.volume.data)))
    (flag,) = anchor_flags(grey)
    assert (flag.code, flag.severity) == ("anchor-unlike-a-heart", Severity.STOP)
    assert "ef_percent" in flag.withholds
    assert "Blood is hardly brighter" in flag.text


def test_missing_parts(prepared: Prepared) -> None:  # noqa: F811
    only_lv = np.where(prepared.labels.data == 1, 1, 0).astype(np.uint8)
    assert codes(label_flags(LabelMap(only_lv, prepared.labels.grid))) == {"no-myocardium", "no-right-ventricle"}
    assert not label_flags(prepared.labels)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.load(ROOT / "models", "cpu")


@pytest.fixture(scope="module")
def pair(data_dir: Path) -> Pair:
    return load_pair(choose(read_manifest(data_dir / "mri"), "pair", Split.VALIDATION, dataset="acdc")[0])


def test_a_real_heart_is_silent_at_ed_and_es(engine: Engine, pair: Pair) -> None:
    for phase in (0, 1):
        assert anchor_flags(engine.prepare(volume_of(pair, phase))) == []


@pytest.mark.parametrize("kind", SPOILED_ANCHORS)
def test_a_spoiled_heart_is_refused_or_doubted(engine: Engine, pair: Pair, kind: str) -> None:
    spoiled = SPOILED_ANCHORS[kind](volume_of(pair, 0), pair.labels[0], np.random.default_rng(1))
    assert gate.anchor_codes(engine, spoiled), kind

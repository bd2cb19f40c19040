"""Function against numbers worked out by hand, and the expert labels of real patients."""

import numpy as np
import pytest

from cof_viewer.anatomy import function_from_curves, function_from_labels
from cof_viewer.domain.function import Source
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import LabelCine


def box_labels(sizes, spacing=(2.0, 2.0, 10.0), **known):
    """A cine whose phases hold so many LV, Myo and RV voxels."""
    data = np.zeros((len(sizes), 2, 10, 10), dtype=np.uint8)
    for phase, (lv, myo, rv) in enumerate(sizes):
        flat = data[phase].reshape(-1)
        flat[:lv] = 1
        flat[lv : lv + myo] = 2
        flat[lv + myo : lv + myo + rv] = 3
    return LabelCine(data, grid_from_spacing((2, 10, 10), spacing, **known))


def test_volumes_by_hand():
    # A voxel is 2 x 2 x 10 mm = 0.04 mL.
    labels = box_labels([(50, 40, 60), (30, 40, 50), (20, 40, 30), (40, 40, 40)])
    function = function_from_labels(labels, phase_ms=(0, 250, 500, 750), rr_ms=1000)
    assert function.edv_ml == pytest.approx(2.0)
    assert function.esv_ml == pytest.approx(0.8)
    assert function.sv_ml == pytest.approx(1.2)
    assert function.ef_percent == pytest.approx(60.0)
    assert function.heart_rate_bpm == pytest.approx(60.0)
    assert function.cardiac_output_l_min == pytest.approx(0.072)
    assert function.lv_mass_g == pytest.approx(1.05 * 40 * 0.04)
    assert function.rv_edv_ml == pytest.approx(2.4)
    assert function.rv_esv_ml == pytest.approx(1.2)  # at the LV's ES
    assert function.rv_ef_percent == pytest.approx(50.0)
    assert (function.ed_phase, function.es_phase) == (0, 2)
    assert function.lv_relative == pytest.approx((1, 0.6, 0.4, 0.8))
    assert set(function.source.values()) == {Source.MEASURED}


def test_earlier_phase_on_a_tie():
    function = function_from_curves([3.0, 5.0, 5.0, 2.0, 2.0])
    assert (function.ed_phase, function.es_phase) == (1, 3)


def test_unknown_spacing_keeps_ef():
    labels = box_labels([(50, 40, 60), (20, 40, 30)], spacing_known=False)
    function = function_from_labels(labels, phase_ms=(0, 500), rr_ms=1000)
    assert function.ef_percent == pytest.approx(60.0)
    assert function.rv_ef_percent == pytest.approx(50.0)
    absent = ("edv_ml", "esv_ml", "sv_ml", "cardiac_output_l_min", "lv_mass_g", "rv_edv_ml", "rv_esv_ml")
    assert [getattr(function, name) for name in absent] == [None] * len(absent)
    assert function.lv_volume_ml is None
    assert function.lv_relative == (1.0, 0.4)
    assert "edv_ml" not in function.source


def test_unknown_time_keeps_volumes():
    function = function_from_labels(box_labels([(50, 40, 60), (20, 40, 30)]))
    assert function.edv_ml == pytest.approx(2.0)
    assert function.phase_ms is None
    assert function.heart_rate_bpm is None
    assert function.cardiac_output_l_min is None


@pytest.mark.parametrize("rr_ms", [0.0, -5.0, float("nan"), float("inf")])
def test_impossible_rr_is_unknown(rr_ms):
    assert function_from_curves([3.0, 1.0], rr_ms=rr_ms).heart_rate_bpm is None


def test_soft_volumes_are_used():
    hard = box_labels([(50, 40, 60), (20, 40, 30)])
    soft = np.array([[0, 48.5, 41, 60], [0, 21.5, 40, 30]], dtype=np.float64)
    function = function_from_labels(LabelCine(hard.data, hard.grid, soft))
    assert function.edv_ml == pytest.approx(48.5 * 0.04)
    assert function.ef_percent == pytest.approx(100 * (48.5 - 21.5) / 48.5)


def test_forced_ed_and_measured_anchor():
    labels = box_labels([(50, 40, 60), (52, 41, 60), (20, 40, 30)])
    function = function_from_labels(labels, rr_ms=800, source=Source.GENERATED, ed_phase=0, anchor_phase=0)
    assert function.ed_phase == 0
    assert function.edv_ml == pytest.approx(2.0)
    assert function.lv_relative[1] == 1.0
    measured = {name for name, source in function.source.items() if source is Source.MEASURED}
    assert measured == {"edv_ml", "rv_edv_ml", "lv_mass_g"}
    assert function.source["heart_rate_bpm"] is Source.ECG
    assert function.source["ef_percent"] is Source.GENERATED


def test_anchor_at_es():
    labels = box_labels([(50, 40, 60), (20, 40, 30)])
    function = function_from_labels(labels, source=Source.GENERATED, anchor_phase=1)
    measured = {name for name, source in function.source.items() if source is Source.MEASURED}
    assert measured == {"esv_ml", "rv_esv_ml"}


def test_no_heart_has_no_numbers():
    function = function_from_labels(box_labels([(0, 0, 0), (0, 0, 0)]))
    assert function.edv_ml is None
    assert function.ef_percent is None
    assert function.ed_phase is None
    assert function.rv_edv_ml is None


def test_single_phase_has_no_es():
    function = function_from_labels(box_labels([(50, 40, 60)]))
    assert function.edv_ml == pytest.approx(2.0)
    assert function.esv_ml is None
    assert function.ef_percent is None


def test_wrong_curves_are_refused():
    with pytest.raises(ValueError, match="LV curve"):
        function_from_curves([])
    with pytest.raises(ValueError, match="ED phase 7"):
        function_from_curves([1.0, 2.0], ed_phase=7)


def test_expert_labels_of_acdc_056(data_dir):
    data = np.load(data_dir / "mri" / "pairs" / "acdc_patient056.npz")
    z, y, x = data["spacing_mm"]
    grid = grid_from_spacing(data["ed_label"].shape, (float(x), float(y), float(z)))
    function = function_from_labels(LabelCine(np.stack([data["ed_label"], data["es_label"]]), grid))
    # Values of the data's manifest, computed elsewhere by counting.
    assert function.edv_ml == pytest.approx(180.5, abs=0.1)
    assert function.ef_percent == pytest.approx(37.1, abs=0.1)
    assert function.lv_mass_g == pytest.approx(120.0, abs=0.1)

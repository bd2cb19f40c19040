"""function.json and volume_curve.csv have the promised keys, no NaN and no rounding."""

import csv
import json
from dataclasses import replace

import pytest

from cof_viewer.anatomy import function_from_curves
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.function import Agreement, Function, Provenance, Result, Source
from cof_viewer.io.export.tables import (
    CSV_COLUMNS,
    at_fractions,
    function_json,
    write_function_json,
    write_volume_curve_csv,
)

NUMBERS = [
    *("edv_ml", "esv_ml", "sv_ml", "ef_percent", "cardiac_output_l_min", "heart_rate_bpm", "lv_mass_g", "rv_edv_ml"),
    *("rv_esv_ml", "rv_ef_percent", "ed_phase", "es_phase", "phase_ms", "lv_volume_ml", "rv_volume_ml", "interval90"),
]
REST = ["measured", "source", "agreement", "convention", "flags", "withheld", "provenance"]


@pytest.fixture
def result():
    generated = function_from_curves(
        [100.1, 60.3, 40.7, 80.0],
        [90.0, 70.0, 50.0, 80.0],
        [99.0] * 4,
        phase_ms=(0.0, 200.0, 400.0, 600.0),
        rr_ms=800.0,
        source=Source.GENERATED,
        ed_phase=0,
        anchor_phase=0,
    )
    measured = function_from_curves([100.0, 40.0], [90.0, 50.0], phase_ms=(0.0, 450.0), rr_ms=900.0)
    flags = (
        Flag("affine-repaired", Severity.NOTE, "The affine was repaired."),
        Flag("irregular", Severity.STOP, "This ECG has no regular beat.", ("esv_ml", "ef_percent")),
    )
    provenance = Provenance("0.1.0", {"flow": "ab", "encoder": "cd"}, 0, 1, 20, "cpu", "aa", 0, "bb")
    return Result(generated, measured, Agreement((1.0, 0.8), (1.0, 0.7), (1.0, 0.6)), flags, provenance)


def test_keys_and_order(result):
    table = function_json(result)
    assert list(table) == NUMBERS + REST
    assert list(table["measured"]) == NUMBERS
    assert list(table["agreement"]) == ["lv_dice", "myo_dice", "rv_dice"]
    assert list(table["provenance"]) == [
        *("engine_version", "weights_sha256", "seed", "members", "steps", "device", "anchor", "ecg")
    ]


def test_values(result):
    table = function_json(result)
    assert table["ef_percent"] == 100 * (100.1 - 40.7) / 100.1
    assert table["heart_rate_bpm"] == 75.0
    assert table["interval90"] is None
    assert table["source"]["edv_ml"] == "measured"
    assert table["source"]["ef_percent"] == "generated"
    assert table["source"]["heart_rate_bpm"] == "ecg"
    assert [flag["code"] for flag in table["flags"]] == ["irregular", "affine-repaired"]
    assert table["flags"][0] == {"code": "irregular", "severity": "stop", "text": "This ECG has no regular beat."}
    assert table["withheld"] == ["ef_percent", "esv_ml"]
    assert table["measured"]["ef_percent"] == 60.0


def test_intervals_are_pairs(result):
    function = replace(result.function, interval90={"ef_percent": (50.5, 66.25)})
    assert function_json(replace(result, function=function))["interval90"] == {"ef_percent": [50.5, 66.25]}


def test_never_nan(result, tmp_path):
    odd = replace(result.function, sv_ml=float("nan"), lv_volume_ml=(1.0, float("inf")))
    write_function_json(tmp_path / "function.json", replace(result, function=odd, measured=None, agreement=None))
    text = (tmp_path / "function.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    table = json.loads(text)
    assert table["sv_ml"] is None
    assert table["lv_volume_ml"] == [1.0, None]
    assert table["measured"] is None
    assert table["agreement"] is None


def read_csv(path):
    with path.open(newline="", encoding="ascii") as file:
        return list(csv.DictReader(file))


def test_csv(result, tmp_path):
    write_volume_curve_csv(tmp_path / "c.csv", result)
    rows = read_csv(tmp_path / "c.csv")
    assert tuple(rows[0]) == CSV_COLUMNS
    assert [row["phase"] for row in rows] == ["0", "1", "2", "3"]
    assert float(rows[2]["time_ms"]) == 400.0
    assert float(rows[1]["lv_ml"]) == 60.3
    assert rows[1]["lv_lo_ml"] == ""
    assert [float(row["measured_lv_ml"]) for row in rows] == pytest.approx([100, 70, 40, 70])
    assert (tmp_path / "c.csv").read_bytes().count(b"\r") == 0


def test_csv_of_unknown_spacing_and_bands(result, tmp_path):
    function = function_from_curves([3.0, 1.0], voxel_ml=None)
    write_volume_curve_csv(tmp_path / "c.csv", replace(result, function=function, measured=None))
    rows = read_csv(tmp_path / "c.csv")
    assert [set(list(row.values())[1:]) for row in rows] == [{""}, {""}]
    banded = replace(result.function, lv_band_ml=((1.0, 2.0),) * 4)
    write_volume_curve_csv(tmp_path / "d.csv", replace(result, function=banded))
    assert read_csv(tmp_path / "d.csv")[3]["lv_hi_ml"] == "2.0"


def test_same_phases_are_not_interpolated(result, tmp_path):
    curve = [100.1, 61.7, 40.3, 83.9]
    measured = function_from_curves(curve)
    write_volume_curve_csv(tmp_path / "c.csv", replace(result, measured=measured))
    assert [float(row["measured_lv_ml"]) for row in read_csv(tmp_path / "c.csv")] == curve


def test_fractions_wrap():
    function = Function(lv_relative=(1.0, 0.5))
    assert at_fractions(function, (10.0, 20.0), (0.0, 0.25, 0.5, 0.75)) == [10.0, 15.0, 20.0, 15.0]

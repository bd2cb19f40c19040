"""A small evaluation from end to end: records, resuming, tables, figures; and the walls between patients."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.build import build
from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.cohort.file import write_case
from cof_viewer.cohort.manifest import row_of, write_rows
from cof_viewer.cohort.simulator.source import SimulatedPatients
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.cohort.store import CASES, Store
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.progress import CancelToken
from cof_viewer.domain.split import Split
from cof_viewer.evaluation import lessons, run
from cof_viewer.evaluation.record import Record, read_record, record_path, write_record
from cof_viewer.evaluation.report import write_report
from cof_viewer.evaluation.settings import Settings
from cof_viewer.evaluation.study import HONESTY, Study
from cof_viewer.evaluation.tables import TABLES, coverage, hard_cases, t3
from cof_viewer.evaluation.tables.base import Column, markdown, shown_p, usual_table
from cof_viewer.learning.assessor.parts import SplitBroken
from tests.conftest import ROOT
from tests.evaluation.made import tube_case

MODELS = ROOT / "models"
METHODS = ("cof", "static", "constant")


class _Some:
    """A few simulated patients of chosen parts."""

    def __init__(self, parts: tuple[Split, ...]) -> None:
        self._of, self._parts = SimulatedPatients(len(parts), seed=3), parts

    def requests(self) -> list[CaseRequest]:
        return [replace(r, part=part) for r, part in zip(self._of.requests(), self._parts, strict=True)]

    def make(self, request: CaseRequest) -> CohortCase:
        return self._of.make(request)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    build([_Some((Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.VALIDATION))], folder)
    return folder


@pytest.fixture(scope="module")
def settings(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    out = tmp_path_factory.mktemp("results")
    return Settings(store, out, MODELS, Split.VALIDATION, METHODS, members=2, assess=False)


@pytest.fixture(scope="module")
def records(settings: Settings) -> list[Record]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons, "FEWEST", 2)
        return run.evaluate(settings)


def test_every_case_and_method_has_a_record(records: list[Record], settings: Settings):
    assert [(r.method, r.failed) for r in records] == [(m, "") for m in METHODS] * 2
    ours = records[0]
    assert ours.kind is Kind.SIMULATED
    assert len(ours.curve_ml) == len(ours.true_curve_ml) == 25
    assert ours.value("lv_dice_ed") > 0.8
    assert ours.value("folding_percent") < 1
    assert np.isfinite(ours.value("ef_percent_covered"))
    assert ours.value("seconds") > 0
    assert abs(ours.ef_percent - ours.true_ef_percent) == pytest.approx(abs(ours.value("ef_error_points")))
    assert read_record(record_path(settings.out, ours.case_id, "cof")) == ours
    about = json.loads((settings.out / "run.json").read_text())
    assert about["settings"]["seed"] == 0
    assert {"numpy", "torch", "cof-viewer"} <= set(about["versions"])
    assert "flow" in about["weights"]


def test_what_stands_is_not_made_again(records: list[Record], settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(run.bench, "begin", lambda *_: pytest.fail("nothing is left to do"))
    assert run.evaluate(settings) == records


def test_other_inputs_are_other_records(records: list[Record], settings: Settings):
    opened, chosen = Store.open(settings.cohort), run.chosen_methods(METHODS, MODELS)
    keys = run.make_plan(settings, opened, chosen).keys
    seeded = run.make_plan(replace(settings, seed=1), opened, chosen).keys
    expert = run.make_plan(replace(settings, labels="expert"), opened, chosen).keys
    case = records[0].case_id
    assert keys[case, "cof"] != seeded[case, "cof"]
    assert keys[case, "static"] == seeded[case, "static"]
    assert all(keys[key] != expert[key] for key in keys)


def test_tables_figures_and_page_are_written(records: list[Record], settings: Settings):
    page = write_report(records, settings).read_text()
    assert HONESTY[Kind.SIMULATED] in page
    assert "T3: function" in page
    assert "Invalid outputs: none" in page
    with (settings.out / "tables" / "T3-simulated.csv").open() as stream:
        lines = {(x["method"], x["metric"], x["take"]): x for x in csv.DictReader(stream)}
    errors = [abs(r.value("ef_error_points")) for r in records if r.method == "static"]
    assert float(lines["static", "ef_error_points", "size"]["value"]) == pytest.approx(np.mean(errors))
    assert {p.name for p in (settings.out / "figures").glob("*.png")} == {
        f"{name}-simulated.png" for name in ("bland-altman-ef", "scatter-ef", "curves", "es-error")
    }
    for name in re.findall(r"\(figures/(.*?)\)", page):
        assert (settings.out / "figures" / name).stat().st_size > 5000


def test_cancelling_keeps_what_is_finished(settings: Settings, tmp_path: Path):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        run.evaluate(replace(settings, out=tmp_path, methods=("static",)), cancel=token)


def test_weights_that_change_meanwhile_stop_it(settings: Settings):
    run.bench.begin(settings, {}, {}, {"flow": "another"})
    with pytest.raises(UserError, match="weights changed"):
        run.bench.do(run.Job("sim-000000", ()))


def test_an_anchor_without_a_heart_is_an_invalid_output(store: Path, tmp_path: Path):
    case = Store.open(store).load(Store.open(store).choose(parts=[Split.VALIDATION])[0].case_id)
    noise = np.random.default_rng(0).integers(1, 255, case.image.shape).astype(np.uint8)
    other = tmp_path / "store"
    _write(other, [replace(case, image=noise)])
    made = run.evaluate(Settings(other, tmp_path / "out", MODELS, Split.VALIDATION, ("static",), assess=False))
    assert len(made) == 1
    assert "heart" in made[0].failed
    page = write_report(made, Settings(other, tmp_path / "out", MODELS, Split.VALIDATION, ("static",)))
    assert "static 1" in page.read_text() or "Invalid outputs" not in page.read_text()


def _write(folder: Path, cases: list[CohortCase]) -> Store:
    (folder / CASES).mkdir(parents=True)
    write_rows([row_of(case, write_case(case, folder / CASES), folder, "made") for case in cases], folder)
    return Store.open(folder)


def test_nobody_who_is_judged_was_learned_from(tmp_path: Path):
    twice = [
        tube_case("sim-000001", part=Split.TRAIN),
        replace(tube_case("sim-000002", part=Split.VALIDATION), patient_id="sim:000001"),
    ]
    store = _write(tmp_path / "store", twice)
    settings = Settings(store.folder, tmp_path / "out", MODELS, Split.VALIDATION, ("static",))
    with pytest.raises(SplitBroken):
        run.evaluate(settings)


def test_only_validation_and_test_are_judged_and_empty_parts_are_named(tmp_path: Path):
    store = _write(tmp_path / "store", [tube_case(part=Split.TRAIN)])
    settings = Settings(store.folder, tmp_path / "out", MODELS, Split.TRAIN, ("static",))
    with pytest.raises(UserError, match="not for judging"):
        run.evaluate(settings)
    with pytest.raises(UserError, match="no test case"):
        run.evaluate(replace(settings, part=Split.TEST))


def test_few_train_cases_are_refused_by_name(tmp_path: Path):
    store = _write(tmp_path / "store", [tube_case(part=Split.TRAIN)])
    with pytest.raises(UserError, match="only 1 train cases of the kind simulated"):
        lessons.lessons_of(store, Kind.SIMULATED, 1)


def test_a_shuffled_ecg_is_another_patients(store: Path):
    rows = list(Store.open(store).rows)
    donors = run.draw_donors(rows, seed=5)
    patient = {row.case_id: row.patient_id for row in rows}
    assert set(donors) == set(patient)
    assert all(patient[a] != patient[b] for a, b in donors.items())
    assert donors == run.draw_donors(rows, seed=5)
    assert run.draw_donors(rows[:1], seed=5) == {}


def _record(patient: int, method: str, kind: Kind = Kind.COMPLETED, **metrics: float) -> Record:
    return Record(f"c{patient}", f"p{patient}", kind, "NOR", method, "x", metrics, ef_percent=50, true_ef_percent=50)


def _study(records: list[Record], **more: object) -> Study:
    methods = tuple(dict.fromkeys(r.method for r in records))
    return Study(records[0].kind, Split.TEST, tuple(records), methods, Path(), **more)  # type: ignore[arg-type]


def test_differences_are_paired_and_corrected():
    """Twelve patients, a method always one point worse, another the same on the whole."""
    rng = np.random.default_rng(0)
    records = []
    for i in range(12):
        base, sign = rng.uniform(2, 8), 1 if i % 2 else -1
        records += [
            _record(i, "cof", ef_error_points=-base),
            _record(i, "static", ef_error_points=base + 1 + 0.01 * i),
            _record(i, "mean", ef_error_points=base + 0.1 * sign * (1 + i // 2)),
        ]
    table = usual_table(_study(records), "x", "X", (Column("ef_error_points", "EF MAE", 2, "size"),))
    assert table is not None
    by = {line["method"]: line for line in table.long}
    assert float(str(by["static"]["difference"])) == pytest.approx(1.055)
    assert float(str(by["static"]["p"])) == pytest.approx(2 / 2**12)  # all twelve signs alike
    assert float(str(by["static"]["p_holm"])) == pytest.approx(4 / 2**12)
    assert float(str(by["mean"]["p"])) > 0.9
    assert by["cof"]["difference"] == ""
    words = markdown(table)
    assert "Difference to cof" in words
    assert "p < .001" in words
    assert "matched ECG" in words
    assert "test part, 12 cases of 12 patients" in words


def test_several_cases_of_a_patient_count_once():
    records = [_record(1, "cof", x=1.0), _record(1, "cof", x=3.0), _record(2, "cof", x=10.0)]
    assert _study(records).by_patient("cof", "x") == {"p1": 2.0, "p2": 10.0}


def test_kinds_are_never_mixed(tmp_path: Path):
    records = [_record(1, "cof", ef_error_points=1.0), _record(2, "cof", Kind.SIMULATED, ef_error_points=9.0)]
    settings = Settings(tmp_path, tmp_path, MODELS, Split.TEST, ("cof",))
    page = write_report(records, settings).read_text()
    assert page.index("## completed") < page.index("## simulated") or "## simulated" in page
    assert "| cof | 1.0 [1.0, 1.0] |" in page
    assert "| cof | 9.0 [9.0, 9.0] |" in page
    assert "looked at once" in page
    assert not [line for line in page.splitlines() if "5.0 [" in line]


def test_coverage_has_its_exact_interval():
    records = [
        _record(i, "cof", ef_percent_covered=float(i > 0), ef_percent_width=20.0, intervals_calibrated=0.0)
        for i in range(20)
    ]
    table = coverage.make(_study(records))
    assert table is not None
    # 19 of 20: Clopper-Pearson .7513 to .9987
    assert table.rows[0] == ("cof", "EF", "20", "95 % [75, 100]", "20.0", "no, raw spread of members")
    assert coverage.make(_study([_record(1, "cof")])) is None


def test_hard_cases_are_the_worst_tenth():
    parts = {
        "split_segmentation_ml": 1.0,
        "split_amplitude_ml": -9.0,
        "split_timing_ml": 0.0,
        "split_through_plane_ml": 2.0,
    }
    records = [_record(i, "cof", ef_error_points=float(i), **parts) for i in range(15)]
    table = hard_cases.make(_study(records))
    assert table is not None
    assert [row[0] for row in table.rows[:2]] == ["c14", "c13"]
    assert table.rows[0][-1] == "amplitude"


def test_a_table_without_anything_to_show_is_left_out():
    study = _study([_record(1, "cof")])
    assert t3.make_by_assessor(study) is None
    assert [make(study) for make in TABLES if make is not hard_cases.make] == [None] * (len(TABLES) - 1)
    assert shown_p(float("nan")) == ""
    assert shown_p(0.0123) == "p .012"


def test_a_spoiled_or_older_record_is_made_again(tmp_path: Path):
    path = write_record(_record(1, "cof", x=float("nan")), tmp_path)
    assert np.isnan(read_record(path).value("x"))
    path.write_text("{")
    assert read_record(path) is None
    assert read_record(tmp_path / "none.json") is None

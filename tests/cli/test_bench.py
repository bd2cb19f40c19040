"""`cof-viewer bench engine`: its figures are there and hang together, on a small case."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

from cof_viewer.cli import bench_case as cases
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.image import Label
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine.bench import Timing, _Bench, _stopping, _Stopwatch, peak_memory_mb

NAMES = [
    "load the engine", "segment one volume", "prepare an anchor", "anchor + ECG -> beat, 1 member",
    "anchor + ECG -> beat, 16 members", "live: another ECG -> curve", "live: another ECG -> whole cine",
    "cancel until it stops", "measure the cine",
]  # fmt: skip


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A small patient in a folder of its own."""
    folder = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cases.tempfile, "gettempdir", lambda: str(folder))
        yield cases.bench_case(6, 128)


@pytest.fixture
def small(kept, monkeypatch):
    monkeypatch.setattr(cases, "bench_case", lambda slices, size: kept)
    monkeypatch.setattr(cases, "CINE_PHASES", 2)
    return kept


def test_the_case_is_made_once_and_is_a_heart(kept):
    anchor, (own, other) = kept.anchor(), kept.ecgs()
    assert anchor.grid.shape == (6, 128, 128)
    assert anchor.grid.spacing_mm[0] == pytest.approx(360 / 128)
    assert own.signal_mv.shape == other.signal_mv.shape == (12, 5000)
    assert not np.array_equal(own.signal_mv, other.signal_mv)
    study = kept.study()
    assert study.cine.phases == cases.CINE_PHASES == 30
    np.testing.assert_array_equal(study.cine.data[0], anchor.data)
    when = kept.cine.stat().st_mtime_ns
    assert cases.KeptCase(kept.cine, kept.rest).anchor().data.shape == (6, 128, 128)
    assert kept.cine.stat().st_mtime_ns == when


def test_every_figure_is_there_and_shares_add_up(command, small, monkeypatch, tmp_path):
    monkeypatch.setattr(cases.KeptCase, "study", _short(cases.KeptCase.study))
    file = tmp_path / "figures.json"
    words = ["bench", "engine", "--phases", 6, "--slices", 6, "--size", 128, "--repeats", 1, "--device", "cpu"]
    code, out, err = command(*words, "--json", file)
    assert code == 0, err
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert [timing["name"] for timing in figures["timings"]] == NAMES
    for timing in figures["timings"]:
        assert 0 <= timing["median_s"] <= timing["p95_s"]
        assert timing["name"] in out
    steps = {step["name"]: step["share"] for step in figures["steps"]}
    assert sum(steps.values()) == pytest.approx(1.0)
    assert set(steps) >= {"locate, orient", "segment", "prepare", "draw", "motion", "warp", "count", "other"}
    assert min(steps["locate, orient"], steps["segment"], steps["motion"], steps["warp"]) > 0
    assert steps["other"] < 0.5
    assert figures["asked"]["phases"] == 6
    assert figures["device"] == "cpu"


def _short(study):
    """The case's study, its cine cut to two phases."""
    from dataclasses import replace

    def call(self):
        whole = study(self)
        cine = replace(whole.cine, data=whole.cine.data[:2], phase_ms=whole.cine.phase_ms[:2])
        return replace(whole, cine=cine)

    return call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--size", 10], "--size can't be 10"),
        (["--repeats", 0], "--repeats can't be 0"),
        (["--members", 65], "--members can't be 65"),
        (["--device", "tpu"], "tpu"),
    ],
)
def test_options_out_of_range_are_one_sentence(command, words, said):
    code, _, err = command("bench", "engine", *words)
    assert code == 2
    assert said in err


def test_medians_and_percentiles_are_those_of_numpy():
    timing = Timing("x", (3.0, 1.0, 2.0, 10.0), (0.5, 0.7))
    assert (timing.median_s, timing.median_cpu_s) == (2.5, pytest.approx(0.6))
    assert timing.p95_s == pytest.approx(8.95)
    assert Timing("x", (1.0,)).median_cpu_s is None


def test_the_outermost_step_is_the_one_that_counts():
    watch = _Stopwatch()
    inner = watch._clocked("inner", lambda: time.sleep(0.02))
    watch._clocked("outer", inner)()
    assert watch.spent["inner"] == 0
    assert 0.015 < watch.spent["outer"] < 0.5
    inner()
    assert watch.spent["inner"] > 0.015


def test_the_time_to_stop_is_counted_from_the_moment_it_is_asked():
    def work(token: CancelToken) -> None:
        end = time.monotonic() + 5
        while not token.is_cancelled and time.monotonic() < end:
            time.sleep(0.001)
        time.sleep(0.05)

    bench = _Bench(2, lambda _f, _w: None, CancelToken())
    bench.timings.append(Timing("anchor + ECG -> beat, 1 member", (0.1,)))
    stopped = _stopping(work, bench)
    assert len(stopped.wall_s) == 2
    assert all(0.04 < wall < 1.0 for wall in stopped.wall_s)


def test_a_cancelled_bench_stops_before_the_next_thing():
    token = CancelToken()
    bench = _Bench(3, lambda _f, _w: None, token)
    done = []

    def once() -> None:
        done.append(1)
        token.cancel()

    with pytest.raises(Cancelled):
        bench.time("x", once)
    assert done == [1]


def test_peak_memory_grows_with_what_is_held():
    before = peak_memory_mb()
    if before is None:
        pytest.skip("not told by this system")
    held = np.ones(40_000_000, np.uint8)
    assert 30 < peak_memory_mb() < 100_000
    assert peak_memory_mb() >= before
    assert held[-1] == Label.LV

"""All that the audits need of each case, measured once and kept beside the page."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.audits.shape import anatomy_numbers, function_numbers, volume_curve
from cof_viewer.cohort.audits.texture import texture_features
from cof_viewer.cohort.case import BOX_SPACING_MM, MOTION_STEP, CohortCase
from cof_viewer.cohort.file import read_case, write_text_whole
from cof_viewer.cohort.manifest import CaseRow
from cof_viewer.cohort.store import Store
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

_CACHE = "measures.json"
_VERSION = 4
_BATCH = 16


@dataclass(frozen=True)
class Measures:
    """What was measured of one case. A number that can't be had is NaN.

    Attributes:
        function: volumes, EF, strain, times: see `shape.FUNCTION_NAMES`.
        anatomy: of the ED labels: see `shape.ANATOMY_NAMES`.
        ecg: see `cof_viewer.signal.FEATURE_NAMES`; empty where there is no usable ECG.
        texture: see `texture.FEATURE_NAMES`.
        curve: normalised LV volume of each phase.
        rr_ms: of the case.
        ecg_name: of the record.
        truth: numbers that only some kinds state ("dyssynchrony_ms").
        motion: see `motion_numbers`.
    """

    function: dict[str, float]
    anatomy: dict[str, float]
    ecg: dict[str, float]
    texture: list[float]
    curve: list[float]
    rr_ms: float
    ecg_name: str = ""
    truth: dict[str, float] = field(default_factory=dict)
    motion: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """A row of the store's table with what was measured of its case."""

    row: CaseRow
    of: Measures


def measure_case(case: CohortCase) -> Measures:
    """Measure one case."""
    truth = {name: float(case.numbers[name]) for name in ("dyssynchrony_ms",) if name in case.numbers}
    return Measures(
        function=function_numbers(case),
        anatomy=anatomy_numbers(case),
        ecg=ecg_numbers(case.ecg_mv),
        texture=texture_features(case).tolist(),
        curve=volume_curve(case).tolist(),
        rr_ms=float(case.rr_ms),
        ecg_name=case.ecg_name,
        truth=truth,
        motion=motion_numbers(case),
    )


def motion_numbers(case: CohortCase) -> dict[str, float]:
    """How well the kept motion carries ED's labels to those of ES, and where it folds.

    Returns:
        Dice of "lv", "myo" and "rv" at ES; "tracked_lv" before the motion was fitted to the ends, where it was; and
        "folded_percent" of the cells of the phase that folds most.
    """
    from cof_viewer.cohort.carried import carried_dice
    from cof_viewer.engine.motion.kept import folded_shares

    reached = carried_dice(case)
    folded = folded_shares(case.displacement_mm, MOTION_STEP * BOX_SPACING_MM)
    numbers = {name: reached[label] for name, label in (("lv", Label.LV), ("myo", Label.MYO), ("rv", Label.RV))}
    if "tracked_lv_dice" in case.recipe:
        numbers["tracked_lv"] = float(str(case.recipe["tracked_lv_dice"]))
    return numbers | {"folded_percent": 100.0 * float(folded.max())}


def ecg_numbers(signal_mv: NDArray[np.float32] | None) -> dict[str, float]:
    """Measured features of a record by name; empty where it can't be measured."""
    from cof_viewer.signal import FEATURE_NAMES, ecg_features, representative_beat

    if signal_mv is None:
        return {}
    ecg = Ecg(signal_mv, source_hz=SAMPLING_HZ, source_leads=LEADS)
    try:
        features = ecg_features(representative_beat(ecg))
    except UserError:
        return {}
    return dict(zip(FEATURE_NAMES, features.tolist(), strict=True))


def measure_store(
    store: Store, out: Path, workers: int, progress: Progress = no_progress, cancel: CancelToken = NEVER
) -> list[Measured]:
    """Measure every case that is not in the cache yet; the cache goes by the checksum of a case's file.

    Raises:
        UserError: a case's file is spoiled.
        Cancelled: somebody asked to stop; what was measured stays in the cache.
    """
    known = _read_cache(out / _CACHE)
    todo = [row for row in store.rows if row.sha256 not in known]
    batches = [todo[i : i + _BATCH] for i in range(0, len(todo), _BATCH)]
    try:
        for done, (batch, found) in enumerate(_measured_batches(store, batches, workers, cancel)):
            known |= {row.sha256: measures for row, measures in zip(batch, found, strict=True)}
            progress(
                (done + 1) / len(batches), f"Measuring cases: {min((done + 1) * _BATCH, len(todo))} of {len(todo)}"
            )
    finally:
        if todo:
            _write_cache(out / _CACHE, known)
    return [Measured(row, known[row.sha256]) for row in store.rows]


def _measured_batches(
    store: Store, batches: Sequence[list[CaseRow]], workers: int, cancel: CancelToken
) -> Iterator[tuple[list[CaseRow], list[Measures]]]:
    """Each batch with its measures, in order."""
    paths = [[store.path(row) for row in batch] for batch in batches]
    if workers < 2 or len(batches) < 2:
        for batch, files in zip(batches, paths, strict=True):
            cancel.raise_if_cancelled()
            yield batch, measure_files(files)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            for batch, found in zip(batches, pool.map(measure_files, paths), strict=True):
                cancel.raise_if_cancelled()
                yield batch, found
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def measure_files(paths: Sequence[Path]) -> list[Measures]:
    """Read and measure some cases."""
    return [measure_case(read_case(path)) for path in paths]


def _read_cache(path: Path) -> dict[str, Measures]:
    """What was measured before; nothing where the file is missing, spoiled or of another version."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["version"] != _VERSION:
            return {}
        return {sha: Measures(**_with_nan(values)) for sha, values in content["cases"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write_cache(path: Path, known: dict[str, Measures]) -> None:
    content = {"version": _VERSION, "cases": {sha: _without_nan(vars(m)) for sha, m in sorted(known.items())}}
    text = json.dumps(content, allow_nan=False)

    write_text_whole(path, text)


def _without_nan(value: object) -> object:
    """JSON has no NaN: null stands for it."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _with_nan(value: object) -> dict[str, Any]:
    """The way back; every value of a case is a number, a word, or a list or table of numbers."""

    def back(one: object) -> object:
        if isinstance(one, dict):
            return {key: back(v) for key, v in one.items()}
        if isinstance(one, list):
            return [back(v) for v in one]
        return math.nan if one is None else one

    assert isinstance(value, dict)
    return {key: back(one) for key, one in value.items()}

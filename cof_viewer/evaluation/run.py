"""An evaluation from a store to records: who is judged, what still has to be done, and the doing of it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

import cof_viewer
from cof_viewer.cohort.case import Kind
from cof_viewer.cohort.file import write_text_whole
from cof_viewer.cohort.manifest import CaseRow
from cof_viewer.cohort.store import Store
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.domain.split import Split
from cof_viewer.engine.weights import read_entries
from cof_viewer.evaluation import bench
from cof_viewer.evaluation.assessor import Assessor
from cof_viewer.evaluation.backbones import load_backbone
from cof_viewer.evaluation.bench import Job
from cof_viewer.evaluation.lessons import lessons_of, patients_of, train_rows
from cof_viewer.evaluation.methods import Method, chosen_methods
from cof_viewer.evaluation.parallel import spread
from cof_viewer.evaluation.record import Record, checksum, read_record, record_path, stands
from cof_viewer.evaluation.settings import Settings
from cof_viewer.learning.assessor.parts import assert_disjoint

_PACKAGES = ("numpy", "scipy", "scikit-image", "scikit-learn", "torch")
_JUDGED = (Split.VALIDATION, Split.TEST)


@dataclass(frozen=True)
class Plan:
    """Who is judged by what, with the checksum of every record.

    Attributes:
        rows: cases to judge, in order of kind and case.
        keys: (case id, method) -> checksum.
        donors: case id -> case of another patient whose ECG stands in for the own one.
        weights: name -> checksum.
    """

    rows: tuple[CaseRow, ...]
    keys: Mapping[tuple[str, str], str]
    donors: Mapping[str, str]
    weights: Mapping[str, str]


def evaluate(settings: Settings, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> list[Record]:
    """Every record of an evaluation; those that stand are not made again.

    Raises:
        UserError: the store, a method or a weight is missing.
        SplitBroken: the assessor, or a baseline, learned from somebody who is judged.
        Cancelled: somebody asked to stop; finished records stay and the next run goes on from them.
    """
    store = Store.open(settings.cohort)
    chosen = chosen_methods(settings.methods, settings.models)
    plan = make_plan(settings, store, chosen)
    assert_strangers(settings, store, plan)
    if settings.backbone:
        load_backbone(settings.backbone, settings.models)
    settings.out.mkdir(parents=True, exist_ok=True)
    _write_run(settings, plan)
    jobs = _open_jobs(settings, plan, chosen)
    if jobs:
        needed = {row.kind for row in plan.rows if any(job.case_id == row.case_id for job in jobs)}
        fitted = fit_methods(settings, store, needed, part_of(progress, 0.0, 0.1), cancel)
        given = (settings, fitted, dict(plan.donors), dict(plan.weights))
        results = spread(bench.do, jobs, settings.workers, begin=bench.begin, given=given, cancel=cancel)
        for done, records in enumerate(results, 1):
            progress(0.1 + 0.85 * done / len(jobs), f"Case {done} of {len(jobs)}: {records[0].case_id}")
    paths = [record_path(settings.out, row.case_id, method.name) for row in plan.rows for method in chosen]
    return [record for record in (read_record(path) for path in paths) if record is not None]


def make_plan(settings: Settings, store: Store, chosen: Sequence[Method]) -> Plan:
    """Who is judged by what.

    Raises:
        UserError: the part is not one that may be judged, or it is empty.
    """
    if settings.part not in _JUDGED:
        raise UserError(f'The part "{settings.part.value}" is not for judging. Choose val or test.', code="option")
    rows: list[CaseRow] = []
    for kind in settings.kinds or tuple(Kind):
        rows += store.choose(kinds=[kind], parts=[settings.part])[: settings.limit or None]
    if not rows:
        raise UserError(
            f"The store has no {settings.part.value} case of these kinds. Choose other kinds, or make the store again.",
            code="store",
        )
    donors = draw_donors(rows, settings.seed)
    weights = {name: entry.sha256 for name, entry in sorted(read_entries(settings.models).items())}
    return Plan(tuple(rows), _keys(settings, store, rows, chosen, donors, weights), donors, weights)


def draw_donors(rows: Sequence[CaseRow], seed: int) -> dict[str, str]:
    """For each case with an ECG a case of another patient of its kind with one, by a ring drawn by seed."""
    rng = np.random.default_rng(seed)
    donors: dict[str, str] = {}
    for kind in sorted({row.kind for row in rows}):
        members = [row for row in rows if row.kind is kind and row.origins.get("ecg", "none") != "none"]
        patients = rng.permutation(sorted(patients_of(members)))
        if len(patients) < 2:
            continue
        following = dict(zip(patients.tolist(), np.roll(patients, -1).tolist(), strict=True))
        first = {row.patient_id: row.case_id for row in reversed(members)}
        donors |= {row.case_id: first[following[row.patient_id]] for row in members}
    return donors


def assert_strangers(settings: Settings, store: Store, plan: Plan) -> None:
    """Nobody who is judged was learned from, by the assessor or by a baseline.

    Raises:
        SplitBroken: somebody was.
    """
    judged = patients_of(plan.rows)
    assert_disjoint(judged, {row.patient_id for row in store.rows if row.part not in _JUDGED})
    assessor = Assessor.load(settings.models) if settings.assess else None
    if assessor is not None:
        assessor.assert_stranger_to(judged)
        assessor.assert_stranger_to(patients_of(store.choose(parts=[Split.TRAIN, Split.VALIDATION, Split.TEST])))


def fit_methods(
    settings: Settings, store: Store, kinds: set[Kind], progress: Progress, cancel: CancelToken
) -> dict[str, dict[str, Method]]:
    """Fresh methods for every kind, fitted to its train cases where they learn."""
    out: dict[str, dict[str, Method]] = {}
    for number, kind in enumerate(sorted(kinds)):
        methods = chosen_methods(settings.methods, settings.models)
        if any(method.learns for method in methods):
            span = part_of(progress, number / len(kinds), (number + 1) / len(kinds))
            lessons = lessons_of(store, kind, settings.workers, span, cancel)
            for method in methods:
                cancel.raise_if_cancelled()
                if method.learns:
                    method.fit(lessons)
        out[kind.value] = {method.name: method for method in methods}
    return out


def _keys(
    settings: Settings,
    store: Store,
    rows: Sequence[CaseRow],
    chosen: Sequence[Method],
    donors: Mapping[str, str],
    weights: Mapping[str, str],
) -> dict[tuple[str, str], str]:
    seeing = [weights.get(name, "") for name in ("segmenter", "localiser", "pose")]
    assessor = weights.get("assessor", "") if settings.assess else ""
    common = [settings.labels, seeing, assessor, settings.backbone]
    sha_of = {row.case_id: row.sha256 for row in store.rows}
    taught = {kind: [row.sha256 for row in train_rows(store, kind)] for kind in {row.kind for row in rows}}
    keys = {}
    for row in rows:
        for method in chosen:
            own: list[object] = [row.sha256, method.name, method.version]
            if method.uses_weights:
                made_by = {k: v for k, v in weights.items() if k != "assessor"}
                own += [made_by, settings.members, settings.seed, cof_viewer.__version__]
            if method.own_weights():
                own.append(method.own_weights())
            if method.name.startswith("shuffled"):
                own.append(sha_of.get(donors.get(row.case_id, ""), ""))
            if method.learns:
                own.append(taught[row.kind])
            keys[row.case_id, method.name] = checksum([*common, *own])
    return keys


def _open_jobs(settings: Settings, plan: Plan, chosen: Sequence[Method]) -> list[Job]:
    jobs = []
    for row in plan.rows:
        wanted = [(m.name, plan.keys[row.case_id, m.name]) for m in chosen]
        left = tuple((name, key) for name, key in wanted if not stands(settings.out, row.case_id, name, key))
        if left:
            jobs.append(Job(row.case_id, left))
    return jobs


def _write_run(settings: Settings, plan: Plan) -> None:
    """Note what was asked for, with seeds and versions."""
    asked = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(settings).items()}
    asked["cohort"], asked["out"], asked["models"] = settings.cohort.name, settings.out.name, settings.models.name
    run = {
        "settings": asked,
        "cases": [row.case_id for row in plan.rows],
        "versions": {"cof-viewer": cof_viewer.__version__, "python": platform.python_version()} | _versions(),
        "weights": dict(plan.weights),
        "donors": dict(plan.donors),
    }
    text = json.dumps(run, indent=1, default=str)
    write_text_whole(settings.out / "run.json", text)


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found

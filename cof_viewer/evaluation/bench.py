"""The work of one process: cases in, records out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cof_viewer.cohort.case import CohortCase
from cof_viewer.cohort.file import write_whole
from cof_viewer.cohort.store import Store
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.engine.engine import Engine
from cof_viewer.engine.weights import read_entries
from cof_viewer.evaluation.anchor import Anchor, anchor_of, ecg_of
from cof_viewer.evaluation.assessor import Assessor, as_beat, as_reference
from cof_viewer.evaluation.backbones import Backbone, features_of, load_backbone
from cof_viewer.evaluation.beat import EvaluatedBeat, Float, Reference, reference_of
from cof_viewer.evaluation.error_split import error_split, split_numbers
from cof_viewer.evaluation.methods import Method, Tools
from cof_viewer.evaluation.metrics import FAMILIES, measure
from cof_viewer.evaluation.metrics.cost import Cost
from cof_viewer.evaluation.record import Record, record_path, write_record
from cof_viewer.evaluation.settings import Settings

ASSESSED = ("function", "overlap")
"""Families that are measured again on the assessor's labels."""

TRUE_FEATURES = "measured"
"""Stands for the method in the file of the real pictures' features."""


@dataclass(frozen=True)
class Job:
    """One case and what is still to be done on it: (method, checksum of the record) pairs."""

    case_id: str
    methods: tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False)
class Bench:
    """Everything a process keeps in hand.

    Attributes:
        settings: of the evaluation.
        store: opened.
        tools: what methods use.
        methods: kind -> name -> method, fitted.
        assessor: None where it isn't wanted or isn't there.
        backbone: None where none is named.
    """

    settings: Settings
    store: Store
    tools: Tools
    methods: Mapping[str, Mapping[str, Method]]
    assessor: Assessor | None
    backbone: Backbone | None

    @classmethod
    def open(
        cls,
        settings: Settings,
        methods: Mapping[str, Mapping[str, Method]],
        donors: Mapping[str, str],
        weights: Mapping[str, str],
    ) -> Bench:
        """Load the engine and what else is needed.

        Args:
            settings: of the evaluation.
            methods: see the attribute.
            donors: case id -> case whose ECG is another patient's.
            weights: checksum of every set of weights when the evaluation began.

        Raises:
            UserError: the weights are others by now, so that records would be of two kinds.
        """
        import torch

        torch.set_num_threads(1)
        if {name: entry.sha256 for name, entry in read_entries(settings.models).items()} != dict(weights):
            raise UserError("The weights changed while the evaluation ran. Start it again.", code="weights")
        store = Store.open(settings.cohort)

        def another_ecg(case_id: str) -> Ecg:
            ecg = ecg_of(store.load(donors[case_id], [0])) if case_id in donors else None
            if ecg is None:
                raise UserError(f'No other patient\'s ECG was found for "{case_id}". Evaluate more cases.', code="ecg")
            return ecg

        engine = Engine.load(settings.models, "cpu")
        tools = Tools(engine, settings.models, settings.members, settings.seed, another_ecg)
        assessor = Assessor.load(settings.models) if settings.assess else None
        backbone = load_backbone(settings.backbone, settings.models) if settings.backbone else None
        return cls(settings, store, tools, methods, assessor, backbone)

    def do(self, job: Job) -> list[Record]:
        """Make, judge and write every record of a job; a method that refuses the case leaves a failed record."""
        case = self.store.load(job.case_id)
        reference = reference_of(case)
        with Cost() as preparing:
            anchor = self._anchor(case)
        seen = as_reference(reference, self.assessor.see(reference.picture, case.slice_mm)) if self.assessor else None
        self._keep_features(case.case_id, TRUE_FEATURES, reference.picture)
        records = []
        for name, made_from in job.methods:
            blank = Record(case.case_id, case.patient_id, case.kind, case.group, name, made_from)
            record = replace(blank, seed=self.settings.seed, true_ef_percent=reference.ef_percent)
            if isinstance(anchor, str):
                record = replace(record, failed=anchor)
            else:
                record = self._judged(record, self.methods[case.kind.value][name], anchor, reference, seen, preparing)
            write_record(record, self.settings.out)
            records.append(record)
        return records

    def _anchor(self, case: CohortCase) -> Anchor | str:
        try:
            return anchor_of(case, self.tools.engine, expert=self.settings.labels == "expert")
        except UserError as error:
            return error.sentence

    def _judged(
        self,
        record: Record,
        method: Method,
        anchor: Anchor,
        reference: Reference,
        seen: Reference | None,
        preparing: Cost,
    ) -> Record:
        try:
            given = replace(anchor, whole=reference.picture) if method.measures else anchor
            with Cost() as cost:
                beat = method.beat(given, self.tools)
        except UserError as error:
            return replace(record, failed=error.sentence)
        if not np.isfinite(beat.lv_ml).all() or not np.isfinite(beat.ef_percent):
            return replace(record, failed="The beat has volumes that are no numbers.")
        metrics = measure(reference, beat) | split_numbers(error_split(reference, beat))
        metrics |= {"seconds": cost.seconds, "anchor_seconds": preparing.seconds, "peak_mb": cost.peak_mb}
        metrics |= self._assessed(beat, seen)
        if beat.picture is not None:
            self._keep_features(record.case_id, record.method, beat.picture)
        return replace(
            record,
            metrics=metrics,
            curve_ml=tuple(beat.lv_ml.tolist()),
            true_curve_ml=tuple(reference.lv_ml.tolist()),
            ef_percent=beat.ef_percent,
            flags=beat.flags,
        )

    def _assessed(self, beat: EvaluatedBeat, seen: Reference | None) -> dict[str, float]:
        """The same numbers between the assessor's labels of the real and of the generated pictures."""
        if self.assessor is None or seen is None or beat.picture is None:
            return {}
        judged = as_beat(beat, self.assessor.see(beat.picture, seen.slice_mm))
        found = {name: value for family in ASSESSED for name, value in FAMILIES[family](seen, judged).items()}
        return {f"assessor_{name}": value for name, value in found.items()}

    def _keep_features(self, case_id: str, method: str, picture: Float) -> None:
        if self.backbone is None:
            return
        image, temporal = features_of(picture, self.backbone)
        path = record_path(self.settings.out, case_id, method).with_suffix(".npz")
        path.parent.mkdir(parents=True, exist_ok=True)

        def write(beside: Path) -> None:
            with beside.open("wb") as stream:
                np.savez(stream, image=image, temporal=temporal)

        write_whole(path, write)


_bench: Bench | UserError | None = None


def begin(
    settings: Settings,
    methods: Mapping[str, Mapping[str, Method]],
    donors: Mapping[str, str],
    weights: Mapping[str, str],
) -> None:
    """Open this process's bench; what can't be opened is said with the first job."""
    global _bench
    try:
        _bench = Bench.open(settings, methods, donors, weights)
    except UserError as error:
        _bench = error


def do(job: Job) -> Sequence[Record]:
    """Do a job on this process's bench."""
    if isinstance(_bench, UserError):
        raise _bench
    assert _bench is not None
    return _bench.do(job)

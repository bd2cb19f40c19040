"""What the assessor learns from: labelled slices of its own patients, real ones and simulated ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from cof_viewer.cohort.case import BOX_SPACING_MM, MADE_KINDS, CohortCase
from cof_viewer.cohort.real.mri import Row, choose, load_pair
from cof_viewer.cohort.store import Store
from cof_viewer.domain.split import Split, patient_rank_key
from cof_viewer.engine.seg_sampling import heart_placement, smoothed_for
from cof_viewer.learning.assessor.config import AssessorTraining
from cof_viewer.learning.assessor.parts import assert_disjoint, assert_own_part
from cof_viewer.learning.segmenter.sampling import frame_of_labels
from cof_viewer.learning.segmenter.stacks import Stack, stacks_of

_PHASES_OF_MADE = 3


def real_rows(rows: Sequence[Row], patients: int = 0) -> list[Row]:
    """The pairs that the assessor may learn from.

    Raises:
        SplitBroken: the split is not what it should be.
    """
    own = choose(rows, "pair", Split.ASSESSOR)
    assert_own_part((row.patient_id, row.part) for row in own)
    assert_disjoint((row.patient_id for row in own), {r.patient_id for r in rows if r.part is not Split.ASSESSOR})
    return sorted(own, key=lambda row: patient_rank_key(row.patient_id))[: patients or None]


def real_stacks(rows: Sequence[Row], pixel_mm: float) -> list[Stack]:
    """ED and ES of these pairs."""
    return list(stacks_of((load_pair(row) for row in rows), pixel_mm))


def made_stacks(store: Store, config: AssessorTraining) -> tuple[list[str], list[Stack]]:
    """Patients, and some phases of each, of a store's simulated cases of the assessor's part.

    Raises:
        SplitBroken: a patient of that part is in another part too.
    """
    rows = store.choose(kinds=MADE_KINDS, parts=[Split.ASSESSOR])[: config.patients or None]
    own = [row.patient_id for row in rows]
    assert_disjoint(own, {row.patient_id for row in store.rows if row.part is not Split.ASSESSOR})
    rng = np.random.default_rng(config.seed)
    stacks: list[Stack] = []
    for row in rows:
        whole = store.load(row.case_id)
        late = sorted({whole.es_phase, int(rng.integers(1, whole.phases))})[: _PHASES_OF_MADE - 1]
        stacks += _stacks_of_case(whole, [0, *late], config.spacing_mm)
    return own, stacks


def _stacks_of_case(case: CohortCase, phases: Sequence[int], pixel_mm: float) -> Iterator[Stack]:
    spacing = (case.slice_mm, BOX_SPACING_MM, BOX_SPACING_MM)
    frame = frame_of_labels(case.labels[0], spacing)
    if frame is None:
        return
    for phase in phases:
        images = smoothed_for(case.image[phase] / np.float32(255), BOX_SPACING_MM, pixel_mm)
        yield Stack(
            name=f"{case.patient_id}/{phase}",
            slices=torch.from_numpy(images),
            labels=torch.from_numpy(np.ascontiguousarray(case.labels[phase])),
            spacing_mm=spacing,
            placement=heart_placement(frame.centre_mm, frame.angle_rad),
            weight=np.ones(case.slices),
            skip=1,
            phase=int(phase > 0),
        )


def open_store(folder: Path | None) -> Store | None:
    """The store to take simulated cases from, where one is named."""
    return Store.open(folder) if folder is not None else None

"""Completed beats: hearts of which ED and ES were imaged, carried through the cycle on the way fitted between them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PHASES, BOX_PIXELS, CohortCase, Kind
from cof_viewer.cohort.case import Origin as By
from cof_viewer.cohort.real.match import draw_ecg
from cof_viewer.cohort.real.mri import Pair, load_pair, read_manifest
from cof_viewer.cohort.real.posing import pose_of_labels
from cof_viewer.cohort.real.sources import ecg_choice, generator_of, row_named
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.cohort.tracked import (
    MADE_BY,
    USUAL_RR_MS,
    CaseEcg,
    check_labels,
    check_spacing,
    counted_numbers,
    picture_on_box,
    thinned,
)
from cof_viewer.domain.canonical import CANONICAL_PIXELS, CanonicalPose, to_canonical
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.frame import LATTICE_PIXELS
from cof_viewer.engine.motion.time_law import TimeMarks, bounded_marks, emptying

UInt8 = NDArray[np.uint8]
Float = NDArray[np.float32]

_MARGIN = (CANONICAL_PIXELS - BOX_PIXELS) // 2
_ES_FRACTION = 0.38
"""Where ES lies without an ECG: the mean of 79 real beats (SD .09)."""
_MARK_SPREAD = (0.08, 0.15)
"""Relative spread of half-ejection and half-filling between beats of one ES time."""
_LAG = 0.3
_LAG_SMOOTH_PIXELS = 9.0


@dataclass(frozen=True)
class CompletedBeats:
    """ACDC patients without a cine and M&Ms pairs of known spacing, completed. A `CaseSource`.

    Attributes:
        data_dir: the folder that holds `mri/`.
        ecg_dir: the folder of the ECG records; None gives no ECG.
        models_dir: not needed; kept so that all sources are made alike.
        seed: draws the ECG and the way through the cycle.
        own_ecg: whether hearts get a simulated ECG of their own geometry instead of a record.
    """

    data_dir: Path
    ecg_dir: Path | None
    models_dir: Path
    seed: int = 0
    own_ecg: bool = False
    MADE_BY: ClassVar[int] = MADE_BY

    def requests(self) -> list[CaseRequest]:
        """Every pair of known spacing whose patient has no cine."""
        rows = read_manifest(self.data_dir / "mri")
        with_cine = {row.patient_id for row in rows if row.kind == "cine"}
        pairs = [r for r in rows if r.kind == "pair" and r.spacing_known and r.patient_id not in with_cine]
        return [
            CaseRequest(
                case_id=f"completed-{row.patient_id.replace(':', '-')}",
                patient_id=row.patient_id,
                kind=Kind.COMPLETED,
                part=row.part,
                group=row.group,
                what=(
                    row.path.relative_to(self.data_dir / "mri").as_posix(),
                    ecg_choice(self.ecg_dir, own_ecg=self.own_ecg),
                ),
            )
            for row in pairs
        ]

    def make(self, request: CaseRequest) -> CohortCase:
        """Complete one beat.

        Raises:
            UserError: the pair can't be used; the sentence names the case.
        """
        pair = load_pair(row_named(self.data_dir, str(request.what[0])))
        check_pair(request.case_id, pair)
        rng = generator_of(self.seed, request.case_id)
        ecg = None
        if self.own_ecg:
            ecg = _own_ecg(request, pair, rng)
        elif self.ecg_dir is not None:
            ecg = draw_ecg(self.ecg_dir, request.part, request.group, label_ef_percent(pair.labels), rng)
        return complete(request, pair, ecg, rng)


def check_pair(name: str, pair: Pair) -> None:
    """Refuse a pair that can't be completed.

    Raises:
        UserError: naming the case.
    """
    check_spacing(name, pair.spacing_mm)
    if not np.isfinite(pair.images).all():
        raise UserError(f'The picture of "{name}" has values that are no numbers. Export it again.', code="nan")
    for phase in pair.labels:
        check_labels(name, phase)


def _own_ecg(request: CaseRequest, pair: Pair, rng: np.random.Generator) -> CaseEcg:
    """The simulated ECG of a pair's own heart."""
    from cof_viewer.cohort.real.own_ecg import OwnHeart, own_ecg

    pose = pose_of_labels(pair.labels[0], pair.spacing_mm)
    ed, es = (canonical_labels(phase, pose) for phase in pair.labels)
    return own_ecg(OwnHeart(request.group, ed, es, pair.spacing_mm[0]), rng)


def complete(request: CaseRequest, pair: Pair, ecg: CaseEcg | None, rng: np.random.Generator) -> CohortCase:
    """The case of a pair: motion fitted, carried by a drawn time law."""
    from cof_viewer.engine.motion.complete import carry, fit_ed_to_es

    pose = pose_of_labels(pair.labels[0], pair.spacing_mm)
    images = np.stack([to_canonical(phase.astype(np.float32), pose) for phase in pair.images])
    labels = np.stack([canonical_labels(phase, pose) for phase in pair.labels])
    slice_mm = pair.spacing_mm[0]
    motion = fit_ed_to_es(images, labels, slice_mm)
    marks = drawn_marks(ecg, rng)
    amounts, es_phase = amounts_of(marks)
    beat = carry(images, labels, motion, slice_mm, amounts, drawn_lag(rng))
    crop = slice(_MARGIN, _MARGIN + BOX_PIXELS)
    boxed = np.ascontiguousarray(beat.labels[:, :, crop, crop])
    by = [By.FITTED.value] * BOX_PHASES
    by[0] = by[es_phase] = By.EXPERT.value
    affine = np.eye(4)
    affine[:2, 3] = _MARGIN
    image = picture_on_box(beat.pictures, affine)
    image[:, ~_imaged(pair, pose)[:, crop, crop]] = 0
    return CohortCase(
        case_id=request.case_id,
        patient_id=request.patient_id,
        kind=request.kind,
        part=request.part,
        group=request.group,
        image=image,
        labels=boxed,
        labels_by=tuple(by),
        displacement_mm=thinned(beat.pull_back_mm).astype(np.float16),
        slice_mm=slice_mm,
        rr_ms=marks.rr_ms,
        phase_ms=tuple(k * marks.rr_ms / BOX_PHASES for k in range(BOX_PHASES)),
        es_phase=es_phase,
        numbers={**counted_numbers(boxed, es_phase, slice_mm), "es_ms": es_phase * marks.rr_ms / BOX_PHASES},
        origins={
            "image": By.FITTED.value,
            "labels": By.EXPERT.value,
            "motion": By.FITTED.value,
            "times": (ecg.origin if ecg else By.RULE).value,
            "ecg": (ecg.origin if ecg else By.NONE).value,
        },
        ecg_mv=ecg.ecg_mv if ecg else None,
        ecg_name=ecg.name if ecg else "",
        ecg_candidates=ecg.candidates if ecg else (),
        recipe={
            "half_ejection_ms": marks.half_ejection_ms,
            "law_es_ms": marks.es_ms,
            "half_filling_ms": marks.half_filling_ms,
            "folded_share": motion.folded,
        },
    )


def drawn_marks(ecg: CaseEcg | None, rng: np.random.Generator) -> TimeMarks:
    """Marks of the beat: ES where the record's QT expects it, ejection and filling drawn round the measured mean."""
    rr = ecg.rr_ms if ecg else USUAL_RR_MS
    es = ecg.es_ms if ecg else _ES_FRACTION * rr
    half, filling = 1.0 + np.asarray(_MARK_SPREAD) * np.clip(rng.standard_normal(2), -2, 2)
    return bounded_marks(0.49 * es * half, es, es + min(0.34 * (rr - es), 230.0) * filling, rr)


def amounts_of(marks: TimeMarks) -> tuple[NDArray[np.float64], int]:
    """[t] how far each phase is on the way to ES, and the phase that stands nearest to ES, which is fully there."""
    rr = marks.rr_ms
    amounts = np.clip(emptying(marks, np.arange(BOX_PHASES) * rr / BOX_PHASES), 0.0, 0.99)
    es_phase = int(np.clip(round(marks.es_ms / rr * BOX_PHASES), 1, BOX_PHASES - 1))
    amounts[0], amounts[es_phase] = 0.0, 1.0
    return amounts, es_phase


def drawn_lag(rng: np.random.Generator) -> Float:
    """[64, 64] smooth random lead and lag of the wall's parts, within ±0.3."""
    from scipy import ndimage

    noise = ndimage.gaussian_filter(rng.standard_normal((LATTICE_PIXELS, LATTICE_PIXELS)), _LAG_SMOOTH_PIXELS)
    return np.asarray(_LAG * noise / max(float(np.abs(noise).max()), 1e-9), dtype=np.float32)


def canonical_labels(labels: UInt8, pose: CanonicalPose) -> UInt8:
    """uint8 [z, 128, 128]: the structure with the largest share at each pixel."""
    shares = [to_canonical((labels == k).astype(np.float32), pose, outside=0.0) for k in (1, 2, 3)]
    return np.asarray(np.argmax([1.0 - np.sum(shares, axis=0), *shares], axis=0), dtype=np.uint8)


def label_ef_percent(labels: UInt8) -> float:
    """EF of labels [2 (ED, ES), z, y, x] by counting."""
    ed, es = (float((phase == Label.LV).sum()) for phase in labels)
    return 100.0 * (ed - es) / ed


def _imaged(pair: Pair, pose: CanonicalPose) -> NDArray[np.bool_]:
    ones = np.ones(pair.images.shape[1:], np.float32)
    return np.asarray(to_canonical(ones, pose, outside=0.0) > 0.99)

"""A measured cine becomes a case: on the heart's box, ED first, labelled at every phase, tracked from ED to all others.

Labels are the experts' where they drew any and the segmenter's elsewhere; motion is the registration teacher's. The
box is the middle of the teacher's own lattice, so motion, picture and labels can't lie apart. Motion along the axis is
the teacher's too: a prior scaled by the volume curve, taken into account when it fits what happens in plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PHASES, BOX_PIXELS, BOX_SPACING_MM, MOTION_PIXELS, MOTION_STEP, CohortCase
from cof_viewer.cohort.case import Origin as By
from cof_viewer.cohort.source import CaseRequest
from cof_viewer.domain.canonical import CANONICAL_PIXELS, CanonicalPose, resample_in_plane
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.function import MYOCARDIUM_DENSITY_G_PER_ML
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Affine
from cof_viewer.domain.image import Cine, Label, LabelCine
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.domain.study import Study

if TYPE_CHECKING:
    from cof_viewer.engine.engine import Engine

UInt8 = NDArray[np.uint8]
Float = NDArray[np.float32]

USUAL_RR_MS = 60_000.0 / 72.0
"""RR of a case that has neither recorded times nor an ECG: the middle of the usual resting rate."""

MADE_BY = 4
"""Goes up when real cases come out differently from the same files and weights, so that stores make them anew."""

_MARGIN = (CANONICAL_PIXELS - BOX_PIXELS) // 2
_WHITE_PERCENTILE = 99.8


@dataclass(frozen=True, eq=False)
class CaseEcg:
    """The ECG that a real heart gets.

    Attributes:
        ecg_mv: float32 [12, samples] at 500 Hz.
        name: of the record.
        candidates: names of those that it was drawn from; empty where it is the patient's own.
        origin: `Origin.MEASURED`, `Origin.MATCHED` or `Origin.SIMULATED`.
        rr_ms: of the record's representative beat.
        es_ms: where its time law expects ES, after R.
    """

    ecg_mv: NDArray[np.float32]
    name: str
    candidates: tuple[str, ...]
    origin: By
    rr_ms: float
    es_ms: float


@dataclass(frozen=True, eq=False)
class Known:
    """What is known of a cine beside its pictures.

    Attributes:
        labels: phase of the cine -> uint8 [z, y, x] of experts, on the cine's grid.
        ed_phase: 0-based; None leaves it to the volume curve. `es_phase` likewise.
        ecg: None where there is none.
        numbers: further numbers of the patient, kept as they are.
        age_years: NaN where unknown.
        sex: "M", "F" or "".
        pose: how the heart lies in the cine, where it was looked for already.
    """

    labels: Mapping[int, UInt8] = field(default_factory=dict)
    ed_phase: int | None = None
    es_phase: int | None = None
    ecg: CaseEcg | None = None
    numbers: Mapping[str, float] = field(default_factory=dict)
    age_years: float = float("nan")
    sex: str = ""
    pose: CanonicalPose | None = None


def case_from_cine(
    engine: Engine,
    cine: Cine,
    request: CaseRequest,
    known: Known | None = None,
    progress: Progress = no_progress,
    cancel: CancelToken = NEVER,
) -> CohortCase:
    """Make a case of a measured cine.

    Args:
        engine: segmenter and teacher.
        cine: any short-axis cine, slices in any order.
        request: what the case is called, its kind, part and group.
        known: experts' labels, phases, ECG, where there are any.
        progress: told fraction and words.
        cancel: looked at before every phase.

    Raises:
        UserError: the cine or its labels can't be used, or no heart is found; the sentence names the case.
        Cancelled: somebody asked to stop.
    """
    given = known or Known()
    check_cine(request.case_id, cine, given.labels)
    study = Study(request.case_id, cine=cine, pose=given.pose)
    pose = engine.pose(study, cancel)
    found = engine.measure(replace(study, pose=pose), part_of(progress, 0.0, 0.5), cancel)
    labels, by = _with_experts(found.labels, given.labels)
    ed, es = ends_of_beat(labels, given.ed_phase, given.es_phase)
    order, es_phase = phases_of_beat(cine, ed, es)
    beat = replace(cine, data=cine.data[order], phase_ms=None, rr_ms=None)
    seen = LabelCine(found.labels.data[order], cine.grid)  # of one hand, or the motion jumps where the hand changes
    motion = engine.track(beat, 0, part_of(progress, 0.5, 0.95), cancel, labels=seen, pose=pose)
    affine = box_affine(motion, beat)
    boxed = _steadied(labels_on_box(labels.data[order], affine), [by[k] is By.EXPERT for k in order])
    spacing = cine.grid.spacing_mm[2]
    numbers = {**counted_numbers(boxed, es_phase, spacing), **given.numbers} if cine.grid.spacing_known else {}
    rr_ms, times = _times(cine, given.ecg)
    expert = bool(given.labels)
    case = CohortCase(
        case_id=request.case_id,
        patient_id=request.patient_id,
        kind=request.kind,
        part=request.part,
        group=request.group,
        image=picture_on_box(beat.data, affine),
        labels=boxed,
        labels_by=tuple(by[k].value for k in order),
        displacement_mm=thinned(motion.pull_back_mm).astype(np.float16),
        slice_mm=spacing,
        rr_ms=rr_ms,
        phase_ms=tuple(k * rr_ms / BOX_PHASES for k in range(BOX_PHASES)),
        es_phase=es_phase,
        numbers={**numbers, "es_ms": es_phase * rr_ms / BOX_PHASES},
        origins={
            "image": By.MEASURED.value,
            "labels": (By.EXPERT if expert else By.SEGMENTED).value,
            "motion": By.TRACKED.value,
            "times": times.value,
            "ecg": (given.ecg.origin if given.ecg else By.NONE).value,
        },
        ecg_mv=given.ecg.ecg_mv if given.ecg else None,
        ecg_name=given.ecg.name if given.ecg else "",
        ecg_candidates=given.ecg.candidates if given.ecg else (),
        age_years=given.age_years,
        sex=given.sex,
        recipe={"source_phases": [int(k) for k in order], "ed_phase": ed, "es_phase": es},
        spacing_known=cine.grid.spacing_known,
    )
    case = _led_to_ends(case, motion, LabelCine(labels.data[order], cine.grid), seen, pose, cancel)
    progress(1.0, "Case made")
    return case


def _led_to_ends(
    case: CohortCase, motion: Motion, known: LabelCine, seen: LabelCine, pose: CanonicalPose, cancel: CancelToken
) -> CohortCase:
    """The case with its motion fitted to the labels of ED and ES, the experts' where they drew.

    The recipe keeps the Dice of the LV at ES as it was tracked, which judges the tracking where experts drew, and as
    it is fitted, which judges nothing but the fit.
    """
    from cof_viewer.cohort.carried import carried_dice
    from cof_viewer.engine.motion.closing import Ends, led_to_ends
    from cof_viewer.engine.registration import labels_on_canonical
    from cof_viewer.engine.through_plane import emptied_share

    ends = Ends(*(labels_on_canonical(known.data[t], pose) for t in (0, case.es_phase)))
    if not ((ends.ed == Label.LV).any() and (ends.es == Label.LV).any()):
        return case  # refused by name when it is checked
    emptied = emptied_share(seen.voxels(Label.LV))
    pull = led_to_ends(motion.pull_back_mm, ends, case.es_phase, emptied, case.slice_mm, cancel)
    led = replace(case, displacement_mm=thinned(pull).astype(np.float16))
    said = {
        "led_to": case.labels_by[case.es_phase],
        "tracked_lv_dice": round(carried_dice(case)[Label.LV], 4),
        "led_lv_dice": round(carried_dice(led)[Label.LV], 4),
    }
    return replace(led, recipe={**case.recipe, **said})


def check_cine(name: str, cine: Cine, labels: Mapping[int, UInt8]) -> None:
    """Refuse what nothing should learn from.

    Raises:
        UserError: a pixel that is no number, a spacing that can't be, a label that is missing or not known.
    """
    if not np.isfinite(cine.data).all():
        raise UserError(f'The picture of "{name}" has values that are no numbers. Export it again.', code="nan")
    check_spacing(name, cine.grid.spacing_mm)
    if cine.phases < 3:
        raise UserError(f'"{name}" has {cine.phases} phases, a beat needs at least 3. Use the whole cine.')
    for phase, drawn in labels.items():
        if not 0 <= phase < cine.phases or drawn.shape != cine.grid.shape:
            raise UserError(f'The labels of phase {phase} of "{name}" do not fit its pictures. Export them again.')
        check_labels(name, drawn, wall=False)


def check_spacing(name: str, spacing_mm: tuple[float, float, float]) -> None:
    """Refuse spacings (mm) that are 0, no number or beyond any scanner.

    Raises:
        UserError: naming the case.
    """
    if not all(np.isfinite(v) and 0.05 < v < 60.0 for v in spacing_mm):
        said = " x ".join(f"{v:g}" for v in spacing_mm)
        raise UserError(f'The spacing of "{name}" is {said} mm, which can\'t be. Correct the header.', code="spacing")


def check_labels(name: str, labels: NDArray[np.generic], *, wall: bool = True) -> None:
    """Refuse labels [z, y, x] without LV (or, where it is wanted, `wall`), or with a value that is not known.

    Raises:
        UserError: naming the case.
    """
    unknown = sorted(set(np.unique(labels).tolist()) - {int(k) for k in Label})
    if unknown:
        raise UserError(f'The labels of "{name}" hold the value {unknown[0]:g}; known are 0 to 3.', code="label-value")
    for label, words in ((Label.LV, "left ventricle"), (Label.MYO, "wall")):
        if (wall or label is not Label.MYO) and not (labels == label).any():
            raise UserError(f'The labels of "{name}" have no {words}. Add it, or leave it out.', code="label-missing")


def ends_of_beat(labels: LabelCine, ed_phase: int | None, es_phase: int | None) -> tuple[int, int]:
    """Phases of ED and ES: as given, else the largest and the smallest LV.

    Raises:
        UserError: both are one phase.
    """
    lv = labels.voxels(Label.LV)
    ed = int(np.argmax(lv)) if ed_phase is None else ed_phase
    es = int(np.argmin(np.where(np.arange(len(lv)) == ed, np.inf, lv))) if es_phase is None else es_phase
    if ed == es:
        raise UserError(f"ED and ES are both phase {ed}. Correct them.")
    return ed, es


def phases_of_beat(cine: Cine, ed: int, es: int) -> tuple[NDArray[np.intp], int]:
    """Which phase of the cine each phase of the case shows, from ED on, and where ES stands.

    The nearest in time is taken and the phase of ES kept exactly. Recorded times count where there are any.
    """
    count = cine.phases
    if cine.phase_ms is not None and cine.rr_ms:
        place = np.mod(np.asarray(cine.phase_ms) - cine.phase_ms[ed], cine.rr_ms) / cine.rr_ms
    else:
        place = np.mod(np.arange(count) - ed, count) / count
    wanted = np.arange(BOX_PHASES) / BOX_PHASES
    gap = np.abs((place[None] - wanted[:, None] + 0.5) % 1.0 - 0.5)
    order = np.argmin(np.round(gap, 9), axis=1)
    es_phase = int(np.clip(round(float(place[es]) * BOX_PHASES), 1, BOX_PHASES - 1))
    order[0], order[es_phase] = ed, es
    return order, es_phase


def box_affine(motion: Motion, cine: Cine) -> Affine:
    """4 x 4, voxel (x, y, z, 1) of the box to the cine's: the middle of the lattice that the motion lies on."""
    lattice_from_box = np.diag([0.5, 0.5, 1.0, 1.0])
    lattice_from_box[:2, 3] = (_MARGIN - 0.5) / 2.0
    affine = cine.grid.voxel_from_patient @ motion.grid.patient_from_voxel @ lattice_from_box
    return np.asarray(affine, dtype=np.float64)


def picture_on_box(data: Float, affine: Affine) -> UInt8:
    """uint8 [t, z, 96, 96]: grey 1 to 255 up to the near-brightest signal; 0 where nothing was imaged."""
    shape = (data.shape[1], BOX_PIXELS, BOX_PIXELS)
    boxed = np.stack([resample_in_plane(phase, affine, shape) for phase in data])
    imaged = resample_in_plane(np.ones(data.shape[1:], np.float32), affine, shape, outside=0.0) > 0.99
    low = float(np.percentile(boxed[:, imaged], 0.2)) if imaged.any() else 0.0
    white = float(np.percentile(boxed[:, imaged], _WHITE_PERCENTILE)) if imaged.any() else 1.0
    grey = np.clip(np.rint((boxed - min(low, 0.0)) * (255.0 / max(white - min(low, 0.0), 1e-6))), 1, 255)
    return np.where(imaged, grey, 0).astype(np.uint8)


def labels_on_box(labels: UInt8, affine: Affine) -> UInt8:
    """uint8 [t, z, 96, 96] of labels [t, z, y, x]: the structure with the largest share at each pixel."""
    shape = (labels.shape[1], BOX_PIXELS, BOX_PIXELS)
    out = np.empty((len(labels), *shape), np.uint8)
    for t, one in enumerate(labels):
        shares = [
            resample_in_plane((one == k).astype(np.float32), affine, shape, outside=0.0)
            for k in (Label.LV, Label.MYO, Label.RV)
        ]
        out[t] = np.argmax([1.0 - np.sum(shares, axis=0), *shares], axis=0)
    return out


def thinned(pull_back_mm: Float) -> Float:
    """float32 [t, z, 24, 24, 3] of a lattice's [t, z, 64, 64, 3]: its middle, 2 x 2 points to one, without folds."""
    from cof_viewer.engine.motion.kept import unfolded

    first = _MARGIN // 2
    middle = pull_back_mm[:, :, first : first + 2 * MOTION_PIXELS, first : first + 2 * MOTION_PIXELS]
    t, z = middle.shape[:2]
    blocks = middle.reshape(t, z, MOTION_PIXELS, 2, MOTION_PIXELS, 2, 3)
    return unfolded(blocks.mean(axis=(3, 5)).astype(np.float32), MOTION_STEP * BOX_SPACING_MM)


def counted_numbers(labels: UInt8, es_phase: int, slice_mm: float) -> dict[str, float]:
    """Volumes, EF and mass by counting the labels of ED and ES on the box."""
    voxel_ml = BOX_SPACING_MM**2 * slice_mm / 1000.0
    sizes = {k: [float(np.count_nonzero(labels[t] == k)) * voxel_ml for t in (0, es_phase)] for k in Label}
    (edv, esv), (rv_edv, rv_esv) = sizes[Label.LV], sizes[Label.RV]
    numbers = {
        "edv_ml": edv,
        "esv_ml": esv,
        "sv_ml": edv - esv,
        "ef_percent": 100.0 * (edv - esv) / max(edv, voxel_ml),
        "lv_mass_g": sizes[Label.MYO][0] * MYOCARDIUM_DENSITY_G_PER_ML,
    }
    if rv_edv > 0 and rv_esv > 0:
        numbers |= {"rv_edv_ml": rv_edv, "rv_esv_ml": rv_esv, "rv_ef_percent": 100.0 * (rv_edv - rv_esv) / rv_edv}
    return numbers


def _times(cine: Cine, ecg: CaseEcg | None) -> tuple[float, By]:
    """RR of the case, and where its times come from: the record's RR where an ECG goes with the heart."""
    recorded = cine.phase_ms is not None and bool(cine.rr_ms)
    if ecg is not None and not (recorded and ecg.origin is By.MEASURED):
        return ecg.rr_ms, By.MATCHED if ecg.origin is By.MATCHED else By.RULE
    return (float(cine.rr_ms or USUAL_RR_MS), By.MEASURED) if recorded else (USUAL_RR_MS, By.RULE)


def _with_experts(labels: LabelCine, experts: Mapping[int, UInt8]) -> tuple[LabelCine, list[By]]:
    """Segmented labels with the experts' in their phases, and whose each phase is."""
    data, by = labels.data.copy(), [By.SEGMENTED] * labels.phases
    for phase, drawn in experts.items():
        merged = drawn.astype(np.uint8)
        free = drawn == Label.BACKGROUND
        if not (drawn == Label.RV).any():  # experts of the LV alone say nothing of the RV
            merged[free & (data[phase] == Label.RV)] = Label.RV
        if not (drawn == Label.MYO).any():  # nor those of the cavity of the wall, which closes round their outline
            left = np.isin(data[phase], (Label.LV, Label.MYO)) & (drawn == Label.LV).any(axis=(1, 2), keepdims=True)
            merged[free & left] = Label.MYO
        data[phase], by[phase] = merged, By.EXPERT
    return LabelCine(data, labels.grid), by


def _steadied(labels: UInt8, fixed: list[bool]) -> UInt8:
    """Labels voted over three phases where no expert drew, without losing a slice.

    A pixel takes the value that both neighbours in time agree on. A slice whose LV or wall would be lost although
    the phases before and after show it takes the earlier one's labels.
    """
    before, after = np.roll(labels, 1, axis=0), np.roll(labels, -1, axis=0)
    out = np.where(before == after, before, labels)
    free = ~np.asarray(fixed)
    out = np.where(free[:, None, None, None], out, labels)
    for label in (Label.LV, Label.MYO):
        there = (labels == label).any(axis=(2, 3))
        lost = free[:, None] & ~(out == label).any(axis=(2, 3))
        own = lost & there
        out[own] = labels[own]
        gap = lost & ~there & np.roll(there, 1, axis=0) & np.roll(there, -1, axis=0)
        out[gap] = before[gap]
    return np.asarray(out, dtype=np.uint8)

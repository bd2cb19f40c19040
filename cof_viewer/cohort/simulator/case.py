"""The door of the simulator: one seed, one patient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.simulator.activation import Activation, activate
from cof_viewer.cohort.simulator.anatomy import Anatomy, build_anatomy
from cof_viewer.cohort.simulator.arrays import Array
from cof_viewer.cohort.simulator.draw import draw_subject
from cof_viewer.cohort.simulator.ecg import APEX_LPS, INFERIOR_LPS, LATERAL_LPS, Template, make_record, make_template
from cof_viewer.cohort.simulator.fitting import fitted
from cof_viewer.cohort.simulator.mapping import lattice, may_move, push_forward, trace_back
from cof_viewer.cohort.simulator.motion import BeatMotion, build_motion
from cof_viewer.cohort.simulator.mri import SLICE_STEP_MM, Frame, Pictures, make_frame, render
from cof_viewer.cohort.simulator.planning import plan_first_slice_mm
from cof_viewer.cohort.simulator.subject import Condition, Findings, Subject
from cof_viewer.cohort.simulator.timing import Timing, draw_timing
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Ecg
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, LabelCine

Background = Callable[[Anatomy, Frame], Array]
"""Makes the signal round a heart, float32 [slices, size, size]."""

_USUAL_LV_ACTIVATION_MS = 34.0
_FINE = 2
"""Pixels between the points that a centred lattice is fitted to."""


@dataclass(frozen=True)
class Truth:
    """The numbers that the simulation was made from, unrounded."""

    edv_ml: float
    esv_ml: float
    sv_ml: float
    ef_percent: float
    lv_mass_g: float
    rv_edv_ml: float
    rv_esv_ml: float
    rv_ef_percent: float
    heart_rate_bpm: float
    rr_ms: float
    pr_ms: float | None
    qrs_ms: float
    qt_ms: float
    es_ms: float
    descent_mm: float
    lv_volume_ml: tuple[float, ...]
    rv_volume_ml: tuple[float, ...]
    phase_ms: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class SimulatedCase:
    """One simulated patient. `cine` and `labels` are None where no picture was asked for."""

    seed: int
    subject: Subject
    anatomy: Anatomy
    activation: Activation
    timing: Timing
    template: Template
    beat: BeatMotion
    frame: Frame
    grid: Grid
    ecg: Ecg
    r_peaks_ms: tuple[float, ...]
    truth: Truth
    cine: Cine | None
    labels: LabelCine | None

    def motion(self, coarse: int = 4, push: bool = True, centred: bool = False) -> Motion:
        """The true displacement on every `coarse`-th pixel of the picture's slices.

        Args:
            coarse: lattice step in pixels.
            push: whether to fill `push_forward_mm`; zeros otherwise.
            centred: whether the points lie in the middle of blocks of `coarse` x `coarse` pixels, as those of a
                `CohortCase` do, rather than on the first pixel of each. Their values are then fitted, so that bilinear
                interpolation comes nearest to the motion: samples would cut its peak at the endocardium.
        """
        if centred and coarse > _FINE and coarse % _FINE == 0:
            return fitted(*self._sampled(_FINE, (_FINE - 1) / 2, push), coarse // _FINE)
        return self._sampled(coarse, (coarse - 1) / 2 if centred else 0.0, push)[0]

    def _sampled(self, coarse: int, first: float, push: bool) -> tuple[Motion, Array]:
        """The displacement at every `coarse`-th pixel from pixel `first` on; [t, z, y, x] how near the wall that is."""
        grid, (z, y, x) = self._lattice(coarse, first)
        shift_x, shift_y = self.frame.shift_at(z)
        moving = may_move(self.anatomy, x + shift_x, y + shift_y)
        at = np.stack((x, y, z), axis=-1)[moving]
        start = (at[:, 0] + shift_x[moving], at[:, 1] + shift_y[moving], at[:, 2])
        points = lattice(self.anatomy, *start)
        pull = np.zeros((self.beat_phases, *z.shape, 3), np.float32)
        forward = np.zeros_like(pull)
        near = np.zeros(pull.shape[:-1], np.float32)
        for k, state in enumerate(self.beat.states):
            if k == 0:
                continue
            before, ray = trace_back(self.anatomy, state, points)
            pull[k][moving] = self._in_picture(before) - at
            near[k][moving] = ray.near_wall()
            if push:
                forward[k][moving] = self._in_picture(push_forward(self.anatomy, state, *start)) - at
        return Motion(grid, pull, forward, 0), near

    def _in_picture(self, points: tuple[Array, Array, Array]) -> Array:
        """[..., 3] from the heart's own frame to the picture's: each level's breath-hold shift taken off."""
        shift_x, shift_y = self.frame.shift_at(points[2])
        return np.stack([points[0] - shift_x, points[1] - shift_y, points[2]], axis=-1).astype(np.float32)

    @property
    def beat_phases(self) -> int:
        """Number of phases T."""
        return len(self.beat.phase_ms)

    def _lattice(self, coarse: int, first: float) -> tuple[Grid, list[Array]]:
        """Grid and points (z, y, x) in the heart's frame of the coarse lattice that begins at pixel `first`."""
        off_mm = np.float32(first * self.frame.spacing_mm)
        ys, xs = self.frame.y_mm[::coarse] + off_mm, self.frame.x_mm[::coarse] + off_mm
        to_pixel = np.diag([coarse, coarse, 1.0, 1.0])
        to_pixel[:2, 3] = first
        affine = self.grid.patient_from_voxel @ to_pixel
        points = np.meshgrid(self.frame.z_mm, ys, xs, indexing="ij")
        return Grid((len(self.frame.z_mm), len(ys), len(xs)), affine), list(points)


def simulate(
    seed: int,
    condition: Condition | str | None = None,
    sex: str | None = None,
    *,
    heart_rate_bpm: float | None = None,
    lbbb: bool | None = None,
    findings: Findings | None = None,
    phases: int = 50,
    slices: int = 12,
    size: int = 128,
    spacing_mm: float | None = None,
    background: Array | Background | None = None,
    noise: float | None = None,
    picture: bool = True,
) -> SimulatedCase:
    """Make one patient; the same arguments give the same bytes.

    Args:
        seed: of everything that is drawn.
        condition: what the patient has; drawn if None.
        sex: "M" or "F"; drawn if None.
        heart_rate_bpm: 40 to 140; drawn if None.
        lbbb: for dilated hearts, whether they have LBBB; drawn if None.
        findings: of a real record; rate, intervals, rhythm, conduction and the clock of the motion follow it, while
            `ecg` is still the simulated one.
        phases: T, at k RR / T after the R peak; phase 0 is ED and the anchor.
        slices: from above the mitral plane towards the apex, 10 mm apart (8 mm thick).
        size: rows and columns.
        spacing_mm: of pixels; drawn from 1.3 to 1.7 if None.
        background: float32 [slices, size, size] signal round the heart (blood is about 165), or what makes it from
            the anatomy and the frame; painted if None.
        noise: SD of the picture's noise, same units; drawn if None.
        picture: False for motion and ECG alone.

    Raises:
        ValueError: an unknown condition or sex, or a background of another shape.
    """
    if sex not in (None, "M", "F"):
        raise ValueError(f"sex must be M or F, is {sex}")
    if isinstance(background, np.ndarray) and background.shape != (slices, size, size):
        raise ValueError(f"background must be {(slices, size, size)}, is {background.shape}")
    streams = [np.random.default_rng([seed, room]) for room in range(8)]
    drawn = list(Condition)[int(streams[0].integers(len(Condition)))]
    condition = Condition(condition) if condition is not None else drawn
    subject = draw_subject(streams[1], condition, sex=sex, heart_rate_bpm=heart_rate_bpm, lbbb=lbbb, findings=findings)
    anatomy = build_anatomy(subject, streams[2])
    activation = activate(subject, anatomy)
    template = make_template(subject, anatomy, activation, streams[3])
    late = float(activation.lv.mean()) - _USUAL_LV_ACTIVATION_MS
    clock = (template.r_ms, template.qt_ms) if findings is None else (findings.onset_to_r_ms, findings.qt_ms)
    timing = draw_timing(subject, *clock, max(late, 0.0), streams[4])
    beat = build_motion(subject, anatomy, activation, timing, phases)
    record = make_record(subject, template, streams[5])
    spacing_mm = spacing_mm or float(np.round(streams[6].uniform(1.3, 1.7), 4))
    first_mm = plan_first_slice_mm(streams[6], anatomy.length_mm, subject.descent_mm, slices)
    shift_mm = _breath_shifts_mm(streams[6], slices)
    frame = make_frame(anatomy, size, spacing_mm, first_mm, shift_mm)
    grid = Grid(frame.shape, _affine(frame, subject, streams[6]))
    pictures = render(beat, frame, _around(background, anatomy, frame), streams[7], noise) if picture else None
    return SimulatedCase(
        seed=seed,
        subject=subject,
        anatomy=anatomy,
        activation=activation,
        timing=timing,
        template=template,
        beat=beat,
        frame=frame,
        grid=grid,
        ecg=_ecg(record.signal_mv, subject, seed),
        r_peaks_ms=record.r_peaks_ms,
        truth=_truth(subject, template, timing, beat),
        cine=_cine(pictures, grid, beat, timing) if pictures else None,
        labels=LabelCine(pictures.labels, grid, pictures.soft_voxels) if pictures else None,
    )


def _around(background: Array | Background | None, anatomy: Anatomy, frame: Frame) -> Array | None:
    """The background, made where a maker was given."""
    if background is None or isinstance(background, np.ndarray):
        return background
    return background(anatomy, frame)


def _breath_shifts_mm(rng: np.random.Generator, slices: int) -> Array:
    """[slices, 2] shift of the heart in every slice: nearly none in some patients, up to 4 mm in others."""
    size = rng.uniform(0.1, 1.3)
    return np.asarray(np.clip(rng.normal(0.0, size, (slices, 2)), -4.0, 4.0))


def _cine(pictures: Pictures, grid: Grid, beat: BeatMotion, timing: Timing) -> Cine:
    """The cine with its times."""
    return Cine(pictures.cine, grid, beat.phase_ms, timing.rr_ms, name="simulated")


def _affine(frame: Frame, subject: Subject, rng: np.random.Generator) -> NDArray[np.float64]:
    """LPS mm from (column, row, slice): the heart's own axes as it lies, its centre left of the midline."""
    turn = rng.normal(0, 0.1, 3) + np.array([0.0, 0.7 * subject.steep_rad, 0.0])
    axes = np.stack([LATERAL_LPS, INFERIOR_LPS, APEX_LPS], axis=1)
    cross = np.array([[0, -turn[2], turn[1]], [turn[2], 0, -turn[0]], [-turn[1], turn[0], 0]])
    axes = np.linalg.qr(axes + cross @ axes)[0] * np.sign(np.diag(np.linalg.qr(axes + cross @ axes)[1]))
    affine = np.eye(4)
    affine[:3, :3] = axes * np.array([frame.spacing_mm, frame.spacing_mm, SLICE_STEP_MM])
    corner = np.array([frame.x_mm[0], frame.y_mm[0], frame.z_mm[0] - 40.0], dtype=np.float64)
    affine[:3, 3] = np.array([25.0, -20.0, 10.0]) + rng.normal(0, 8, 3) + axes @ corner
    return affine


def _ecg(signal_mv: Array, subject: Subject, seed: int) -> Ecg:
    """The record in standard form."""
    return Ecg(
        signal_mv=signal_mv,
        source_hz=SAMPLING_HZ,
        source_leads=LEADS,
        name=f"simulated-{seed}",
        simulated=True,
        age_years=float(subject.age_years),
        sex=subject.sex,
    )


def _truth(subject: Subject, template: Template, timing: Timing, beat: BeatMotion) -> Truth:
    """Collect the numbers; EDV and ESV are those of the model, whether or not a phase falls on ES."""
    return Truth(
        edv_ml=subject.edv_ml,
        esv_ml=subject.esv_ml,
        sv_ml=subject.edv_ml * subject.ef,
        ef_percent=100.0 * subject.ef,
        lv_mass_g=subject.mass_g,
        rv_edv_ml=subject.rv_edv_ml,
        rv_esv_ml=subject.rv_edv_ml * (1 - subject.rv_ef),
        rv_ef_percent=100.0 * subject.rv_ef,
        heart_rate_bpm=subject.heart_rate_bpm,
        rr_ms=subject.rr_ms,
        pr_ms=None if subject.fibrillation else subject.pr_ms,
        qrs_ms=template.qrs_ms,
        qt_ms=template.qt_ms,
        es_ms=timing.es_ms,
        descent_mm=subject.descent_mm,
        lv_volume_ml=beat.lv_ml,
        rv_volume_ml=beat.rv_ml,
        phase_ms=beat.phase_ms,
    )

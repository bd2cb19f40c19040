"""Does the generated heart keep to physiology: ES follows the ECG given and its ST-T; LBBB delays the lateral wall.

`python -m cof_viewer.evaluation.physiology --cohort STORE --models DIR --out FILE` writes a Markdown table. Simulated
patients of the validation part, whose true times are known, and ECGs of LBBB and normal hearts of the training part;
irregular rhythms are left out.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import CohortCase, Kind
from cof_viewer.cohort.file import write_text_whole
from cof_viewer.cohort.store import Store
from cof_viewer.domain.ecg import SAMPLING_HZ, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.anchor import anchor_of, ecg_of

if TYPE_CHECKING:
    from cof_viewer.engine.anchor import Prepared
    from cof_viewer.engine.engine import Engine
    from cof_viewer.engine.live import LiveBeat

_PHASES = 100
_MS = 1000.0 / SAMPLING_HZ
_STRETCHES = (0.85, 1.15)
_SECTOR = np.pi / 4
_DONORS = ("lbbb", "normal")
IRREGULAR = "atrial-fibrillation"


@dataclass(frozen=True, eq=False)
class Patient:
    """One simulated patient ready for live use.

    Attributes:
        case_id: of the case; `group` its condition.
        prepared: the anchor, ED.
        ecg: the patient's own.
        es_ms: true end-systole.
    """

    case_id: str
    group: str
    prepared: Prepared
    ecg: Ecg
    es_ms: float


@dataclass(frozen=True)
class Line:
    """One line of the table: what was asked, of how many, what came out, what is asked for."""

    what: str
    count: int
    found: str
    wanted: str


def patients_of(store: Store, engine: Engine, part: Split, groups: Sequence[str] | None = None) -> list[Patient]:
    """Simulated patients of a part; those without a heart that is found or an ECG that is read are left out."""
    found: list[Patient] = []
    for row in store.choose(kinds=[Kind.SIMULATED], parts=[part]):
        if row.group == IRREGULAR or (groups is not None and row.group not in groups):
            continue
        case = store.load(row.case_id, [0])
        patient = _patient(case, engine)
        if patient is not None:
            found.append(patient)
    return found


def _patient(case: CohortCase, engine: Engine) -> Patient | None:
    ecg = ecg_of(case)
    if ecg is None:
        return None
    try:
        prepared = replace(anchor_of(case, engine).prepared, role="ed", simulated=True)
        engine.live(prepared, ecg, phases=4)
    except UserError:
        return None
    return Patient(case.case_id, case.group, prepared, ecg, float(case.numbers["es_ms"]))


def stretched(ecg: Ecg, factor: float) -> Ecg:
    """The record with every ST-T, from the end of QRS to the end of T, longer or shorter; what follows it gives way.

    RR, P, PR and QRS stay as they are: each sample between the end of QRS and the middle between T and the next P
    is read at another time.

    Raises:
        UserError: no beat is read, or T has no end.
    """
    from cof_viewer.signal import representative_beat

    beat = representative_beat(ecg)
    end, t_end = beat.intervals.qrs_end_at_ms, beat.intervals.t_end_at_ms
    if end is None or t_end is None:
        raise UserError("The end of the T wave was not found, so ST-T can't be stretched.", code="no-t-end")
    before_next = beat.intervals.p_onset_at_ms or (beat.intervals.qrs_onset_at_ms or -50.0) - 20.0
    new, old = [0.0], [0.0]
    peaks = beat.r_peaks_ms
    for start, following in zip(peaks, [*peaks[1:], None], strict=True):
        free = (following if following is not None else start + beat.rr_ms) + before_next
        moved = start + end + (t_end - end) * factor
        if not start + end > new[-1] or free - 10.0 <= max(moved, start + t_end):
            continue
        new += [start + end, moved, free]
        old += [start + end, start + t_end, free]
    last = (ecg.signal_mv.shape[1] - 1) * _MS
    kept = [k for k, time in enumerate(new) if time < last]
    times = np.interp(
        np.arange(ecg.signal_mv.shape[1]) * _MS, [*(new[k] for k in kept), last], [*(old[k] for k in kept), last]
    )
    at = np.arange(ecg.signal_mv.shape[1]) * _MS
    signal = np.stack([np.interp(times, at, lead) for lead in ecg.signal_mv])
    return replace(ecg, signal_mv=signal.astype(np.float32), sha256="")


def lateral_delay_ms(live: LiveBeat) -> float:
    """How much later the lateral wall has come half its way inward than the septum, by the generated motion.

    Each wall is a quarter of the LV's circumference in the middle third of its slices.
    """
    frame, motion = live.prepared.frame, live.motion
    low, high = frame.first + (frame.last - frame.first) // 3, frame.last - (frame.last - frame.first) // 3
    times = live.function.phase_ms
    assert times is not None
    clock = np.asarray(times)
    spacing = motion.grid.spacing_mm[0]
    halves = []
    for towards in (frame.rv_angle + np.pi, frame.rv_angle):
        inward = np.zeros(motion.phases)
        for z in range(low, high + 1):
            inward += _inward(motion.push_forward_mm[:, z], frame.centers_mm[z], frame.radii_mm[z], towards, spacing)
        halves.append(half_time(inward, clock))
    return halves[0] - halves[1]


def _inward(
    push: NDArray[np.float32],
    centre_mm: NDArray[np.float64],
    radii_mm: NDArray[np.float64],
    towards: float,
    spacing_mm: float,
) -> NDArray[np.float64]:
    """[t] mean motion of a sector's endocardium towards the axis, mm."""
    angles = towards + np.linspace(-_SECTOR, _SECTOR, 9)
    radius = float(radii_mm[:, 0].mean())
    direction = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    points = np.rint((centre_mm + radius * direction) / spacing_mm - 0.25).astype(int)
    points = np.clip(points, 0, push.shape[1] - 1)
    moved = push[:, points[:, 1], points[:, 0], :2]
    return np.asarray(-(moved * direction).sum(axis=-1).mean(axis=1), dtype=np.float64)


def half_time(course: NDArray[np.float64], times_ms: NDArray[np.float64]) -> float:
    """When a course first passes half of its largest value, ms, by linear interpolation."""
    goal = 0.5 * float(course.max())
    after = int(np.argmax(course >= goal))
    if after == 0:
        return float(times_ms[0])
    share = (goal - course[after - 1]) / max(course[after] - course[after - 1], 1e-9)
    return float(times_ms[after - 1] + share * (times_ms[after] - times_ms[after - 1]))


def swapped_line(engine: Engine, patients: Sequence[Patient]) -> Line:
    """Every patient with every other's ECG: does ES move to the donor's time?"""
    made, donor, own = [], [], []
    for patient in patients:
        for other in patients:
            if other is not patient:
                made.append(engine.live(patient.prepared, other.ecg, phases=_PHASES).plan.marks.es_ms)
                donor.append(other.es_ms)
                own.append(patient.es_ms)
    with_donor, with_own = np.corrcoef(made, donor)[0, 1], np.corrcoef(made, own)[0, 1]
    error = float(np.mean(np.abs(np.array(made) - np.array(donor))))
    words = f"r = {with_donor:.2f} with the donor's true time ({error:.0f} ms off), {with_own:.2f} with the own"
    return Line("another patient's ECG moves ES to the donor's time", len(made), words, "r >= .8")


def stretched_line(engine: Engine, patients: Sequence[Patient]) -> Line:
    """Longer and shorter ST-T: does ES come later and earlier?"""
    right, moved, asked = [], [], []
    for patient in patients:
        before = engine.live(patient.prepared, patient.ecg, phases=_PHASES)
        for factor in _STRETCHES:
            try:
                changed = stretched(patient.ecg, factor)
                after = engine.live(patient.prepared, changed, phases=_PHASES)
            except UserError:
                continue
            intervals = before.heard.beat.intervals
            st_t = (intervals.t_end_at_ms or 0.0) - (intervals.qrs_end_at_ms or 0.0)
            moved.append(after.plan.marks.es_ms - before.plan.marks.es_ms)
            asked.append((factor - 1.0) * st_t)
            right.append(moved[-1] * asked[-1] > 0)
    share = float(np.median(np.array(moved) / np.array(asked)))
    words = f"{100 * np.mean(right):.0f} % the right way; by {share:.2f} of what ST-T changed (median)"
    return Line("ST-T 15 % longer or shorter moves ES the same way", len(right), words, ">= 95 %")


def delayed_line(engine: Engine, patients: Sequence[Patient], donors: Sequence[Patient]) -> Line:
    """The same anchors with ECGs of LBBB and of normal hearts: is the lateral wall later?"""
    blocked = [d for d in donors if d.group == "lbbb"]
    normal = [d for d in donors if d.group == "normal"][: len(blocked)]
    delays = {
        name: [
            lateral_delay_ms(engine.live(patient.prepared, donor.ecg, phases=_PHASES))
            for patient in patients
            for donor in group
        ]
        for name, group in (("lbbb", blocked), ("normal", normal))
    }
    words = f"{np.median(delays['lbbb']):.0f} ms with LBBB, {np.median(delays['normal']):.0f} ms without (medians)"
    return Line("LBBB delays the lateral wall against the septum", len(delays["lbbb"]), words, "later")


def any_phase_line(engine: Engine, patients: Sequence[Patient]) -> Line:
    """The same picture declared to be any phase of any number of phases: the anchor's phase is the anchor itself."""
    kept = count = 0
    for patient in patients:
        for phases, phase in ((2, 1), (13, 5), (30, 29), (75, 20)):
            live = engine.live(replace(patient.prepared, role=""), patient.ecg, phases=phases, anchor_phase=phase)
            still = not live.motion.pull_back_mm[phase].any() and live.plan.anchor_phase == phase
            kept += still and live.motion.phases == phases and bool(np.isfinite(live.plan.member_lv_ml).all())
            count += 1
    words = f"{100 * kept / count:.0f} % keep the anchor at its phase"
    return Line("anchor at any phase, 2 to 75 phases", count, words, "100 %")


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table."""
    rows = ["| asked | n | found | wanted |", "| --- | --- | --- | --- |"]
    rows += [f"| {line.what} | {line.count} | {line.found} | {line.wanted} |" for line in lines]
    return "\n".join(rows) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Examine the validation part and write the table."""
    import torch

    from cof_viewer.engine.engine import Engine

    words = argparse.ArgumentParser(prog="python -m cof_viewer.evaluation.physiology", description=__doc__)
    words.add_argument("--cohort", type=Path, required=True)
    words.add_argument("--models", type=Path, required=True)
    words.add_argument("--out", type=Path, required=True, help="Markdown file")
    asked = words.parse_args(arguments)
    torch.set_num_threads(1)
    engine, store = Engine.load(asked.models, "cpu"), Store.open(asked.cohort)
    patients = patients_of(store, engine, Split.VALIDATION)
    donors = patients_of(store, engine, Split.TRAIN, _DONORS)
    text = table(
        [
            swapped_line(engine, patients),
            stretched_line(engine, [*patients, *donors]),
            delayed_line(engine, patients, donors),
            any_phase_line(engine, patients),
        ]
    )

    write_text_whole(asked.out, text)


if __name__ == "__main__":
    main()

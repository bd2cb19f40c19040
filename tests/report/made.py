"""Made generations and measurements for the tests of the report: a phantom heart, or real labels where they lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from cof_viewer.anatomy import agreement, function_from_labels
from cof_viewer.domain.ecg import LEADS, Beat, Ecg, Intervals
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.function import Function, Provenance, Result, Source
from cof_viewer.domain.generation import Generation, Measurement, Motion
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Cine, LabelCine, regular_phase_ms
from cof_viewer.domain.study import Patient, Study

PHASES = 30
RR_MS = 764.0
PATIENT = Patient("ACDC 056", "056", "F", 72.0, 170.0, 62.0)
PROVENANCE = Provenance(
    "1.0", {"segmenter": "4f1c" * 16, "flow": "a27e" * 16}, 20261, 12, 20, "cpu", "9b03" * 16, 0, "e772" * 16
)


def phantom(slices=9, size=96):
    """ED and ES pictures and labels of a heart made of discs."""
    y, x = np.indices((size, size))
    pictures, maps = [], []
    for share in (1.0, 0.72):
        labels = np.zeros((slices, size, size), dtype=np.uint8)
        for z in range(1, slices - 1):
            radius = (17 - 1.2 * z) * share
            distance = np.hypot(y - 48, x - 54)
            rv = (np.hypot((y - 48) / 1.5, x - 34 - z) < radius * 0.8) & (distance > radius + 8)
            labels[z][rv] = 3
            labels[z][distance < radius + 8] = 2
            labels[z][distance < radius] = 1
        noise = np.random.default_rng(3).normal(0, 6, labels.shape)
        pictures.append(np.choose(labels, [60, 210, 90, 200]) + noise)
        maps.append(labels)
    return pictures, maps, (1.5, 1.5, 10.0)


def real(folder: Path, patient="056"):
    """ED and ES pictures and expert labels of a real patient."""
    data = np.load(folder / "mri" / "pairs" / f"acdc_patient{patient}.npz")
    scale = float(data["grey_scale"])
    z, y, x = (float(step) for step in data["spacing_mm"])
    pictures = [data["ed"].astype(np.float64) * scale, data["es"].astype(np.float64) * scale]
    return pictures, [data["ed_label"], data["es_label"]], (x, y, z)


def share_of_systole(phases=PHASES):
    """0 at ED, 1 at ES (0.36 of the beat), back to 0: a made time course."""
    fraction = np.arange(phases) / phases
    early = 0.5 - 0.5 * np.cos(np.pi * np.clip(fraction / 0.36, 0, 1))
    late = 0.8 * np.exp(-np.clip(fraction - 0.36, 0, 1) / 0.09) + 0.2 * (1 - (fraction - 0.36) / 0.64)
    return np.where(fraction < 0.36, early, late)


def beat_between(pictures, maps, shares):
    """Cine and labels between ED and ES by signed distance."""
    ed, es = maps
    distances = [
        [
            np.stack([ndimage.distance_transform_edt(p) - ndimage.distance_transform_edt(~p) for p in m == label])
            for label in (1, 2, 3)
        ]
        for m in (np.where(ed == 0, 0, ed), es)
    ]
    unions = [
        np.stack([ndimage.distance_transform_edt(p) - ndimage.distance_transform_edt(~p) for p in (m > 0) & (m < 3)])
        for m in (ed, es)
    ]
    frames, labels = [], []
    for share in shares:
        mixed = np.zeros(ed.shape, dtype=np.uint8)
        rv, lv = ((1 - share) * distances[0][k] + share * distances[1][k] for k in (2, 0))
        wall = (1 - share) * unions[0] + share * unions[1]
        mixed[rv > 0] = 3
        mixed[wall > 0] = 2
        mixed[lv > 0] = 1
        labels.append(mixed)
        frames.append((1 - share) * pictures[0] + share * pictures[1])
    labels[0] = ed
    return np.stack(frames).astype(np.float32), np.stack(labels)


def made_ecg(flat=()):
    """An ECG of ten seconds with P, QRS and T, and its beat."""
    times = np.arange(-0.30, 0.50, 0.002)

    def wave(centre, width, height):
        return height * np.exp(-(((times - centre) / width) ** 2))

    beat = wave(-0.16, 0.022, 0.12) + wave(0, 0.012, 1.2) - wave(0.026, 0.010, 0.25) + wave(0.27, 0.045, 0.3)
    gains = np.array([0.7, 1.0, 0.4, -0.8, 0.3, 0.7, -0.5, 0.6, 0.9, 1.2, 1.1, 0.8])
    median = (gains[:, None] * beat).astype(np.float32)
    cycle = np.zeros((12, round(RR_MS / 2)), dtype=np.float32)
    cycle[:, :250] = median[:, 150:400]
    record = np.tile(cycle, (1, 14))[:, :5000]
    intervals = Intervals(RR_MS, 160, 90, 350, 90, 42, -205, -115, -45, 45, 270, 305)
    peaks = tuple(k * RR_MS for k in range(1, 13))
    ecg = Ecg(record, 500.0, LEADS, tuple(flat), name="made", sha256="e772" * 16)
    return ecg, Beat(cycle, median, -300.0, RR_MS, peaks, 5, intervals)


def with_intervals(function: Function) -> Function:
    """A made calibration, so that intervals and bands are seen."""
    interval = {}
    for name, half in (("ef_percent", 6), ("edv_ml", 5), ("esv_ml", 11), ("sv_ml", 12), ("lv_mass_g", 7)):
        value = getattr(function, name)
        if value is not None:
            interval[name] = (value - half, value + half)
    interval["cardiac_output_l_min"] = (3.9, 5.7)
    curve = function.lv_volume_ml
    band = tuple((v - 3 - 0.1 * (curve[0] - v), v + 3 + 0.1 * (curve[0] - v)) for v in curve) if curve else None
    return replace(function, interval90=interval, lv_band_ml=band)


def made_generation(source=None, *, measured=False, flags=(), intervals=False, patient=PATIENT, **grid_known):
    """A study and its generation."""
    pictures, maps, spacing = source or phantom()
    grid = grid_from_spacing(maps[0].shape, spacing, **grid_known)
    frames, labels = beat_between(pictures, maps, share_of_systole())
    times = regular_phase_ms(PHASES, RR_MS)
    cine = Cine(frames, grid, times, RR_MS)
    made = LabelCine(labels, grid)
    function = function_from_labels(
        made, phase_ms=times, rr_ms=RR_MS, source=Source.GENERATED, ed_phase=0, anchor_phase=0
    )
    function = with_intervals(function) if intervals else function
    measured_function, agreed, measured_labels = None, None, None
    if measured:
        _, other = beat_between(pictures, maps, share_of_systole(25) * 0.9)
        measured_labels = LabelCine(other, grid)
        measured_function = function_from_labels(measured_labels, phase_ms=regular_phase_ms(25, 800.0), rr_ms=800.0)
        agreed = agreement(made, measured_labels)
    result = Result(function, measured_function, agreed, tuple(flags), PROVENANCE)
    field = np.zeros((PHASES, 2, 2, 2, 3), dtype=np.float32)
    motion = Motion(grid_from_spacing((2, 2, 2), (50.0, 50.0, 50.0)), field, field, 0)
    members = np.asarray([function.lv_relative], dtype=np.float64)
    generation = Generation(cine, made, cine.volume(0), made.label_map(0), 0, motion, members, result, measured_labels)
    study = Study("made", volume=cine.volume(0), patient=patient, study_date="2025-05-14")
    return study, generation


def made_measurement(source=None, *, flags=(), patient=PATIENT, simulated=False, **grid_known):
    """A study and its measurement."""
    study, generation = made_generation(source, patient=patient, **grid_known)
    shown = Source.SIMULATED if simulated else Source.MEASURED
    function = function_from_labels(generation.labels, phase_ms=generation.cine.phase_ms, rr_ms=RR_MS, source=shown)
    provenance = Provenance("1.0", {"segmenter": "4f1c" * 16}, anchor="9b03" * 16)
    result = Result(function, None, None, tuple(flags), provenance)
    study = Study("made", cine=generation.cine, patient=patient, study_date="2025-05-14", simulated=simulated)
    return study, Measurement(generation.cine, generation.labels, result)


def flag(code, severity, text, withholds=()):
    """A flag by the name of its severity."""
    return Flag(code, Severity(severity), text, tuple(withholds))

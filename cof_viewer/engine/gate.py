"""The gate: what the reader must know before believing a generated beat. A stop withholds numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Label, LabelMap
from cof_viewer.engine.motion.time_law import TimeMarks

_FOLDED_CAUTION = 0.0005  # share of heart voxels with det J <= 0; the method's teacher keeps it below .05 %
_OUTSIDE_NOTE = 0.05
_ES_AFTER_T_END_MS = 80.0
_COARSE_GAP_MM = 12.0
_GENERATED = ("ef_percent", "esv_ml", "sv_ml", "cardiac_output_l_min", "rv_esv_ml", "rv_ef_percent")


def ecg_flags(ecg: Ecg, beat: Beat) -> list[Flag]:
    """What the ECG brings along: reading problems, an irregular rhythm, rates beyond what was learned."""
    flags = [Flag(code, Severity.NOTE, sentence) for code, sentence in ecg.problems]
    if beat.irregular:
        flags.append(
            Flag(
                "irregular-rhythm",
                Severity.CAUTION,
                "The rhythm is irregular: one beat can't stand for the record. "
                "The numbers describe the chosen beat only.",
            )
        )
    if not 38.0 <= beat.heart_rate_bpm <= 150.0:
        flags.append(
            Flag(
                "rate-not-learned",
                Severity.CAUTION,
                f"The heart rate of {beat.heart_rate_bpm:.0f} /min lies beyond what the model learned from "
                "(40 to 140).",
            )
        )
    return flags


def jacobian(motion: Motion) -> NDArray[np.float32]:
    """det J of the pull-back of every phase, [t, z, rows - 2, columns - 2], by central differences."""
    x_mm, y_mm, z_mm = motion.grid.spacing_mm
    x, y, z = (np.ascontiguousarray(motion.pull_back_mm[..., axis]) for axis in range(3))

    def along_x(u: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((u[:, :, 1:-1, 2:] - u[:, :, 1:-1, :-2]) * np.float32(0.5 / x_mm))

    def along_y(u: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((u[:, :, 2:, 1:-1] - u[:, :, :-2, 1:-1]) * np.float32(0.5 / y_mm))

    plane = (1 + along_x(x)) * (1 + along_y(y)) - along_x(y) * along_y(x)
    if z.shape[1] < 2:
        return np.asarray(plane)
    return np.asarray(plane * (1 + np.gradient(z[:, :, 1:-1, 1:-1], np.float32(z_mm), axis=1)))


def motion_flags(motion: Motion, heart: NDArray[np.bool_], outside_share: float) -> list[Flag]:
    """Folding, and how much of the heart was never imaged.

    Args:
        motion: of the medoid.
        heart: [z, 62, 62] lattice points in or near the heart.
        outside_share: largest share of heart voxels that a phase reads from beyond the stack.
    """
    flags = []
    folded = float((jacobian(motion)[:, heart] <= 0).mean()) if heart.any() else 0.0
    if folded > _FOLDED_CAUTION:
        flags.append(
            Flag(
                "folding", Severity.STOP, f"The motion folds {100 * folded:.2f} % of the heart onto itself.", _GENERATED
            )
        )
    if outside_share > _OUTSIDE_NOTE:
        flags.append(
            Flag(
                "outside-stack",
                Severity.NOTE,
                f"At end-systole {100 * outside_share:.0f} % of the heart comes from above the first slice, "
                "which was not imaged: the picture there repeats the first slice.",
            )
        )
    return flags


def timing_flags(marks: TimeMarks, beat: Beat) -> list[Flag]:
    """ES against the end of the T wave."""
    t_end = beat.intervals.t_end_at_ms
    if t_end is None:
        return [
            Flag(
                "t-end-not-found",
                Severity.NOTE,
                "The end of the T wave was not found: end-systole follows the heart rate alone.",
            )
        ]
    if abs(marks.es_ms - t_end) > _ES_AFTER_T_END_MS:
        return [
            Flag(
                "es-not-at-t-end",
                Severity.CAUTION,
                f"End-systole lies {abs(marks.es_ms - t_end):.0f} ms from the end of the T wave.",
            )
        ]
    return []


def label_flags(labels: LabelMap) -> list[Flag]:
    """Doubts about the anchor's segmentation: parts that are missing."""
    missing = [
        name
        for label, name in ((Label.MYO, "myocardium"), (Label.RV, "right ventricle"))
        if not (labels.data == label).any()
    ]
    return [
        Flag(
            f"no-{name.replace(' ', '-')}",
            Severity.CAUTION,
            f"No {name} was found in the anchor: its numbers are not known.",
        )
        for name in missing
    ]


def stack_flags(grid: Grid) -> list[Flag]:
    """Slices too far apart to count volumes well."""
    gap_mm = grid.spacing_mm[2]
    if not grid.spacing_known or gap_mm <= _COARSE_GAP_MM:
        return []
    return [
        Flag(
            "coarse-stack",
            Severity.CAUTION,
            f"The slices lie {gap_mm:.1f} mm apart: one basal slice more or less changes the volumes by a fifth.",
        )
    ]


def contraction_flags(ef_percent: float | None) -> list[Flag]:
    """A beat that hardly moves."""
    if ef_percent is not None and ef_percent < 8.0:
        return [
            Flag(
                "under-contraction",
                Severity.CAUTION,
                f"The generated heart hardly contracts (EF {ef_percent:.0f} %). "
                "Compare with a measured cine before reading it.",
            )
        ]
    return []

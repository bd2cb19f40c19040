"""The gate of motion and numbers: what the reader must know before believing a generated beat.

Anchors are judged in `gate_anchor`, ECGs in `gate_ecg`, all together in `judge`. A stop withholds numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import Beat
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid
from cof_viewer.engine.motion.time_law import TimeMarks

_FOLDED_CAUTION = 0.0005  # share of heart voxels with det J <= 0; the method's teacher keeps it below .05 %
_OUTSIDE_NOTE = 0.05
_ES_AFTER_T_END_MS = 80.0
_COARSE_GAP_MM = 12.0
_LEAST_EF_PERCENT, _MOST_EF_PERCENT = 8.0, 88.0
_WALL_BALANCE = (0.75, 1.35)  # ACDC's experts' own labels change by +13 +- 11 % from ED to ES
GENERATED = ("ef_percent", "esv_ml", "sv_ml", "cardiac_output_l_min", "rv_esv_ml", "rv_ef_percent")


def jacobian(motion: Motion) -> NDArray[np.float32]:
    """det J of the pull-back of every phase, [t, z, rows - 2, columns - 2], by central differences."""
    return _determinant(motion.pull_back_mm, motion.grid.spacing_mm)


def _determinant(field_mm: NDArray[np.float32], spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    """det(I + grad u) of [t, z, rows, columns, 3] (dx, dy, dz), border left out."""
    x_mm, y_mm, z_mm = spacing_mm
    x, y, z = (np.ascontiguousarray(field_mm[..., axis]) for axis in range(3))

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
                "folding", Severity.STOP, f"The motion folds {100 * folded:.2f} % of the heart onto itself.", GENERATED
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


def wall_balance(motion: Motion, wall: NDArray[np.bool_], phase: int) -> float | None:
    """Volume of the wall at a phase as a share of the anchor's: mean det J of the push-forward over the anchor's wall.

    None where no wall is labelled. Muscle can't be compressed: 1 is right, and real labels give .87 to 1.24 at ES.

    Args:
        motion: of the medoid.
        wall: [z, rows - 2, columns - 2] lattice points of the anchor's wall.
        phase: 0-based.
    """
    if not wall.any():
        return None
    determinants = _determinant(motion.push_forward_mm[phase : phase + 1], motion.grid.spacing_mm)[0]
    return float(determinants[wall].mean())


def balance_flags(balance: float | None) -> list[Flag]:
    """A wall that grows or shrinks more than any heart's."""
    if balance is None or _WALL_BALANCE[0] <= balance <= _WALL_BALANCE[1]:
        return []
    return [
        Flag(
            "wall-volume",
            Severity.CAUTION,
            f"The wall's volume changes by {100 * (balance - 1):+.0f} % from the anchor to end-systole, "
            "which muscle can't: the contours of one of them are wrong.",
        )
    ]


def topology_flags(kept: dict[str, bool]) -> list[Flag]:
    """Structures that fall apart or vanish on the way to ES.

    Args:
        kept: structure to whether it has as many connected parts at ES as in the anchor.
    """
    names = {"LV": "left ventricle", "MYO": "wall", "RV": "right ventricle"}
    torn = [names[name] for name, whole in kept.items() if not whole]
    if not torn:
        return []
    return [
        Flag(
            "topology",
            Severity.CAUTION,
            f"The {' and the '.join(torn)} {'has' if len(torn) == 1 else 'have'} another number of parts "
            "at end-systole than in the anchor.",
        )
    ]


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


def order_disagrees() -> Flag:
    """That the slices' order in the header is not the picture's."""
    return Flag(
        "slice-order-by-picture",
        Severity.NOTE,
        "The header says that the slices run from the base, the picture says from the apex: the picture is followed.",
    )


def contraction_flags(ef_percent: float | None) -> list[Flag]:
    """A beat that hardly moves, or moves more than any heart."""
    if ef_percent is not None and ef_percent > _MOST_EF_PERCENT:
        return [
            Flag(
                "over-contraction",
                Severity.CAUTION,
                f"The generated cavity closes almost wholly (EF {ef_percent:.0f} %). Check the anchor's contours.",
            )
        ]
    if ef_percent is not None and ef_percent < _LEAST_EF_PERCENT:
        return [
            Flag(
                "under-contraction",
                Severity.CAUTION,
                f"The generated heart hardly contracts (EF {ef_percent:.0f} %). "
                "Compare with a measured cine before reading it.",
            )
        ]
    return []

"""Everything that the gate has to say about one generated beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.function import Function
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import LabelCine
from cof_viewer.engine import gate
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_motion import source_slices
from cof_viewer.engine.gate_anchor import anchor_flags
from cof_viewer.engine.gate_ecg import ecg_flags
from cof_viewer.engine.live import LiveBeat
from cof_viewer.engine.topology import components_kept

_LEAST_PART = 0.04  # of its structure: smaller crumbs come and go where a thin wall crosses the pixels of one slice


def beat_flags(live: LiveBeat, labels: LabelCine, function: Function) -> list[Flag]:
    """Flags of anchor, ECG, motion and numbers, in this order.

    Args:
        live: the beat's motion and what it was made from.
        labels: of every phase, on the anchor's grid.
        function: counted on them.
    """
    prepared, heard, plan = live.prepared, live.heard, live.plan
    found = [
        *ecg_flags(heard.ecg, heard.beat),
        *anchor_flags(prepared),
        *gate.timing_flags(plan.marks, heard.beat),
        *gate.contraction_flags(function.ef_percent),
    ]
    if live.options.timing is not None:
        found.append(_timed_by_hand())
    heart, wall = near_heart(prepared), in_wall(prepared)
    part, inside, wall = round_heart(live.motion, heart, wall)
    found += gate.motion_flags(part, inside, _outside_share(live))
    farthest = int(np.abs(plan.s - plan.member.anchor_s).argmax())
    found += gate.balance_flags(gate.wall_balance(part, wall, farthest))
    found += gate.topology_flags(_parts_kept(prepared.labels.data, labels.data[farthest]))
    if live.anchor.guessed:
        found.append(_guessed(live.anchor.role))
    return found


def _parts_kept(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> dict[str, bool]:
    """`components_kept` on the rows and columns that hold anything."""
    held = np.asarray((before > 0).any(axis=0) | (after > 0).any(axis=0))
    rows, columns = np.flatnonzero(held.any(axis=1)), np.flatnonzero(held.any(axis=0))
    if not len(rows):
        return {}
    box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return components_kept(before[box], after[box], _LEAST_PART)


def near_heart(prepared: Prepared) -> NDArray[np.bool_]:
    """[z, 62, 62] lattice points inside LV, wall or RV of the anchor, border left out."""
    inside = (prepared.distances[:, 1:].amax(dim=1) > 0).cpu().numpy()[:, ::2, ::2]
    return np.asarray(inside[:, 1:-1, 1:-1])


def in_wall(prepared: Prepared) -> NDArray[np.bool_]:
    """[z, 62, 62] lattice points inside the anchor's LV wall, border left out."""
    inside = ((prepared.distances[:, 1] > 0) & (prepared.distances[:, 0] <= 0)).cpu().numpy()[:, ::2, ::2]
    return np.asarray(inside[:, 1:-1, 1:-1])


def round_heart(
    motion: Motion, heart: NDArray[np.bool_], wall: NDArray[np.bool_]
) -> tuple[Motion, NDArray[np.bool_], NDArray[np.bool_]]:
    """The motion on the heart's rows and columns (and one beyond, for differences) alone, heart and wall there."""
    if not heart.any():
        return motion, heart, wall
    rows, columns = (np.flatnonzero(heart.any(axis=axes)) for axes in ((0, 2), (0, 1)))
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    inside = (slice(None), slice(None), slice(top, bottom + 2), slice(left, right + 2))  # row 0 of `heart` is row 1
    shape = (motion.grid.shape[0], bottom + 2 - top, right + 2 - left)
    grid = Grid(shape, motion.grid.patient_from_voxel @ _shift(left, top), motion.grid.spacing_known)
    part = Motion(grid, motion.pull_back_mm[inside], motion.push_forward_mm[inside], motion.anchor_phase)
    return part, heart[:, top:bottom, left:right], wall[:, top:bottom, left:right]


def _shift(columns: int, rows: int) -> NDArray[np.float64]:
    out = np.eye(4)
    out[:2, 3] = columns, rows
    return out


def _outside_share(live: LiveBeat) -> float:
    """Largest share of the LV that a phase reads from above the first slice."""
    prepared, plan = live.prepared, live.plan
    area = (prepared.distances[:, 1] > 0).sum(dim=(1, 2)).cpu().numpy().astype(float)
    first = prepared.frame.first - 0.5
    shares = [area[source_slices(prepared, plan.member, float(m)) < first].sum() for m in plan.s]
    return float(max(shares) / max(area.sum(), 1.0))


def _timed_by_hand() -> Flag:
    return Flag("timing-by-hand", Severity.NOTE, "The time of contraction was set by hand, not read from the ECG.")


def _guessed(role: str) -> Flag:
    words = {"ed": "end-diastole", "es": "end-systole"}[role]
    return Flag(
        "anchor-phase-guessed",
        Severity.CAUTION,
        f"The anchor is taken for {words} from its shape alone. Choose its phase if that is wrong.",
    )

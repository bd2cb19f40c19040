"""What the engine gives back: motion, and a beat with its labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.function import Result
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import Cine, LabelCine, LabelMap, Volume


@dataclass(frozen=True, eq=False)
class Motion:
    """Displacement of every phase from the anchor, on a grid of its own.

    Attributes:
        grid: where the displacement is sampled (a coarse lattice over the heart, in the anchor's slices).
        pull_back_mm: float32 [t, z, y, x, 3] = (dx, dy, dz) along the grid's voxel axes, in mm: the picture of
            phase t at x is the anchor at x + u_t(x). Zero at the anchor's phase.
        push_forward_mm: the inverse field, [t, z, y, x, 3]: material point p of the anchor is at p + w_t(p).
        anchor_phase: index of the anchor's phase.
    """

    grid: Grid
    pull_back_mm: NDArray[np.float32]
    push_forward_mm: NDArray[np.float32]
    anchor_phase: int

    @property
    def phases(self) -> int:
        """Number of phases T."""
        return len(self.pull_back_mm)


@dataclass(frozen=True, eq=False)
class Generation:
    """A generated beat in the scanner's frame.

    Attributes:
        cine: the warped anchor, T phases; the anchor's phase equals the anchor.
        labels: warped labels on the same grid.
        anchor: the volume that was warped.
        anchor_labels: its labels.
        anchor_phase: where it stands among the T phases, 0-based.
        motion: of the medoid member.
        member_lv_ml: float64 [member, t] LV volumes of all members (relative to ED where spacing is unknown).
        result: numbers, flags, provenance; its `measured` is filled where the study has a cine.
        measured_labels: labels of the measured cine where there is one.
    """

    cine: Cine
    labels: LabelCine
    anchor: Volume
    anchor_labels: LabelMap
    anchor_phase: int
    motion: Motion
    member_lv_ml: NDArray[np.float64]
    result: Result
    measured_labels: LabelCine | None = None


@dataclass(frozen=True, eq=False)
class Measurement:
    """A measured cine with its labels and numbers."""

    cine: Cine
    labels: LabelCine
    result: Result

    def with_slices_reversed(self) -> Measurement:
        """The same in the other order of slices, in the same place."""
        labels = self.labels
        turned = replace(labels, data=labels.data[:, ::-1], grid=labels.grid.with_slices_reversed())
        return replace(self, cine=self.cine.with_slices_reversed(), labels=turned)

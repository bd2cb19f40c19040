"""Pictures and labels on a grid: a volume, a cine, label maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.grid import Affine, Grid


class Label(IntEnum):
    """Values of every label map of the project."""

    BACKGROUND = 0
    LV = 1
    MYO = 2
    RV = 3


@dataclass(frozen=True, eq=False)
class FileLayout:
    """How our [z, y, x] array lay in the file it came from, so that exports can lie the same way.

    Attributes:
        axes: for file axes 0, 1, 2: which of our axes (0 = x, 1 = y, 2 = z) each one is.
        flipped: for our axes x, y, z: whether the file counts them from the other end.
        affine_ras: 4 x 4 of the file (after repair), file voxel (i, j, k) to RAS mm.
        dtype: numpy name of the stored integer or float type.
        slope: stored value * slope + intercept = our value.
        intercept: see slope.
    """

    axes: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    affine_ras: Affine
    dtype: str = "int16"
    slope: float = 1.0
    intercept: float = 0.0

    def with_slices_reversed(self) -> FileLayout:
        """The layout of the same file once our slices are counted from the other end."""
        x, y, z = self.flipped
        return replace(self, flipped=(x, y, not z))


@dataclass(frozen=True, eq=False)
class Volume:
    """One phase of a stack.

    Attributes:
        data: float32 [z, y, x], slices base -> apex once the order is known.
        grid: where the voxels lie.
        layout: how it lay in its file; None for made data.
        name: what it is called in the study, without patient names.
    """

    data: NDArray[np.float32]
    grid: Grid
    layout: FileLayout | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Check that picture and grid agree."""
        if self.data.shape != self.grid.shape:
            raise ValueError(f"data {self.data.shape} does not fit the grid {self.grid.shape}")

    def with_slices_reversed(self) -> Volume:
        """The same volume, slices counted from the other end."""
        layout = self.layout.with_slices_reversed() if self.layout else None
        return replace(self, data=self.data[::-1], grid=self.grid.with_slices_reversed(), layout=layout)


@dataclass(frozen=True, eq=False)
class Cine:
    """A stack over one beat.

    Attributes:
        data: float32 [t, z, y, x].
        grid: where the voxels lie, the same for every phase.
        phase_ms: time of each phase after the R peak; None where not known. Phase k of a made or resampled cine
            stands at k·RR/T.
        rr_ms: length of the beat; None where not known.
        layout: as in `Volume`.
        name: as in `Volume`.
    """

    data: NDArray[np.float32]
    grid: Grid
    phase_ms: tuple[float, ...] | None = None
    rr_ms: float | None = None
    layout: FileLayout | None = None
    name: str = ""

    def __post_init__(self) -> None:
        """Check that picture, grid and times agree."""
        if self.data.ndim != 4 or self.data.shape[1:] != self.grid.shape:
            raise ValueError(f"data {self.data.shape} does not fit the grid {self.grid.shape}")
        if self.phase_ms is not None and len(self.phase_ms) != len(self.data):
            raise ValueError(f"{len(self.phase_ms)} times for {len(self.data)} phases")

    @property
    def phases(self) -> int:
        """Number of phases T."""
        return len(self.data)

    def volume(self, phase: int) -> Volume:
        """One phase as a volume, 0-based."""
        return Volume(self.data[phase], self.grid, self.layout, self.name)

    def with_slices_reversed(self) -> Cine:
        """The same cine, slices counted from the other end."""
        layout = self.layout.with_slices_reversed() if self.layout else None
        return replace(self, data=self.data[:, ::-1], grid=self.grid.with_slices_reversed(), layout=layout)


@dataclass(frozen=True, eq=False)
class LabelMap:
    """Labels of one phase: uint8 [z, y, x] with the values of `Label`, and where they lie."""

    data: NDArray[np.uint8]
    grid: Grid

    def __post_init__(self) -> None:
        """Check that labels and grid agree."""
        if self.data.shape != self.grid.shape:
            raise ValueError(f"labels {self.data.shape} do not fit the grid {self.grid.shape}")

    def volume_ml(self, label: Label) -> float:
        """Volume of one label by counting voxels."""
        return float(np.count_nonzero(self.data == label)) * self.grid.voxel_volume_ml


@dataclass(frozen=True, eq=False)
class LabelCine:
    """Labels of every phase: uint8 [t, z, y, x], and where they lie.

    Attributes:
        soft_volume_voxels: float64 [t, 4], for each phase and label the sum of partial-volume shares in voxels;
            None where only hard labels exist.
    """

    data: NDArray[np.uint8]
    grid: Grid
    soft_volume_voxels: NDArray[np.float64] | None = field(default=None)

    def __post_init__(self) -> None:
        """Check that labels and grid agree."""
        if self.data.ndim != 4 or self.data.shape[1:] != self.grid.shape:
            raise ValueError(f"labels {self.data.shape} do not fit the grid {self.grid.shape}")

    @property
    def phases(self) -> int:
        """Number of phases T."""
        return len(self.data)

    def label_map(self, phase: int) -> LabelMap:
        """Labels of one phase, 0-based."""
        return LabelMap(self.data[phase], self.grid)

    def voxels(self, label: Label) -> NDArray[np.float64]:
        """[t] size of one label in voxels: soft where known, counted otherwise."""
        if self.soft_volume_voxels is not None:
            return np.asarray(self.soft_volume_voxels[:, int(label)])
        return np.asarray(np.count_nonzero(self.data == label, axis=(1, 2, 3)), dtype=np.float64)


def regular_phase_ms(phases: int, rr_ms: float) -> tuple[float, ...]:
    """Times k·RR/T of T phases after the R peak (phase 0 is the R peak)."""
    return tuple(k * rr_ms / phases for k in range(phases))


def stack_labels(label_maps: Sequence[LabelMap]) -> LabelCine:
    """Put the label maps of consecutive phases of one grid together."""
    return LabelCine(np.stack([m.data for m in label_maps]), label_maps[0].grid)

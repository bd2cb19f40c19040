"""Which heart is shown: its surfaces by phase, how it lies in the patient, what its colours span."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cof_viewer.app.session import Session
from cof_viewer.domain.generation import Generation
from cof_viewer.domain.grid import Grid
from cof_viewer.domain.image import LabelCine
from cof_viewer.domain.progress import CancelToken
from cof_viewer.ui.panels.heart.builder import Source
from cof_viewer.ui.render.camera import TYPICAL_SEPTAL, Vector, frame_from
from cof_viewer.ui.render.heart_surfaces import HeartFrame, frames_of_generation, frames_of_labels

Colouring = Literal["structure", "displacement", "thickening"]

_PLANE_MARGIN_MM = 8.0


class HeartModel:
    """Surfaces of the shown beat as far as they are built.

    Attributes:
        frames: phase -> surfaces.
        grid: of the slices, None before anything is labelled.
        phases: of the shown beat.
    """

    def __init__(self, session: Session) -> None:
        """Start empty."""
        self._session = session
        self._key: object | None = None
        self.frames: dict[int, HeartFrame] = {}
        self.grid: Grid | None = None
        self.phases = 0

    def refresh(self) -> Source | None:
        """Look at the session: what has to be built for it, None where nothing new is needed or possible."""
        generation = self._session.result.generation
        generated = self._session.result.shown == "generated" and generation is not None
        labels = self._session.labels
        key: object | None = generation if generated else labels
        if key is self._key:
            return None
        self._key, self.frames = key, {}
        self.grid = labels.grid if labels is not None else None
        self.phases = labels.phases if labels is not None else 0
        if labels is None:
            return None
        first = min(self._session.view.phase, labels.phases - 1)
        return _source(generation if generated else None, labels, first)

    @property
    def colourable(self) -> bool:
        """Whether points are pieces of muscle, so that displacement and thickening have a meaning."""
        return any("endo" in f and "thickening" in f["endo"].values for f in self.frames.values())

    @property
    def complete(self) -> bool:
        """Whether every phase is built."""
        return len(self.frames) >= self.phases

    def span_of(self, colouring: Colouring) -> tuple[float, float]:
        """Values at the ends of the colour map: thickening 0 to 100 %, displacement 0 to the beat's largest, round."""
        if colouring == "thickening":
            return 0.0, 100.0
        tops = [
            float(surface.values["displacement"].max())
            for frame in self.frames.values()
            for surface in frame.values()
            if "displacement" in surface.values
        ]
        return 0.0, max(5.0, 5.0 * round(max(tops, default=5.0) / 5.0 + 0.49))

    def heart_axes(self) -> Vector:
        """`camera.frame_from` of this heart: base to apex along the slices, LV to RV as they lie."""
        frame = next(iter(self.frames.values()), {})
        long_axis = self.grid.directions[:, 2] if self.grid is not None else np.array([0.0, 0.0, 1.0])
        if "endo" in frame and "rv" in frame:
            septal = frame["rv"].mesh.vertices.mean(axis=0) - frame["endo"].mesh.vertices.mean(axis=0)
            if float(np.linalg.norm(septal)) > 1.0:
                return frame_from(long_axis, septal)
        return frame_from(long_axis, TYPICAL_SEPTAL)

    def plane(self, index: int) -> NDArray[np.float64] | None:
        """Corners (4, 3) in LPS mm of a slice's piece round the heart; None before anything is built."""
        points = self.points()
        if points is None or self.grid is None:
            return None
        voxels = self.grid.voxels_from_points(points)
        spacing = self.grid.spacing_mm
        left, top = (voxels[:, axis].min() - _PLANE_MARGIN_MM / spacing[axis] for axis in (0, 1))
        right, bottom = (voxels[:, axis].max() + _PLANE_MARGIN_MM / spacing[axis] for axis in (0, 1))
        corners = [(left, top, index), (right, top, index), (right, bottom, index), (left, bottom, index)]
        return self.grid.patient_from_points(np.array(corners, dtype=np.float64))

    def points(self) -> NDArray[np.float64] | None:
        """Points (n, 3) of all surfaces in LPS mm, of the phase that was built first; None before."""
        frame = next(iter(self.frames.values()), None)
        if not frame:
            return None
        return np.concatenate([surface.mesh.vertices for surface in frame.values()]).astype(np.float64)


def _source(generation: Generation | None, labels: LabelCine, first: int) -> Source:
    """What the worker is to run."""

    def run(cancel: CancelToken) -> Iterator[tuple[int, HeartFrame]]:
        if generation is not None:
            return frames_of_generation(generation, cancel)
        return frames_of_labels(labels, first, cancel)

    return run

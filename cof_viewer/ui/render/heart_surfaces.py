"""The heart's surfaces over the beat, ready to draw.

A generated beat has one set of triangles, made from the anchor's labels and carried along by the motion, so that each
vertex is a piece of muscle and can be coloured by what happens to it. A measured beat has no such map between phases:
its surfaces are made anew from the labels of each phase. Everything here runs in a worker; drawing is elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy.meshes import Mesh, heart_meshes
from cof_viewer.anatomy.moving import moved_meshes
from cof_viewer.domain.generation import Generation
from cof_viewer.domain.image import LabelCine, LabelMap
from cof_viewer.domain.progress import NEVER, CancelToken

PARTS: tuple[str, ...] = ("endo", "rv", "epi")
"""Surfaces in the order in which they are drawn: what is seen through stands last."""

GENERATED_TRIANGLES = 5_000
MEASURED_TRIANGLES = 3_500
"""Fewer where every phase has to be meshed anew."""

_THINNEST_MM = 1.0
"""Walls are counted as at least so thick: at the open base both surfaces meet and a ratio would mean nothing."""


@dataclass(frozen=True, eq=False)
class Surface:
    """One closed surface at one phase.

    Attributes:
        mesh: points in LPS mm, triangles, normals.
        values: name of a colouring -> float32 per point: "displacement" in mm, "thickening" in %.
    """

    mesh: Mesh
    values: dict[str, NDArray[np.float32]] = field(default_factory=dict)


HeartFrame = dict[str, Surface]
"""Part name -> its surface; a part that the labels don't hold is absent."""


def surfaces_of(label_map: LabelMap, triangles: int = MEASURED_TRIANGLES) -> HeartFrame:
    """Closed surfaces of one phase's labels."""
    meshes = heart_meshes(label_map, triangles)
    found = {part: getattr(meshes, part) for part in PARTS}
    return {part: Surface(mesh) for part, mesh in found.items() if mesh is not None and len(mesh.faces)}


def frames_of_generation(generation: Generation, cancel: CancelToken = NEVER) -> Iterator[tuple[int, HeartFrame]]:
    """Carry the anchor's surfaces through the beat; yields every phase in order, with its colourings."""
    rest = surfaces_of(generation.anchor_labels, GENERATED_TRIANGLES)
    moving: dict[str, list[Mesh]] = {}
    for part, surface in rest.items():
        cancel.raise_if_cancelled()
        moving[part] = moved_meshes(surface.mesh, generation.motion)
    partners = _wall_partners(rest)
    for phase in range(generation.motion.phases):
        cancel.raise_if_cancelled()
        frame = {part: Surface(moving[part][phase], _displacement(moving[part][phase], rest[part])) for part in rest}
        if partners is not None:
            frame["endo"].values["thickening"] = _thickening(frame, rest, partners)
        yield phase, frame


def frames_of_labels(labels: LabelCine, first: int, cancel: CancelToken = NEVER) -> Iterator[tuple[int, HeartFrame]]:
    """Surfaces of each measured phase, beginning with the one that is looked at."""
    for phase in chain(range(first, labels.phases), range(first)):
        cancel.raise_if_cancelled()
        yield phase, surfaces_of(labels.label_map(phase))


def _displacement(mesh: Mesh, rest: Surface) -> dict[str, NDArray[np.float32]]:
    """How far each point is from its place in the anchor, in mm."""
    return {"displacement": np.asarray(np.linalg.norm(mesh.vertices - rest.mesh.vertices, axis=1), dtype=np.float32)}


def _wall_partners(rest: HeartFrame) -> NDArray[np.int64] | None:
    """For each point of the endocardium the nearest one of the epicardium in the anchor, None without both."""
    if "endo" not in rest or "epi" not in rest:
        return None
    from scipy.spatial import cKDTree

    tree = cKDTree(rest["epi"].mesh.vertices)
    return np.asarray(tree.query(rest["endo"].mesh.vertices)[1], dtype=np.int64)


def _thickening(frame: HeartFrame, rest: HeartFrame, partners: NDArray[np.int64]) -> NDArray[np.float32]:
    """Change of the distance between partners across the wall, in % of the anchor's distance."""

    def across(now: HeartFrame) -> NDArray[np.float32]:
        wall = now["epi"].mesh.vertices[partners] - now["endo"].mesh.vertices
        return np.asarray(np.maximum(np.linalg.norm(wall, axis=1), _THINNEST_MM), dtype=np.float32)

    return np.asarray(100.0 * (across(frame) / across(rest) - 1.0), dtype=np.float32)

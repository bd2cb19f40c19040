"""Surfaces that ride on the motion: every vertex is a material point of the anchor, pushed forward to a phase."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy.meshes import Mesh, Vertices, vertex_normals
from cof_viewer.domain.generation import Motion


def moved(vertices: Vertices, motion: Motion, phase: int) -> Vertices:
    """Where points of the anchor are at a phase.

    Args:
        vertices: [n, 3], LPS mm, at the anchor's phase.
        motion: displacement of the beat; read trilinearly, and beyond its grid as at the grid's nearest border.
        phase: 0-based.

    Returns:
        float32 [n, 3], LPS mm.
    """
    return _pushed(vertices, motion, phase, *_weights(vertices, motion))


def moved_meshes(mesh: Mesh, motion: Motion) -> list[Mesh]:
    """A surface at every phase, normals included; the places in the grid are looked up once for all phases."""
    corners, weights = _weights(mesh.vertices, motion)
    result = []
    for phase in range(motion.phases):
        vertices = _pushed(mesh.vertices, motion, phase, corners, weights)
        result.append(Mesh(vertices, mesh.faces, vertex_normals(vertices, mesh.faces)))
    return result


def _pushed(
    vertices: Vertices, motion: Motion, phase: int, corners: NDArray[np.intp], weights: NDArray[np.float32]
) -> Vertices:
    """Add the displacement of one phase, turned from the grid's axes into the patient's frame."""
    field = motion.push_forward_mm[phase].reshape(-1, 3)
    along_axes = np.zeros(vertices.shape, dtype=np.float32)
    for corner, weight in zip(corners, weights, strict=True):
        along_axes += field[corner] * weight[:, None]
    in_patient = along_axes @ motion.grid.directions.T.astype(np.float32)
    return np.asarray(vertices + in_patient, dtype=np.float32)


def _weights(vertices: Vertices, motion: Motion) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The eight lattice points round each vertex as flat indices [8, n], and their shares [8, n]."""
    slices, rows, columns = motion.grid.shape
    places = motion.grid.voxels_from_points(vertices)
    last = np.array([columns - 1, rows - 1, slices - 1])
    places = np.clip(places, 0, last)
    low = np.minimum(np.floor(places).astype(np.intp), np.maximum(last - 1, 0))
    share = (places - low).astype(np.float32)
    corners, weights = [], []
    for dz in (0, 1):
        for dy in (0, 1):
            for dx in (0, 1):
                x, y, z = np.minimum(low + np.array([dx, dy, dz]), last).T
                corners.append((z * rows + y) * columns + x)
                parts = np.where(np.array([dx, dy, dz], dtype=bool), share, 1 - share)
                weights.append(parts.prod(axis=1))
    return np.stack(corners), np.stack(weights).astype(np.float32)

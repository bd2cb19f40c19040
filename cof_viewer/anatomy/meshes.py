"""Surfaces of the heart from the labels of thick slices.

Between slices the shape is interpolated by signed distance (shape-based interpolation, Raya and Udupa 1990), half a
slice is added beyond either end (flat at the base, where the valve plane cuts the heart open, domed at the apex), and
the zero level is meshed by marching cubes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.grid import Affine
from cof_viewer.domain.image import Label, LabelMap

Vertices = NDArray[np.float32]
Faces = NDArray[np.int32]

_TRIANGLES = 7_500
_MARGIN_MM = 8.0
_FIELD_BLUR = 0.8
_SMOOTHING_ROUNDS = 24


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed surface.

    Attributes:
        vertices: float32 [n, 3], LPS mm.
        faces: int32 [m, 3], vertex indices, counter-clockwise seen from outside.
        normals: float32 [n, 3], unit length, outwards.
    """

    vertices: Vertices
    faces: Faces
    normals: Vertices


@dataclass(frozen=True, eq=False)
class HeartMeshes:
    """The surfaces of one phase; None where a structure is absent."""

    endo: Mesh | None
    epi: Mesh | None
    rv: Mesh | None


def heart_meshes(labels: LabelMap, triangles: int = _TRIANGLES) -> HeartMeshes:
    """Mesh LV endocardium, LV epicardium (LV and wall together) and RV of one label map.

    Args:
        labels: one phase, slices base -> apex.
        triangles: about how many each surface gets.

    Returns:
        Surfaces in LPS mm; with unknown spacing in the grid's own units.
    """
    data = labels.data
    return HeartMeshes(
        endo=surface(data == Label.LV, labels, triangles),
        epi=surface((data == Label.LV) | (data == Label.MYO), labels, triangles),
        rv=surface(data == Label.RV, labels, triangles),
    )


def surface(mask: NDArray[np.bool_], labels: LabelMap, triangles: int = _TRIANGLES) -> Mesh | None:
    """Mesh one structure.

    Args:
        mask: [z, y, x] on the grid of `labels`, slices base -> apex.
        labels: gives the grid.
        triangles: about how many the surface gets.

    Returns:
        The surface, None for an empty mask.
    """
    from skimage import measure

    if not mask.any():
        return None
    step_x, step_y, step_z = labels.grid.spacing_mm
    size_mm = _voxel_for(float(mask.sum()) * step_x * step_y * step_z, triangles)
    field, index_from_field = _distance_field(mask, (step_x, step_y, step_z), size_mm)
    if field.max() <= 0:
        return None
    points_zyx, faces, _, _ = measure.marching_cubes(field, 0.0, allow_degenerate=False)
    voxels = points_zyx[:, ::-1] @ index_from_field[:3, :3].T + index_from_field[:3, 3]
    vertices = labels.grid.patient_from_points(voxels)
    smooth: Vertices = _smoothed(vertices, faces, _SMOOTHING_ROUNDS).astype(np.float32)
    turned = _outwards(smooth, faces.astype(np.int32))
    return Mesh(smooth, turned, vertex_normals(smooth, turned))


def vertex_normals(vertices: Vertices, faces: Faces) -> Vertices:
    """Unit normals [n, 3]: mean of the neighbouring triangles weighted by their area; for moving surfaces too."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.empty_like(vertices)
    flat = faces.ravel()
    for axis in range(3):
        summed[:, axis] = np.bincount(flat, weights=np.repeat(across[:, axis], 3), minlength=len(vertices))
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    return np.asarray(summed / np.maximum(length, 1e-12), dtype=np.float32)


def enclosed_volume_ml(mesh: Mesh) -> float:
    """Volume inside a closed surface (divergence theorem); positive where the faces point outwards."""
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    corners -= mesh.vertices.mean(axis=0, dtype=np.float64)
    return float(np.einsum("ij,ij->i", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6000.0)


def _voxel_for(volume_mm3: float, triangles: int) -> float:
    """Voxel size at which marching cubes gives about so many triangles.

    A surface of area A cut by voxels of size h gives about 2.1 A / h^2 triangles; a heart chamber has about 1.25 times
    the area of the sphere of its volume, 4.84 V^(2/3).
    """
    area = 1.25 * 4.84 * volume_mm3 ** (2.0 / 3.0)
    return float(np.clip(np.sqrt(2.1 * area / triangles), 0.8, 4.0))


def _distance_field(
    mask: NDArray[np.bool_], spacing_xyz: tuple[float, float, float], size_mm: float
) -> tuple[NDArray[np.float32], Affine]:
    """Signed distance on a nearly isotropic lattice round the mask, positive inside.

    Returns:
        float32 [z, y, x], and the 4 x 4 that takes its (x, y, z) indices to the mask's voxel indices.
    """
    from scipy import ndimage

    box, corner_yx = _cropped(mask, spacing_xyz)
    slices = np.flatnonzero(box.any(axis=(1, 2)))
    first, last = int(slices[0]), int(slices[-1])
    planes = np.stack([_plane_distance(plane, spacing_xyz) for plane in box[first : last + 1]])
    present = np.asarray(box[first : last + 1].any(axis=(1, 2)))
    planes = _filled(planes, present)
    zoom = np.array([size_mm / spacing_xyz[1], size_mm / spacing_xyz[0]])
    shape = np.ceil((np.array(planes.shape[1:]) - 1) / zoom).astype(int) + 1
    coarse = np.stack([_resized(plane, zoom, shape) for plane in planes])
    step = size_mm / spacing_xyz[2]
    beyond = int(np.ceil(0.5 / step)) + 3
    heights = step * np.arange(-beyond, int(np.ceil((last - first) / step)) + beyond + 1, dtype=np.float64)
    field = _between_slices(coarse, heights)
    field = ndimage.gaussian_filter(field, _FIELD_BLUR, mode="nearest")
    for axis in range(3):  # nothing may leave the lattice open
        index: list[slice | list[int]] = [slice(None)] * 3
        index[axis] = [0, -1]
        field[tuple(index)] = np.minimum(field[tuple(index)], -size_mm)
    affine = np.diag([zoom[1], zoom[0], step, 1.0])
    affine[:3, 3] = corner_yx[1], corner_yx[0], first + heights[0]
    return field, affine


def _cropped(
    mask: NDArray[np.bool_], spacing_xyz: tuple[float, float, float]
) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """The mask with a margin round it in plane, and the (row, column) of its new corner."""
    rows, columns = np.flatnonzero(mask.any(axis=(0, 2))), np.flatnonzero(mask.any(axis=(0, 1)))
    pad_y, pad_x = (int(np.ceil(_MARGIN_MM / s)) for s in (spacing_xyz[1], spacing_xyz[0]))
    box = mask[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(box, ((0, 0), (pad_y, pad_y), (pad_x, pad_x))), (int(rows[0]) - pad_y, int(columns[0]) - pad_x)


def _plane_distance(plane: NDArray[np.bool_], spacing_xyz: tuple[float, float, float]) -> NDArray[np.float32]:
    """Signed distance in mm to the border of a mask in one slice, positive inside; zeros for an empty slice."""
    from scipy import ndimage

    if not plane.any():
        return np.zeros(plane.shape, dtype=np.float32)
    sampling = (spacing_xyz[1], spacing_xyz[0])
    inside = ndimage.distance_transform_edt(plane, sampling)
    outside = ndimage.distance_transform_edt(~plane, sampling)
    half = 0.5 * min(sampling)  # the border runs between pixels, not through their centres
    signed = np.where(plane, inside - half, half - outside)
    return np.asarray(ndimage.gaussian_filter(signed, 0.6), dtype=np.float32)


def _filled(planes: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Give slices without the structure, between slices that have it, the mean of the nearest ones that have it."""
    have = np.flatnonzero(present)
    for missing in np.flatnonzero(~present):
        before, after = have[have < missing].max(), have[have > missing].min()
        share = (missing - before) / (after - before)
        planes[missing] = (1 - share) * planes[before] + share * planes[after]
    return planes


def _resized(plane: NDArray[np.float32], zoom: NDArray[np.float64], shape: NDArray[np.int_]) -> NDArray[np.float32]:
    """Sample a plane at whole multiples of `zoom` (rows, columns)."""
    from scipy import ndimage

    return np.asarray(
        ndimage.affine_transform(plane, zoom, output_shape=tuple(shape), order=1, mode="nearest"), dtype=np.float32
    )


def _between_slices(planes: NDArray[np.float32], heights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Distance at fractional slices: linear between slices, closed half a slice beyond either end.

    Beyond the base the outline goes straight on and ends flat; beyond the apex it shrinks to a dome.
    """
    last = len(planes) - 1
    result = np.empty((len(heights), *planes.shape[1:]), dtype=np.float32)
    deepest = max(float(planes[0].max()), 1.0), max(float(planes[-1].max()), 1.0)
    for row, height in enumerate(heights):
        if height < 0:
            room = (0.5 + height) * 4.0 * deepest[0]  # falls from 2 x the depth to 0 at half a slice: flat
            result[row] = np.minimum(planes[0], room)
        elif height > last:
            share = (height - last) / 0.5
            result[row] = planes[-1] - deepest[1] * share**2
        else:
            below = min(int(height), max(last - 1, 0))
            share = height - below
            above = min(below + 1, last)
            result[row] = (1 - share) * planes[below] + share * planes[above]
    return result


def _smoothed(vertices: NDArray[np.float64], faces: NDArray[np.int32], rounds: int) -> NDArray[np.float64]:
    """Taubin smoothing (lambda .5, mu -.53): takes the stairs of thick slices away without shrinking the surface."""
    from scipy import sparse

    count = len(vertices)
    start, end = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    ones = np.ones(len(start))
    neighbours = sparse.csr_matrix((ones, (start, end)), shape=(count, count))
    neighbours = ((neighbours + neighbours.T) > 0).astype(np.float64)
    mean = sparse.diags(1.0 / np.maximum(np.asarray(neighbours.sum(axis=1)).ravel(), 1.0)) @ neighbours
    for _ in range(rounds):
        for weight in (0.5, -0.53):
            vertices = vertices + weight * (mean @ vertices - vertices)
    return vertices


def _outwards(vertices: Vertices, faces: Faces) -> Faces:
    """Turn all faces round where they enclose a negative volume (a mirrored frame or the mesher's habit)."""
    inwards = enclosed_volume_ml(Mesh(vertices, faces, vertices)) < 0
    return np.ascontiguousarray(faces[:, ::-1]) if inwards else faces

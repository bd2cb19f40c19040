"""What follows from labels and motion: volumes, function, agreement, contours, surfaces, normal ranges."""

from cof_viewer.anatomy.agreement import agreement, dice
from cof_viewer.anatomy.contours import SliceContours, contours
from cof_viewer.anatomy.function import function_from_curves, function_from_labels
from cof_viewer.anatomy.meshes import HeartMeshes, Mesh, heart_meshes
from cof_viewer.anatomy.moving import moved, moved_meshes
from cof_viewer.anatomy.norms import NormRange, lookup

__all__ = [
    "HeartMeshes",
    "Mesh",
    "NormRange",
    "SliceContours",
    "agreement",
    "contours",
    "dice",
    "function_from_curves",
    "function_from_labels",
    "heart_meshes",
    "lookup",
    "moved",
    "moved_meshes",
]

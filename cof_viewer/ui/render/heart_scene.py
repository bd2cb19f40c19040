"""The 3-D heart drawn off-screen: surfaces in, a `QImage` out.

VTK renders into its own off-screen window and the pixels are painted by an ordinary widget; no window handle is
shared, so it works the same on every platform and in screenshots. The camera is moved here directly, in patient
millimetres. This module must not be imported before a heart is first shown: VTK costs a third of a second.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QGuiApplication, QImage

from cof_viewer.ui.render.camera import Camera
from cof_viewer.ui.render.heart_surfaces import PARTS, HeartFrame, Surface

if sys.platform.startswith("linux") and QGuiApplication.platformName() in {"offscreen", "minimal", "vnc"}:
    os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")

import vtkmodules.vtkRenderingOpenGL2
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkLookupTable, vtkPoints, vtkUnsignedCharArray
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkPlane, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkCutter
from vtkmodules.vtkRenderingCore import (
    vtkActor,
    vtkLight,
    vtkPolyDataMapper,
    vtkRenderer,
    vtkRenderWindow,
)

assert vtkmodules.vtkRenderingOpenGL2 is not None

Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Material:
    """How one surface looks: colour, opacity and light (DESIGN section 2, 3-D materials)."""

    colour: Rgb
    opacity: float
    ambient: float
    specular: float


def rgb(code: str) -> Rgb:
    """`#RRGGBB` as three shares of one."""
    return int(code[1:3], 16) / 255.0, int(code[3:5], 16) / 255.0, int(code[5:7], 16) / 255.0


MATERIALS: dict[str, Material] = {
    "endo": Material(rgb("#EA6A10"), 1.0, 0.16, 0.14),
    "rv": Material(rgb("#E0D55C"), 0.88, 0.16, 0.10),
    "epi": Material(rgb("#56B4E9"), 0.22, 0.22, 0.40),
}
CUT_COLOURS: dict[str, Rgb] = {"epi": rgb("#56B4E9"), "rv": rgb("#F0E442")}
BACKGROUND = rgb("#101113")
PLANE_COLOUR = rgb("#D9DEE6")
_DRAFT_PIXELS = 120_000
_LIFT_MM, _LIFT_SCALE = 1.5, 1.02
_LIGHTS = (((-1.0, 1.2, 1.6), 1.05), ((1.6, 0.2, 1.0), 0.42), ((0.2, -1.6, 0.6), 0.22))


class _Part:
    """One surface's pipeline; geometry is replaced in place so that a phase costs no new objects."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.data = vtkPolyData()
        self.mapper = vtkPolyDataMapper()
        self.mapper.SetInputData(self.data)
        self.mapper.SetScalarVisibility(False)
        self.actor = vtkActor()
        self.actor.SetMapper(self.mapper)
        prop = self.actor.GetProperty()
        prop.SetColor(*material.colour)
        prop.SetOpacity(material.opacity)
        prop.SetAmbient(material.ambient)
        prop.SetDiffuse(0.85)
        prop.SetSpecular(material.specular)
        prop.SetSpecularPower(24.0)
        if material.opacity < 1.0:  # flush walls: what is seen through must not fight with what it covers
            self.mapper.SetResolveCoincidentTopologyToPolygonOffset()
            self.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(0.0, -160.0)  # about 0.7 mm
        prop.SetBackfaceCulling(0.5 < material.opacity < 1.0)
        self._triangles: NDArray[np.int32] | None = None
        self._kept: tuple[Any, ...] = ()

    def show(self, surface: Surface | None, colouring: str | None) -> None:
        """Put a surface in, or hide the part."""
        self.actor.SetVisibility(surface is not None)
        if surface is None:
            return
        mesh = surface.mesh
        points, normals = np.ascontiguousarray(mesh.vertices), np.ascontiguousarray(mesh.normals)
        vtk_points = vtkPoints()
        vtk_points.SetData(numpy_to_vtk(points))
        self.data.SetPoints(vtk_points)
        vtk_normals = numpy_to_vtk(normals)
        self.data.GetPointData().SetNormals(vtk_normals)
        if self._triangles is not mesh.faces:
            self.data.SetPolys(_cells(mesh.faces))
            self._triangles = mesh.faces
        values = surface.values.get(colouring) if colouring else None
        self.mapper.SetScalarVisibility(values is not None)
        scalars = np.ascontiguousarray(values) if values is not None else None
        self.data.GetPointData().SetScalars(numpy_to_vtk(scalars) if scalars is not None else None)
        self._kept = (points, normals, scalars)  # VTK looks at this memory, it doesn't own it
        self.data.Modified()


def _cells(triangles: NDArray[np.int32]) -> vtkCellArray:
    """Triangles (F, 3) as VTK cells."""
    cells = vtkCellArray()
    offsets = np.arange(0, 3 * len(triangles) + 1, 3, dtype=np.int64)
    cells.SetData(
        numpy_to_vtkIdTypeArray(offsets, deep=True),
        numpy_to_vtkIdTypeArray(triangles.ravel().astype(np.int64), deep=True),
    )
    return cells


def _line_actor(mapper_input: Any, colour: Rgb, opacity: float, width: float) -> tuple[vtkActor, vtkPolyDataMapper]:
    """An unlit line."""
    mapper = vtkPolyDataMapper()
    if isinstance(mapper_input, vtkPolyData):
        mapper.SetInputData(mapper_input)
    else:
        mapper.SetInputConnection(mapper_input.GetOutputPort())
    mapper.SetScalarVisibility(False)
    actor = vtkActor()
    actor.SetMapper(mapper)
    prop = actor.GetProperty()
    prop.SetColor(*colour)
    prop.SetOpacity(opacity)
    prop.SetLineWidth(width)
    prop.SetLighting(False)
    return actor, mapper


class HeartScene:
    """Owns the off-screen window; used from the main thread only.

    Attributes:
        camera: where the heart is looked at from; change it, then `render`.
    """

    def __init__(self) -> None:
        """Build the window, lights and empty parts; nothing is rendered yet."""
        self.camera = Camera()
        self._window: vtkRenderWindow | None = vtkRenderWindow()
        self._window.SetOffScreenRendering(True)
        self._window.SetMultiSamples(0)
        self._renderer = vtkRenderer()
        self._renderer.SetBackground(*BACKGROUND)
        self._renderer.SetUseFXAA(True)
        self._window.AddRenderer(self._renderer)
        self._pixels: Any = vtkUnsignedCharArray()
        self._parts = {name: _Part(MATERIALS[name]) for name in PARTS}
        self._plane = vtkPlane()
        self._outline = vtkPolyData()
        self._add_lights()
        self._add_actors()
        self._software: bool | None = None

    def _add_lights(self) -> None:
        """Three lights that stay with the camera."""
        self._renderer.RemoveAllLights()
        self._renderer.AutomaticLightCreationOff()
        for position, strength in _LIGHTS:
            light = vtkLight()
            light.SetLightTypeToCameraLight()
            light.SetPosition(*position)
            light.SetFocalPoint(0.0, 0.0, 0.0)
            light.SetIntensity(strength)
            self._renderer.AddLight(light)

    def _add_actors(self) -> None:
        """Opaque first, seen-through last, then the lines."""
        self._cuts: dict[str, vtkActor] = {}
        for name in PARTS:
            self._renderer.AddActor(self._parts[name].actor)
        for name, colour in CUT_COLOURS.items():
            cutter = vtkCutter()
            cutter.SetInputData(self._parts[name].data)
            cutter.SetCutFunction(self._plane)
            self._cuts[name], _ = _line_actor(cutter, colour, 1.0, 1.6)
            self._renderer.AddActor(self._cuts[name])
        self._outline_actor, _ = _line_actor(self._outline, PLANE_COLOUR, 0.55, 1.5)
        self._renderer.AddActor(self._outline_actor)
        self.set_plane(None)

    def set_frame(self, frame: HeartFrame, colouring: str | None = None, span: tuple[float, float] = (0, 1)) -> None:
        """Show the surfaces of one phase.

        Args:
            frame: part name -> surface.
            colouring: name of the values that colour the vertices, None for each part's own colour.
            span: values at both ends of the colour map.
        """
        for name, part in self._parts.items():
            part.mapper.SetScalarRange(*span)
            part.show(frame.get(name), colouring)

    def set_lookup_table(self, colours: NDArray[np.uint8]) -> None:
        """Colours of values from the low to the high end, uint8 (n, 3)."""
        table = vtkLookupTable()
        table.SetNumberOfTableValues(len(colours))
        for i, (red, green, blue) in enumerate(colours / 255.0):
            table.SetTableValue(i, float(red), float(green), float(blue), 1.0)
        for part in self._parts.values():
            part.mapper.SetLookupTable(table)
            part.mapper.UseLookupTableScalarRangeOff()

    def set_plane(self, corners_mm: NDArray[np.float64] | None) -> None:
        """Outline of the current slice, (4, 3) LPS mm in order round the edge; None hides it."""
        visible = corners_mm is not None
        self._outline_actor.SetVisibility(visible)
        for name, actor in self._cuts.items():
            actor.SetVisibility(visible and bool(self._parts[name].actor.GetVisibility()))
        if corners_mm is None:
            return
        corners = np.asarray(corners_mm, dtype=np.float64)
        normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
        self._plane.SetOrigin(*corners.mean(axis=0))
        self._plane.SetNormal(*(normal / max(float(np.linalg.norm(normal)), 1e-9)))
        points = vtkPoints()
        points.SetData(numpy_to_vtk(np.ascontiguousarray(corners), deep=True))
        line = vtkCellArray()
        line.InsertNextCell(5)
        for i in (0, 1, 2, 3, 0):
            line.InsertCellPoint(i)
        self._outline.SetPoints(points)
        self._outline.SetLines(line)

    def scale_lines(self, factor: float) -> None:
        """Width of lines in device pixels for a screen scale."""
        self._outline_actor.GetProperty().SetLineWidth(max(1.0, 1.5 * factor))
        for actor in self._cuts.values():
            actor.GetProperty().SetLineWidth(max(2.0, 1.6 * factor))

    def render(self, width: int, height: int, *, draft: bool = False) -> QImage:
        """Draw the scene.

        Args:
            width: of the picture in device pixels.
            height: of the picture in device pixels.
            draft: while it moves; where the processor draws, the picture then has fewer pixels than asked for.

        Returns:
            The picture, empty once closed.
        """
        if self._window is None or width < 2 or height < 2:
            return QImage()
        share = self._draft_share(width * height) if draft else 1.0
        width, height = max(2, round(width * share)), max(2, round(height * share))
        if self._window.GetSize() != (width, height):
            self._window.SetSize(width, height)
        self._place_camera(width / height)
        if self._software:
            self._renderer.SetUseFXAA(not draft)
        self._window.Render()
        if self._software is None:
            self._choose_sampling()
        window: Any = self._window  # the stub knows other overloads
        window.GetRGBACharPixelData(0, 0, width - 1, height - 1, 1, self._pixels)
        rows = vtk_to_numpy(self._pixels).reshape(height, width, 4)
        flipped = np.ascontiguousarray(rows[::-1])
        flipped[..., 3] = 255  # VTK leaves the ground transparent
        return QImage(flipped.data, width, height, 4 * width, QImage.Format.Format_RGBX8888).copy()

    def _draft_share(self, pixels: int) -> float:
        """By how much both sides shrink so that a processor keeps up with the beat."""
        return 1.0 if not self._software else min(1.0, (_DRAFT_PIXELS / pixels) ** 0.5)

    def _choose_sampling(self) -> None:
        """Smooth edges by samples on a graphics card, by a filter where the processor draws."""
        assert self._window is not None
        words = self._window.ReportCapabilities().lower()
        self._software = any(name in words for name in ("llvmpipe", "softpipe", "swrast", "software"))
        if not self._software:
            self._renderer.SetUseFXAA(False)
            self._window.SetMultiSamples(4)
            self._window.Render()

    def _place_camera(self, aspect: float) -> None:
        """Hand our camera to VTK."""
        camera = self._renderer.GetActiveCamera()
        camera.ParallelProjectionOn()
        camera.SetFocalPoint(*self.camera.focus_mm)
        camera.SetPosition(*(self.camera.focus_mm + self.camera.towards_viewer * self.camera.distance_mm))
        camera.SetViewUp(*self.camera.up)
        for actor in self._cuts.values():  # a cut lies on its surface and must not look dashed: lift it off
            actor.SetOrigin(*self._plane.GetOrigin())
            actor.SetScale(_LIFT_SCALE)
            actor.SetPosition(*(_LIFT_MM * self.camera.towards_viewer))
        camera.SetParallelScale(self.camera.half_height_mm(aspect))
        self._renderer.ResetCameraClippingRange()

    def close(self) -> None:
        """Give the graphics context back; safe to call twice."""
        if self._window is not None:
            self._window.RemoveRenderer(self._renderer)
            self._window.Finalize()
            self._window = None

"""Classical registration to stand beside the teacher: SimpleITK's B-spline and diffeomorphic demons, images only."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.canonical import CANONICAL_SPACING_MM

Field = NDArray[np.float64]

_SAMPLED, _SEED = 0.2, 1


def b_spline(anchor: NDArray[np.float32], target: NDArray[np.float32], slice_mm: float) -> Field:
    """Free-form deformation by control points about 24 mm apart, correlation of a fifth of the voxels drawn at random,
    two resolutions, LBFGS-B.

    Args:
        anchor: [z, 128, 128]; `target` likewise.
        slice_mm: distance between slices.

    Returns:
        [z, 128, 128, 3] pull-back displacement (dx, dy, dz) in mm.
    """
    import SimpleITK

    fixed, moving = (_image(stack, slice_mm) for stack in (target, anchor))
    start = SimpleITK.BSplineTransformInitializer(fixed, [8, 8, max(1, len(anchor) // 4)], order=3)
    method = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(_SAMPLED, _SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsLBFGSB(gradientConvergenceTolerance=1e-5, numberOfIterations=50)
    method.SetShrinkFactorsPerLevel([2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetInitialTransform(start, inPlace=True)
    transform = method.Execute(fixed, moving)
    return _field(SimpleITK.TransformToDisplacementField(transform, SimpleITK.sitkVectorFloat64, *_frame(fixed)))


def demons(anchor: NDArray[np.float32], target: NDArray[np.float32], slice_mm: float) -> Field:
    """Diffeomorphic demons at half and full resolution, intensities matched; arguments and result as `b_spline`."""
    import SimpleITK

    fixed = _image(target, slice_mm)
    moving = SimpleITK.HistogramMatching(_image(anchor, slice_mm), fixed, 128, 7, True)
    field = None
    for factor, iterations in ((2, 60), (1, 40)):
        small_fixed, small_moving = (SimpleITK.Shrink(image, [factor, factor, 1]) for image in (fixed, moving))
        method = SimpleITK.DiffeomorphicDemonsRegistrationFilter()
        method.SetNumberOfThreads(1)
        method.SetNumberOfIterations(iterations)
        method.SetStandardDeviations(1.5)
        if field is None:
            field = method.Execute(small_fixed, small_moving)
        else:
            field = method.Execute(small_fixed, small_moving, SimpleITK.Resample(field, small_fixed))
    return _field(field)


def determinants(field: Field, slice_mm: float) -> NDArray[np.float64]:
    """det J of the pull-back, [z, 128, 128]."""
    spacing = (slice_mm, CANONICAL_SPACING_MM, CANONICAL_SPACING_MM)
    axes = [axis for axis in range(3) if field.shape[axis] > 1]
    jacobian = np.zeros((*field.shape[:3], 3, 3)) + np.eye(3)
    for axis in axes:
        jacobian[..., :, 2 - axis] += np.gradient(field, spacing[axis], axis=axis)
    return np.asarray(np.linalg.det(jacobian))


def warped(distances: NDArray[np.float32], field: Field, slice_mm: float) -> NDArray[np.float32]:
    """Pull [z, c, 128, 128] back by a field, linearly; beyond the stack its border goes on."""
    from scipy import ndimage

    step = np.array([CANONICAL_SPACING_MM, CANONICAL_SPACING_MM, slice_mm])
    z, y, x = np.indices(field.shape[:3]).astype(np.float64)
    moved = field / step
    places = [z + moved[..., 2], y + moved[..., 1], x + moved[..., 0]]
    channels = [
        ndimage.map_coordinates(distances[:, c], places, order=1, mode="nearest") for c in range(distances.shape[1])
    ]
    return np.stack(channels, axis=1).astype(np.float32)


def _image(stack: NDArray[np.float32], slice_mm: float) -> Any:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(stack, dtype=np.float32))
    image.SetSpacing((CANONICAL_SPACING_MM, CANONICAL_SPACING_MM, float(slice_mm)))
    return image


def _frame(image: Any) -> tuple[Any, ...]:
    return image.GetSize(), image.GetOrigin(), image.GetSpacing(), image.GetDirection()


def _field(image: Any) -> Field:
    import SimpleITK

    return np.asarray(SimpleITK.GetArrayFromImage(image), dtype=np.float64)

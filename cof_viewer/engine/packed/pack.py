"""Displacement of a beat as the packed tensor of the method, and back (COF section 3).

The depth of the heart is resampled to a few planes from base to apex, and the planes' components become channels:
[dz | dy | dx | confidence], each a block of Df planes, so C = 4·Df over (T, Hf, Wf). The paper gives no order inside C;
this one is ours. Planes are spread over the slices that show the heart, so that plane k means the same level in every
heart, and are the least-squares fit of all slices: packing what was unpacked gives it back exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

COMPONENTS = ("dz", "dy", "dx", "confidence")
"""Blocks of the pack's channels, in order."""


@dataclass(frozen=True)
class PackLayout:
    """Shape and scale of a pack; travels with the weights.

    Attributes:
        planes: Df, base to apex.
        phases: T; phase 0 is the anchor.
        rows: Hf; `columns` is Wf.
        scale_mm: what displacement is divided by, (dx, dy, dz): its spread inside hearts of the cohort.
    """

    planes: int = 4
    phases: int = 25
    rows: int = 24
    columns: int = 24
    scale_mm: tuple[float, float, float] = (3.0, 2.5, 5.0)

    @property
    def channels(self) -> int:
        """C = 4·Df."""
        return len(COMPONENTS) * self.planes

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(C, T, Hf, Wf)."""
        return self.channels, self.phases, self.rows, self.columns


def heart_extent(labels: NDArray[np.uint8]) -> tuple[int, int]:
    """First and last slice of [z, y, x] that show LV, wall or RV.

    Raises:
        ValueError: no slice does.
    """
    shown = np.flatnonzero((labels > 0).any(axis=(1, 2)))
    if not len(shown):
        raise ValueError("the labels are empty")
    return int(shown[0]), int(shown[-1])


def plane_weights(slices: int, extent: tuple[int, int], planes: int) -> NDArray[np.float64]:
    """[slices, planes] share of each plane in each slice, linear between planes; beyond the heart its end planes."""
    first, last = extent
    place = (np.arange(slices) - first) / max(last - first, 1) * (planes - 1)
    return _hats(np.clip(place, 0.0, planes - 1.0), planes)


def to_planes(stack: NDArray[np.floating], extent: tuple[int, int], planes: int) -> Float:
    """Slices [z, ...] at the planes' places [planes, ...], linear between slices."""
    places = np.linspace(extent[0], extent[1], planes)
    return _applied(_hats(places, len(stack)), stack)


def pack(
    displacement_mm: NDArray[np.floating], confidence: Float, extent: tuple[int, int], layout: PackLayout
) -> Float:
    """Pack a beat.

    Args:
        displacement_mm: [T, z, Hf, Wf, 3] = (dx, dy, dz).
        confidence: [T, z, Hf, Wf], 0 to 1: how well the warped anchor agrees with the phase (see `confidence`).
        extent: first and last slice of the heart.
        layout: of the pack.

    Returns:
        float32 [C, T, Hf, Wf]; displacement over its scale, confidence from -1 to 1.
    """
    scaled = displacement_mm.astype(np.float32) / np.asarray(layout.scale_mm, np.float32)
    dx, dy, dz = (np.asarray(scaled[..., k], np.float32) for k in range(3))
    sure = np.asarray(2.0 * np.clip(confidence, 0, 1) - 1.0, np.float32)
    return blocks_to_planes((dz, dy, dx, sure), extent, layout)


def unpack(packed: Float, extent: tuple[int, int], slices: int, layout: PackLayout) -> tuple[Float, Float]:
    """Unpack a beat; phase 0 does not move, whatever the pack says, so that it is the anchor exactly (ours).

    Args:
        packed: [C, T, Hf, Wf].
        extent: first and last slice of the heart.
        slices: of the stack.
        layout: of the pack.

    Returns:
        displacement in mm [T, z, Hf, Wf, 3] = (dx, dy, dz) and confidence [T, z, Hf, Wf], 0 to 1; both float32.
    """
    dz, dy, dx, sure = planes_to_blocks(packed, extent, slices, layout)
    displacement = np.stack([dx, dy, dz], axis=-1) * np.asarray(layout.scale_mm, np.float32)
    displacement[0] = 0.0
    return np.ascontiguousarray(displacement, dtype=np.float32), np.clip(0.5 * (sure + 1.0), 0.0, 1.0)


def blocks_to_planes(blocks: Sequence[Float], extent: tuple[int, int], layout: PackLayout) -> Float:
    """Four blocks [T, z, Hf, Wf] as the channels of a pack [C, T, Hf, Wf]."""
    fit = _plane_fit(blocks[0].shape[1], extent, layout.planes)
    planes = [_applied(fit, np.moveaxis(block, 1, 0)) for block in blocks]
    return np.ascontiguousarray(np.concatenate(planes), dtype=np.float32)


def planes_to_blocks(packed: Float, extent: tuple[int, int], slices: int, layout: PackLayout) -> list[Float]:
    """The four blocks [T, z, Hf, Wf] of a pack [C, T, Hf, Wf]."""
    weights = plane_weights(slices, extent, layout.planes)
    blocks = packed.reshape(len(COMPONENTS), layout.planes, *packed.shape[1:])
    return [np.moveaxis(_applied(weights, block), 0, 1) for block in blocks]


def _plane_fit(slices: int, extent: tuple[int, int], planes: int) -> NDArray[np.float64]:
    """[planes, slices] that fits planes to the heart's slices; interpolates where slices are fewer than planes."""
    first, last = extent
    if last - first + 1 < planes:
        return _hats(np.linspace(first, last, planes), slices)
    out = np.zeros((planes, slices))
    out[:, first : last + 1] = np.linalg.pinv(plane_weights(slices, extent, planes)[first : last + 1])
    return out


def _hats(places: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """[places, count] weights of linear interpolation on 0 ... count - 1."""
    return np.clip(1.0 - np.abs(places[:, None] - np.arange(count)[None]), 0.0, 1.0)


def _applied(weights: NDArray[np.float64], stack: NDArray[np.floating]) -> Float:
    """Weights [m, n] on the first axis of [n, ...]."""
    flat = stack.reshape(len(stack), -1).astype(np.float32)
    return np.asarray((weights.astype(np.float32) @ flat).reshape(len(weights), *stack.shape[1:]), dtype=np.float32)

"""The packed form without its teacher: what is drawn is the pictures' change, not the motion (the paper's ablation).

The paper names the ablation ("w/o TOPPR") without saying what takes the place of the teacher's flows. Here it is the
nearest thing that needs no registration: the difference to the anchor, at twice the pack's rows and columns; its four
neighbours to a point of the lattice fill the four blocks of channels, so that network and size stay the same. Nothing
moves then: labels stay those of the anchor, and only whoever looks at the pictures can judge such a beat.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.engine.packed.pack import Float, PackLayout, blocks_to_planes, planes_to_blocks

_SPREAD = 0.1
"""Usual change of a pixel in a heart, as a share of its bright grey."""

_QUARTERS = tuple(itertools.product((0, 1), repeat=2))


def bright_grey(image: NDArray[Any]) -> float:
    """The grey that changes are measured by: the 99th percentile of an anchor on the heart's box."""
    return max(float(np.percentile(image, 99)), 1e-6)


def pack_pictures(images: NDArray[Any], extent: tuple[int, int], layout: PackLayout) -> Float:
    """Pack the changes of a beat's pictures [T, z, 96, 96] against phase 0: float32 [C, T, Hf, Wf]."""
    grey = images.astype(np.float32)
    change = (grey - grey[:1]) / (bright_grey(images[0]) * _SPREAD)
    phases, slices, rows, columns = change.shape
    tall, wide = 2 * layout.rows, 2 * layout.columns
    small = change.reshape(phases, slices, tall, rows // tall, wide, columns // wide).mean(axis=(3, 5))
    return blocks_to_planes([small[:, :, i::2, j::2] for i, j in _QUARTERS], extent, layout)


def unpack_pictures(packed: Float, extent: tuple[int, int], slices: int, layout: PackLayout, bright: float) -> Float:
    """The changes of grey [T, z, 2 Hf, 2 Wf] of a pack; 0 at phase 0, which is the anchor.

    Args:
        packed: [C, T, Hf, Wf].
        extent: first and last slice of the heart.
        slices: of the stack.
        layout: of the pack.
        bright: see `bright_grey`.
    """
    change = np.empty((packed.shape[1], slices, 2 * layout.rows, 2 * layout.columns), np.float32)
    for (i, j), block in zip(_QUARTERS, planes_to_blocks(packed, extent, slices, layout), strict=True):
        change[:, :, i::2, j::2] = block
    change[0] = 0.0
    return change * np.float32(bright * _SPREAD)

"""A network slid over a stack: windows overlap by half and count by a Gaussian round their middle.

Step, weights and padding are nnU-Net's (`nnunetv2/inference`): steps of half a window at most, a Gaussian of an
eighth of the window, zeros round what is smaller than a window.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress

_STEP = 0.5
_SIGMA = 1 / 8
_BATCH = 4


@torch.inference_mode()
def slide(
    networks: Sequence[nn.Module],
    images: NDArray[np.float32],
    patch: tuple[int, ...],
    device: torch.device,
    *,
    progress: Progress = no_progress,
    cancelled: CancelToken = NEVER,
) -> Tensor:
    """Logits [class, slice, row, column] of a prepared stack, the mean over several networks.

    Args:
        networks: of one shape.
        images: [slice, row, column].
        patch: of a window: two numbers for networks that see single slices, three for those that see stacks.
        device: where the networks are.
        progress: told the fraction done.
        cancelled: looked at before every call of a network.

    Raises:
        Cancelled: somebody asked to stop.
    """
    stack = torch.from_numpy(np.ascontiguousarray(images))
    flat = len(patch) == 2
    window = (1, *patch) if flat else patch
    padded, inner = _padded(stack, window)
    weight = torch.from_numpy(_gaussian(tuple(patch)))
    places = list(itertools.product(*(_starts(n, w) for n, w in zip(padded.shape, window, strict=True))))
    batches = list(_batches(places, _BATCH if flat else 1))
    total: Tensor | None = None
    counted = torch.zeros(padded.shape)
    for done, some in enumerate(batches):
        cuts = [tuple(slice(a, a + w) for a, w in zip(place, window, strict=True)) for place in some]
        batch = torch.stack([padded[cut] for cut in cuts]).to(device)
        shown = batch if flat else batch[:, None]
        logits = torch.zeros(())
        for network in networks:
            cancelled.raise_if_cancelled()
            logits = logits + network(shown).float().cpu() / len(networks)
        if total is None:
            total = torch.zeros((logits.shape[1], *padded.shape))
        for cut, found in zip(cuts, logits, strict=True):
            total[(slice(None), *cut)] += (found * weight)[:, None] if flat else found * weight
            counted[cut] += weight
        progress((done + 1) / len(batches), "Segmenting")
    assert total is not None
    return (total / counted)[(slice(None), *inner)]


def _padded(stack: Tensor, window: tuple[int, ...]) -> tuple[Tensor, tuple[slice, ...]]:
    """The stack with zeros round it up to a window, and where it lies in that."""
    missing = [max(0, w - n) for w, n in zip(window, stack.shape, strict=True)]
    before = [m // 2 for m in missing]
    pad = [side for b, m in zip(before[::-1], missing[::-1], strict=True) for side in (b, m - b)]
    inner = tuple(slice(b, b + n) for b, n in zip(before, stack.shape, strict=True))
    return functional.pad(stack, pad), inner


def _starts(length: int, window: int) -> list[int]:
    """Where windows begin along one axis: evenly, no further than half a window apart."""
    count = math.ceil((length - window) / (window * _STEP)) + 1
    last = length - window
    return [round(last * i / (count - 1)) for i in range(count)] if count > 1 else [0]


@lru_cache(maxsize=4)
def _gaussian(patch: tuple[int, ...]) -> NDArray[np.float32]:
    """How much each place of a window counts: 1 in the middle, never 0."""
    point = np.zeros(patch)
    point[tuple(n // 2 for n in patch)] = 1
    weight = ndimage.gaussian_filter(point, [n * _SIGMA for n in patch], mode="constant")
    weight = (weight / weight.max()).astype(np.float32)
    return np.maximum(weight, weight[weight > 0].min())


def _batches(places: list[tuple[int, ...]], size: int) -> Iterator[list[tuple[int, ...]]]:
    for start in range(0, len(places), size):
        yield places[start : start + size]

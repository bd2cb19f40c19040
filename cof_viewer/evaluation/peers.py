"""Segmenters of others that can stand beside ours, where their packages are installed.

myopari (PyPI, MIT) brings a network in ONNX that was trained on ACDC; how it prepares pictures was read in its source
and is done here anew, for its own module needs a window and a GPU.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label

UInt8 = NDArray[np.uint8]

_SIZE = 256
_PERCENTILES = (0.05, 99.05)
_LEAST_VOXELS = 800
_BATCH = 8
_THEIR_LABELS = np.array([Label.BACKGROUND, Label.RV, Label.MYO, Label.LV], np.uint8)
_FILE = Path("Resources", "tiramisu_acdc_fp32.onnx")


class Peer(Protocol):
    """A segmenter to compare with."""

    name: str
    sha256: str

    def labels(self, stack: NDArray[np.floating[Any]]) -> UInt8:
        """Labels [z, y, x] of `Label` for pictures [z, y, x]."""


class Myopari:
    """The network of the package myopari 0.1.6 for cine, `tiramisu_acdc_fp32.onnx`."""

    name = "myopari"

    def __init__(self, path: Path) -> None:
        """Open the network's file.

        Raises:
            UserError: onnxruntime is not installed.
        """
        try:
            onnxruntime: Any = import_module("onnxruntime")
        except ImportError:
            raise UserError("myopari needs onnxruntime. Install it: pip install onnxruntime.", code="peer") from None
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    @classmethod
    def installed(cls) -> Myopari:
        """The one of the installed package, which is not imported.

        Raises:
            UserError: it is not installed.
        """
        found = find_spec("myopari")
        places = list(found.submodule_search_locations or ()) if found else []
        for place in places:
            if (Path(place) / _FILE).is_file():
                return cls(Path(place) / _FILE)
        raise UserError("myopari is not installed. Install it: pip install --no-deps myopari.", code="peer")

    def labels(self, stack: NDArray[np.floating[Any]]) -> UInt8:
        """Labels [z, y, x] of a stack [z, y, x] whose field of view is round the heart, best about 190 mm wide."""
        square, box = heart_square(stack.transpose(0, 2, 1))
        found = np.concatenate([self._shares(part) for part in np.array_split(square, -(-len(square) // _BATCH))])
        kept = _without_crumbs(found.argmax(axis=1).astype(np.uint8))
        back = _nearest(kept, (box[1].stop - box[1].start, box[2].stop - box[2].start))
        whole = np.zeros((len(stack), stack.shape[2], stack.shape[1]), np.uint8)
        whole[box] = _THEIR_LABELS[back]
        return np.ascontiguousarray(whole.transpose(0, 2, 1))

    def _shares(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        name = self._session.get_inputs()[0].name
        return np.asarray(self._session.run(None, {name: images[:, None]})[0])


def heart_square(stack: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float32], tuple[slice, slice, slice]]:
    """What myopari's network sees: outliers clipped, scaled to 0..1, the middle square, 256 x 256.

    Args:
        stack: [z, x, y].

    Returns:
        [z, 256, 256], and where it was taken from.
    """
    from skimage.transform import resize

    low, high = np.percentile(stack[stack > 0], _PERCENTILES)
    scaled = (np.clip(stack, low, high) - low) / (high - low)
    places = np.argwhere(scaled > 0)
    first, last = places.min(axis=0), places.max(axis=0) + 1
    side = int((last - first)[1:].min())
    starts = [int(first[0])] + [int(first[a] + (last[a] - first[a] - side) // 2) for a in (1, 2)]
    box = (
        slice(starts[0], int(last[0])),
        slice(starts[1], starts[1] + side),
        slice(starts[2], starts[2] + side),
    )
    if side == _SIZE:
        return scaled[box].astype(np.float32), box
    resized = [resize(plane, (_SIZE, _SIZE), order=1, anti_aliasing=True) for plane in scaled[box]]
    return np.stack(resized).astype(np.float32), box


def peers(names: tuple[str, ...]) -> list[Peer]:
    """The peers of these names.

    Raises:
        UserError: there is no such peer, or it is not installed.
    """
    known = {"myopari": Myopari.installed}
    for name in names:
        if name not in known:
            raise UserError(f'There is no peer "{name}". Choose from {", ".join(known)}.', code="option")
    return [known[name]() for name in names]


def _without_crumbs(labels: UInt8) -> UInt8:
    """Without connected parts (of all structures together, by faces) smaller than 800 voxels."""
    parts, _ = ndimage.label(labels > 0)
    sizes = np.bincount(parts.ravel())
    return np.where(sizes[parts] >= _LEAST_VOXELS, labels, 0).astype(np.uint8)


def _nearest(labels: UInt8, size: tuple[int, int]) -> UInt8:
    """[z, y, x] at another size in plane, by the nearest pixel."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(size, labels.shape[1:], strict=True)
    )
    return labels[:, rows][:, :, columns]

"""A NIfTI file's header and numbers, told by content: .nii, .nii.gz, a .hdr with its .img, NIfTI-1 or NIfTI-2."""

from __future__ import annotations

import gzip
import io
import logging
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from cof_viewer.io.sources import DiskFile, Source

_PIECE_BYTES = 4 << 20
_CIFTI_INTENTS = range(3000, 3100)

# What nibabel has to say about odd headers is for programmers; here they are judged one by one.
logging.getLogger("nibabel.global").setLevel(logging.CRITICAL)


class BrokenNiftiError(Exception):
    """A file is NIfTI but can't be read; the message is a sentence for the user without the file's name."""


def read_image(source: Source, check: Callable[[], None] = lambda: None) -> Any:
    """Read a NIfTI file whole.

    Args:
        source: its bytes.
        check: called every few megabytes; raises to stop.

    Returns:
        A nibabel image whose data is in memory, not yet converted.

    Raises:
        BrokenNiftiError: it is damaged, truncated, lacks its image file, or holds no picture.
    """
    try:
        data = source.read()
        if data[:2] == b"\x1f\x8b":
            data = _unzipped(data, check)
    except (OSError, EOFError, zlib.error) as error:
        raise BrokenNiftiError("The file ends too early or is damaged. Copy it again.") from error
    is_second = 540 in (int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
    magic = data[4:7] if is_second else data[344:347]
    try:
        image = _pair(source, data, is_second) if magic.startswith(b"ni") else _single(data, is_second)
    except BrokenNiftiError:
        raise
    except Exception as error:
        raise BrokenNiftiError("The header is damaged. Export the file again.") from error
    if int(image.header["intent_code"]) in _CIFTI_INTENTS:
        raise BrokenNiftiError("This is a CIFTI matrix of the brain's surface, not a picture.")
    _check_length(image)
    return image


def _unzipped(data: bytes, check: Callable[[], None]) -> bytes:
    """Unpack gzip piece by piece.

    Raises:
        EOFError: the stream has no end.
        OSError: it is damaged.
    """
    pieces = []
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        while piece := stream.read(_PIECE_BYTES):
            pieces.append(piece)
            check()
    return b"".join(pieces)


def _single(data: bytes, is_second: bool) -> Any:
    """Header and numbers in one file."""
    kind = nib.Nifti2Image if is_second else nib.Nifti1Image
    return kind.from_bytes(data)


def _pair(source: Source, header: bytes, is_second: bool) -> Any:
    """A header whose numbers lie in the .img file beside it."""
    pixels = _image_beside(source)
    if pixels is None:
        raise BrokenNiftiError("This is a header without its picture: the .img file is not beside it.")
    kind = nib.Nifti2Pair if is_second else nib.Nifti1Pair
    return kind.from_file_map(
        {"header": nib.FileHolder(fileobj=io.BytesIO(header)), "image": nib.FileHolder(fileobj=io.BytesIO(pixels))}
    )


def _image_beside(source: Source) -> bytes | None:
    """Contents of the .img (or .img.gz) file of the same name."""
    if not isinstance(source, DiskFile):
        return None
    stem = source.file.name.removesuffix(".gz").removesuffix(".hdr")
    for suffix in (".img", ".IMG", ".img.gz"):
        beside: Path = source.file.with_name(stem + suffix)
        if beside.is_file():
            data = beside.read_bytes()
            return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return None


def _check_length(image: Any) -> None:
    """Refuse files whose numbers end before the header says, by looking at the last one."""
    if 0 in image.shape or not image.shape:
        raise BrokenNiftiError("It holds no picture: one of its sizes is zero.")
    if image.get_data_dtype().kind not in "iufb":
        raise BrokenNiftiError("It holds colours or complex numbers, not a grey picture.")
    try:
        image.dataobj[tuple(slice(n - 1, n) for n in image.shape)]
    except Exception as error:
        raise BrokenNiftiError("The file ends too early. Copy it again.") from error


def numbers_of(image: Any) -> NDArray[np.float32]:
    """All values of an image, scaled, as float32 in the file's axis order.

    Raises:
        BrokenNiftiError: they can't be read.
    """
    try:
        values = np.asanyarray(image.dataobj)
    except Exception as error:
        raise BrokenNiftiError("The file ends too early. Copy it again.") from error
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(values, dtype=np.float32)

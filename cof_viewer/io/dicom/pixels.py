"""Frames to arrays: native pixels straight from the bytes, compressed ones by pydicom's decoders (rule 8)."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels import iter_pixels

from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.io.dicom.frames import Frame
from cof_viewer.io.dicom.headers import DicomFile

_NATIVE_LITTLE = {"1.2.840.10008.1.2": 8, "1.2.840.10008.1.2.1": 12}  # transfer syntax -> bytes before the values
_THREADS = 2  # unpacking a zip and decoding compressed pixels release the interpreter


def decode(
    frames: Sequence[Frame],
    step: Callable[[float], None] = lambda fraction: None,
    check: Callable[[], None] = lambda: None,
) -> list[NDArray[np.float32]]:
    """Decode frames to their values: rescaled, signed as stored, MONOCHROME1 turned round.

    Args:
        frames: in the order wanted; those of one file are read once.
        step: called with the fraction done after every file.
        check: called before every file and every compressed frame, on any thread; raises to stop.

    Returns:
        One float32 [row, column] array a frame.

    Raises:
        UserError: a file is truncated, is no grey picture, or its compression is not known.
    """
    wanted: defaultdict[int, list[int]] = defaultdict(list)
    for i, frame in enumerate(frames):
        wanted[id(frame.file)].append(i)
    jobs = [(frames[members[0]].file, members) for members in wanted.values()]
    pictures: dict[int, NDArray[np.float32]] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        stored = pool.map(lambda job: _stored_pixels(job[0], check), jobs)
        try:
            for done, ((_, members), values) in enumerate(zip(jobs, stored, strict=True), start=1):
                for i in members:
                    _check_frame(values, frames[i])
                    pictures[i] = _values(values[frames[i].index], frames[i])
                check()
                step(done / len(jobs))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [pictures[i] for i in range(len(frames))]


def _check_frame(values: NDArray[np.generic], frame: Frame) -> None:
    """Refuse a file that holds fewer frames, or frames of another size, than its header says."""
    if frame.index >= len(values) or values.shape[1:] != (frame.rows, frame.columns):
        sentence = f'"{frame.file.source.name}" holds other pictures than its header says. Copy it again.'
        raise UserError(sentence, code="truncated")


def _stored_pixels(file: DicomFile, check: Callable[[], None]) -> NDArray[np.generic]:
    """All frames of a file as stored: [frame, row, column]."""
    check()
    name = file.source.name
    if file.missing_bytes:
        sentence = f'"{name}" ends too early: {file.missing_bytes} bytes of its picture are missing. Copy it again.'
        raise UserError(sentence, code="truncated")
    if (file.number("SamplesPerPixel") or 1) != 1:
        raise UserError(f'"{name}" is a colour picture, not a grey one. Choose another series.', code="colour")
    try:
        data = file.source.read()
    except OSError as error:
        raise UserError(f'"{name}" can\'t be read: it is damaged. Copy it again.', code="unreadable") from error
    native = _native(file, data)
    return native if native is not None else _by_pydicom(file, data, check)


def _native(file: DicomFile, data: bytes) -> NDArray[np.generic] | None:
    """Uncompressed little-endian pixels of 8 or 16 bits; None for anything else."""
    start = _NATIVE_LITTLE.get(file.transfer_syntax)
    bits = int(file.number("BitsAllocated") or 0)
    stored = file.number("BitsStored") or bits
    if start is None or bits not in (8, 16) or (file.number("HighBit") or stored - 1) != stored - 1:
        return None
    kind = f"<{'i' if file.number('PixelRepresentation') else 'u'}{bits // 8}"
    shape = (int(file.number("NumberOfFrames") or 1), int(file.number("Rows") or 0), int(file.number("Columns") or 0))
    count = shape[0] * shape[1] * shape[2]
    offset = file.pixel_offset + start
    if count == 0 or len(data) < offset + count * bits // 8:
        return None
    return np.frombuffer(data, dtype=kind, count=count, offset=offset).reshape(shape)


def _by_pydicom(file: DicomFile, data: bytes, check: Callable[[], None]) -> NDArray[np.generic]:
    """Any other transfer syntax, frame by frame."""
    name = file.source.name
    pictures = []
    try:
        for picture in iter_pixels(pydicom.dcmread(io.BytesIO(data), force=True), raw=True):
            check()
            pictures.append(np.array(picture))
        return np.stack(pictures)
    except Cancelled:
        raise
    except Exception as error:
        raise UserError(
            f'The picture in "{name}" can\'t be decoded ({_syntax_name(file)}): it is damaged or of an unknown '
            "compression. Export it uncompressed.",
            code="undecodable",
        ) from error


def _syntax_name(file: DicomFile) -> str:
    """The transfer syntax in words."""
    return str(pydicom.uid.UID(file.transfer_syntax).name)


def _values(stored: NDArray[np.generic], frame: Frame) -> NDArray[np.float32]:
    """Stored numbers to grey values, bright meaning bright."""
    file = frame.file
    values = stored.astype(np.float32)
    padding = file.number("PixelPaddingValue")
    if padding:
        values[stored == padding] = 0.0
    if file.text("PhotometricInterpretation") == "MONOCHROME1":
        highest = -1.0 if file.number("PixelRepresentation") else 2.0 ** (file.number("BitsStored") or 16) - 1.0
        values = highest - values
    slope, intercept = frame.rescale
    return values if (slope, intercept) == (1.0, 0.0) else values * np.float32(slope) + np.float32(intercept)

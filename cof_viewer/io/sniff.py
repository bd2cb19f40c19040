"""What a file is, told from its first bytes; names and suffixes are not believed."""

from __future__ import annotations

import zlib
from enum import Enum

HEAD_BYTES = 4096

_DICOM_FIRST_GROUPS = (0x0002, 0x0008)
_TEXT_CHARACTERS = frozenset(range(32, 127)) | {9, 10, 13} | frozenset(range(128, 256))


class Content(Enum):
    """Kinds of content that the readers tell apart."""

    DICOM = "dicom"
    NIFTI = "nifti"
    ANALYZE = "analyze"
    ZIP = "zip"
    NPZ = "npz"
    TEXT = "text"
    EMPTY = "empty"
    UNKNOWN = "unknown"


def sniff(head: bytes) -> Content:
    """Tell the content from the first `HEAD_BYTES` of a file."""
    if not head:
        return Content.EMPTY
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return Content.NPZ if _first_member_is_npy(head) else Content.ZIP
    if head[:2] == b"\x1f\x8b":
        return _sniff_nifti(_inflate(head)) or Content.UNKNOWN
    if head[128:132] == b"DICM":
        return Content.DICOM
    nifti = _sniff_nifti(head)
    if nifti:
        return nifti
    if _looks_like_bare_dicom(head):
        return Content.DICOM
    return Content.TEXT if _TEXT_CHARACTERS.issuperset(head) else Content.UNKNOWN


def _first_member_is_npy(head: bytes) -> bool:
    """Whether a zip starts with a member whose name ends in .npy, as numpy's archives do."""
    length = int.from_bytes(head[26:28], "little")
    return head[30 : 30 + length].endswith(b".npy")


def _inflate(head: bytes) -> bytes:
    """As much as the start of a gzip stream gives."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def _sniff_nifti(head: bytes) -> Content | None:
    """NIfTI-1 (348 bytes of header), NIfTI-2 (540), or Analyze 7.5 (348 without a magic), of either byte order."""
    sizes = {int.from_bytes(head[:4], order) for order in ("little", "big")}
    if 348 in sizes and len(head) >= 348:
        return Content.NIFTI if head[344:347] in (b"n+1", b"ni1") else Content.ANALYZE
    if 540 in sizes and head[4:7] in (b"n+2", b"ni2"):
        return Content.NIFTI
    return None


def _looks_like_bare_dicom(head: bytes) -> bool:
    """A data set without preamble: a first tag of group 0002 or 0008 whose length or VR makes sense."""
    for order in ("little", "big"):
        group = int.from_bytes(head[0:2], order)
        element = int.from_bytes(head[2:4], order)
        if group in _DICOM_FIRST_GROUPS and element <= 0x0020:
            length = int.from_bytes(head[4:8], order)
            return head[4:6].isalpha() or length <= 64
    return False

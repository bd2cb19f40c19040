"""Gzip that depends on its input alone: no clock, no file name, the same bytes for any number of threads.

The input is cut into blocks of fixed size, each is deflated by itself (zlib releases the interpreter's lock, so blocks
run in parallel) and the pieces are joined into one ordinary gzip member (RFC 1952), as pigz does.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

_BLOCK_BYTES = 4 * 1024 * 1024
_HEADER = bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 4, 255])  # deflate, no name, time 0, fastest, unknown system


def write_gzip(file: BinaryIO, chunks: Iterable[bytes | memoryview], level: int = 1) -> None:
    """Write chunks one after the other as one gzip member.

    Args:
        file: open for writing.
        chunks: the plain bytes; how they are cut does not change the file as long as each chunk is the same.
        level: of compression, 1 (fast) to 9.
    """
    file.write(_HEADER)
    checksum, size = 0, 0
    threads = min(4, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads, thread_name_prefix="gzip") as pool:
        waiting: list[Future[bytes]] = []
        for block in _blocks(chunks):
            checksum, size = zlib.crc32(block, checksum), size + len(block)
            waiting.append(pool.submit(_deflated, block, level))
            if len(waiting) > 2 * threads:
                file.write(waiting.pop(0).result())
        for piece in waiting:
            file.write(piece.result())
    file.write(b"\x03\x00")  # an empty last block ends the stream
    file.write(struct.pack("<II", checksum, size & 0xFFFFFFFF))


def _blocks(chunks: Iterable[bytes | memoryview]) -> Iterator[memoryview]:
    """Cut every chunk into blocks."""
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        for start in range(0, len(view), _BLOCK_BYTES):
            yield view[start : start + _BLOCK_BYTES]


def _deflated(block: memoryview, level: int) -> bytes:
    """One block as raw deflate that ends on a byte border without ending the stream."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)

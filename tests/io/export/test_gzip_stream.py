"""One gzip member, whatever the cuts, the same for any number of threads."""

import gzip
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.io.export import gzip_stream
from cof_viewer.io.export.gzip_stream import write_gzip


def packed(chunks):
    file = io.BytesIO()
    write_gzip(file, chunks)
    return file.getvalue()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=6))
def test_unpacks_to_its_input(chunks):
    assert gzip.decompress(packed(chunks)) == b"".join(chunks)


def test_large_input_in_many_blocks(monkeypatch):
    monkeypatch.setattr(gzip_stream, "_BLOCK_BYTES", 1000)
    plain = bytes(range(256)) * 200
    whole = packed([plain])
    assert gzip.decompress(whole) == plain
    monkeypatch.setattr(gzip_stream.os, "cpu_count", lambda: 1)
    assert packed([memoryview(plain)]) == whole

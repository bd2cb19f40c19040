"""ECG files in: one file a format, one standard form out."""

from cof_viewer.io.ecg.record import RawRecord
from cof_viewer.io.ecg.registry import find_format, known_formats, open_ecg, read_record, sniff
from cof_viewer.io.ecg.standard import to_ecg

__all__ = ["RawRecord", "find_format", "known_formats", "open_ecg", "read_record", "sniff", "to_ecg"]

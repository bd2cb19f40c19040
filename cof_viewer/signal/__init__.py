"""Signal processing of the ECG: R peaks, the median and the representative beat, intervals, display filters."""

from cof_viewer.signal.beat import lead_intervals, representative_beat
from cof_viewer.signal.delineate import measure_intervals
from cof_viewer.signal.features import FEATURE_NAMES, ecg_features
from cof_viewer.signal.filters import DisplayFilters, filtered
from cof_viewer.signal.median import MedianBeat, median_beat
from cof_viewer.signal.peaks import r_peaks

__all__ = [
    "FEATURE_NAMES",
    "DisplayFilters",
    "MedianBeat",
    "ecg_features",
    "filtered",
    "lead_intervals",
    "measure_intervals",
    "median_beat",
    "r_peaks",
    "representative_beat",
]

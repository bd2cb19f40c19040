"""Frames to stacks: which pictures are parallel, alike and belong together, and where each slice lies (rules 1, 2)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cof_viewer.io.dicom.frames import Frame
from cof_viewer.io.dicom.timing import Beat, order_phases, recency

_NORMAL_TOLERANCE = np.cos(np.deg2rad(1.0))
_SLICE_TOLERANCE_MM = 0.5
_REPEAT_GAP = 0.6  # times the usual gap; a slice closer than this to its neighbour shows the same place again
_WHOLE_STACK = 3
MISSING_GAP = 1.5  # times the median gap


@dataclass(frozen=True, eq=False)
class Slice:
    """One slice position: where it lies along the stack's normal, and its beat."""

    along_mm: float
    beat: Beat

    @property
    def first(self) -> Frame:
        """The frame that stands for the slice's geometry."""
        return self.beat.frames[0]


@dataclass(frozen=True, eq=False)
class Stack:
    """Parallel slices of one kind of picture.

    Attributes:
        frames: all frames, those left out as duplicates too.
        slices: in ascending order along `normal`; empty where the frames have no place in the patient.
        normal: unit vector, LPS; None without a place.
    """

    frames: tuple[Frame, ...]
    slices: tuple[Slice, ...]
    normal: NDArray[np.float64] | None

    @property
    def first(self) -> Frame:
        """A frame that stands for what all share."""
        return self.slices[0].first if self.slices else self.frames[0]

    @property
    def phases(self) -> int:
        """The commonest number of phases of its slices; of equally common ones the larger."""
        counts = [piece.beat.phases for piece in self.slices]
        return max(counts, key=lambda count: (counts.count(count), count)) if counts else 0

    @property
    def gaps_mm(self) -> NDArray[np.float64]:
        """Distances between neighbouring slices."""
        return np.diff([piece.along_mm for piece in self.slices])

    @property
    def slice_spacing_mm(self) -> float | None:
        """Median gap; of a single slice None: a thickness is no spacing."""
        return float(np.median(self.gaps_mm)) if len(self.slices) > 1 else None

    @property
    def rr_ms(self) -> float | None:
        """Median RR of the slices."""
        known = [piece.beat.rr_ms for piece in self.slices if piece.beat.rr_ms]
        return float(np.median(known)) if known else None

    @property
    def duplicates(self) -> int:
        """Number of frames left out because another one shows the same slice and phase."""
        return len(self.frames) - sum(piece.beat.phases for piece in self.slices)

    @property
    def recency(self) -> tuple[float, float]:
        """Sorts stacks of one study by acquisition: clock and series number of the latest frame."""
        return max(recency(frame)[:2] for frame in self.frames)

    @property
    def phase_ms(self) -> tuple[float, ...] | None:
        """Times of the stack's phases: the median place in the cycle of the slices' phases, times the stack's RR."""
        rr = self.rr_ms
        if rr is None:
            return None
        typical = [piece.beat.fractions for piece in self.slices if piece.beat.phases == self.phases]
        return tuple(float(fraction * rr) for fraction in np.median(typical, axis=0))

    @property
    def descriptions(self) -> tuple[str, ...]:
        """The series descriptions (else protocol names) that occur, each once, in the order of the slices."""
        texts = (f.file.text("SeriesDescription") or f.file.text("ProtocolName") for f in self.frames)
        return tuple(dict.fromkeys(text for text in texts if text))


def build_stacks(frames: Iterable[Frame], check: Callable[[], None] = lambda: None) -> list[Stack]:
    """Group frames into stacks.

    Args:
        frames: of all files, in the files' order.
        check: called for every group; raises to stop.

    Returns:
        Stacks in the order in which their first frame came.
    """
    alike: defaultdict[Hashable, list[list[Frame]]] = defaultdict(list)
    groups: list[list[Frame]] = []
    for frame in frames:
        clusters = alike[_likeness(frame)]
        cluster = next((c for c in clusters if _parallel(c[0], frame)), None)
        if cluster is None:
            cluster = []
            clusters.append(cluster)
            groups.append(cluster)
        cluster.append(frame)
    stacks = []
    for group in groups:
        check()
        stacks += [_stack(part) for part in _repeated_series(group)]
    return stacks


def _likeness(frame: Frame) -> Hashable:
    """What the frames of a stack must share exactly. Unplaced frames only go with their own series."""
    file = frame.file
    spacing = tuple(round(s, 3) for s in frame.spacing_mm) if frame.spacing_mm else None
    return (
        file.text("StudyInstanceUID"),
        file.text("Modality"),
        frame.rows,
        frame.columns,
        spacing,
        _without_numbers(file.text("SequenceName") or file.text("PulseSequenceName")),
        file.text("ScanningSequence"),
        file.text("SequenceVariant"),
        tuple(sorted({_without_numbers(part) for part in frame.image_type})),
        frame.component,
        "" if frame.is_placed else file.text("SeriesInstanceUID"),
    )


def _without_numbers(text: str) -> str:
    """A name without its numbering: *tfi2d1_10 and *tfi2d1_12 are one sequence, FM1_3 and FM4_1 one filter."""
    return re.sub(r"\d+", "#", text.strip().upper())


def _parallel(a: Frame, b: Frame) -> bool:
    """Whether two frames lie in parallel planes, turned alike, within 1 degree."""
    if not (a.is_placed and b.is_placed):
        return a.is_placed == b.is_placed
    assert a.row_direction is not None
    assert b.row_direction is not None
    return bool(a.normal @ b.normal >= _NORMAL_TOLERANCE and a.row_direction @ b.row_direction >= _NORMAL_TOLERANCE)


def _stack(frames: Sequence[Frame]) -> Stack:
    """Sort one group into slices and phases."""
    if not frames[0].is_placed:
        return Stack(tuple(frames), (), None)
    normal = frames[0].normal
    return Stack(tuple(frames), tuple(_without_repeats(_slices(frames, normal))), normal)


def _slices(frames: Sequence[Frame], normal: NDArray[np.float64]) -> list[Slice]:
    """Frames to slices, ascending along the normal."""
    along = np.array([float(f.position_mm @ normal) for f in frames if f.position_mm is not None])
    return [
        Slice(float(np.median(along[members])), order_phases([frames[i] for i in members]))
        for members in _clusters(along)
    ]


def _without_repeats(slices: list[Slice]) -> list[Slice]:
    """Leave out slices that were taken again a little aside: of two much closer than the rest the later stays."""
    kept = list(slices)
    while len(kept) > 2:
        gaps = np.diff([piece.along_mm for piece in kept])
        closest = int(np.argmin(gaps))
        if gaps[closest] >= _REPEAT_GAP * float(np.median(gaps)):
            break
        pair = kept[closest : closest + 2]
        older = min(pair, key=lambda piece: (piece.beat.phases, max(map(recency, piece.beat.frames))))
        kept.remove(older)
    return kept


def _repeated_series(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Split a group whose series are whole stacks of their own, lying over each other a little aside.

    Series that fill each other's gaps (odd and even slices) or follow each other stay one stack.
    """
    by_series: defaultdict[str, list[Frame]] = defaultdict(list)
    for frame in frames:
        by_series[frame.file.text("SeriesInstanceUID")].append(frame)
    whole = [members for members in by_series.values() if _positions(members) >= _WHOLE_STACK]
    if len(whole) < 2 or not frames[0].is_placed:
        return [list(frames)]
    gaps = np.diff([piece.along_mm for piece in _slices(frames, frames[0].normal)])
    if len(gaps) < 2 or float(gaps.min()) >= _REPEAT_GAP * float(gaps.max()):
        return [list(frames)]
    loose = [frame for members in by_series.values() if members not in whole for frame in members]
    return [*whole, loose] if loose else whole


def _positions(frames: Sequence[Frame]) -> int:
    """How many slice positions some frames have."""
    normal = frames[0].normal if frames[0].is_placed else None
    if normal is None:
        return 0
    return len(_clusters(np.array([float(f.position_mm @ normal) for f in frames if f.position_mm is not None])))


def _clusters(along_mm: NDArray[np.float64]) -> list[NDArray[np.intp]]:
    """Indices of the frames at each position, positions ascending; a cluster spans at most the tolerance."""
    order = np.argsort(along_mm, kind="stable")
    clusters: list[list[int]] = []
    start = -np.inf
    for i in order:
        if along_mm[i] - start > _SLICE_TOLERANCE_MM:
            clusters.append([])
            start = along_mm[i]
        clusters[-1].append(int(i))
    return [np.sort(np.array(cluster)) for cluster in clusters]

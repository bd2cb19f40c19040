"""What a stack shows, told from its headers (VIEWER, rule 6), and what is doubtful about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from cof_viewer.domain.study import SeriesKind
from cof_viewer.io.apex import ALONG_HEART, AXIS_ALIGNED, TYPICAL_APEX_DIRECTION
from cof_viewer.io.dicom.stacks import MISSING_GAP, Stack
from cof_viewer.io.dicom.timing import RR_RANGE_MS

MIN_PHASES = 10
_SHORT_AXIS_SLICES = 5
_FEWEST_SHORT_AXIS_SLICES = 3
_ONE_BEAT = 1.3  # times RR: from first to last phase, with a margin for RR that varies

_SURELY_ALONG_HEART = 0.8

_OTHER_ORGANS = re.compile(r"HEAD|BRAIN|SKULL|NECK|SPINE|ABDOMEN|LIVER|PELVIS|KNEE|HIP|PROSTATE|BREAST|SHOULDER")
_FLOW = re.compile(r"\bVENC|PHASE.?CONTRAST|\bFLOW\b|QFLOW|VELOCITY|_V\d+(IN|THROUGH|FH|AP|RL)")
_PERFUSION = re.compile(r"PERF|FIRST.?PASS|\bDYNAMIC|STRESS.?DYN")
_LOCALISER = re.compile(r"LOCALI[SZ]|SCOUT|SURVEY|PILOT")
_MAPPING = re.compile(
    r"MOLLI|SASHA|T1.?MAP|T2.?MAP|T2.?STAR|T2\*|\bMAP\b|\bLGE\b|PSIR|\bDE[ -]|DELAYED|LATE.?(GAD|ENH)"
)
_TAGGING = re.compile(r"\bTAG|SPAMM|DENSE\b")
_AXIAL_WORDS = re.compile(r"\b(AX|AXIAL|TRA|TRANS\w*|COR\w*|SAG\w*)\b")
_SHORT_AXIS_WORDS = re.compile(r"\bSA\b|SAX|SHORT")


@dataclass(frozen=True)
class Verdict:
    """A kind and the sentences that a reader should know with it."""

    kind: SeriesKind
    problems: tuple[str, ...] = ()


def classify(stack: Stack) -> Verdict:
    """Say what a stack is; of files that all end too early there is nothing to say."""
    files = list({id(frame.file): frame.file for frame in stack.frames}.values())
    broken = [file for file in files if file.missing_bytes]
    if len(broken) == len(files):
        return Verdict(SeriesKind.UNREADABLE, (_truncation(broken[0].missing_bytes),))
    verdict = _classify(stack)
    if not broken:
        return verdict
    sentence = f"{len(broken)} of its {len(files)} files end too early."
    return Verdict(verdict.kind, (*verdict.problems, sentence))


def _truncation(missing: int) -> str:
    """What is wrong with a file that lacks bytes."""
    return f"The file ends too early: {missing} bytes of its picture are missing. Copy it again."


def _classify(stack: Stack) -> Verdict:
    """Say what a stack of readable files is."""
    file = stack.first.file
    if file.text("Modality") not in ("", "MR"):
        return Verdict(SeriesKind.OTHER, (f"This is {file.text('Modality')}, not MR.",))
    words = _words(stack)
    special = _special_kind(stack, words)
    if special:
        return special
    if not stack.slices:
        return Verdict(SeriesKind.OTHER_MR, ("The pictures have no position in the patient.",))
    if stack.phases < MIN_PHASES:
        return _static(stack, words)
    return _cine(stack, words)


def _words(stack: Stack) -> str:
    """Everything that headers say in words about the sequence, upper case."""
    file = stack.first.file
    keywords = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")
    return " ".join([*stack.descriptions, *(file.text(keyword) for keyword in keywords)]).upper().replace("_", " ")


def _special_kind(stack: Stack, words: str) -> Verdict | None:
    """Kinds that the header names outright, whatever the geometry."""
    frame = stack.first
    file = frame.file
    underscored = f"{file.text('SequenceName')} {file.text('PulseSequenceName')}".upper()
    if "MOSAIC" in frame.image_type:
        return Verdict(SeriesKind.OTHER_MR, ("Each picture is a mosaic of slices, as brain studies have it.",))
    phase_type = frame.component == "PHASE" or any(
        part in ("P", "VELOCITY") or part.startswith(("PHASE CONTRAST", "PHASE MAP")) for part in frame.image_type
    )
    if phase_type or _FLOW.search(words) or _FLOW.search(underscored) or "MRVelocityEncodingSequence" in file.header:
        return Verdict(SeriesKind.PHASE_CONTRAST)
    if "LOCALIZER" in frame.image_type or _LOCALISER.search(words):
        return Verdict(SeriesKind.LOCALISER)
    body = file.text("BodyPartExamined").upper()
    if _OTHER_ORGANS.search(body):
        return Verdict(SeriesKind.OTHER_MR, (f"The header says {body.lower()}, not heart.",))
    if _PERFUSION.search(words) or _beats_apart(stack):
        return Verdict(SeriesKind.PERFUSION, ("The pictures of a slice are a heartbeat or more apart.",))
    return None


def _beats_apart(stack: Stack) -> bool:
    """Whether the pictures of most slices are about one RR or more apart: contrast arrives, the heart stands still."""
    apart = []
    for piece in stack.slices:
        beat = piece.beat
        if beat.times_ms is None or beat.phases < 3:
            continue
        steps = np.diff(beat.times_ms)
        apart.append(float(np.median(steps)) >= max(RR_RANGE_MS[0], 0.7 * (_header_rr(stack) or 0.0)))
    return bool(apart) and sum(apart) > len(apart) / 2


def _header_rr(stack: Stack) -> float | None:
    """RR as the header states it, without the times that are in question."""
    low, high = RR_RANGE_MS
    timings = [frame.timing for piece in stack.slices for frame in piece.beat.frames]
    stated = [t.nominal_interval_ms for t in timings if t.nominal_interval_ms and low <= t.nominal_interval_ms <= high]
    rated = [60_000.0 / t.heart_rate_bpm for t in timings if t.heart_rate_bpm]
    return float(np.median(stated or rated)) if stated or rated else None


def _static(stack: Stack, words: str) -> Verdict:
    """Few phases: mapping, late enhancement, a single gated stack, or something else."""
    inversion = {frame.file.number("InversionTime") or 0.0 for frame in stack.frames} - {0.0}
    if _MAPPING.search(words) or (inversion and stack.first.timing.trigger_ms):
        return Verdict(SeriesKind.MAPPING)
    gated = stack.first.timing.trigger_ms is not None or stack.first.timing.nominal_interval_ms is not None
    if stack.phases == 1 and gated and len(stack.slices) >= _SHORT_AXIS_SLICES and heart_cosine(stack) > ALONG_HEART:
        return Verdict(SeriesKind.SHORT_AXIS_VOLUME)
    if stack.phases == 1 and len(stack.slices) == 1:
        return Verdict(SeriesKind.OTHER_MR, ("It is a single picture.",))
    few = f"{stack.phases} phase{'s' if stack.phases > 1 else ''}"
    return Verdict(SeriesKind.OTHER_MR, (f"It has only {few}; a cine has at least {MIN_PHASES}.",))


def _cine(stack: Stack, words: str) -> Verdict:
    """Ten phases or more: short-axis or long-axis, by the number and the direction of the planes."""
    problems = tuple(stack_problems(stack))
    rr, spans = _header_rr(stack) or stack.rr_ms, [p.beat.span_ms for p in stack.slices if p.beat.span_ms]
    if spans and float(np.median(spans)) > _ONE_BEAT * (rr or RR_RANGE_MS[1]):
        return Verdict(SeriesKind.OTHER_MR, ("Its pictures span more than one heartbeat.", *problems))
    planes, along = len(stack.slices), heart_cosine(stack)
    if is_axis_aligned(stack):
        if planes >= _SHORT_AXIS_SLICES and not (_AXIAL_WORDS.search(words) and not _SHORT_AXIS_WORDS.search(words)):
            return Verdict(SeriesKind.SHORT_AXIS_CINE, problems)
        along = 1.0 if _SHORT_AXIS_WORDS.search(words) else 0.0
    if planes >= _FEWEST_SHORT_AXIS_SLICES and along >= ALONG_HEART:
        return Verdict(SeriesKind.SHORT_AXIS_CINE, problems)
    if planes < _FEWEST_SHORT_AXIS_SLICES and along >= _SURELY_ALONG_HEART:
        slices = "one slice" if planes == 1 else f"{planes} slices"
        return Verdict(SeriesKind.OTHER_MR, (f"It is a short-axis cine of only {slices}.", *problems))
    if planes <= _FEWEST_SHORT_AXIS_SLICES:
        return Verdict(SeriesKind.LONG_AXIS_CINE, problems)
    return Verdict(SeriesKind.OTHER_MR, ("Its planes do not lie across the heart's long axis.", *problems))


def heart_cosine(stack: Stack) -> float:
    """|cos| of the angle between the stack's normal and a typical long axis of the heart."""
    return abs(float(stack.normal @ TYPICAL_APEX_DIRECTION)) if stack.normal is not None else 0.0


def is_axis_aligned(stack: Stack) -> bool:
    """Whether the planes are exactly axial, coronal or sagittal: a placeholder or a body scan; no heart lies so."""
    return stack.normal is not None and float(np.abs(stack.normal).max()) >= AXIS_ALIGNED


def looks_tagged(stack: Stack) -> bool:
    """Whether the header's words speak of tagging (SPAMM, DENSE)."""
    return bool(_TAGGING.search(_words(stack)))


def stack_problems(stack: Stack) -> list[str]:
    """Sentences about the stack's order in space and time, for `inspect`."""
    problems = []
    counts = sorted({piece.beat.phases for piece in stack.slices})
    if len(counts) > 1:
        problems.append(f"The slices have {counts[0]} to {counts[-1]} phases.")
    if stack.duplicates:
        problems.append(f"{stack.duplicates} pictures repeat a slice and phase; the latest are used.")
    problems += missing_slices(stack)
    if len(stack.slices) in (_FEWEST_SHORT_AXIS_SLICES, _SHORT_AXIS_SLICES - 1):
        problems.append(f"It has only {len(stack.slices)} slices.")
    if not all(piece.beat.is_even for piece in stack.slices):
        problems.append("Its phases are not evenly spaced in time.")
    if looks_tagged(stack):
        problems.append("This looks like tagging, not a bright-blood cine.")
    return problems


def missing_slices(stack: Stack) -> list[str]:
    """A sentence for each gap that holds a missing slice."""
    gaps = stack.gaps_mm
    if len(gaps) < 2:
        return []
    median = float(np.median(gaps))
    return [
        f"A slice is missing: one gap is {gap:.0f} mm, elsewhere {median:.0f} mm."
        for gap in gaps
        if gap > MISSING_GAP * median
    ]

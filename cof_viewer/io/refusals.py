"""One sentence for everything that was found but can't be opened as a study."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.study import Finding, SeriesKind
from cof_viewer.io.discover import Discovery

_WORDS: dict[SeriesKind, tuple[str, str]] = {
    SeriesKind.SHORT_AXIS_CINE: ("a short-axis cine", "short-axis cines"),
    SeriesKind.SHORT_AXIS_VOLUME: ("a short-axis volume", "short-axis volumes"),
    SeriesKind.LONG_AXIS_CINE: ("a long-axis view", "long-axis views"),
    SeriesKind.PERFUSION: ("a perfusion series", "perfusion series"),
    SeriesKind.PHASE_CONTRAST: ("a phase-contrast series", "phase-contrast series"),
    SeriesKind.MAPPING: ("a mapping or late-enhancement series", "mapping or late-enhancement series"),
    SeriesKind.LOCALISER: ("a localiser", "localisers"),
    SeriesKind.OTHER_MR: ("another MR series", "other MR series"),
    SeriesKind.ECG: ("an ECG", "ECGs"),
    SeriesKind.OTHER: ("a file of another kind", "files of other kinds"),
    SeriesKind.UNREADABLE: ("an unreadable file", "unreadable files"),
}
_WHOLE_EXAM = "Open the folder of the whole exam."
_OTHER_FILE = "Choose another file."


def refusal(found: Discovery, path: Path) -> UserError:
    """Why nothing of what was found can be opened.

    Args:
        found: without anything that can be opened.
        path: what the user named.
    """
    findings = [item.finding for item in found.items]
    if not findings:
        return _nothing(found, path)
    if len(findings) == 1:
        return _single(findings[0], path)
    return _several(findings, path)


def _nothing(found: Discovery, path: Path) -> UserError:
    """Folders and zips without any picture."""
    if found.files == 0:
        return UserError(f'"{path.name}" is empty. Choose the folder of the exam.', code="empty")
    sentence = f'No DICOM or NIfTI file was found in "{path.name}". Choose the folder of the exam.'
    return UserError(sentence, code="not-dicom")


def _single(finding: Finding, path: Path) -> UserError:
    """One thing, which is not what is needed."""
    kind, name = finding.kind, path.name
    pictures = (finding.slices or 1) * (finding.phases or 1)
    advice = _OTHER_FILE if name.lower().endswith((".nii", ".nii.gz")) else _WHOLE_EXAM
    if kind is SeriesKind.PERFUSION:
        where = "one position" if finding.slices == 1 else f"{finding.slices} positions"
        text = f"This looks like perfusion, not a cine: {pictures} pictures at {where}, one heartbeat apart. "
        return UserError(text + "Choose another series.", code=kind.value)
    if kind is SeriesKind.ECG:
        return UserError(f'"{name}" is an ECG, not pictures. Open it as the ECG of a study.', code=kind.value)
    if kind in (SeriesKind.UNREADABLE, SeriesKind.OTHER):
        problem = finding.problems[0] if finding.problems else "It holds no MR pictures."
        return UserError(f'"{name}" can\'t be opened. {problem}', code=kind.value)
    if kind is SeriesKind.OTHER_MR:
        problem = finding.problems[0] if finding.problems else "It is another kind of MR."
        return UserError(f'No short-axis cine found in "{name}". {problem} {advice}', code=kind.value)
    detail = f" {finding.problems[0]}" if finding.problems else ""
    return UserError(f'"{name}" holds {_WORDS[kind][0]}, not a short-axis cine.{detail} {advice}', code=kind.value)


def _several(findings: list[Finding], path: Path) -> UserError:
    """Several things, none of which is what is needed."""
    counts = Counter(finding.kind for finding in findings)
    parts = [_WORDS[kind][0] if n == 1 else f"{n} {_WORDS[kind][1]}" for kind, n in counts.items()]
    held = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    code = next(iter(counts)).value if len(counts) == 1 else "no-short-axis"
    pictures = sum((f.slices or 1) * (f.phases or 1) for f in findings if f.modality)
    subject = f"its {pictures} pictures hold" if pictures else "it holds"
    return UserError(f'No short-axis cine found in "{path.name}": {subject} {held}. {_WHOLE_EXAM}', code=code)

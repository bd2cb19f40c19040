"""The one split by patient that every learned model, table and test obeys.

Patients are ranked by a hash of their id within their group (diagnosis, vendor, ECG class), so each group
is divided alike, the outcome does not depend on file order, and nobody chooses who is judged.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from enum import StrEnum


class Split(StrEnum):
    """What a patient's data may be used for. Assessor patients are seen by the assessor model alone."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    ASSESSOR = "assessor"


# Shares of real patients; the last one takes what is left.
_SHARES: tuple[tuple[Split, float], ...] = (
    (Split.TRAIN, 0.58),
    (Split.VALIDATION, 0.12),
    (Split.TEST, 0.15),
    (Split.ASSESSOR, 0.15),
)


def patient_rank_key(patient_id: str) -> str:
    """Hexadecimal SHA-256 of the id; the order of these strings is the rank within a group."""
    return hashlib.sha256(patient_id.encode("utf-8")).hexdigest()


def split_patients(group_of: Mapping[str, str]) -> dict[str, Split]:
    """Assign every patient to a part.

    Args:
        group_of: patient id -> group. All patients of a source must be given at once: a rank has no meaning
            within a subset.

    Returns:
        patient id -> part, in the order of the input.
    """
    members: defaultdict[str, list[str]] = defaultdict(list)
    for patient_id, group in group_of.items():
        members[group].append(patient_id)
    part_of: dict[str, Split] = {}
    for patients in members.values():
        ranked = sorted(patients, key=patient_rank_key)
        start, reached = 0, 0.0
        for part, share in _SHARES:
            reached += share
            end = min(len(ranked), round(reached * len(ranked)))
            part_of.update((patient, part) for patient in ranked[start:end])
            start = end
    return {patient_id: part_of[patient_id] for patient_id in group_of}

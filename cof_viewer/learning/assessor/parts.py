"""Whom the assessor may learn from: patients of its own part of the split, and nobody else, ever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cof_viewer.domain.split import Split


class SplitBroken(AssertionError):
    """A patient is on both sides of the wall between the assessor and what it judges. A bug, never an input error."""


def assert_own_part(part_of: Iterable[tuple[str, Split]]) -> None:
    """Make sure that every (patient, part) given to learn from is the assessor's.

    Raises:
        SplitBroken: somebody is of another part.
    """
    others = sorted({patient for patient, part in part_of if part is not Split.ASSESSOR})
    if others:
        raise SplitBroken(f"{len(others)} patients are not the assessor's to learn from, such as {others[0]}")


def assert_disjoint(learned_from: Iterable[str], others: Mapping[str, Split] | Iterable[str]) -> None:
    """Make sure that nobody the assessor learned from is among other patients (judged, or learned from elsewhere).

    Raises:
        SplitBroken: somebody is.
    """
    both = sorted(set(learned_from) & set(others))
    if both:
        raise SplitBroken(f"the assessor learned from {len(both)} of these patients, such as {both[0]}")

"""Labels carried by a case's motion as it is kept: against motions whose result is known by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cof_viewer.cohort.carried import carried_dice, carried_labels
from cof_viewer.cohort.case import CohortCase, lattice_pixels
from cof_viewer.domain.image import Label
from tests.cohort.fake_source import request_for, ring_case

SHAPE = (25, 4, 96, 96)


def discs(radius: float, slices: slice = slice(None)) -> np.ndarray:
    """[z, y, x] a round cavity with a wall of 6 pixels."""
    y, x = np.mgrid[:96, :96] - 47.5
    plane = np.where(np.hypot(x, y) < radius, 1, np.where(np.hypot(x, y) < radius + 6, 2, 0)).astype(np.uint8)
    out = np.zeros(SHAPE[1:], np.uint8)
    out[slices] = plane
    return out


def case_of(ed: np.ndarray, es: np.ndarray, field: np.ndarray) -> CohortCase:
    labels = np.repeat(ed[None], SHAPE[0], axis=0)
    labels[9] = es
    motion = np.zeros((SHAPE[0], SHAPE[1], 24, 24, 3), np.float16)
    motion[9] = field
    return replace(ring_case(request_for("a")), labels=labels, displacement_mm=motion, es_phase=9, slice_mm=10.0)


def test_nothing_moves_without_motion() -> None:
    ed = discs(15)
    case = case_of(ed, ed, np.zeros((24, 24, 3)))
    assert (carried_labels(case, 9) == ed).all()
    assert carried_dice(case)[Label.LV] == 1.0


def test_a_cavity_shrinks_by_the_pull_back() -> None:
    at = lattice_pixels() - 47.5
    field = np.zeros((24, 24, 3))
    shift_mm = 1.5 * 1.5 * at  # what is at x was at 2.5 x
    field[..., 0], field[..., 1] = shift_mm[None, :], shift_mm[:, None]
    carried = carried_labels(case_of(discs(20), discs(8), field), 9)
    size = np.count_nonzero(carried[1] == 1) / np.count_nonzero(discs(20)[1] == 1)
    assert size == pytest.approx(1 / 2.5**2, rel=0.07)


def test_a_slice_that_reads_beyond_the_stack_shows_nothing() -> None:
    field = np.zeros((24, 24, 3))
    field[..., 2] = -10.0  # one slice towards the base
    carried = carried_labels(case_of(discs(15), discs(15), field), 9)
    assert not carried[0].any()
    assert (carried[1:] == discs(15)[1:]).all()
    field[..., 2] = -3.0  # less than half a slice: still the first
    assert (carried_labels(case_of(discs(15), discs(15), field), 9)[0] == 1).any()

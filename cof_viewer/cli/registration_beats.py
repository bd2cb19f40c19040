"""The registration teacher learns from beats that the segmenter has looked at first; here they are made when needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.progress import CancelToken, Progress

if TYPE_CHECKING:
    from cof_viewer.cli.trainers import Order
    from cof_viewer.cohort.real.mri import Row

_MADE_FOR_SMOKE = 2


def prepared_beats(order: Order, data: Path | None, progress: Progress, cancel: CancelToken) -> Path:
    """The folder of prepared beats; those that are missing are made, so a stopped preparation goes on.

    Args:
        order: the training; a smoke training gets two patients a part.
        data: folder of the MRI data, None for the one that COF_DATA names.
        progress: told how many are made.
        cancel: looked at between patients.

    Raises:
        UserError: there is no MRI data, or no segmenter to look at it.
        Cancelled: somebody asked to stop.
    """
    from cof_viewer.cohort.real.mri import default_folder, read_manifest
    from cof_viewer.engine.segmenter import Segmenter
    from cof_viewer.learning.registration.cases import build

    source = data or default_folder()
    if source is None:
        raise UserError("The MRI data to learn from were not found; set COF_DATA to their folder.", code="no-data")
    rows = _wanted(read_manifest(source), order.smoke)
    folder = order.out / "beats"
    segmenter = Segmenter.load(order.models)
    for done, row in enumerate(rows):
        cancel.raise_if_cancelled()
        progress(0.0, f"Preparing beat {done + 1} of {len(rows)}")
        build([row], segmenter, folder)
    return folder


def _wanted(rows: list[Row], smoke: bool) -> list[Row]:
    """Pairs of both parts, then full beats."""
    from cof_viewer.cohort.real.mri import choose
    from cof_viewer.domain.split import Split

    parts = (Split.TRAIN, Split.VALIDATION)
    if smoke:
        return [row for part in parts for row in choose(rows, "pair", part)[:_MADE_FOR_SMOKE]]
    return [row for kind in ("pair", "cine") for part in parts for row in choose(rows, kind, part)]

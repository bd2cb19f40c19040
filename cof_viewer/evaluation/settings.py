"""What an evaluation is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cof_viewer.cohort.case import Kind
from cof_viewer.domain.split import Split


@dataclass(frozen=True)
class Settings:
    """One evaluation. Pickled to the workers.

    Attributes:
        cohort: folder of the store.
        out: folder of the results.
        models: folder of the weights.
        part: whom to judge: validation, or test.
        methods: names, in the order of the tables.
        kinds: which kinds; every one of the part by default.
        labels: "segmented", or "expert" for the upper bound.
        members: noise seeds of generated beats.
        seed: of everything that is drawn.
        limit: most cases a kind; 0 = all.
        workers: processes.
        assess: whether the assessor judges the pictures too.
        backbone: name of the feature extractor for Fréchet distances; empty for none.
    """

    cohort: Path
    out: Path
    models: Path
    part: Split
    methods: tuple[str, ...]
    kinds: tuple[Kind, ...] = ()
    labels: str = "segmented"
    members: int = 8
    seed: int = 0
    limit: int = 0
    workers: int = 1
    assess: bool = True
    backbone: str = ""

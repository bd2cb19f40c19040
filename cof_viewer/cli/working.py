"""The steps that commands with an engine share: load it, find the heart."""

from __future__ import annotations

from cof_viewer.app.engine_port import EnginePort, load_engine
from cof_viewer.cli.console import LongWork
from cof_viewer.domain.study import Study


def oriented(study: Study, device: str, work: LongWork) -> tuple[EnginePort, Study]:
    """The engine on that device, and the study with its slices base first.

    Raises:
        UserError: weights are missing or spoiled, or there is no heart in the picture.
    """
    work.progress(0.02, "Loading the engine")
    with work.stoppable_at_once():
        engine = load_engine(device)
    work.progress(0.05, "Finding the heart")
    work.cancel.raise_if_cancelled()
    study = engine.orient(study, work.cancel)
    work.cancel.raise_if_cancelled()
    return engine, study

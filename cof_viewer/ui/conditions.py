"""When an action is available, and in words why not: the reason is shown in tool tips and in the palette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cof_viewer.app.session import Session


@dataclass(frozen=True)
class Condition:
    """What an action needs.

    Attributes:
        obstacle: gives None where the action is available, else a few words such as "needs a measured cine".
    """

    obstacle: Callable[[Session], str | None]


def _needs(test: Callable[[Session], bool], words: str) -> Condition:
    return Condition(lambda session: None if test(session) else words)


ALWAYS = Condition(lambda _session: None)
STUDY = _needs(lambda s: s.case.study is not None, "needs an open study")
BEAT = _needs(lambda s: s.phases > 1, "needs a cine")
NUMBERS = _needs(lambda s: s.function is not None, "needs measured or generated numbers")
LABELS = _needs(lambda s: s.labels is not None, "needs contours")
BOTH = _needs(
    lambda s: s.result.generation is not None and s.measured_cine is not None and s.measured_cine.phases > 1,
    "needs a measured and a generated cine",
)
ECG = _needs(lambda s: s.case.ecg is not None, "needs an ECG")
ES_BY_HAND = _needs(lambda s: s.case.es_by_hand_ms is not None, "needs an ES that was set by hand")
MEASURABLE = _needs(lambda s: s.measure_obstacle is None, "needs a study with a cine")
GENERATABLE = _needs(lambda s: s.generate_obstacle is None, "needs a study and an ECG")
EXPORTABLE = _needs(lambda s: s.export_obstacle is None, "needs a measured or generated beat")
UNDOABLE = _needs(lambda s: s.undo_words is not None, "nothing to undo")
REDOABLE = _needs(lambda s: s.redo_words is not None, "nothing to redo")

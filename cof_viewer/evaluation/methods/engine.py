"""The program's own engine, whole and with something taken from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cof_viewer.domain.errors import UserError
from cof_viewer.evaluation.anchor import Anchor
from cof_viewer.evaluation.beat import EvaluatedBeat
from cof_viewer.evaluation.methods.base import Method, Tools
from cof_viewer.evaluation.methods.generated import OVERSAMPLING, beat_of

if TYPE_CHECKING:
    from cof_viewer.engine.generator import Ablation


@dataclass
class EngineMethod(Method):
    """`Engine.generate` from the segmented anchor.

    Attributes:
        ablate: what the generator is not told, by the same network with that condition masked.
        shuffled: whether the ECG is another patient's, drawn by seed.
    """

    name: str
    words: str
    ablate: Ablation | None = None
    shuffled: bool = False
    uses_weights = True

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """Generate; ES is told in a share of RR, so an ECG of another rate is compared at equal share."""
        ecg = tools.another_ecg(anchor.case_id) if self.shuffled else anchor.ecg
        if ecg is None:
            raise UserError(f'"{anchor.case_id}" has no ECG. Choose kinds of cases that have one.', code="no-ecg")
        generation = tools.engine.generate(
            anchor.prepared,
            ecg,
            anchor_phase="ed",
            phases=OVERSAMPLING * anchor.phases,
            members=tools.members,
            seed=tools.seed,
            ablate=self.ablate,
        )
        return beat_of(generation, anchor)


def engine_methods() -> list[Method]:
    """The whole engine, then its ablations."""
    return [
        EngineMethod("cof", "this program: anchor and ECG"),
        EngineMethod("no-ecg", "this program, the ECG masked", "ecg"),
        EngineMethod("shuffled-ecg", "this program, given another patient's ECG", shuffled=True),
        EngineMethod("heart-rate-only", "this program, of the ECG only the rate", "all-but-rate"),
        EngineMethod("no-anatomy", "this program, the anchor's shape masked", "anatomy"),
    ]

"""The paper's own forms: flow matching on packed flows, and the same network as a diffusion model.

They live in `cof_viewer.engine.packed`, as `load_packed(models_dir, form)` with form "flow" or "diffusion", which gives
an object with `generate(prepared, ecg, *, phases, members, seed) -> Generation`, anchored at ED.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module, util
from pathlib import Path
from typing import Any

from cof_viewer.domain.errors import UserError
from cof_viewer.engine.weights import weights_sha256
from cof_viewer.evaluation.anchor import Anchor
from cof_viewer.evaluation.beat import EvaluatedBeat
from cof_viewer.evaluation.methods.base import Method, Tools
from cof_viewer.evaluation.methods.generated import OVERSAMPLING, beat_of

_MODULE = "cof_viewer.engine.packed"
_DOOR = "load_packed"


@dataclass
class PackedMethod(Method):
    """One of the paper's forms.

    Attributes:
        form: "flow" or "diffusion".
        folder: of other weights of this form, such as an ablation's; None takes those in use.
    """

    name: str
    words: str
    form: str
    folder: Path | None = None
    uses_weights = True

    def own_weights(self) -> str:
        """One checksum over the weights of a folder of its own; "" without one."""
        return weights_sha256(self.folder) if self.folder is not None else ""

    def check(self, models: Path) -> None:
        """Make sure that the form and its weights are there.

        Raises:
            UserError: they aren't.
        """
        if util.find_spec(_MODULE) is None or not hasattr(import_module(_MODULE), _DOOR):
            raise UserError(
                f'The method "{self.name}" is not part of this version. Leave it out of --methods.', code="method"
            )
        try:
            _load(self.folder or models, self.form)
        except UserError as error:
            raise UserError(f'The method "{self.name}" can\'t be used: {error.sentence}', code="method") from error

    def beat(self, anchor: Anchor, tools: Tools) -> EvaluatedBeat:
        """Generate from the prepared anchor."""
        if anchor.ecg is None:
            raise UserError(f'"{anchor.case_id}" has no ECG. Choose kinds of cases that have one.', code="no-ecg")
        generation = _load(self.folder or tools.models, self.form).generate(
            anchor.prepared, anchor.ecg, phases=OVERSAMPLING * anchor.phases, members=tools.members, seed=tools.seed
        )
        return beat_of(generation, anchor)


@lru_cache(maxsize=8)
def _load(models: Path, form: str) -> Any:
    return getattr(import_module(_MODULE), _DOOR)(models, form)


def with_weights_of(method: PackedMethod, folder: Path) -> PackedMethod:
    """The same form with another folder's weights, named by that folder: an ablation."""
    name = f"{method.name}@{folder.name}"
    return replace(method, name=name, words=f'{method.words}, with the weights of "{folder.name}"', folder=folder)


def packed_methods() -> list[Method]:
    """Both forms."""
    return [
        PackedMethod("cof-packed", "the paper's form: flow matching on packed flows", "flow"),
        PackedMethod("cof-diffusion", "the paper's COF-w/Diffusion", "diffusion"),
    ]

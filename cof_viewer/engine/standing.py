"""Which volume of a study is warped, and where in the generated beat it stands."""

from __future__ import annotations

from dataclasses import dataclass

from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Measurement
from cof_viewer.domain.image import Volume
from cof_viewer.domain.study import Study
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.plan import AnchorMoment


@dataclass(frozen=True, eq=False)
class Standing:
    """A volume to warp.

    Attributes:
        volume: the anchor.
        role: "ed", "es" or "" where that is not told.
        share: of the beat at which it was taken, 0 to 1; None where no cine tells.
    """

    volume: Volume
    role: str = ""
    share: float | None = None


def standing_of(anchor: Study | Volume, measured: Measurement | None, asked: int | str | None) -> Standing:
    """The volume to warp, and what the study or the asker tells of its moment.

    Args:
        anchor: a study (its cine's phase or its volume) or a volume.
        measured: of the study's cine; needed where it has one.
        asked: "ed", "es" or a phase of the cine; None takes ED of a cine and what a single volume says of itself.

    Raises:
        UserError: the phase asked for is not there.
    """
    if isinstance(anchor, Volume):
        return Standing(anchor, asked if isinstance(asked, str) else "")
    cine = anchor.cine
    if cine is None:
        stack = anchor.stack
        assert isinstance(stack, Volume)
        return Standing(stack, asked if isinstance(asked, str) else anchor.anchor_phase_hint or "")
    assert measured is not None
    function = measured.result.function
    index = asked if isinstance(asked, int) else {"ed": function.ed_phase, "es": function.es_phase}[asked or "ed"]
    if index is None or not 0 <= index < cine.phases:
        raise UserError(f"The anchor phase {index} is not one of the cine's {cine.phases} phases (0-based).")
    role = "ed" if index == function.ed_phase else "es" if index == function.es_phase else ""
    return Standing(cine.volume(index), role, index / cine.phases)


def moment_of(prepared: Prepared, asked: int | str | None, phases: int, chance_of_es: float) -> AnchorMoment:
    """Where a prepared anchor stands among the generated phases.

    Args:
        prepared: the anchor.
        asked: "ed", "es" or an index of the generated phases; None takes what the anchor tells.
        phases: number of generated phases.
        chance_of_es: that its shape is one of ES; decides where nothing else does.

    Raises:
        UserError: the index is not one of the generated phases.
    """
    if prepared.share is not None and asked in (None, prepared.role or None):
        return AnchorMoment(round(prepared.share * phases) % phases, prepared.role)
    if isinstance(asked, int):
        if not 0 <= asked < phases:
            raise UserError(f"The anchor phase {asked} is not one of the {phases} generated phases (0-based).")
        return AnchorMoment(asked, "")
    role = asked or prepared.role
    guessed = not role
    role = role or ("es" if chance_of_es > 0.5 else "ed")
    return AnchorMoment(0 if role == "ed" else None, role, guessed)

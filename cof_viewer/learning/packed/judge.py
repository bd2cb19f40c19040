"""Beats drawn for held-out simulated hearts, against what is true of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.anatomy import dice
from cof_viewer.cohort.case import CohortCase
from cof_viewer.domain.image import Label
from cof_viewer.engine.packed.network import PackedCondition, PackedNetwork
from cof_viewer.engine.packed.pack import heart_extent, unpack
from cof_viewer.engine.packed.sample import sample
from cof_viewer.engine.packed.warp import BoxWarp
from cof_viewer.learning.packed.cases import PackedCase

_NAMES = {Label.LV: "lv", Label.MYO: "myo", Label.RV: "rv"}


@dataclass(frozen=True, eq=False)
class JudgedCase:
    """A held-out case: what the network is told, and the truth.

    Attributes:
        packed: as the training sees it.
        ed_labels: uint8 [z, 96, 96] of the anchor; `es_labels` of ES.
        es_phase: index of ES.
        slice_mm: distance between slices.
        ef_percent: true.
        edv_ml: true; `esv_ml` likewise.
    """

    packed: PackedCase
    ed_labels: NDArray[np.uint8]
    es_labels: NDArray[np.uint8]
    es_phase: int
    slice_mm: float
    ef_percent: float
    edv_ml: float
    esv_ml: float

    @classmethod
    def of(cls, packed: PackedCase, case: CohortCase) -> JudgedCase:
        """From the case of the store that was packed."""
        numbers = case.numbers
        return cls(
            packed=packed,
            ed_labels=case.labels[0],
            es_labels=case.labels[case.es_phase],
            es_phase=case.es_phase,
            slice_mm=case.slice_mm,
            ef_percent=float(numbers["ef_percent"]),
            edv_ml=float(numbers["edv_ml"]),
            esv_ml=float(numbers["esv_ml"]),
        )


def figures(network: PackedNetwork, cases: Sequence[JudgedCase], steps: int | None = None) -> dict[str, float]:
    """Means over cases of one drawn beat each, the noise by the case's place in the list.

    `lv`, `myo`, `rv`: Dice at the true ES; `ef_mae_points`; `esv_mae_ml`, the drawn EF on the true EDV;
    `es_mae_phases`; `ef_bias_points`; `not_moved_lv`: Dice of the anchor itself. Where pictures are learned, nothing
    moves: `change_error` then, the drawn change's error over the true one's size (root mean squares).
    """
    if network.config.target == "pictures":
        errors = [_change_error(network, case, seed, steps) for seed, case in enumerate(cases)]
        return {"change_error": float(np.mean(errors))}
    rows = [_judged(network, case, seed, steps) for seed, case in enumerate(cases)]
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def _judged(network: PackedNetwork, case: JudgedCase, seed: int, steps: int | None) -> dict[str, float]:
    displacement = drawn(network, case, seed, steps)
    warp = BoxWarp.of(case.ed_labels, case.slice_mm)
    moved = warp.labels(displacement[case.es_phase])
    curve = warp.lv_curve_ml(displacement)
    ef = 100.0 * (1.0 - float(curve.min()) / max(float(curve[0]), 1e-9))
    late = abs(int(curve.argmin()) - case.es_phase)
    found = {name: dice(moved == label, case.es_labels == label) for label, name in _NAMES.items()}
    return found | {
        "ef_mae_points": abs(ef - case.ef_percent),
        "ef_bias_points": ef - case.ef_percent,
        "esv_mae_ml": abs(case.edv_ml * (1.0 - ef / 100.0) - case.esv_ml),
        "es_mae_phases": float(min(late, len(curve) - late)),
        "not_moved_lv": dice(case.ed_labels == Label.LV, case.es_labels == Label.LV),
    }


def _change_error(network: PackedNetwork, case: JudgedCase, seed: int, steps: int | None) -> float:
    true = case.packed.packed.astype(np.float32)
    error = drawn_pack(network, case, seed, steps) - true
    return float(np.sqrt((error**2).mean() / max(float((true**2).mean()), 1e-12)))


def drawn(network: PackedNetwork, case: JudgedCase, seed: int, steps: int | None) -> NDArray[np.float32]:
    """Displacement [T, z, Hf, Wf, 3] of one drawn beat."""
    packed = drawn_pack(network, case, seed, steps)
    return unpack(packed, heart_extent(case.ed_labels), len(case.ed_labels), network.config.pack)[0]


def drawn_pack(network: PackedNetwork, case: JudgedCase, seed: int, steps: int | None) -> NDArray[np.float32]:
    """The pack [C, T, Hf, Wf] of one drawn beat."""
    layout = network.config.pack
    place = next(network.parameters()).device
    noise = torch.randn((1, *layout.shape), generator=torch.Generator().manual_seed(seed)).to(place)
    told = case.packed
    one = torch.ones(1, 1, device=place)
    anatomy, embedding, phase = (
        torch.from_numpy(part.astype(np.float32)).to(place)[None] for part in (told.anatomy, told.embedding, told.phase)
    )
    condition = PackedCondition(anatomy, embedding, phase, one, one)
    return np.asarray(sample(network, noise, condition, steps)[0].cpu().numpy())

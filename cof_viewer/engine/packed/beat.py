"""A whole generation by the paper's form, in the scanner's frame: what the engine gives, for fair comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import cof_viewer
from cof_viewer.anatomy import function_from_labels
from cof_viewer.domain.canonical import CANONICAL_SPACING_MM, to_canonical
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import worst_first
from cof_viewer.domain.function import Provenance, Result, Source
from cof_viewer.domain.generation import Generation
from cof_viewer.domain.image import Cine, regular_phase_ms
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.engine import gate
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.gate_anchor import label_flags
from cof_viewer.engine.gate_ecg import ecg_flags
from cof_viewer.engine.packed.anatomy import box_of
from cof_viewer.engine.packed.generator import PackedGenerator
from cof_viewer.engine.packed.network import Form
from cof_viewer.engine.packed.pack import heart_extent
from cof_viewer.engine.packed.pictures import bright_grey, unpack_pictures
from cof_viewer.engine.packed.sample import DDIM_STEPS, EULER_STEPS
from cof_viewer.engine.packed.scanner import at_phases, changed_beat, motion_of, outside_share, warped_beat
from cof_viewer.engine.packed.warp import BoxWarp
from cof_viewer.engine.plan import medoid
from cof_viewer.engine.weights import read_entries
from cof_viewer.signal import representative_beat

Float = NDArray[np.float32]

NAMES: dict[Form, str] = {"flow": "packed", "diffusion": "diffusion"}
"""Names of the forms' weights."""

DEFAULT_PHASES = 50


@dataclass(frozen=True, eq=False)
class PackedEngine:
    """Generates whole beats by one of the paper's forms.

    Attributes:
        generator: loaded.
        weights_sha256: of what is loaded, for provenance.
    """

    generator: PackedGenerator
    weights_sha256: dict[str, str]

    def generate(
        self,
        prepared: Prepared,
        ecg: Ecg,
        *,
        phases: int = DEFAULT_PHASES,
        members: int = 1,
        seed: int = 0,
        steps: int | None = None,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
    ) -> Generation:
        """A beat of an ED anchor, driven by the ECG.

        Args:
            prepared: the anchor, at ED, which is phase 0.
            ecg: standard 12-lead record.
            phases: T of the answer, whatever T the network draws.
            members: beats drawn, each with noise of its own; the medoid of their curves is given.
            seed: of the first member's noise; the next ones count on.
            steps: calls of the network a member; by default the form's own.
            progress: told fraction and words.
            cancel: looked at before every call of the network and every warp.

        Raises:
            UserError: no usable ECG, or the heart lies outside its box.
            Cancelled: somebody asked to stop.
        """
        beat = representative_beat(ecg)
        image, labels = _box(prepared)
        warp = BoxWarp.of(labels, prepared.slice_mm)
        packs: list[Float] = []
        for member in range(members):
            progress(0.6 * member / members, "Drawing the motion from the ECG")
            packs.append(
                self.generator.drawn(
                    image, labels, prepared.slice_mm, beat, seed=seed + member, steps=steps, cancel=cancel
                )
            )
        drawn = [self.generator.displacement(pack, labels) for pack in packs]
        curves = np.stack([warp.lv_curve_ml(at_phases(field, phases)) for field in drawn])
        middle = medoid(curves)
        chosen = drawn[middle]
        field = at_phases(chosen, phases)
        cine, warped = warped_beat(prepared, field, part_of(progress, 0.6, 0.95), cancel)
        if self.generator.network.config.target == "pictures":
            change = unpack_pictures(
                packs[middle], heart_extent(labels), len(labels), self.generator.network.config.pack, bright_grey(image)
            )
            cine = changed_beat(prepared, cine, at_phases(change, phases))
        motion = motion_of(prepared, chosen, phases)
        phase_ms = regular_phase_ms(phases, beat.rr_ms)
        function = function_from_labels(
            warped, phase_ms=phase_ms, rr_ms=beat.rr_ms, source=Source.GENERATED, ed_phase=0, anchor_phase=0
        )
        flags = [*ecg_flags(ecg, beat), *label_flags(prepared.labels)]
        flags += [*gate.stack_flags(prepared.volume.grid), *gate.contraction_flags(function.ef_percent)]
        flags += gate.motion_flags(motion, _near_heart(prepared), outside_share(labels, chosen, prepared.slice_mm))
        result = Result(function, None, None, worst_first(tuple(flags)), self._provenance(ecg, seed, members, steps))
        volume = prepared.volume
        pictures = Cine(cine, volume.grid, phase_ms, beat.rr_ms, volume.layout, volume.name)
        scale = 1.0 if volume.grid.spacing_known else 1000.0 / (CANONICAL_SPACING_MM**2 * prepared.slice_mm)
        progress(1.0, "Generated")
        return Generation(pictures, warped, volume, prepared.labels, 0, motion, curves * scale, result)

    def _provenance(self, ecg: Ecg, seed: int, members: int, steps: int | None) -> Provenance:
        usual = DDIM_STEPS if self.generator.network.config.form == "diffusion" else EULER_STEPS
        device = self.generator.device.type
        made = Provenance(cof_viewer.__version__, self.weights_sha256, seed, members, steps or usual, device)
        return replace(made, anchor_phase=0, ecg=ecg.sha256)


def load_packed(models_dir: Path, form: Form, device: str = "cpu") -> PackedEngine:
    """Read a form's weights.

    Args:
        models_dir: folder of the weights.
        form: "flow" or "diffusion".
        device: "cpu" or "cuda".

    Raises:
        UserError: weights are missing or damaged.
    """
    generator = PackedGenerator.load(models_dir, NAMES[form], device)
    entries = read_entries(models_dir)
    return PackedEngine(generator, {name: entries[name].sha256 for name in (NAMES[form], "ecg_encoder")})


def _box(prepared: Prepared) -> tuple[NDArray[np.generic], NDArray[np.uint8]]:
    """Picture and labels of an anchor on the heart's box."""
    image = box_of(to_canonical(np.asarray(prepared.volume.data, np.float32), prepared.pose))
    labels = box_of(prepared.canonical_labels)
    if not labels.any():
        raise UserError("The heart was not found where it should be. Choose another anchor.", code="no-heart")
    return image, labels.astype(np.uint8)


def _near_heart(prepared: Prepared) -> NDArray[np.bool_]:
    """[z, 62, 62] points of the motion's lattice inside LV, wall or RV of the anchor, its border left out."""
    inside = (prepared.distances[:, 1:].amax(dim=1) > 0).cpu().numpy()[:, ::2, ::2]
    return np.asarray(inside[:, 1:-1, 1:-1])

"""What a hand on a slider sees: the moving heart, curve and numbers, before any picture is made."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from cof_viewer.anatomy import function_from_curves
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.function import Function, Source
from cof_viewer.domain.generation import Motion
from cof_viewer.domain.image import Label, regular_phase_ms
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.beat_motion import beat_field, full_motion, ways_of
from cof_viewer.engine.ecg_encoder import StMemEncoder, encode
from cof_viewer.engine.generator import Ablation
from cof_viewer.engine.intervals import GeneratedCalibration, with_generated_intervals
from cof_viewer.engine.motion.time_law import MarkEdit
from cof_viewer.engine.plan import AnchorMoment, BeatPlan
from cof_viewer.engine.warp import BeatField
from cof_viewer.signal import representative_beat

_ECGS_KEPT = 8


@dataclass(frozen=True, eq=False)
class HeardEcg:
    """An ECG as the generator hears it.

    Attributes:
        ecg: the record.
        key: checksum of its signal.
        beat: representative cycle, with measured intervals.
        embedding: [768] of the encoder.
    """

    ecg: Ecg
    key: str
    beat: Beat
    embedding: NDArray[np.float32]


class Ear:
    """Reads and encodes ECGs; the last few are kept, by the checksum of their signal."""

    def __init__(self, encoder: StMemEncoder) -> None:
        """Keep the encoder."""
        self._encoder = encoder
        self._kept: OrderedDict[str, HeardEcg] = OrderedDict()
        self._lock = Lock()

    def hear(self, ecg: Ecg) -> HeardEcg:
        """Read and encode a record, or take it from those kept.

        Raises:
            UserError: no beat can be read from it.
        """
        key = hashlib.sha256(np.ascontiguousarray(ecg.signal_mv).tobytes()).hexdigest()
        with self._lock:
            kept = self._kept.pop(key, None)
        if kept is None or kept.ecg.name != ecg.name or kept.ecg.problems != ecg.problems:
            beat = kept.beat if kept else representative_beat(ecg)
            embedding = kept.embedding if kept else np.asarray(encode(self._encoder, beat), dtype=np.float32)
            kept = HeardEcg(ecg, key, beat, embedding)
        with self._lock:
            self._kept[key] = kept
            while len(self._kept) > _ECGS_KEPT:
                self._kept.popitem(last=False)
        return kept


@dataclass(frozen=True)
class DrawOptions:
    """How a beat is asked for.

    Attributes:
        phases: T.
        members: noise seeds.
        steps: Euler steps.
        seed: of the members' noise.
        timing: marks set by hand.
        ablate: what the generator is not told.
    """

    phases: int
    members: int
    steps: int
    seed: int
    timing: MarkEdit | None = None
    ablate: Ablation | None = None


@dataclass(frozen=True, eq=False)
class LiveBeat:
    """A beat without pictures; `Engine.cine` makes them from it.

    Attributes:
        prepared: the anchor.
        heard: the ECG.
        anchor: where the anchor stands.
        options: how it was asked for.
        plan: moments, marks, members' curves.
        field: pull-back of every phase, on the engine's device.
        motion: the same both ways, for the moving heart.
        function: curve and numbers of the left ventricle with their intervals; the full beat's differ by what partial
            volume makes (about 1 %), and know the right ventricle too.
    """

    prepared: Prepared
    heard: HeardEcg
    anchor: AnchorMoment
    options: DrawOptions
    plan: BeatPlan
    field: BeatField
    motion: Motion
    function: Function


def live_beat(
    plan: BeatPlan,
    prepared: Prepared,
    heard: HeardEcg,
    anchor: AnchorMoment,
    options: DrawOptions,
    calibration: GeneratedCalibration | None = None,
) -> LiveBeat:
    """Lay a plan out over the phases of its beat."""
    ways = ways_of(prepared, plan.member, plan.s, plan.anchor_phase, plan.clocks)
    field = beat_field(prepared, plan.member, plan.s, ways)
    motion = full_motion(prepared, plan.member, field, plan.s, plan.anchor_phase, ways)
    function = with_generated_intervals(curve_function(plan, prepared, heard.beat, anchor), calibration)
    return LiveBeat(prepared, heard, anchor, options, plan, field, motion, function)


def curve_function(plan: BeatPlan, prepared: Prepared, beat: Beat, anchor: AnchorMoment) -> Function:
    """Numbers of the medoid's curve, scaled so that the anchor's phase has the volume of the anchor's labels."""
    grid = prepared.volume.grid
    at_anchor = np.count_nonzero(prepared.labels.data == Label.LV) * grid.voxel_volume_ml
    curve = plan.member_lv_ml[plan.medoid]
    return function_from_curves(
        curve * (at_anchor / max(float(curve[plan.anchor_phase]), 1e-6)),
        voxel_ml=1.0 if grid.spacing_known else None,
        phase_ms=regular_phase_ms(len(plan.s), beat.rr_ms),
        rr_ms=beat.rr_ms,
        source=Source.GENERATED,
        ed_phase=plan.anchor_phase if anchor.role == "ed" else None,
        anchor_phase=plan.anchor_phase,
    )

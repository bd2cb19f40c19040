"""One generated beat with its pictures: warp the anchor by a live beat's motion, count, judge."""

from __future__ import annotations

from dataclasses import replace

from cof_viewer.anatomy import agreement, function_from_labels
from cof_viewer.domain.flag import Flag, worst_first
from cof_viewer.domain.function import Agreement, Function, Provenance, Result, Source
from cof_viewer.domain.generation import Generation, Measurement
from cof_viewer.domain.image import Cine, LabelCine, regular_phase_ms
from cof_viewer.domain.progress import CancelToken, Progress, part_of
from cof_viewer.engine.intervals import GeneratedCalibration, with_generated_intervals
from cof_viewer.engine.judge import beat_flags
from cof_viewer.engine.live import LiveBeat
from cof_viewer.engine.warp import ScannerWarp, warp_beat


def with_pictures(
    live: LiveBeat,
    *,
    provenance: Provenance,
    measured: Measurement | None = None,
    flags: tuple[Flag, ...] = (),
    calibration: GeneratedCalibration | None = None,
    progress: Progress,
    cancel: CancelToken,
) -> Generation:
    """The full-resolution cine of a live beat, its labels counted and judged.

    Args:
        live: the beat.
        provenance: of the result, all but the anchor's phase.
        measured: of the same heart, slices in the order of the prepared anchor.
        flags: what was known of the input before.
        calibration: of the generated numbers' intervals.
        progress: told fraction and words.
        cancel: looked at before every phase.

    Raises:
        Cancelled: somebody asked to stop.
    """
    prepared, plan = live.prepared, live.plan
    cancel.raise_if_cancelled()
    warp = ScannerWarp(prepared.volume, prepared.labels, prepared.pose, live.field)
    told = part_of(progress, 0.0, 0.95)
    data, labels = warp_beat(warp, prepared.labels, len(plan.s), plan.anchor_phase, told, cancel)
    cancel.raise_if_cancelled()
    function = with_generated_intervals(_function(live, labels), calibration)
    result = Result(
        function=function,
        measured=measured.result.function if measured else None,
        agreement=_agreement(labels, measured),
        flags=worst_first((*flags, *beat_flags(live, labels, function))),
        provenance=replace(provenance, anchor_phase=plan.anchor_phase),
    )
    volume = prepared.volume
    cine = Cine(data, volume.grid, function.phase_ms, live.heard.beat.rr_ms, volume.layout, volume.name)
    progress(1.0, "Generated")
    return Generation(
        cine, labels, volume, prepared.labels, plan.anchor_phase, live.motion, plan.member_lv_ml, result,
        measured.labels if measured else None,
    )  # fmt: skip


def _function(live: LiveBeat, labels: LabelCine) -> Function:
    """Numbers and curves counted on the warped labels."""
    rr_ms, anchor_phase = live.heard.beat.rr_ms, live.plan.anchor_phase
    return function_from_labels(
        labels,
        phase_ms=regular_phase_ms(labels.phases, rr_ms),
        rr_ms=rr_ms,
        source=Source.GENERATED,
        ed_phase=anchor_phase if live.anchor.role == "ed" else None,
        anchor_phase=anchor_phase,
    )


def _agreement(labels: LabelCine, measured: Measurement | None) -> Agreement | None:
    """How the generated labels lie on the measured ones."""
    if measured is None:
        return None
    cine = measured.cine
    return agreement(labels, measured.labels, measured_phase_ms=cine.phase_ms, measured_rr_ms=cine.rr_ms)

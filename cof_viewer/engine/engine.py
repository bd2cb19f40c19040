"""The door to everything learned: load once, then segment, track, measure, prepare and generate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import cof_viewer
from cof_viewer.anatomy import function_from_labels
from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import Flag, Severity, worst_first
from cof_viewer.domain.function import Provenance, Result, Source
from cof_viewer.domain.generation import Generation, Measurement, Motion
from cof_viewer.domain.image import Cine, LabelCine, LabelMap, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.domain.study import Study
from cof_viewer.engine import gate
from cof_viewer.engine.anchor import Prepared, prepare_anchor
from cof_viewer.engine.ecg_encoder import StMemEncoder, encode, load_encoder
from cof_viewer.engine.flow import EULER_STEPS
from cof_viewer.engine.generate import Ablation, AnchorMoment, Generator, generate_beat
from cof_viewer.engine.intervals import read_generated, read_measured, with_measured_intervals
from cof_viewer.engine.registration import RegistrationTeacher
from cof_viewer.engine.segmenter import Segmenter
from cof_viewer.engine.weights import read_entries
from cof_viewer.signal import representative_beat

DEFAULT_PHASES = 50


@dataclass(frozen=True)
class EngineInfo:
    """What is loaded, for provenance and the About box."""

    version: str
    device: str
    weights_sha256: dict[str, str]


class Engine:
    """Segmenter, registration teacher, ECG encoder and flow, on one device."""

    def __init__(
        self,
        segmenter: Segmenter,
        teacher: RegistrationTeacher,
        encoder: StMemEncoder,
        generator: Generator,
        info: EngineInfo,
        about: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        """Keep loaded parts; use `Engine.load`. `about` holds what the manifest says of each set of weights."""
        self._about = about or {}
        self._segmenter, self._teacher, self._encoder, self._generator = segmenter, teacher, encoder, generator
        self._poses: dict[str, CanonicalPose] = {}
        self.info = info

    @classmethod
    def load(cls, models_dir: Path, device: str = "auto") -> Engine:
        """Read all weights of a folder, checksums verified.

        Args:
            models_dir: folder with `manifest.json` and safetensors.
            device: "auto" (CUDA where there is one), "cpu" or "cuda".

        Raises:
            UserError: weights are missing or damaged, or CUDA is asked for and absent.
        """
        place = _device(device)
        entries = sorted(read_entries(models_dir).items())
        digests = {name: e.sha256 for name, e in entries}
        return cls(
            Segmenter.load(models_dir, place),
            RegistrationTeacher.load(models_dir, place),
            load_encoder(models_dir),
            Generator.load(models_dir, place),
            EngineInfo(cof_viewer.__version__, place.type, digests),
            {name: e.about for name, e in entries},
        )

    def orient(self, study: Study, cancel: CancelToken = NEVER) -> Study:
        """The study with its slices base first by the picture, and its pose; a header that disagrees is flagged.

        Raises:
            UserError: there is no heart in it.
        """
        pose = self._pose(study, cancel)
        if not pose.slices_reversed:
            return replace(study, pose=pose)
        pose = self._poses[study.sha256] = replace(pose, slices_reversed=False)
        flags = study.flags
        if study.stack.grid.orientation_known:
            flags = (*flags, _order_disagrees())
        return replace(study.with_slices_reversed(), flags=flags, pose=pose)

    def pose(self, study: Study, cancel: CancelToken = NEVER) -> CanonicalPose:
        """How the heart lies in a study's stack as it is, its slices in their own order.

        Raises:
            UserError: there is no heart in it.
        """
        return self._pose(study, cancel)

    def _pose(self, study: Study, cancel: CancelToken) -> CanonicalPose:
        """Pose of a study's stack, found once: it is asked for when opening, measuring and generating."""
        found = self._poses.get(study.sha256) if study.sha256 else study.pose
        if found is None:
            stack = study.stack
            look = self._segmenter
            found = look.pose_of_cine(stack, cancel) if isinstance(stack, Cine) else look.pose(stack, cancel)
            self._poses = {study.sha256: found}
        return found

    def segment(self, volume: Volume, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> LabelMap:
        """Label map of a volume on its own grid, in its own order of slices."""
        return self._segmenter.segment(volume, progress=progress, cancelled=cancel).label_map()

    def measure(self, study: Study, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> Measurement:
        """Segment every phase of a study's cine and read the numbers.

        Raises:
            UserError: the study has no cine, or no heart is found.
        """
        cine = study.cine
        if cine is None:
            raise UserError("This study holds a single volume: only a cine can be measured. Open the whole cine.")
        pose = self._pose(study, cancel)
        labels = self._segmenter.segment_cine(cine, pose, progress=progress, cancelled=cancel)
        origin = Source.SIMULATED if study.simulated else Source.MEASURED
        function = function_from_labels(labels, phase_ms=cine.phase_ms, rr_ms=cine.rr_ms, source=origin)
        function = with_measured_intervals(function, read_measured(self._about.get("segmenter", {})))
        provenance = replace(self._provenance(study.sha256), seed=None, members=None, steps=None)
        flags = worst_first((*study.flags, *gate.stack_flags(labels.grid)))
        return Measurement(cine, labels, Result(function, None, None, flags, provenance))

    def prepare(self, volume: Volume, progress: Progress = no_progress, cancel: CancelToken = NEVER) -> Prepared:
        """Find, orient and segment an anchor once, for many generations."""
        return prepare_anchor(self._segmenter, volume, self._generator.device, progress=progress, cancel=cancel)

    def track(
        self,
        cine: Cine,
        anchor_phase: int = 0,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
        *,
        labels: LabelCine | None = None,
        pose: CanonicalPose | None = None,
    ) -> Motion:
        """Motion of a measured cine from one of its phases to all others, by the registration teacher.

        In plane it is found, along the axis it is filled in by a prior (`RegistrationTeacher.track`).

        Args:
            cine: slices in any order.
            anchor_phase: 0-based.
            progress: told fraction and words.
            cancel: looked at at least every 0.2 s.
            labels: of every phase on the cine's grid; segmented here if not given.
            pose: of the cine where it is known; found here if not given.

        Raises:
            UserError: no heart is found.
            Cancelled: somebody asked to stop.
        """
        pose, start = pose or self._segmenter.pose_of_cine(cine, cancel), 0.0
        if labels is None:
            labels, start = (
                self._segmenter.segment_cine(cine, pose, progress=part_of(progress, 0.0, 0.5), cancelled=cancel),
                0.5,
            )
        return self._teacher.track(cine, pose, anchor_phase, part_of(progress, start, 1.0), cancel, labels=labels)

    def generate(
        self,
        anchor: Study | Volume | Prepared,
        ecg: Ecg,
        *,
        anchor_phase: int | str | None = None,
        phases: int | None = None,
        members: int = 1,
        steps: int | None = None,
        seed: int = 0,
        measured: Measurement | None = None,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
        ablate: Ablation | None = None,
    ) -> Generation:
        """A beat of the anchor, driven by the ECG.

        Args:
            anchor: a study (its cine's phase or its volume), a volume, or a prepared anchor.
            ecg: standard 12-lead record.
            anchor_phase: "ed", "es" or an index; None takes ED of a cine and estimates a single volume's.
            phases: T; the measured cine's by default, else 50.
            members: noise seeds.
            steps: Euler steps, 20 by default.
            seed: of the members' noise.
            measured: of the study's cine where it is already there; measured here if missing.
            progress: told fraction and words.
            cancel: looked at at least every 0.2 s.
            ablate: what the generator is not told ("ecg", "anatomy", "all-but-rate"); None tells it everything.

        Raises:
            UserError: no heart, no usable ECG, or an option out of range.
            Cancelled: somebody asked to stop.
        """
        beat = representative_beat(ecg)
        study = anchor if isinstance(anchor, Study) else None
        start = 0.0
        if study is not None and study.cine is not None and measured is None:
            measured, start = self.measure(study, part_of(progress, 0.0, 0.6), cancel), 0.6
        count = phases or (study.cine.phases if study and study.cine else DEFAULT_PHASES)
        volume, moment = self._anchor(anchor, measured, anchor_phase, count)
        ready = part_of(progress, start, start + 0.15)
        if isinstance(anchor, Prepared):
            prepared = anchor
        else:
            pose = self._pose(study, cancel) if study is not None else None
            place = self._generator.device
            prepared = prepare_anchor(self._segmenter, volume, place, pose=pose, progress=ready, cancel=cancel)
        if moment.phase is None and moment.role == "":
            moment = self._guess(prepared)
        if prepared.was_reversed and measured is not None:
            measured = _reversed(measured)
        embedding = np.asarray(self._embed(beat), dtype=np.float32)
        source = study.sha256 if study else None
        return generate_beat(
            self._generator,
            prepared,
            ecg,
            beat,
            embedding,
            moment,
            phases=count,
            members=members,
            steps=steps or EULER_STEPS,
            seed=seed,
            provenance=self._provenance(source, ecg.sha256, seed, members, steps or EULER_STEPS),
            measured=measured,
            flags=study.flags if study else (),
            progress=part_of(progress, start + 0.15, 1.0),
            cancel=cancel,
            ablate=ablate,
            calibration=read_generated(self._about.get("flow", {}), simulated=study is not None and study.simulated),
        )

    def _anchor(
        self, anchor: Study | Volume | Prepared, measured: Measurement | None, asked: int | str | None, phases: int
    ) -> tuple[Volume, AnchorMoment]:
        """The volume to warp and where it stands in the generated beat."""
        if isinstance(asked, int) and asked < 0:
            raise UserError(f"The anchor phase {asked} is negative: count from 0.")
        if isinstance(anchor, Study) and anchor.cine is not None:
            assert measured is not None
            function = measured.result.function
            named = {"ed": function.ed_phase, "es": function.es_phase, None: function.ed_phase}
            index = asked if isinstance(asked, int) else named[asked]
            if index is None or index >= anchor.cine.phases:
                raise UserError(
                    f"The anchor phase {index} is not one of the cine's {anchor.cine.phases} phases (0-based)."
                )
            role = "ed" if index == function.ed_phase else "es" if index == function.es_phase else ""
            return anchor.cine.volume(index), AnchorMoment(round(index * phases / anchor.cine.phases) % phases, role)
        volume = (
            anchor.stack if isinstance(anchor, Study) else anchor.volume if isinstance(anchor, Prepared) else anchor
        )
        assert isinstance(volume, Volume)
        if isinstance(asked, int):
            if asked >= phases:
                raise UserError(f"The anchor phase {asked} is not one of the {phases} generated phases (0-based).")
            return volume, AnchorMoment(asked, "")
        hint = asked or (anchor.anchor_phase_hint if isinstance(anchor, Study) else None)
        return volume, AnchorMoment(0 if hint == "ed" else None, hint or "")

    def _guess(self, prepared: Prepared) -> AnchorMoment:
        chance = self._generator.statistics.chance_of_es(torch.from_numpy(prepared.features))
        return AnchorMoment(None, "es", True) if chance > 0.5 else AnchorMoment(0, "ed", True)

    def _embed(self, beat: Beat) -> NDArray[np.float32]:
        return encode(self._encoder, beat)

    def _provenance(
        self,
        anchor: str | None,
        ecg: str | None = None,
        seed: int | None = None,
        members: int | None = None,
        steps: int | None = None,
    ) -> Provenance:
        info = self.info
        return Provenance(info.version, info.weights_sha256, seed, members, steps, info.device, anchor, None, ecg)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("No CUDA device was found. Use --device cpu.")
    return torch.device(name)


def _order_disagrees() -> Flag:
    return Flag(
        "slice-order-by-picture",
        Severity.NOTE,
        "The header says that the slices run from the base, the picture says from the apex: the picture is followed.",
    )


def _reversed(measured: Measurement) -> Measurement:
    labels = measured.labels
    turned = replace(labels, data=labels.data[:, ::-1], grid=labels.grid.with_slices_reversed())
    return replace(measured, cine=measured.cine.with_slices_reversed(), labels=turned)

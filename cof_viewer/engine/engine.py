"""The door to everything learned: load once, then segment, track, measure, prepare and generate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

import cof_viewer
from cof_viewer.anatomy import function_from_labels
from cof_viewer.domain.canonical import CanonicalPose
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import worst_first
from cof_viewer.domain.function import Function, Provenance, Result, Source
from cof_viewer.domain.generation import Generation, Measurement, Motion
from cof_viewer.domain.image import Cine, LabelCine, LabelMap, Volume
from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress, part_of
from cof_viewer.domain.study import Study
from cof_viewer.engine import gate
from cof_viewer.engine.anchor import Prepared, prepare_anchor
from cof_viewer.engine.devices import device_named
from cof_viewer.engine.ecg_encoder import StMemEncoder, load_encoder
from cof_viewer.engine.flow import EULER_STEPS
from cof_viewer.engine.generate import with_pictures
from cof_viewer.engine.generator import Ablation, Generator
from cof_viewer.engine.intervals import GeneratedCalibration, read_generated, read_measured, with_measured_intervals
from cof_viewer.engine.kept import Kept
from cof_viewer.engine.live import DrawOptions, Ear, HeardEcg, LiveBeat, live_beat
from cof_viewer.engine.motion.time_law import MarkEdit
from cof_viewer.engine.plan import AnchorMoment, Members, draw_members, stands_near_es, time_members
from cof_viewer.engine.registration import RegistrationTeacher
from cof_viewer.engine.segmenter import Segmenter
from cof_viewer.engine.standing import moment_of, standing_of
from cof_viewer.engine.weights import read_entries

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
        self._segmenter, self._teacher, self._generator = segmenter, teacher, generator
        self._ear = Ear(encoder)
        self._poses: dict[str, CanonicalPose] = {}
        self._drawn: Kept[Members] = Kept()
        self._anchors: Kept[Prepared] = Kept()
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
        place = device_named(device)
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
            flags = (*flags, gate.order_disagrees())
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

    def prepare(
        self,
        anchor: Study | Volume,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
        *,
        anchor_phase: int | str | None = None,
        measured: Measurement | None = None,
        simulated: bool | None = None,
    ) -> Prepared:
        """Find, orient and segment an anchor once, for many generations.

        Args:
            anchor: a study (its cine's phase or its volume) or a volume.
            progress: told fraction and words.
            cancel: looked at at least every 0.2 s.
            anchor_phase: "ed", "es" or, of a cine, an index; as in `generate`.
            measured: of the study's cine where it is already there; measured here if missing.
            simulated: whether the heart is a simulated one; None takes what a study says, else no.

        Raises:
            UserError: there is no heart, or no such phase.
            Cancelled: somebody asked to stop.
        """
        study, start = (anchor if isinstance(anchor, Study) else None), 0.0
        if study is not None and study.cine is not None and measured is None:
            measured, start = self.measure(study, part_of(progress, 0.0, 0.8), cancel), 0.8
        standing = standing_of(anchor, measured, anchor_phase)
        prepared = prepare_anchor(
            self._segmenter,
            standing.volume,
            self._generator.device,
            pose=self._pose(study, cancel) if study is not None else None,
            progress=part_of(progress, start, 1.0),
            cancel=cancel,
        )
        return replace(
            prepared,
            role=standing.role,
            share=standing.share,
            simulated=simulated if simulated is not None else study is not None and study.simulated,
            sha256=study.sha256 if study else None,
            flags=study.flags if study else (),
        )

    def live(
        self,
        prepared: Prepared,
        ecg: Ecg,
        *,
        anchor_phase: int | str | None = None,
        phases: int = DEFAULT_PHASES,
        members: int = 1,
        steps: int | None = None,
        seed: int = 0,
        timing: MarkEdit | None = None,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
        ablate: Ablation | None = None,
    ) -> LiveBeat:
        """Moving heart, curve and numbers of a prepared anchor with an ECG, no pictures: for a hand on a slider.

        An ECG that was heard before isn't read again, and while only `timing`, `phases` or the anchor's phase
        change, nothing is drawn again.

        Args:
            prepared: the anchor, from `prepare`.
            ecg: standard 12-lead record.
            anchor_phase: "ed", "es" or an index of the generated phases; None takes what the anchor tells.
            phases: T.
            members: noise seeds.
            steps: Euler steps, 20 by default.
            seed: of the members' noise.
            timing: time marks set by hand; None leaves them to the ECG.
            progress: told fraction and words.
            cancel: looked at at least every 0.2 s.
            ablate: what the generator is not told.

        Raises:
            UserError: no usable ECG, or an option out of range.
            Cancelled: somebody asked to stop.
        """
        heard = self._ear.hear(ecg)
        options = DrawOptions(phases, members, steps or EULER_STEPS, seed, timing, ablate)
        chance = self._generator.statistics.chance_of_es(torch.from_numpy(prepared.features))
        moment = moment_of(prepared, anchor_phase, phases, float(chance))
        drawn = self._members(prepared, heard, moment, options, cancel)
        plan = time_members(
            drawn,
            prepared,
            heard.beat,
            moment,
            phases=phases,
            edit=timing,
            progress=part_of(progress, 0.1, 0.8),
            cancel=cancel,
            ablate=ablate,
        )
        cancel.raise_if_cancelled()
        made = live_beat(plan, prepared, heard, moment, options, self._calibration(prepared))
        progress(1.0, "Moving")
        return made

    def cine(
        self,
        live: LiveBeat,
        *,
        measured: Measurement | None = None,
        progress: Progress = no_progress,
        cancel: CancelToken = NEVER,
    ) -> Generation:
        """The full-resolution cine of a live beat, with labels, counted numbers and flags.

        Args:
            live: from `live`; its motion is used as it is.
            measured: of the anchor's cine where there is one, to stand beside it.
            progress: told fraction and words.
            cancel: looked at at least every 0.2 s.

        Raises:
            Cancelled: somebody asked to stop.
        """
        prepared, options = live.prepared, live.options
        return with_pictures(
            live,
            provenance=self._provenance(
                prepared.sha256, live.heard.ecg.sha256, options.seed, options.members, options.steps
            ),
            measured=measured.with_slices_reversed() if measured is not None and prepared.was_reversed else measured,
            flags=prepared.flags,
            calibration=self._calibration(prepared),
            progress=progress,
            cancel=cancel,
        )

    def _members(
        self, prepared: Prepared, heard: HeardEcg, moment: AnchorMoment, options: DrawOptions, cancel: CancelToken
    ) -> Members:
        """Members for these inputs; those of the last call where nothing that they depend on has changed."""
        es_like = stands_near_es(moment, heard.beat, options.phases)
        asked = {name: getattr(options, name) for name in ("members", "steps", "seed", "ablate")}

        def draw() -> Members:
            beat, embedding = heard.beat, heard.embedding
            return draw_members(self._generator, prepared, beat, embedding, es_like=es_like, cancel=cancel, **asked)

        return self._drawn.get(prepared, (heard.key, es_like, *asked.values()), draw)

    def _calibration(self, prepared: Prepared) -> GeneratedCalibration | None:
        return read_generated(self._about.get("flow", {}), simulated=prepared.simulated)

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
        timing: MarkEdit | None = None,
        simulated: bool | None = None,
        seen_first: Callable[[Motion, Function], object] | None = None,
    ) -> Generation:
        """A beat of the anchor, driven by the ECG; the last anchor is kept, so that it isn't prepared again.

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
            timing: time marks set by hand; None leaves them to the ECG.
            simulated: whether the heart is a simulated one, whose intervals are calibrated apart; None takes what a
                study or a prepared anchor says.
            seen_first: given the moving heart and the left ventricle's numbers before pictures are made.

        Raises:
            UserError: no heart, no usable ECG, or an option out of range.
            Cancelled: somebody asked to stop.
        """
        self._ear.hear(ecg)  # refuses a useless record before the heart is looked for
        study, start = (anchor if isinstance(anchor, Study) else None), 0.0
        if study is not None and study.cine is not None and measured is None:
            measured, start = self.measure(study, part_of(progress, 0.0, 0.6), cancel), 0.6
        count = phases or (study.cine.phases if study and study.cine else DEFAULT_PHASES)
        asked = anchor_phase
        if not isinstance(anchor, Prepared):
            told = part_of(progress, start, start + 0.15)
            anchor = self._prepared(anchor, asked, measured, simulated, told, cancel)
            asked = None if anchor.share is not None else asked
        elif simulated is not None and simulated != anchor.simulated:
            anchor = replace(anchor, simulated=simulated)
        live = self.live(
            anchor,
            ecg,
            anchor_phase=asked,
            phases=count,
            members=members,
            steps=steps,
            seed=seed,
            timing=timing,
            progress=part_of(progress, start + 0.15, start + 0.25),
            cancel=cancel,
            ablate=ablate,
        )
        if seen_first is not None:
            seen_first(live.motion, live.function)
        return self.cine(live, measured=measured, progress=part_of(progress, start + 0.25, 1.0), cancel=cancel)

    def _prepared(
        self,
        anchor: Study | Volume,
        asked: int | str | None,
        measured: Measurement | None,
        simulated: bool | None,
        progress: Progress,
        cancel: CancelToken,
    ) -> Prepared:
        """`prepare`, unless the same stack was prepared in the same way last time."""
        study = anchor if isinstance(anchor, Study) else None
        found = measured.result.function if measured is not None else None
        key = (asked, simulated, found and (found.ed_phase, found.es_phase), study and (study.sha256, study.flags))

        def make() -> Prepared:
            return self.prepare(anchor, progress, cancel, anchor_phase=asked, measured=measured, simulated=simulated)

        return self._anchors.get(study.stack if study else anchor, key, make)

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

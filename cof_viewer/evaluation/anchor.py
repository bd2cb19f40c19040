"""What a method is given of a case: the ED picture, its labels as the segmenter sees them, and the ECG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.case import BOX_PIXELS, MADE_KINDS, CohortCase, Kind
from cof_viewer.cohort.volume import volume_of
from cof_viewer.domain.canonical import CANONICAL_PIXELS, CANONICAL_SPACING_MM, CanonicalPose
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import LabelMap, Volume
from cof_viewer.evaluation.beat import Float, UInt8

if TYPE_CHECKING:
    from cof_viewer.engine.anchor import Prepared
    from cof_viewer.engine.engine import Engine

_MARGIN = (CANONICAL_PIXELS - BOX_PIXELS) // 2


@dataclass(frozen=True, eq=False)
class Anchor:
    """One case as methods see it; nothing of any other phase is in it but for methods that measure.

    Attributes:
        case_id: of the case.
        kind: of the case.
        labels: uint8 [z, 96, 96] of the anchor.
        picture: float32 [z, 96, 96], 0 to 1.
        prepared: the engine's own view of it.
        ecg: None where the case has none.
        phases: T of the case.
        rr_ms: length of its beat.
        slice_mm: distance between slices.
        whole: float32 [t, z, 96, 96], all pictures of the case; given to methods that measure and to nobody else.
    """

    case_id: str
    kind: Kind
    labels: UInt8
    picture: Float
    prepared: Prepared
    ecg: Ecg | None
    phases: int
    rr_ms: float
    slice_mm: float
    whole: Float | None = None


def anchor_of(case: CohortCase, engine: Engine, *, expert: bool = False) -> Anchor:
    """The anchor of a case.

    Args:
        case: its phase 0 is the anchor.
        engine: segments it.
        expert: take the case's own labels of phase 0 instead: an upper bound, never the protocol.

    Raises:
        UserError: no heart is found.
    """
    volume = volume_of(case)
    made = case.kind in MADE_KINDS
    prepared = _prepared_by_hand(volume, case.labels[0]) if expert else engine.prepare(volume, simulated=made)
    labels = prepared.labels.data[::-1] if prepared.was_reversed else prepared.labels.data
    return Anchor(
        case_id=case.case_id,
        kind=case.kind,
        labels=np.ascontiguousarray(labels),
        picture=volume.data / np.float32(255),
        prepared=prepared,
        ecg=ecg_of(case),
        phases=case.phases,
        rr_ms=case.rr_ms,
        slice_mm=case.slice_mm,
    )


def ecg_of(case: CohortCase) -> Ecg | None:
    """The case's ECG as the engine takes it."""
    if case.ecg_mv is None:
        return None
    return Ecg(np.asarray(case.ecg_mv, np.float32), SAMPLING_HZ, LEADS, name=case.ecg_name)


def canonical_labels(labels: UInt8) -> UInt8:
    """Labels of the box [z, 96, 96] on the canonical grid [z, 128, 128], in whose middle the box lies."""
    return np.pad(labels, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)))


def geometry(labels: UInt8, slice_mm: float) -> NDArray[np.float64]:
    """Shape of an anchor in numbers, for the learned baselines: the engine's anatomy vector.

    Raises:
        ValueError: no slice holds LV cavity.
    """
    from cof_viewer.engine.motion.features import anatomy_features
    from cof_viewer.engine.motion.frame import frame_from_labels

    canonical = canonical_labels(labels)
    return np.asarray(anatomy_features(canonical, frame_from_labels(canonical), slice_mm), dtype=np.float64)


def ecg_numbers(ecg: Ecg | None) -> NDArray[np.float64]:
    """Measured numbers of an ECG (see `signal.FEATURE_NAMES`); NaN throughout where it is missing or unusable."""
    from cof_viewer.signal import FEATURE_NAMES, ecg_features, representative_beat

    unknown = np.full(len(FEATURE_NAMES), np.nan)
    if ecg is None:
        return unknown
    try:
        return np.asarray(ecg_features(representative_beat(ecg)), dtype=np.float64)
    except UserError:
        return unknown


def _prepared_by_hand(volume: Volume, labels: UInt8) -> Prepared:
    import torch

    from cof_viewer.engine.anchor import prepared_from_labels

    middle = (BOX_PIXELS - 1) / 2.0
    pose = CanonicalPose((middle, middle), 0.0, False, False, (CANONICAL_SPACING_MM, CANONICAL_SPACING_MM))
    map_ = LabelMap(np.ascontiguousarray(labels), volume.grid)
    return prepared_from_labels(volume, pose, map_, canonical_labels(labels), torch.device("cpu"))

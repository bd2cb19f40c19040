"""What the packed form learns from: the store's beats as packs, with what the network is told of each.

Packing and the ECG's embedding are done once a case and kept in a folder; the name of the kept file tells the case,
its checksum, the shape of the pack and the encoder, so that nothing stale is ever read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from cof_viewer.cohort.case import MADE_KINDS, CohortCase, Kind
from cof_viewer.cohort.manifest import CaseRow
from cof_viewer.cohort.store import Store
from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.ecg_encoder import StMemEncoder, encode, load_encoder
from cof_viewer.engine.packed.anatomy import anatomy_images, phase_vector_of
from cof_viewer.engine.packed.confidence import local_agreement
from cof_viewer.engine.packed.network import Target
from cof_viewer.engine.packed.pack import PackLayout, heart_extent, pack, to_planes
from cof_viewer.engine.packed.pictures import pack_pictures
from cof_viewer.engine.weights import read_entries
from cof_viewer.learning.watching import report
from cof_viewer.signal import representative_beat

_VERSION = 1


@dataclass(frozen=True, eq=False)
class PackedCase:
    """One beat as the training sees it.

    Attributes:
        case_id: of the store.
        packed: float16 [C, T, Hf, Wf].
        heart: float16 [Df, Hf, Wf] where the heart is at ED, a point wider: 1 inside, 0 outside.
        anatomy: float16, see `anatomy_images`.
        embedding: float32 [768].
        phase: float32 [T].
    """

    case_id: str
    packed: NDArray[np.float16]
    heart: NDArray[np.float16]
    anatomy: NDArray[np.float16]
    embedding: NDArray[np.float32]
    phase: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Encoding:
    """The ECG encoder and what tells it from others."""

    encoder: StMemEncoder
    sha256: str

    @classmethod
    def load(cls, models: Path) -> Encoding:
        """The encoder of a folder of weights.

        Raises:
            UserError: there is none.
        """
        return cls(load_encoder(models), read_entries(models)["ecg_encoder"].sha256)


def chosen_rows(store: Store, part: Split, limit: int = 0) -> list[CaseRow]:
    """Cases of a part that have an ECG; only simulated ones for validation, where the truth is known."""
    kinds = None if part is Split.TRAIN else [Kind.SIMULATED]
    rows = [row for row in store.choose(kinds=kinds, parts=[part]) if row.origins.get("ecg") not in ("", "none", None)]
    return rows[: limit or None]


def packed_cases(
    store: Store,
    rows: Sequence[CaseRow],
    layout: PackLayout,
    encoding: Encoding,
    kept: Path,
    target: Target = "motion",
) -> list[PackedCase]:
    """The packs of these cases, from the folder of kept ones where they are there, made and kept where not.

    Cases whose ECG holds no usable beat, or whose shape is not the pack's, are left out.

    Raises:
        UserError: none is left.
    """
    cases = [case for case in _each(store, rows, layout, encoding, kept, target) if case is not None]
    if not cases:
        raise UserError("The store has no case with an ECG for this part of the split. Make more cases.", code="store")
    return cases


def _each(
    store: Store, rows: Sequence[CaseRow], layout: PackLayout, encoding: Encoding, kept: Path, target: Target
) -> Iterator[PackedCase | None]:
    kept.mkdir(parents=True, exist_ok=True)
    for done, row in enumerate(rows):
        report(0.0, f"Packing case {done + 1} of {len(rows)}")
        path = kept / f"{row.case_id}_{_key(row, layout, encoding, target)}.npz"
        if path.is_file():
            yield _read(path)
            continue
        case = packed_case(store.load(row.case_id), layout, encoding.encoder, target)
        if case is not None:
            _write(case, path)
        yield case


def packed_case(
    case: CohortCase, layout: PackLayout, encoder: StMemEncoder, target: Target = "motion"
) -> PackedCase | None:
    """One case packed, its motion or the change of its pictures.

    None where its ECG holds no usable beat or it has another number of phases.
    """
    if case.ecg_mv is None or case.phases != layout.phases or not (case.labels[0] > 0).any():
        return None
    try:
        beat = representative_beat(Ecg(np.asarray(case.ecg_mv, np.float32), SAMPLING_HZ, LEADS, name=case.ecg_name))
    except UserError:
        return None
    extent = heart_extent(case.labels[0])
    packed = pack_pictures(case.image, extent, layout) if target == "pictures" else _motion(case, extent, layout)
    return PackedCase(
        case_id=case.case_id,
        packed=packed.astype(np.float16),
        heart=heart_points(case.labels[0], layout).astype(np.float16),
        anatomy=anatomy_images(case.image[0], case.labels[0], case.slice_mm, layout).astype(np.float16),
        embedding=np.asarray(encode(encoder, beat), np.float32),
        phase=phase_vector_of(beat, layout.phases),
    )


def _motion(case: CohortCase, extent: tuple[int, int], layout: PackLayout) -> NDArray[np.float32]:
    confidence = np.ones(case.displacement_mm.shape[:-1], np.float32)
    if case.kind not in MADE_KINDS:
        confidence = local_agreement(case.image, case.displacement_mm, case.slice_mm)
    return pack(case.displacement_mm, confidence, extent, layout)


def heart_points(labels: NDArray[np.uint8], layout: PackLayout) -> NDArray[np.float32]:
    """[Df, Hf, Wf] 1 at points of the pack that see heart within one point, 0 elsewhere."""
    slices, rows, columns = labels.shape
    inside = (labels > 0).reshape(slices, layout.rows, rows // layout.rows, layout.columns, columns // layout.columns)
    points = np.asarray(inside.any(axis=(2, 4)), dtype=np.float32)
    planes = to_planes(points, heart_extent(labels), layout.planes)
    return np.asarray(maximum_filter(planes, (1, 3, 3)) > 0, dtype=np.float32)


def _key(row: CaseRow, layout: PackLayout, encoding: Encoding, target: Target) -> str:
    told = f"{_VERSION} {row.sha256} {layout} {encoding.sha256}" + ("" if target == "motion" else f" {target}")
    return hashlib.sha256(told.encode("utf-8")).hexdigest()[:16]


def _write(case: PackedCase, path: Path) -> None:
    beside = path.with_suffix(".partial.npz")
    np.savez(
        beside,
        packed=case.packed,
        heart=case.heart,
        anatomy=case.anatomy,
        embedding=case.embedding,
        phase=case.phase,
        case_id=np.array(case.case_id),
    )
    os.replace(beside, path)  # noqa: PTH105 - the atomic replace, by its name


def _read(path: Path) -> PackedCase:
    with np.load(path) as file:
        arrays = {name: file[name] for name in ("packed", "heart", "anatomy", "embedding", "phase")}
        return PackedCase(case_id=str(file["case_id"]), **arrays)

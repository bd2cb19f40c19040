"""What the teacher learns from, prepared once: phases on the canonical grid with expert and segmenter labels.

`python -m cof_viewer.learning.registration.cases --out runs/registration_cases` segments every train and validation
patient (ED and ES, and some real phases between them of the full beats) and keeps the result, so that a training
starts at once. Labels of the frozen segmenter are what the teacher is given; the experts' only judge it, and teach it
where they exist.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.cohort.real.mri import Row, choose, default_folder, load_cine, load_pair, read_manifest
from cof_viewer.domain.canonical import CanonicalPose, to_canonical
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Volume
from cof_viewer.domain.split import Split
from cof_viewer.engine.segmenter import Segmenter
from cof_viewer.learning.flow.build import canonical_labels, pose_of_labels
from cof_viewer.learning.segmenter.sampling import frame_of_labels

UInt8 = NDArray[np.uint8]

BETWEEN = 6
"""Phases of a full beat that are kept beside ED and ES."""


@dataclass(frozen=True, eq=False)
class BeatCase:
    """Some phases of one heart on the canonical grid, base first.

    Attributes:
        patient_id: whose.
        part: what the patient may be used for.
        slice_mm: distance between slices.
        images: uint8 [t, z, 128, 128]; t = 0 is ED, 1 is ES, further ones lie between in no order.
        predicted: uint8 [t, z, 128, 128], labels of the frozen segmenter.
        expert: uint8 [2, z, 128, 128], the experts' labels of ED and ES.
    """

    patient_id: str
    part: Split
    slice_mm: float
    images: UInt8
    predicted: UInt8
    expert: UInt8


def pose_from_labels(labels: UInt8, spacing_mm: tuple[float, float, float]) -> CanonicalPose:
    """Pose of a base-first stack as the localiser would give it, read off labels [z, y, x]; spacing (z, y, x)."""
    _, y_mm, x_mm = spacing_mm
    frame = frame_of_labels(labels, spacing_mm)
    if frame is None:
        return pose_of_labels(labels, (x_mm, y_mm))
    angle = math.degrees(math.remainder(frame.angle_rad - math.pi, 2 * math.pi))
    centre = (frame.centre_mm[1] / x_mm, frame.centre_mm[0] / y_mm)
    return CanonicalPose(centre, angle, False, False, (x_mm, y_mm))


def prepare(row: Row, segmenter: Segmenter, *, find: bool = False) -> BeatCase:
    """Read one file of the manifest, segment its phases and bring all to the canonical grid.

    Args:
        row: which file.
        segmenter: the frozen one.
        find: let the segmenter find the heart too, as on a stranger's stack; else the experts' ED labels tell its pose.
    """
    if row.kind == "pair":
        pair = load_pair(row)
        return _case(row, segmenter, pair.images, pair.labels, pair.spacing_mm, find)
    cine = load_cine(row)
    others = [k for k in range(len(cine.images)) if k not in (cine.ed_phase, cine.es_phase)]
    spread = np.linspace(0, len(others) - 1, min(BETWEEN, len(others))).round().astype(int)
    phases = [cine.ed_phase, cine.es_phase, *(others[k] for k in spread)]
    expert = np.stack([cine.ed_label, cine.es_label])
    return _case(row, segmenter, cine.images[phases], expert, cine.spacing_mm, find)


def _case(
    row: Row,
    segmenter: Segmenter,
    images: UInt8,
    expert: UInt8,
    spacing_mm: tuple[float, float, float],
    find: bool,
) -> BeatCase:
    z_mm, y_mm, x_mm = spacing_mm
    shape = (images.shape[1], images.shape[2], images.shape[3])
    grid = grid_from_spacing(shape, (x_mm, y_mm, z_mm), orientation_known=False)
    first = Volume(images[0].astype(np.float32), grid)
    pose = segmenter.pose(first) if find else pose_from_labels(expert[0], spacing_mm)
    pictures, predicted = [], []
    for data in images.astype(np.float32):
        pictures.append(to_canonical(data, pose).round().clip(0, 255).astype(np.uint8))
        predicted.append(segmenter.canonical_shares(Volume(data, grid), pose).argmax(axis=1).astype(np.uint8))
    drawn = np.stack([canonical_labels(labels, pose) for labels in expert])
    return BeatCase(row.patient_id, row.part, z_mm, np.stack(pictures), np.stack(predicted), drawn)


def save_case(case: BeatCase, path: Path) -> None:
    """Write one case as npz, complete or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as stream:
        np.savez_compressed(
            stream,
            ids=np.array([case.patient_id, case.part.value]),
            slice_mm=np.array(case.slice_mm),
            images=case.images,
            predicted=case.predicted,
            expert=case.expert,
        )
    partial.replace(path)


def read_case(path: Path) -> BeatCase:
    """Read what `save_case` wrote."""
    with np.load(path) as file:
        patient, part = (str(v) for v in file["ids"])
        slice_mm = float(file["slice_mm"])
        return BeatCase(patient, Split(part), slice_mm, file["images"], file["predicted"], file["expert"])


def load_cases(folder: Path, part: Split, kinds: Sequence[str] = ("pair", "cine"), limit: int = 0) -> list[BeatCase]:
    """Prepared cases of one part, in the order of names; `limit` > 0 keeps only so many.

    Raises:
        UserError: the folder holds none.
    """
    paths = sorted(path for kind in kinds for path in folder.glob(f"{kind}_*.npz"))
    cases: list[BeatCase] = []
    for path in paths:
        case = read_case(path)
        if case.part is part:
            cases.append(case)
        if limit and len(cases) == limit:
            break
    if not cases:
        raise UserError(
            f'No prepared beats were found in "{folder}". Run cof_viewer.learning.registration.cases first.',
            code="no-data",
        )
    return cases


def build(rows: Iterable[Row], segmenter: Segmenter, out: Path) -> int:
    """Prepare every row that is not there yet; returns how many were made."""
    out.mkdir(parents=True, exist_ok=True)
    made = 0
    for row in rows:
        path = out / f"{row.kind}_{row.patient_id.replace(':', '_')}.npz"
        if not path.exists():
            with torch.autocast("cpu", torch.bfloat16):
                save_case(prepare(row, segmenter), path)
            made += 1
    return made


def main() -> None:
    """Prepare all train and validation patients: pairs first, then full beats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--out", type=Path, default=Path("runs/registration_cases"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = given.data or default_folder()
    if folder is None:
        raise UserError("The MRI data to learn from were not found; set COF_DATA to their folder.", code="no-data")
    rows = read_manifest(folder)
    wanted = [row for kind in ("pair", "cine") for row in choose(rows, kind, Split.VALIDATION, Split.TRAIN)]
    wanted.sort(key=lambda r: (r.kind != "pair", r.part is not Split.VALIDATION))
    build(wanted, Segmenter.load(given.models), given.out)


if __name__ == "__main__":
    main()

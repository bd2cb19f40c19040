"""How often the quality gate is right: silent on good anchors and ECGs, heard on bad ones.

`python -m cof_viewer.evaluation.gate --data DIR --models DIR --out FILE` writes one Markdown table a part.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cof_viewer.cohort.file import write_text_whole
from cof_viewer.cohort.real.ecgs import Record, read_records
from cof_viewer.cohort.real.mri import Pair, choose, load_pair, read_manifest
from cof_viewer.domain.ecg import Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.grid import grid_from_spacing
from cof_viewer.domain.image import Volume
from cof_viewer.domain.split import Split
from cof_viewer.evaluation.pairs import volume_of
from cof_viewer.evaluation.spoiled import SPOILED_ANCHORS, SPOILED_ECGS, spoiled_ecg

if TYPE_CHECKING:
    from cof_viewer.engine.engine import Engine

REFUSED = "refused"
ODD_TAGS = ("paediatric", "paced", "af_flutter", "pvc", "pac_svt")
"""Classes of records that the gate may well speak about; a lone extra beat is no reason to."""
_HEARD_AS = {"paediatric": ("child",), "paced": (), "af_flutter": (REFUSED, "irregular-rhythm", "rate-not-learned")}
_OTHERS = (
    "nibabel_anatomical", "nibabel_functional", "nibabel_example4d", "nibabel_reoriented_anat_moved",
    "nibabel_resampled_anat_moved", "cinema_mnms2_lax_4c_ed", "cmrsam_ID_0085_img_LAX",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: was judged.
        good: whether the gate should be silent.
        count: how many.
        heard: of how many it said something (a caution, a stop, a refusal).
        codes: how often each code was given.
        expected: codes of which one is right; empty where any is.
    """

    what: str
    good: bool
    count: int
    heard: int
    codes: dict[str, int]
    expected: tuple[str, ...] = ()

    @property
    def right(self) -> float:
        """Share on which the gate is right."""
        if not self.count:
            return float("nan")
        return 1 - self.heard / self.count if self.good else self.heard / self.count


def row_of(what: str, found: Iterable[Sequence[str]], *, good: bool, expected: tuple[str, ...] = ()) -> Row:
    """A line from the codes that each case was given; with `expected`, only those count as heard."""
    cases = [tuple(codes) for codes in found]
    heard = sum(bool(set(codes) & set(expected) if expected and not good else codes) for codes in cases)
    counted = Counter(code for codes in cases for code in codes)
    return Row(what, good, len(cases), heard, dict(counted.most_common()), expected)


def worrying(flags: Iterable[Flag]) -> tuple[str, ...]:
    """Codes of cautions and stops, each once."""
    return tuple(dict.fromkeys(flag.code for flag in flags if flag.severity is not Severity.NOTE))


def ecg_codes(ecg: Ecg) -> tuple[str, ...]:
    """What the gate says of a record."""
    from cof_viewer.engine.gate_ecg import ecg_flags
    from cof_viewer.signal import representative_beat

    try:
        return worrying(ecg_flags(ecg, representative_beat(ecg)))
    except UserError:
        return (REFUSED,)


def anchor_codes(engine: Engine, volume: Volume) -> tuple[str, ...]:
    """What the gate says of an anchor; slices far apart are a fact about it, not an alarm."""
    from cof_viewer.engine.gate_anchor import anchor_flags

    try:
        return tuple(code for code in worrying(anchor_flags(engine.prepare(volume))) if code != "coarse-stack")
    except UserError:
        return (REFUSED,)


def ecg_rows(records: Sequence[Record]) -> list[Row]:
    """Good records, real odd ones, and good ones spoiled."""
    sound = [r for r in records if r.quality == "ok"]
    good = good_records(records)
    rows = [row_of("good records", [ecg_codes(_with_age(r)) for r in good], good=True)]
    for tag, expected in _HEARD_AS.items():
        odd = [ecg_codes(_with_age(r)) for r in sound if tag in _tags(r)]
        rows.append(row_of(f"real records: {tag}", odd, good=False, expected=expected))
    for kind, (_, expected) in SPOILED_ECGS.items():
        spoiled = [ecg_codes(spoiled_ecg(r.ecg, kind, seed)) for seed, r in enumerate(good)]
        rows.append(row_of(kind, spoiled, good=False, expected=(*expected, REFUSED)))
    return rows


def good_records(records: Sequence[Record]) -> list[Record]:
    """Records of sound quality whose rhythm and age the gate has no reason to speak about, by all their tags."""
    return [r for r in records if r.quality == "ok" and not _tags(r) & set(ODD_TAGS)]


def _tags(record: Record) -> set[str]:
    return {record.group, *record.row.get("tags", "").split(";")}


def _with_age(record: Record) -> Ecg:
    try:
        return replace(record.ecg, age_years=float(record.row["age"]))
    except (KeyError, ValueError):
        return record.ecg


def anchor_rows(engine: Engine, pairs: Sequence[Pair], others: Sequence[Volume]) -> list[Row]:
    """Good stacks at ED and ES, ED stacks spoiled, and files that are no short-axis hearts."""
    good = [anchor_codes(engine, _as_known(pair, phase)) for pair in pairs for phase in (0, 1)]
    rows = [row_of("good stacks, ED and ES", good, good=True)]
    known = [pair for pair in pairs if pair.row.spacing_known]
    for kind, spoil in SPOILED_ANCHORS.items():
        spoiled = [
            spoil(volume_of(pair, 0), pair.labels[0], np.random.default_rng(seed)) for seed, pair in enumerate(known)
        ]
        rows.append(row_of(kind, [anchor_codes(engine, volume) for volume in spoiled], good=False))
    rows.append(row_of("heads and long-axis files", [anchor_codes(engine, v) for v in others], good=False))
    return rows


def _as_known(pair: Pair, phase: int) -> Volume:
    volume = volume_of(pair, phase)
    return volume if pair.row.spacing_known else replace(volume, grid=replace(volume.grid, spacing_known=False))


def beat_rows(engine: Engine, pairs: Sequence[Pair], records: Sequence[Record]) -> list[Row]:
    """Whole generated beats of good stacks and good records: any caution or stop counts."""
    good = good_records(records)
    found = []
    for index, pair in enumerate(pairs):
        generation = engine.generate(_as_known(pair, 0), good[index % len(good)].ecg, anchor_phase="ed", phases=20)
        found.append(tuple(code for code in worrying(generation.result.flags) if code != "coarse-stack"))
    return [row_of("generated beats of good stacks and records", found, good=True)]


def other_volumes(folder: Path) -> list[Volume]:
    """Files that are no short-axis stack: heads, long axes."""
    from cof_viewer.io.nifti.container import read_image
    from cof_viewer.io.sources import DiskFile

    volumes = []
    for name in _OTHERS:
        path = next(folder.glob(f"{name}.nii*"), None)
        if path is None:
            continue
        image = read_image(DiskFile(path))
        data = np.asarray(image.dataobj, dtype=np.float32)
        stack = np.ascontiguousarray((data[..., 0] if data.ndim == 4 else data).T)
        x, y, z = (float(size) for size in np.abs(image.header.get_zooms()[:3]))
        volumes.append(Volume(stack, grid_from_spacing(stack.shape, (x, y, z), orientation_known=False), name=name))
    return volumes


def table(rows: Sequence[Row]) -> str:
    """The lines as a Markdown table."""
    lines = ["| judged | n | should be | right | codes given |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        codes = ", ".join(f"{code} {count}" for code, count in row.codes.items()) or "-"
        wanted = "silent" if row.good else "heard" + (f" as {' or '.join(row.expected)}" if row.expected else "")
        lines.append(f"| {row.what} | {row.count} | {wanted} | {100 * row.right:.0f} % | {codes} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the validation part and write the tables."""
    import torch

    from cof_viewer.engine.engine import Engine

    words = argparse.ArgumentParser(prog="python -m cof_viewer.evaluation.gate", description=__doc__)
    words.add_argument("--data", type=Path, required=True, help="folder with mri/ and ecg/")
    words.add_argument("--models", type=Path, required=True)
    words.add_argument("--out", type=Path, required=True, help="Markdown file")
    asked = words.parse_args(arguments)
    torch.set_num_threads(1)
    engine = Engine.load(asked.models, "cpu")
    records = [r for r in read_records(asked.data / "ecg") if r.part is Split.VALIDATION]
    rows = choose(read_manifest(asked.data / "mri"), "pair", Split.VALIDATION)
    pairs = [load_pair(row) for row in rows]
    others = other_volumes(asked.data / "mri" / "other")
    parts = {
        "Anchors": anchor_rows(engine, pairs, others),
        "ECGs": ecg_rows(records),
        "Beats": beat_rows(engine, pairs, records),
    }
    text = "\n".join(f"**{name}**\n\n{table(found)}" for name, found in parts.items())

    write_text_whole(asked.out, text)


if __name__ == "__main__":
    main()

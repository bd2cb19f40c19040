"""Real ECGs for real hearts: matched by diagnosis and EF class, because no public data pairs them.

A match says nothing about one patient; it only keeps company that occurs: LBBB with dilated hearts, infarct ECGs
with infarcts. What the model seems to read of EF from such an ECG is partly this match, and is said so.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch

from cof_viewer.cohort.real.ecgs import read_records
from cof_viewer.domain.ecg import Beat, Ecg
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.split import Split
from cof_viewer.engine.ecg_encoder import StMemEncoder, encode, load_encoder
from cof_viewer.engine.motion.time_law import expected_marks
from cof_viewer.engine.weights import read_entries
from cof_viewer.learning.flow.cases import EcgCase
from cof_viewer.learning.watching import stop_is_asked
from cof_viewer.signal import representative_beat
from cof_viewer.signal.features import ecg_features


def load_ecgs(folder: Path, part: Split, models: Path | None, most: int = 0) -> list[EcgCase]:
    """Every usable adult record of a part, with its embedding (zeros while there is no encoder).

    Args:
        folder: of `records.h5`.
        part: of the split.
        models: where the encoder is read.
        most: of each class (smoke runs); 0 = all.

    Raises:
        Cancelled: somebody asked to stop.
    """
    encoder, kept = encoder_of(models), []
    taken: Counter[str] = Counter()
    for group, ecg in _records(folder, part):
        if stop_is_asked():
            raise Cancelled
        case = ecg_case(group, ecg, encoder) if not most or taken[group] < most else None
        if case is not None:
            taken[group] += 1
            kept.append(case)
    return kept


def _records(folder: Path, part: Split) -> list[tuple[str, Ecg]]:
    """(group, record) of every adult, unpaced record of good quality."""
    usable = (r for r in read_records(folder) if r.quality == "ok" and r.group not in ("paediatric", "paced"))
    return [(record.group, record.ecg) for record in usable if record.part is part]


def encoder_of(models: Path | None) -> StMemEncoder | None:
    """The ECG encoder of a folder of weights; None where there is none."""
    if models is None or not (models / "manifest.json").is_file() or "ecg_encoder" not in read_entries(models):
        return None
    return load_encoder(models)


def ecg_case(group: str, ecg: Ecg, encoder: StMemEncoder | None) -> EcgCase | None:
    """Numbers and embedding of a record; None where no usable beat is found. Embedding 0 without an encoder."""
    try:
        beat: Beat = representative_beat(ecg)
    except UserError:
        return None
    with torch.inference_mode():
        embedding = encode(encoder, beat) if encoder is not None else np.zeros(768, np.float32)
    expected = expected_marks(beat.intervals, beat.rr_ms)
    return EcgCase(group, ecg_features(beat), np.asarray(embedding, np.float32), expected)

"""The judge: the assessor's labels of a beat's pictures, by a network that shares no patient with what it judges."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cof_viewer.domain.image import Label
from cof_viewer.engine.weights import load_weights, read_entries
from cof_viewer.evaluation.beat import EvaluatedBeat, Float, Reference, UInt8, ef_of_curve, es_fraction, voxel_ml
from cof_viewer.learning.assessor.network import SegResNet, network_from, standardised
from cof_viewer.learning.assessor.parts import assert_disjoint
from cof_viewer.learning.assessor.publish import NAME


@dataclass(frozen=True, eq=False)
class Seen:
    """What the assessor sees in a beat: labels uint8 [t, z, 96, 96], and the LV curve [t] in mL by partial volumes."""

    labels: UInt8
    lv_ml: NDArray[np.float64]


class Assessor:
    """Labels every slice of every phase on its own, as the paper's assessor judges real and generated beats alike."""

    def __init__(self, network: SegResNet, learned_from: frozenset[str], sha256: str) -> None:
        """Keep a trained network; `load` reads one."""
        self._network = network.eval()
        self.learned_from, self.sha256 = learned_from, sha256

    @classmethod
    def load(cls, models: Path) -> Assessor | None:
        """Read the weights "assessor"; None where the folder has none.

        Raises:
            UserError: they are damaged.
        """
        if NAME not in read_entries(models):
            return None
        tensors, entry = load_weights(models, NAME)
        people = entry.about.get("data", {})
        known = frozenset(people.get("learned_from", ())) | frozenset(people.get("held_back", ()))
        return cls(network_from(entry.config, tensors), known, entry.sha256)

    def assert_stranger_to(self, patients: Iterable[str]) -> None:
        """Make sure that it learned from none of these patients.

        Raises:
            SplitBroken: it did.
        """
        assert_disjoint(self.learned_from, list(patients))

    def see(self, picture: Float, slice_mm: float) -> Seen:
        """Label a beat [t, z, 96, 96], 0 to 1."""
        labels, volumes = [], []
        for phase in picture:
            images = torch.from_numpy(np.array(phase, np.float32))[:, None]
            with torch.inference_mode():
                shares = self._network(standardised(images)).float().softmax(dim=1).numpy()
            hard = _largest_parts(shares.argmax(axis=1).astype(np.uint8))
            labels.append(hard)
            near = _near(hard == Label.LV)
            volumes.append(float((shares[:, Label.LV] * near).sum()) * voxel_ml(slice_mm))
        return Seen(np.stack(labels), np.array(volumes))


def as_reference(reference: Reference, seen: Seen) -> Reference:
    """The truth as the assessor sees it in the real pictures."""
    es = es_fraction(seen.lv_ml)
    ef = ef_of_curve(seen.lv_ml)
    edv = float(seen.lv_ml[0])
    return replace(
        reference,
        labels=seen.labels,
        lv_ml=seen.lv_ml,
        edv_ml=edv,
        esv_ml=edv * (1 - ef / 100.0),
        ef_percent=ef,
        es_fraction=es,
        es_phase=int(np.argmin(seen.lv_ml)),
    )


def as_beat(beat: EvaluatedBeat, seen: Seen) -> EvaluatedBeat:
    """A beat's numbers and labels as the assessor sees them in its pictures."""
    ef, es = ef_of_curve(seen.lv_ml), es_fraction(seen.lv_ml)
    return replace(beat, lv_ml=seen.lv_ml, ef_percent=ef, es_fraction=es, labels=seen.labels)


def _largest_parts(labels: UInt8) -> UInt8:
    """Only the largest connected part (in 3-D, by faces) of each structure [z, y, x]."""
    from scipy import ndimage

    out = np.zeros_like(labels)
    for label in (Label.LV, Label.MYO, Label.RV):
        parts, count = ndimage.label(labels == label)
        if count:
            sizes = np.bincount(parts.ravel())[1:]
            out[parts == 1 + int(sizes.argmax())] = label
    return out


def _near(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """A mask and its border in plane, where partial volumes count."""
    from scipy.ndimage import binary_dilation

    cross = np.zeros((3, 3, 3), bool)
    cross[1, 1, :] = cross[1, :, 1] = True
    return np.asarray(binary_dilation(mask, cross))

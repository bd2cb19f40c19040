"""The gate of the anchor: is this a short-axis stack of a heart as the networks learned them?

Signs are read off the labels and the picture beneath them; each has a limit that real short-axis hearts keep
(docs/results.md, "Quality gate") and a sentence for the reader. Several signs at once mean: no short-axis heart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cof_viewer.domain.flag import Flag, Severity
from cof_viewer.domain.image import Label, LabelMap
from cof_viewer.engine.anchor import Prepared
from cof_viewer.engine.gate import GENERATED, stack_flags
from cof_viewer.engine.seg_sampling import full_slices

_LEAST_PIXELS = 20
_RING = np.ones((3, 3), dtype=bool)
_LEAST_LEAD = 0.79
_LEAST_CONTRAST = 0.80
_MOST_ELONGATION = 1.45
_LEAST_RING = 0.90
_MOST_WANDER = 1.0
_LV_ML = (12.0, 600.0)
_LEAST_SLICES = 4


@dataclass(frozen=True)
class AnchorSigns:
    """What tells a short-axis heart from anything else.

    Attributes:
        lead: of the likeliest class over the next within the heart, 0 to 1; None for labels made by hand.
        contrast: share of pairs of a blood and a wall pixel of one slice in which blood is the brighter, 0 to 1.
        elongation: long over short axis of the cavity, median over its slices; 1 is round.
        ring: share of the cavity's border that is wall, median over its slices.
        wander: farthest step of the cavity's centre from one slice to the next, as a share of the heart's radius.
        lv_ml: volume of the cavity; None where spacing is unknown.
        slices: number of slices with cavity.
        empty: number of slices without a picture between others with one.
    """

    lead: float | None
    contrast: float
    elongation: float
    ring: float
    wander: float
    lv_ml: float | None
    slices: int
    empty: int


def anchor_signs(prepared: Prepared) -> AnchorSigns:
    """Read the signs of a prepared anchor."""
    labels, frame = prepared.canonical_labels, prepared.frame
    lv, wall = labels == Label.LV, labels == Label.MYO
    held = [z for z in range(frame.first, frame.last + 1) if np.count_nonzero(lv[z]) >= _LEAST_PIXELS]
    centres = np.array([ndimage.center_of_mass(lv[z]) for z in held]).reshape(-1, 2)
    steps = np.hypot(*np.diff(centres, axis=0).T) * 1.5 if len(centres) > 1 else np.zeros(1)
    grid = prepared.volume.grid
    full = full_slices(prepared.volume.data)
    return AnchorSigns(
        lead=prepared.lead,
        contrast=_contrast(prepared.volume.data, prepared.labels.data),
        elongation=float(np.median([_elongation(lv[z]) for z in held])) if held else 1.0,
        ring=float(np.median([_ring(lv[z], wall[z]) for z in held])) if held else 0.0,
        wander=float(steps.max()) / max(frame.scale_mm, 1.0),
        lv_ml=float(np.count_nonzero(prepared.labels.data == Label.LV)) * grid.voxel_volume_ml
        if grid.spacing_known
        else None,
        slices=len(held),
        empty=int(np.count_nonzero(~full[full.argmax() : len(full) - full[::-1].argmax()])),
    )


def _contrast(picture: NDArray[np.float32], labels: NDArray[np.uint8]) -> float:
    """Mean over slices of the share of (blood, wall) pairs with brighter blood (the area under a ROC curve)."""
    shares = []
    for plane, marked in zip(picture, labels, strict=True):
        blood, wall = plane[marked == Label.LV], np.sort(plane[marked == Label.MYO])
        if len(blood) >= _LEAST_PIXELS and len(wall) >= _LEAST_PIXELS:
            below = np.searchsorted(wall, blood, "left") + np.searchsorted(wall, blood, "right")
            shares.append(float(below.mean()) / (2 * len(wall)))
    return float(np.mean(shares)) if shares else 0.5


def _elongation(mask: NDArray[np.bool_]) -> float:
    """Long over short axis of the ellipse with the mask's second moments."""
    spread = np.linalg.eigvalsh(np.cov(np.argwhere(mask).T))
    return float(np.sqrt(spread[1] / max(spread[0], 1e-3)))


def _ring(cavity: NDArray[np.bool_], wall: NDArray[np.bool_]) -> float:
    """Share of the pixels next to the cavity that are wall."""
    border = ndimage.binary_dilation(cavity, _RING) & ~cavity
    return float(wall[border].mean()) if border.any() else 0.0


def anchor_flags(prepared: Prepared) -> list[Flag]:
    """Flags of a prepared anchor: unlike a heart, doubtful labels, missing parts, slices too far apart."""
    signs = anchor_signs(prepared)
    odd = oddities(signs)
    flags = [Flag(code, Severity.CAUTION, text) for code, text in odd]
    if len(odd) > 1:
        flags = [
            Flag(
                "anchor-unlike-a-heart",
                Severity.STOP,
                "This does not look like a short-axis stack of a heart: " + " ".join(text for _, text in odd),
                GENERATED,
            )
        ]
    return [*flags, *label_flags(prepared.labels), *stack_flags(prepared.volume.grid)]


def oddities(signs: AnchorSigns) -> list[tuple[str, str]]:
    """Code and sentence of every sign beyond its limit."""
    found = []
    if signs.lead is not None and signs.lead < _LEAST_LEAD:
        found.append(("segmentation-doubt", f"The contours are in doubt ({100 * signs.lead:.0f} % sure on average)."))
    if signs.contrast < _LEAST_CONTRAST:
        found.append(("no-cine-contrast", "Blood is hardly brighter than the wall, as it is in a bright-blood cine."))
    if signs.elongation > _MOST_ELONGATION:
        found.append(
            ("not-short-axis", f"The cavity is {signs.elongation:.1f} times as long as wide: a cut across it is round.")
        )
    if signs.ring < _LEAST_RING:
        found.append(("wall-open", f"The wall encloses only {100 * signs.ring:.0f} % of the cavity."))
    if signs.wander > _MOST_WANDER:
        found.append(("slices-shifted", "The ventricle jumps from one slice to the next."))
    if signs.lv_ml is not None and not _LV_ML[0] <= signs.lv_ml <= _LV_ML[1]:
        found.append(("size-implausible", f"The cavity holds {signs.lv_ml:.0f} mL, which no adult's does."))
    if signs.slices < _LEAST_SLICES:
        found.append(("few-slices", f"Only {signs.slices} slices show the ventricle: volumes can't be counted well."))
    if signs.empty:
        found.append(("empty-slices", f"{signs.empty} slices amid the stack hold no picture."))
    return found


def label_flags(labels: LabelMap) -> list[Flag]:
    """Parts that are missing from the anchor's labels."""
    named = ((Label.MYO, "myocardium"), (Label.RV, "right ventricle"))
    return [
        Flag(
            f"no-{name.replace(' ', '-')}",
            Severity.CAUTION,
            f"No {name} was found in the anchor: its numbers are not known.",
        )
        for label, name in named
        if not (labels.data == label).any()
    ]

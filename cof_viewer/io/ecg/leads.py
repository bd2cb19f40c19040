"""Names of leads, and the limb leads that follow from others by Einthoven's and Goldberger's relations."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS

LIMB: dict[str, tuple[float, float]] = {
    "I": (1.0, 0.0),
    "II": (0.0, 1.0),
    "III": (-1.0, 1.0),
    "aVR": (-0.5, -0.5),
    "aVL": (1.0, -0.5),
    "aVF": (-0.5, 1.0),
}
"""Each limb lead as shares of I and II (Einthoven 1912; Goldberger 1942)."""

CHEST: tuple[str, ...] = LEADS[6:]
INDEPENDENT_LEADS = 8

_BY_NAME = {name.casefold(): name for name in LEADS}
_NOISE = re.compile(r"\(.*?\)|\b(lead|ecg|ekg|derivation)\b|[\s_:.]+", re.IGNORECASE)


def standard_name(text: str) -> str | None:
    """The lead that a file's name of a channel means: "Lead I (Einthoven)", "ecg_avr", "V1" -> one of `LEADS`."""
    spaced = text.replace("_", " ")
    return _BY_NAME.get(_NOISE.sub("", spaced).casefold())


def independent_count(names: tuple[str, ...] | list[str]) -> int:
    """How many of these leads tell something of their own: at most two limb leads, and each chest lead."""
    limb = {name for name in names if name in LIMB}
    return min(len(limb), 2) + len({name for name in names if name in CHEST})


def complete_limb_leads(given: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """The six limb leads: those given as they are, the others from them by least squares.

    Args:
        given: limb leads with signal, at least two, each [sample].
    """
    names = [name for name in LIMB if name in given]
    shares = np.array([LIMB[name] for name in names])
    both, *_ = np.linalg.lstsq(shares, np.stack([given[name] for name in names]), rcond=None)
    return {name: given[name] if name in given else np.asarray(np.array(LIMB[name]) @ both) for name in LIMB}


def einthoven_error_mv(given: Mapping[str, NDArray[np.float64]]) -> float | None:
    """99th percentile of |III - (II - I)|, None where one of the three is not given."""
    if not {"I", "II", "III"} <= given.keys():
        return None
    return float(np.percentile(np.abs(given["III"] - (given["II"] - given["I"])), 99))

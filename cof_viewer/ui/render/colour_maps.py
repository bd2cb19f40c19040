"""Colour maps: cividis for magnitudes, which reads the same with every kind of colour vision and in grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_CIVIDIS: tuple[str, ...] = (
    "#00224E", "#00306F", "#2B446E", "#49536E", "#61646F", "#787677",
    "#8F8878", "#A69D75", "#C0B36C", "#DBC95C", "#FEE838",
)  # fmt: skip
"""Eleven even samples of cividis (Nuñez, Anderton and Renslow 2018), dark blue to yellow."""


def cividis(count: int = 256) -> NDArray[np.uint8]:
    """Colours from the low to the high end, uint8 (count, 3), linear between the published samples."""
    samples = np.array([[int(code[i : i + 2], 16) for i in (1, 3, 5)] for code in _CIVIDIS], dtype=np.float64)
    places, wanted = np.linspace(0, 1, len(samples)), np.linspace(0, 1, count)
    return np.stack([np.interp(wanted, places, samples[:, k]) for k in range(3)], axis=1).round().astype(np.uint8)

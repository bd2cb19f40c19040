"""Type, colours and measures of the printed page (the light set of the design's tokens).

All places are in points from the page's top left corner.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from pathlib import Path

from cof_viewer.domain.function import Source

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
"""A4."""

LEFT, RIGHT = 36.0, 559.28
COLUMN = 371.7
"""Where the right-hand column starts."""

REGULAR, SEMIBOLD = "Inter", "Inter-SemiBold"

TITLE, BODY, SMALL, TINY = 14.2, 8.0, 7.2, 6.6
LEADING = 1.4

INK = "#17181A"
TEXT2 = "#4A4D54"
TEXT3 = "#646871"
RULE = "#C2C5CB"
HAIRLINE = "#E0E1E5"
NORM = "#D3D6DB"
AMBER = "#8A5A00"
RED = "#B3261E"
BAND = "#E9EAED"
CALIPER = "#0B6A5D"
PAPER, PAPER_1MM, PAPER_5MM, TRACE = "#FFFBFA", "#F8E3E0", "#EFC4BF", "#141517"
ENDO_PLOT, RV_PLOT = "#C25400", "#8A8000"
ENDO, EPI, RV = "#EA6A10", "#56B4E9", "#F0E442"

DASHES: dict[Source, tuple[float, ...]] = {
    Source.MEASURED: (),
    Source.GENERATED: (2.6, 1.6),
    Source.SIMULATED: (0.01, 2.0),
    Source.ECG: (0.01, 2.0),
}
"""The line says where a thing comes from: solid measured, dashed generated, dotted simulated or told by the ECG."""

MM = 72.0 / 25.4
"""Points in a millimetre."""


@lru_cache(maxsize=1)
def register_fonts() -> None:
    """Make Inter known to reportlab; both weights are embedded as subsets of what is used."""
    from reportlab import rl_config
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    rl_config.useA85 = 0  # streams stay binary: a fifth smaller, twice as fast
    folder = _fonts_dir()
    pdfmetrics.registerFont(TTFont(REGULAR, str(folder / "Inter-Regular.ttf")))
    pdfmetrics.registerFont(TTFont(SEMIBOLD, str(folder / "Inter-SemiBold.ttf")))


def _fonts_dir() -> Path:
    """Where the fonts lie: in the installed package's data, or beside the package in a checkout."""
    package = Path(str(resources.files("cof_viewer")))
    installed = package / "_data" / "resources" / "fonts"
    return installed if installed.is_dir() else package.parent / "resources" / "fonts"

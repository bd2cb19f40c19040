"""Colours and sizes of the design, in one place: DESIGN section 2, dark and light, compact and comfortable."""

from __future__ import annotations

from typing import Literal

Mode = Literal["dark", "light"]
Density = Literal["compact", "comfortable"]

COMFORTABLE_FROM_PX = 1900
"""Logical width of the window from which the density is comfortable."""

SCALED_FROM_PX = 3200
"""Logical width of the screen from which the whole interface is scaled by `SCALE_LARGE`."""

SCALE_LARGE = 1.5

_PICTURE = {"pic": "#000000", "heart": "#101113", "overlay": "#E3E5E8"}
_MATERIALS = {"endo_3d": "#EA6A10", "epi_3d": "#56B4E9", "rv_3d": "#E0D55C", "slice_plane": "#D9DEE6"}

DARK: dict[str, str] = {
    "gap": "#0B0C0D",
    "win": "#131416",
    "panel": "#191A1D",
    "raised": "#232428",
    "hover": "#2B2D32",
    "active": "#35373D",
    "line": "#292B2F",
    "line2": "#3E4147",
    "norm": "#3A3D44",
    "t1": "#ECEDEF",
    "t2": "#B4B7BD",
    "t3": "#8F939B",
    "off": "#565A61",
    "accent": "#45B8A6",
    "accent_hover": "#58C6B5",
    "accent_pressed": "#369A8A",
    "on_accent": "#071C19",
    "cursor": "#7AD3C5",
    "endo": "#EA6A10",
    "epi": "#56B4E9",
    "rv": "#F0E442",
    "endo_plot": "#EA6A10",
    "epi_plot": "#56B4E9",
    "rv_plot": "#F0E442",
    "band": "#33EA6A10",
    "band_rv": "#33F0E442",
    "amber": "#E5A83B",
    "red": "#F0706A",
    "redbg": "#3A2021",
    "paper": "#17171A",
    "paper_1mm": "#221F20",
    "paper_5mm": "#352D2E",
    "trace": "#E6E7E9",
    "cycle": "#2E45B8A6",
    **_PICTURE,
    **_MATERIALS,
}

LIGHT: dict[str, str] = {
    "gap": "#C9CBCF",
    "win": "#ECEDEF",
    "panel": "#F7F7F8",
    "raised": "#FFFFFF",
    "hover": "#E9EAED",
    "active": "#DCDEE2",
    "line": "#E0E1E5",
    "line2": "#C2C5CB",
    "norm": "#D3D6DB",
    "t1": "#17181A",
    "t2": "#4A4D54",
    "t3": "#646871",
    "off": "#A6AAB1",
    "accent": "#0F7F70",
    "accent_hover": "#11917F",
    "accent_pressed": "#0B6A5D",
    "on_accent": "#FFFFFF",
    "cursor": "#0B6A5D",
    "endo": "#EA6A10",
    "epi": "#56B4E9",
    "rv": "#F0E442",
    "endo_plot": "#C25400",
    "epi_plot": "#56B4E9",
    "rv_plot": "#8A8000",
    "band": "#2EEA6A10",
    "band_rv": "#2E8A8000",
    "amber": "#8A5A00",
    "red": "#B3261E",
    "redbg": "#FBE6E4",
    "paper": "#FFFBFA",
    "paper_1mm": "#F8E3E0",
    "paper_5mm": "#EFC4BF",
    "trace": "#141517",
    "cycle": "#240F7F70",
    **_PICTURE,
    **_MATERIALS,
}

PALETTES: dict[Mode, dict[str, str]] = {"dark": DARK, "light": LIGHT}
"""Token name to #RRGGBB or #AARRGGBB."""

TYPE: dict[str, tuple[float, float, int, float, float]] = {
    "hero": (44.0, 64.0, 600, -1.0, -2.0),
    "preview": (36.0, 36.0, 600, -1.0, -1.0),
    "start": (22.0, 22.0, 600, 0.0, 0.0),
    "name": (15.0, 15.0, 600, 0.0, 0.0),
    "base": (12.0, 13.0, 400, 0.0, 0.0),
    "small": (11.0, 12.0, 400, 0.0, 0.0),
    "micro": (10.5, 11.5, 400, 0.0, 0.0),
    "overlay": (11.0, 12.5, 400, 0.0, 0.0),
}
"""Role to (compact px, comfortable px, weight, letter space compact, letter space comfortable)."""

CURVE_WIDTH = 1.75
CURSOR_WIDTH = 1.25
CURVE_DASH_PX = (7.0, 4.0)
CONTOUR_DASH_PX = (5.8, 3.5)
DOT_DASH_PX = (2.0, 3.0)

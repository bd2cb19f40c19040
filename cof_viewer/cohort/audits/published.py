"""Published values that the population is held against, and whether the sampler was given them."""

from __future__ import annotations

from dataclasses import dataclass

MEAN_WITHIN_SD = 0.5
"""A mean further from the published one than this share of the published SD is flagged."""

SD_WITHIN = 0.35
"""An SD that differs from the published one by more than this share is flagged."""


@dataclass(frozen=True)
class Published:
    """One published value.

    Attributes:
        mean: in the metric's unit.
        sd: of persons.
        source: short citation.
        given: whether the simulator draws from this value; what is given can't be evidence.
    """

    mean: float
    sd: float
    source: str
    given: bool


_PETERSEN = "Petersen 2017, UK Biobank, healthy"
_ACDC = "ACDC, expert labels"
_COPENHAGEN = "Copenhagen, n 1,969: IVCT + LVET"
_TRACKING = "CMR feature tracking, one program; others differ"
_WALL = "CMR reference, healthy, mid level at ED"

FAMILY_OF: dict[str, str] = {
    "normal": "normal",
    "NOR": "normal",
    "dilated": "dilated",
    "DCM": "dilated",
    "hypertrophic": "hypertrophic",
    "HCM": "hypertrophic",
    "infarct-anterior": "infarct",
    "infarct-inferior": "infarct",
    "infarct-lateral": "infarct",
    "MINF": "infarct",
    "scd": "infarct",
    "rv-overload": "RV overload",
    "RV": "RV overload",
    "lbbb": "LBBB",
    "rbbb": "RBBB",
    "atrial-fibrillation": "atrial fibrillation",
    "hypertensive": "hypertensive",
    "lvh": "hypertensive",
    "af_flutter": "atrial fibrillation",
    "mi_anterior": "infarct",
    "mi_inferior": "infarct",
    "mi_unspecified": "infarct",
    "rvh": "RV overload",
}
"""Group of a source, class of an ECG or condition of the simulator -> family that is compared across kinds."""

# Normal by sex: (metric, family, sex); the rest pooled over the sexes: sex "".
PUBLISHED: dict[tuple[str, str, str], Published] = {
    ("edv_ml", "normal", "M"): Published(166, 32, _PETERSEN, True),
    ("edv_ml", "normal", "F"): Published(124, 21, _PETERSEN, True),
    ("esv_ml", "normal", "M"): Published(69, 16, _PETERSEN, False),
    ("esv_ml", "normal", "F"): Published(49, 11, _PETERSEN, False),
    ("ef_percent", "normal", "M"): Published(58, 5, _PETERSEN, True),
    ("ef_percent", "normal", "F"): Published(61, 5, _PETERSEN, True),
    ("lv_mass_g", "normal", "M"): Published(103, 21, _PETERSEN, True),
    ("lv_mass_g", "normal", "F"): Published(70, 13, _PETERSEN, True),
    ("rv_edv_ml", "normal", "M"): Published(182, 36, _PETERSEN, False),
    ("rv_edv_ml", "normal", "F"): Published(130, 24, _PETERSEN, False),
    ("rv_ef_percent", "normal", "M"): Published(54, 6, _PETERSEN, True),
    ("rv_ef_percent", "normal", "F"): Published(58, 6, _PETERSEN, True),
    ("wall_mid_mm", "normal", "M"): Published(6.3, 1.1, _WALL, False),
    ("wall_mid_mm", "normal", "F"): Published(5.3, 0.9, _WALL, False),
    ("gcs_percent", "normal", ""): Published(-17.6, 1.8, _TRACKING, False),
    ("gls_percent", "normal", ""): Published(-17.0, 2.1, _TRACKING, False),
    ("es_ms", "normal", ""): Published(332, 25, _COPENHAGEN, False),
    ("edv_ml", "dilated", ""): Published(287, 50, _ACDC, True),
    ("esv_ml", "dilated", ""): Published(231, 51, _ACDC, False),
    ("ef_percent", "dilated", ""): Published(19.8, 8.5, _ACDC, True),
    ("edv_ml", "hypertrophic", ""): Published(129, 35, _ACDC, True),
    ("esv_ml", "hypertrophic", ""): Published(38, 16, _ACDC, False),
    ("ef_percent", "hypertrophic", ""): Published(70.3, 8.9, _ACDC, True),
    ("edv_ml", "infarct", ""): Published(178, 47, _ACDC, True),
    ("esv_ml", "infarct", ""): Published(126, 41, _ACDC, False),
    ("ef_percent", "infarct", ""): Published(29.9, 7.3, _ACDC, True),
    ("edv_ml", "RV overload", ""): Published(113, 39, _ACDC, True),
    ("esv_ml", "RV overload", ""): Published(48, 19, _ACDC, False),
    ("ef_percent", "RV overload", ""): Published(57.0, 6.9, _ACDC, True),
}
"""Only simulated patients are held against these: ACDC's own patients would agree with themselves."""


def family_of(group: str) -> str:
    """The family of a group; a group that is not known is its own."""
    return FAMILY_OF.get(group, group)

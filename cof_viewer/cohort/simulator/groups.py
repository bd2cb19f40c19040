"""What the patients of each condition are like: means and standard deviations, and where infarcts lie.

The numbers of a normal heart are those of the UK Biobank reference (Petersen 2017, JCMR 19:18, healthy, papillaries
in the volume); those of the other conditions are chosen to match the published groups named beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cof_viewer.cohort.simulator.subject import Condition


@dataclass(frozen=True)
class Group:
    """Mean and SD of a condition, (men, women) where the sexes differ."""

    edv_ml: tuple[tuple[float, float], tuple[float, float]]
    ef: tuple[tuple[float, float], tuple[float, float]]
    mass_g: tuple[tuple[float, float], tuple[float, float]]
    heart_rate: tuple[float, float]
    rv_ef: tuple[float, float]
    sphericity: tuple[float, float]
    age: tuple[float, float] = (58.0, 9.0)


_NORMAL_MASS = ((103.0, 21.0), (70.0, 13.0))
_NORMAL_EDV = ((166.0, 32.0), (124.0, 21.0))
_NORMAL_EF = ((0.58, 0.05), (0.61, 0.05))
_INFARCT = Group(
    ((198.0, 45.0), (152.0, 35.0)),
    ((0.30, 0.08), (0.31, 0.08)),
    ((132.0, 23.0), (102.0, 17.0)),
    (70.0, 11.0),
    (0.48, 0.08),
    (1.55, 0.10),
    (62.0, 9.0),
)
# Normal: Petersen 2017. Dilated, hypertrophic, infarct and RV means lie by the groups of ACDC (Bernard 2018).
GROUPS: dict[Condition, Group] = {
    Condition.NORMAL: Group(_NORMAL_EDV, _NORMAL_EF, _NORMAL_MASS, (66.0, 10.0), (0.55, 0.055), (1.72, 0.09)),
    Condition.DILATED: Group(
        ((312.0, 50.0), (256.0, 43.0)),
        ((0.195, 0.105), (0.205, 0.105)),
        ((165.0, 30.0), (128.0, 24.0)),
        (76.0, 12.0),
        (0.35, 0.095),
        (1.38, 0.08),
    ),
    Condition.HYPERTROPHIC: Group(
        ((150.0, 28.0), (116.0, 22.0)),
        ((0.70, 0.08), (0.71, 0.08)),
        ((178.0, 40.0), (135.0, 32.0)),
        (66.0, 10.0),
        (0.60, 0.06),
        (1.72, 0.10),
        (54.0, 12.0),
    ),
    Condition.HYPERTENSIVE: Group(
        ((164.0, 30.0), (124.0, 22.0)),
        ((0.60, 0.06), (0.62, 0.06)),
        ((145.0, 22.0), (106.0, 17.0)),
        (70.0, 10.0),
        (0.57, 0.06),
        (1.66, 0.09),
        (62.0, 8.0),
    ),
    Condition.INFARCT_ANTERIOR: _INFARCT,
    Condition.INFARCT_INFERIOR: _INFARCT,
    Condition.INFARCT_LATERAL: _INFARCT,
    Condition.LBBB: Group(
        ((188.0, 36.0), (146.0, 28.0)),
        ((0.48, 0.11), (0.50, 0.11)),
        ((118.0, 22.0), (84.0, 15.0)),
        (69.0, 10.0),
        (0.50, 0.10),
        (1.60, 0.10),
        (64.0, 8.0),
    ),
    Condition.RBBB: Group(
        _NORMAL_EDV, ((0.57, 0.06), (0.60, 0.06)), _NORMAL_MASS, (67.0, 10.0), (0.53, 0.06), (1.70, 0.09)
    ),
    Condition.ATRIAL_FIBRILLATION: Group(
        ((168.0, 34.0), (130.0, 24.0)),
        ((0.52, 0.10), (0.54, 0.10)),
        ((115.0, 22.0), (80.0, 14.0)),
        (88.0, 18.0),
        (0.49, 0.085),
        (1.62, 0.09),
        (69.0, 7.0),
    ),
    Condition.RV_OVERLOAD: Group(
        ((130.0, 36.0), (100.0, 27.0)),
        ((0.56, 0.07), (0.58, 0.07)),
        ((96.0, 18.0), (70.0, 13.0)),
        (76.0, 12.0),
        (0.36, 0.08),
        (1.74, 0.10),
        (52.0, 13.0),
    ),
}

SCARS: dict[Condition, tuple[float, float]] = {
    # centre angle and level: LAD antero-septal and apical, RCA inferior, LCx lateral
    Condition.INFARCT_ANTERIOR: (-2.15, 0.68),
    Condition.INFARCT_INFERIOR: (1.75, 0.38),
    Condition.INFARCT_LATERAL: (0.35, 0.45),
}

"""The sections of the page: each turns what was measured into words, tables and pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.audits import pictures
from cof_viewer.cohort.audits.knowing import FEWEST, TARGETS, Knowledge
from cof_viewer.cohort.audits.likeness import (
    ECG_NUMBERS,
    REAL_PICTURES,
    EcgLine,
    curves_of,
    ecg_lines,
    picture_distances,
)
from cof_viewer.cohort.audits.measures import Measured
from cof_viewer.cohort.audits.page import Figure, Section, Table
from cof_viewer.cohort.audits.population import METRICS, PopulationLine, counts, origins, population
from cof_viewer.cohort.audits.published import MEAN_WITHIN_SD, SD_WITHIN, family_of
from cof_viewer.cohort.case import COMPONENTS, MADE_KINDS, Kind
from cof_viewer.cohort.store import Store
from cof_viewer.domain.split import Split

_SHOWN = 5
_SHOWN_FIRST = ("normal", "dilated", "hypertrophic", "infarct", "RV overload")
"""Conditions that real and simulated patients share."""

_LOW_EF, _USUAL_EF = 40.0, 50.0

MOTION_LV = 0.92
"""Dice at ES below which a case counts in the table of motion."""


def who(cases: Sequence[Measured]) -> Section:
    """Counts, and what of each kind is measured, matched or simulated."""
    number = Table(
        ["kind", "group", *(f"#{part.value}" for part in Split), "#all"],
        [[kind, group, *(str(n) for n in parts), str(sum(parts))] for kind, group, parts in counts(cases)],
    )
    by = Table(["kind", *COMPONENTS], [[kind, *cells] for kind, cells in origins(cases)])
    words = "Cases by kind, group and part of the split, and where each component of a kind comes from, with numbers."
    return Section("What is in the store", words, [number, by])


def population_section(cases: Sequence[Measured]) -> Section:
    """Volumes, function, strain and times beside published values."""
    lines = population(cases)
    against = [line for line in lines if line.published is not None]
    table = Table(
        [
            "kind",
            "condition",
            "sex",
            "number",
            "#n",
            "#mean ± SD",
            "#published",
            "source",
            "given to sampler",
            "outside",
        ],
        [_published_row(line) for line in against],
        frozenset(i for i, line in enumerate(against) if line.flags),
    )
    flagged = sum(bool(line.flags) for line in against)
    words = (
        f"Simulated patients are held against published values: outside means a mean more than {MEAN_WITHIN_SD:g} "
        f"published SD away or an SD off by more than {100 * SD_WITHIN:.0f} %; {flagged} of {len(against)} lines are. "
        "Values that the sampler was given are no evidence. Circumferential strain is that of the middle of the wall "
        "by labels, longitudinal that of the wall's displacement between base and apex; published strain is feature "
        "tracking's, "
        "which differs between programs by several points. ES is counted from the R peak."
    )
    return Section("Population", words, [table, _all_numbers(lines)], _population_figures(cases))


def motion_section(cases: Sequence[Measured]) -> Section:
    """Whether each kind's motion leads from the labels of ED to those of ES."""
    rows: list[list[str]] = []
    low: set[int] = set()
    for kind in Kind:
        held = [c.of.motion for c in cases if c.row.kind is kind and c.of.motion]
        if not held:
            continue
        lv = [m["lv"] for m in held]
        if min(lv) < MOTION_LV:
            low.add(len(rows))
        cells = [_spread([m[name] for m in held]) for name in ("lv", "myo", "rv")]
        tracked = [m["tracked_lv"] for m in held if "tracked_lv" in m]
        folded = f"{max(m['folded_percent'] for m in held):.3f}"
        below = str(sum(value < MOTION_LV for value in lv))
        rows.append([kind.value, str(len(held)), *cells, below, _spread(tracked) if tracked else "–", folded])
    columns = ["kind", "#n", "#LV", "#wall", "#RV", f"#LV below {MOTION_LV:g}", "#LV as tracked", "#most folded %"]
    words = (
        "Dice at ES of ED's labels carried by the motion as it is kept, against the labels of ES: mean, and the least "
        "in brackets. Labels move as outlines, and nothing is known beyond the stack, so a slice that lost the "
        "ventricle counts. Motion of measured and completed cases is fitted to these labels: their Dice says how well "
        "it could be kept, not how well it was found. As tracked is what the teacher had found by itself, in the same "
        "strict reading."
    )
    return Section("Motion from ED to ES", words, [Table(columns, rows, frozenset(low))])


def _spread(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f})"


def knowing_section(told: Sequence[Knowledge]) -> Section:
    """What anatomy and ECG tell."""
    rows = [
        [k.kind.value, TARGETS[k.target], k.known, str(k.n), f"{k.mae:.1f}", f"{k.low:.1f} to {k.high:.1f}", _r(k.r)]
        for k in told
    ]
    table = Table(["kind", "what", "known", "#patients", "#mean absolute error", "#95 % interval", "#r"], rows)
    figures = [
        Figure(pictures.knowledge_plot(of_kind), f"{kind.value}: error from what is known, with 95 % intervals.")
        for kind in Kind
        if (of_kind := [k for k in told if k.kind is kind])
    ]
    words = (
        "Extra trees, five folds by patient, missing numbers filled with the training median; intervals by bootstrap "
        "over patients. Nothing is the mean of the others. The last line gives each heart the ECG of another patient: "
        f"what it loses against both is what the ECG tells beyond anatomy. Kinds with fewer than {FEWEST} patients "
        "with an ECG are left out. Published: AI-ECG errs by 6 to 8 EF points; what the simulator aims at stands in "
        "decision 8 (ECG alone 6 to 8, anatomy 5 to 7, both better than anatomy by at least .7, heart rate nothing; "
        "beyond EF the ECG tells timing, dyssynchrony and regional motion). A matched ECG was chosen by diagnosis "
        "and EF, so it tells of EF what the choice put there."
    )
    return Section("What anatomy and ECG tell", words, [table], figures)


def ecg_section(cases: Sequence[Measured]) -> Section:
    """Real against simulated ECGs."""
    lines = ecg_lines(cases)
    table = Table(
        ["family", "number", "#real n", "#real median (quartiles)", "#simulated n", "#simulated", "#largest distance"],
        [_ecg_row(line) for line in lines],
    )
    families = list(dict.fromkeys(line.family for line in lines))
    figures = [
        Figure(
            pictures.quantile_plots(lines, family),
            f"{family}: quantiles 2 to 98 % of simulated ECGs against those of real ones; the grey line is likeness.",
        )
        for family in families
    ]
    words = (
        "Measured on the median beat. Real are the records that go with cases (ECG-first, matched, measured pairs), "
        "each once; a record that serves several conditions counts in each. The distance is the largest gap between "
        "the two distribution functions (Kolmogorov–Smirnov), 0 to 1."
    )
    return Section(
        "Real and simulated ECGs", words if lines else "There are not enough ECGs of both sorts.", [table], figures
    )


def picture_section(store: Store, cases: Sequence[Measured]) -> Section:
    """Real against made pictures."""
    distances = picture_distances(cases)
    table = Table(
        ["set", "beside", "#patients each", "#Fréchet distance of hand-made features"],
        [[d.first, d.second, str(d.n), f"{d.distance:.2f}"] for d in distances],
    )
    figures = _side_by_side(store, cases)
    words = (
        "The distance compares grey levels, contrasts, edges, flicker and spatial frequencies of the largest LV slice, "
        "as Gaussians, each number in units of its pooled SD, with as many patients in each set; real against other "
        "real patients is the mark that chance sets. It does not judge whether a heart looks like one: see the rows."
    )
    return Section("Real and made pictures", words, [table], figures)


def curve_section(cases: Sequence[Measured]) -> Section:
    """Real against made volume curves."""
    figures = []
    for name, low, high in (("EF below 40 %", 0.0, _LOW_EF), ("EF 50 % and above", _USUAL_EF, 101.0)):
        of_class = [c for c in cases if low <= c.of.function["ef_percent"] < high]
        real = curves_of(of_class, (Kind.MEASURED_PAIR, Kind.MEASURED_CINE))
        made = curves_of(of_class, MADE_KINDS)
        if len(real) or len(made):
            caption = f"{name}: median and quartiles of the LV volume over the beat."
            figures.append(Figure(pictures.curve_plot(real, made, ("measured cines", "simulated")), caption))
    words = (
        "Counted from labels, 1 at ED and 0 at the smallest, over the share of RR. Completed beats are left out: "
        "their time course was not measured."
    )
    return Section("Volume curves", words, figures=figures)


def _published_row(line: PopulationLine) -> list[str]:
    value = line.published
    assert value is not None
    return [
        *(line.kind.value, line.family, line.sex or "all", METRICS[line.metric], str(line.n)),
        f"{line.mean:.1f} ± {line.sd:.1f}",
        f"{value.mean:g} ± {value.sd:g}",
        value.source,
        "yes" if value.given else "no",
        "; ".join(line.flags),
    ]


def _all_numbers(lines: Sequence[PopulationLine]) -> Table:
    """Mean ± SD of every number, a row for each kind, condition and sex."""
    cells: defaultdict[tuple[str, str, str], dict[str, PopulationLine]] = defaultdict(dict)
    for line in lines:
        cells[line.kind.value, line.family, line.sex or "all"][line.metric] = line
    rows = []
    for (kind, family, sex), held in cells.items():
        written = [f"{held[m].mean:.1f} ± {held[m].sd:.1f}" if m in held else "–" for m in METRICS]
        rows.append([kind, family, sex, str(max(line.n for line in held.values())), *written])
    return Table(["kind", "condition", "sex", "#n", *(f"#{words}" for words in METRICS.values())], rows)


def _population_figures(cases: Sequence[Measured]) -> list[Figure]:
    """Box plots of the conditions, real beside made."""
    values: dict[str, dict[str, NDArray[np.float64]]] = {}
    for family in sorted({family_of(c.row.group) for c in cases}):
        for kinds, name in ((REAL_PICTURES, "real"), (MADE_KINDS, "simulated")):
            held = [c for c in cases if c.row.kind in kinds and family_of(c.row.group) == family]
            if len(held) > 1:
                values[f"{family}, {name}"] = {m: np.array([c.of.function[m] for c in held]) for m in METRICS}
    if not values:
        return []
    names = list(METRICS)
    caption = "Median, quartiles and range without outliers by condition, real and simulated."
    return [Figure(pictures.population_plot(values, part), caption) for part in (names[:4], names[4:7], names[7:])]


def _ecg_row(line: EcgLine) -> list[str]:
    digits = 2 if line.number.endswith("_mv") else 0
    written = []
    for values in (line.real, line.simulated):
        low, middle, high = np.percentile(values, (25, 50, 75))
        written += [str(len(values)), f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"]
    return [line.family, ECG_NUMBERS[line.number], *written, f"{line.apart:.2f}"]


def _side_by_side(store: Store, cases: Sequence[Measured]) -> list[Figure]:
    """Real above made hearts of each condition that both have; one picture of each sort where they share none."""
    real, made = (_one_each(cases, kinds) for kinds in (REAL_PICTURES, MADE_KINDS))
    shared = sorted(real.keys() & made.keys(), key=_shown_first)[:_SHOWN]
    both = [
        (f"{family},\n{name}", of[family]) for family in shared for of, name in ((real, "real"), (made, "simulated"))
    ]
    sets = [("Real and simulated", both)] if both else []
    if not both:
        for name, of in (("Real", real), ("Simulated", made)):
            alone = [(family, of[family]) for family in sorted(of, key=_shown_first)[:_SHOWN]]
            sets += [(name, alone)] if alone else []
    return [
        Figure(
            pictures.montage([(name, store.load(c.row.case_id)) for name, c in rows]),
            f"{title}: base, middle and apex of the LV at ED and at ES; black is beyond what was imaged.",
        )
        for title, rows in sets
    ]


def _one_each(cases: Sequence[Measured], kinds: Sequence[Kind]) -> dict[str, Measured]:
    """A case of these kinds of each condition, the same every time."""
    chosen: dict[str, Measured] = {}
    for case in sorted((c for c in cases if c.row.kind in kinds), key=lambda c: c.row.sha256):
        chosen.setdefault(family_of(case.row.group), case)
    return chosen


def _shown_first(family: str) -> tuple[bool, str]:
    return family not in _SHOWN_FIRST, family


def _r(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "–"


__all__ = [
    *("curve_section", "ecg_section", "knowing_section", "motion_section"),
    *("picture_section", "population_section", "who"),
]

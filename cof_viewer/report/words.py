"""The sentences of a report: what is generated, how it was made, a summary in plain words."""

from __future__ import annotations

import datetime

from cof_viewer import __version__
from cof_viewer.domain.function import PAPILLARIES_IN_VOLUME, Source
from cof_viewer.report.facts import NumberRow, ReportFacts, rounded, span

RESEARCH_ONLY = "Research use only. Not a medical device."

_FIXED = "\u00a0"  # a space at which no line breaks
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def subtitle(facts: ReportFacts) -> str:
    """What the report is made from."""
    if facts.generated is not None:
        return "From one short-axis MRI volume and a 12-lead ECG"
    return "From a measured short-axis MRI cine"


def origin(facts: ReportFacts) -> tuple[str, str]:
    """The first box: a word in bold and what it means for the numbers."""
    if facts.stops:
        head = "Generated, not reliable." if facts.generated is not None else "Not reliable."
        return head, " ".join(flag.text for flag in facts.stops) + _withheld(facts)
    if facts.generated is None:
        head, body = "Measured.", "All values come from the labels that the program drew in every phase of the cine."
    else:
        head, body = "Generated.", _generated_values(facts)
    if facts.simulated:
        head = f"Simulated. {head}"
        body += " Patient and signals are simulated: the numbers describe no patient."
    return head, body


def _withheld(facts: ReportFacts) -> str:
    names = [row.name for row in facts.rows if row.withheld_by is not None]
    return f" Withheld: {', '.join(names)}." if names else ""


def _generated_values(facts: ReportFacts) -> str:
    made = "come from a cine that a model made from the anchor volume and the ECG. They were not measured."
    measured = [row.name for row in facts.rows if row.source is Source.MEASURED and row.metric != "heart_rate_bpm"]
    if not measured:
        return f"All volumes and what follows from them {made}"
    generated = [row.name for row in facts.rows if row.source is Source.GENERATED]
    return f"{_listed(generated)} {made} {_listed(measured)} were measured on the anchor."


def _listed(names: list[str]) -> str:
    """Names as in a sentence: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "No value"


def technique(facts: ReportFacts) -> str:
    """How the numbers came about."""
    generated = facts.generated
    if generated is None:
        return f"Measured cine, {facts.cine.phases} phases, every phase segmented"
    return f"ECG-conditioned generation from anchor phase {generated.anchor_phase + 1} of {facts.cine.phases}"


def convention(facts: ReportFacts) -> str:
    """What counts as cavity."""
    known = facts.function.convention == PAPILLARIES_IN_VOLUME
    return "papillaries in the cavity" if known else facts.function.convention.replace("-", " ")


def provenance(facts: ReportFacts) -> str:
    """Versions, checksums, seed and what else makes the result again."""
    made = facts.result.provenance
    parts = [f"Program {__version__}", f"engine {made.engine_version}"]
    parts += [f"{name} sha256 {short(checksum)}" for name, checksum in sorted(made.weights_sha256.items())]
    for count, word in ((made.members, "member"), (made.steps, "step")):
        if count is not None:
            parts.append(f"{count} {word}{'' if count == 1 else 's'}")
    if made.seed is not None:
        parts.append(f"seed {made.seed}")
    parts.append(made.device.upper())
    for name, checksum in (("anchor" if facts.generated else "cine", made.anchor), ("ECG", made.ecg)):
        if checksum:
            parts.append(f"{name} sha256 {short(checksum)}")
    return f"Technique: {technique(facts)}. " + " · ".join(parts) + "."


def short(checksum: str) -> str:
    """First and last four digits of a checksum."""
    return checksum if len(checksum) <= 12 else f"{checksum[:4]}…{checksum[-4:]}"


def summary(facts: ReportFacts) -> str:
    """The main numbers in words, for when the reader has written no conclusion."""
    sentences = [_sentence(facts.row(metric)) for metric in ("ef_percent", "edv_ml", "lv_mass_g", "rv_ef_percent")]
    text = " ".join(sentence for sentence in sentences if sentence)
    agreement = _agreement(facts)
    return " ".join(part for part in (text, agreement) if part) or "No number is known."


def _sentence(row: NumberRow) -> str:
    """One number, its interval, its place in the normal range."""
    if row.withheld_by is not None:
        return f"{row.name} is withheld."
    if row.value is None:
        return ""
    text = f"{row.name} {row.rounded(row.value)}{_FIXED}{row.unit}"
    text += f" ({span(*row.interval)})" if row.interval else ""
    text += f", {row.source}" if row.source is Source.GENERATED else ""
    if row.norm is not None:
        text += {-1: ", below the normal range", 0: ", normal", 1: ", above the normal range"}[row.side]
    return text + "."


def _agreement(facts: ReportFacts) -> str:
    """Generated against measured EF in points."""
    row = facts.row("ef_percent")
    if row.value is None or row.measured is None:
        return ""
    gap = row.value - row.measured
    points = rounded(abs(gap))
    where = (
        "the same"
        if points == "0"
        else f"{points} point{'' if points == '1' else 's'} {'above' if gap > 0 else 'below'}"
    )
    return f"Measured EF {rounded(row.measured)}{_FIXED}%, generated {where}."


def norm_sources(facts: ReportFacts) -> str:
    """The line below the table."""
    fitting = [row for row in facts.rows if row.norm is not None]
    if not fitting:
        return "No normal range is shown: none of the trusted tables fits this patient's sex and age."
    sources: dict[str, list[str]] = {}
    for row in fitting:
        if row.norm is not None:
            limits = "mean ± 2 SD" if row.norm.sd is not None else "limits"
            sources.setdefault(f"{row.norm.source} ({limits})", []).append(row.name)
    cited = "; ".join(f"{', '.join(names)}: {source}" for source, names in sources.items())
    line = " line 90 % interval," if any(row.interval for row in fitting) else ""
    return f"Normal ranges: {cited}. Bar normal, dot value,{line} arrow outside."


def day(iso: str | None) -> str | None:
    """A date as printed; what can't be read as a date stays as it is."""
    if not iso:
        return None
    try:
        date = datetime.date.fromisoformat(iso[:10])
    except ValueError:
        return iso
    return f"{date.day} {_MONTHS[date.month - 1]} {date.year}"


def pdf_date(iso: str | None) -> str:
    """The study's day as the date of the file (never the clock's); the first of 2000 where it is not known."""
    try:
        date = datetime.date.fromisoformat((iso or "")[:10])
    except ValueError:
        date = datetime.date(2000, 1, 1)
    return f"D:{date:%Y%m%d}000000Z"

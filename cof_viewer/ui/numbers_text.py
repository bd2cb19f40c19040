"""The table of numbers as text for the clipboard: rounded as on the screen, withheld stays withheld."""

from __future__ import annotations

from cof_viewer.domain.function import METRICS, Result, Source

NAMES: dict[str, tuple[str, str, int]] = {
    "ef_percent": ("LV EF", "%", 0),
    "edv_ml": ("LV EDV", "mL", 0),
    "esv_ml": ("LV ESV", "mL", 0),
    "sv_ml": ("LV SV", "mL", 0),
    "cardiac_output_l_min": ("CO", "L/min", 1),
    "heart_rate_bpm": ("HR", "/min", 0),
    "lv_mass_g": ("LV mass", "g", 0),
    "rv_edv_ml": ("RV EDV", "mL", 0),
    "rv_esv_ml": ("RV ESV", "mL", 0),
    "rv_ef_percent": ("RV EF", "%", 0),
}
"""Metric to (name, unit, decimals)."""


def numbers_text(result: Result) -> str:
    """One line a number, columns separated by tabs: name, value, unit, 90 % interval, source."""
    lines = ["Number\tValue\tUnit\t90 % interval\tSource"]
    for metric in METRICS:
        name, unit, decimals = NAMES[metric]
        value = getattr(result.function, metric)
        source = result.function.source.get(metric, Source.MEASURED).value
        if metric in result.withheld:
            lines.append(f"{name}\twithheld\t{unit}\t\t{source}")
            continue
        if value is None:
            continue
        interval = result.function.interval90.get(metric)
        span = f"{interval[0]:.{decimals}f}–{interval[1]:.{decimals}f}" if interval else ""
        lines.append(f"{name}\t{value:.{decimals}f}\t{unit}\t{span}\t{source}")
    lines.append("Research use only. Not a medical device.")
    return "\n".join(lines)

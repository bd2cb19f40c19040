"""From cross-fitted predictions to a table: errors of EF and ESV by way, and what sets two ways apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cof_viewer.cohort.file import write_text_whole
from cof_viewer.evaluation.crossfit_ways import WAYS
from cof_viewer.evaluation.statistics import Interval, bootstrap_mean

_PAIRS = (
    ("cof, no ECG", "trees", "the generator against extra trees"),
    ("cof, matched ECG", "cof, no ECG", "what a matched ECG changes"),
    ("cof, wrong ECG", "cof, matched ECG", "what matching wrongly costs"),
    ("cof, rate", "cof, no ECG", "what the heart rate changes"),
    ("forest, class of the match", "forest", "what the class of the match gives away"),
)


@dataclass(frozen=True)
class HeldOut:
    """One heart and what every way says of it.

    Attributes:
        edv_ml: of the anchor's labels.
        ef_percent: of the experts' labels, the truth.
        said: EF in percent by way, once for every ECG that the heart was met with.
    """

    patient_id: str
    group: str
    part: str
    edv_ml: float
    ef_percent: float
    said: Mapping[str, tuple[float, ...]]

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> HeldOut:
        """From plain values."""
        return cls(**{**row, "said": {way: tuple(values) for way, values in row["said"].items()}})

    def error(self, way: str) -> float:
        """Mean absolute error of EF, points, over the ECGs."""
        return float(np.abs(np.array(self.said[way]) - self.ef_percent).mean())

    def bias(self, way: str) -> float:
        """Mean signed error of EF, points: positive where too high."""
        return float(np.mean(self.said[way]) - self.ef_percent)

    def esv_error_ml(self, way: str) -> float:
        """Mean absolute error of ESV at the anchor's EDV."""
        return self.error(way) / 100.0 * self.edv_ml


def write_crossfit(hearts: Sequence[HeldOut], out: Path) -> Path:
    """Write `crossfit.json` (figures and every heart) and `crossfit.md`; returns the page's path."""
    summary = {way: _summary(hearts, way) for way in WAYS}
    plain = {"patients": len(hearts), "ways": summary, "hearts": [asdict(heart) for heart in hearts]}
    write_text_whole(out / "crossfit.json", json.dumps(plain, indent=1) + "\n")
    path = out / "crossfit.md"
    write_text_whole(path, page(hearts))
    return path


def page(hearts: Sequence[HeldOut]) -> str:
    """The Markdown page."""
    groups = sorted({heart.group for heart in hearts})
    lines = [
        f"# EF of {len(hearts)} real hearts, cross-fitted",
        "Mean absolute errors with 95 % bootstrap intervals over patients.",
        "ESV is counted at the EDV of the anchor's labels, the experts'.",
        "A matched ECG is another person's: what it tells of EF was decided by the match.",
        "",
        _row(["way", "EF error, points", "bias", "ESV error, mL", *groups]),
        _row(["---"] * (4 + len(groups))),
    ]
    for way in WAYS:
        by_group = [float(np.mean([h.error(way) for h in hearts if h.group == group])) for group in groups]
        ef = bootstrap_mean([h.error(way) for h in hearts])
        esv = bootstrap_mean([h.esv_error_ml(way) for h in hearts])
        bias = float(np.mean([h.bias(way) for h in hearts]))
        lines.append(_row([way, _shown(ef), f"{bias:+.1f}", _shown(esv), *(f"{v:.1f}" for v in by_group)]))
    lines += ["", _row(["difference of EF errors, points", "", "meaning"]), _row(["---"] * 3)]
    for way, other, meaning in _PAIRS:
        lines.append(_row([f"{way} - {other}", _shown(difference(hearts, way, other), sign=True), meaning]))
    lines += ["", *(f"- {way}: {words}." for way, words in WAYS.items())]
    return "\n".join(lines) + "\n"


def difference(hearts: Sequence[HeldOut], way: str, other: str) -> Interval:
    """Paired difference of the EF errors of two ways, by patient."""
    apart: NDArray[np.float64] = np.array([h.error(way) - h.error(other) for h in hearts])
    return bootstrap_mean(apart)


def _summary(hearts: Sequence[HeldOut], way: str) -> dict[str, Any]:
    return {
        "ef_mae_points": asdict(bootstrap_mean([h.error(way) for h in hearts])),
        "ef_bias_points": float(np.mean([h.bias(way) for h in hearts])),
        "esv_mae_ml": asdict(bootstrap_mean([h.esv_error_ml(way) for h in hearts])),
    }


def _shown(interval: Interval, *, sign: bool = False) -> str:
    form = "+.2f" if sign else ".2f"
    return f"{interval.value:{form}} [{interval.low:{form}}, {interval.high:{form}}]"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"

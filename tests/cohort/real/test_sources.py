"""Real and completed beats as sources of cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cof_viewer.anatomy.agreement import class_dice
from cof_viewer.cohort.carried import carried_dice, carried_labels
from cof_viewer.cohort.case import Kind, Origin
from cof_viewer.cohort.check import check_case
from cof_viewer.cohort.real import completed
from cof_viewer.cohort.real.completed import CompletedBeats
from cof_viewer.cohort.real.mri import Pair, load_pair
from cof_viewer.cohort.real.sources import RealBeats, row_named
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.image import Label
from cof_viewer.engine.motion.time_law import bounded_marks

MODELS = Path(__file__).resolve().parents[3] / "models"


def test_requests_name_every_real_patient_once(data_dir: Path) -> None:
    real = RealBeats(data_dir, None, MODELS).requests()
    other = CompletedBeats(data_dir, None, MODELS).requests()
    assert len(real) == 79 + 3 + 1
    assert len(other) == 41 + 6
    assert {r.kind for r in real} == {Kind.MEASURED_CINE}
    patients = [r.patient_id for r in (*real, *other)]
    assert len(set(patients)) == len(patients)


def test_a_completed_beat_reaches_the_real_es(data_dir: Path) -> None:
    source = CompletedBeats(data_dir, None, MODELS)
    request = next(r for r in source.requests() if r.patient_id == "acdc:patient130")
    case = source.make(request)
    assert check_case(case) == []
    assert case.labels_by[0] == case.labels_by[case.es_phase] == Origin.EXPERT.value
    _, lv, myo, _ = class_dice(carried_labels(case, case.es_phase), case.labels[case.es_phase])
    assert lv >= 0.92
    assert myo >= 0.82
    assert case.recipe["folded_share"] < 0.001
    volume = np.count_nonzero(case.labels == 1, axis=(1, 2, 3))
    assert (np.diff(volume[: case.es_phase + 1]) <= 0.02 * volume[0]).all()
    assert (np.diff(volume[case.es_phase :]) >= -0.02 * volume[0]).all()


def test_a_cavity_that_all_but_closes_is_reached_as_it_is_kept(data_dir: Path) -> None:
    source = CompletedBeats(data_dir, None, MODELS)
    case = source.make(next(r for r in source.requests() if r.patient_id == "acdc:patient104"))  # EF 84 %, a train case
    assert case.numbers["ef_percent"] > 80.0
    assert carried_dice(case)[Label.LV] >= 0.92


def test_real_pictures_stand_at_the_ends(data_dir: Path) -> None:
    source = CompletedBeats(data_dir, None, MODELS)
    request = source.requests()[0]
    pair = load_pair(row_named(data_dir, str(request.what[0])))
    case = completed.complete(request, pair, None, np.random.default_rng(0))
    pose = completed.pose_of_labels(pair.labels[0], pair.spacing_mm)
    es = completed.to_canonical(pair.images[1].astype(np.float32), pose)[:, 16:112, 16:112]
    shown = case.image[case.es_phase].astype(float)
    inside = (shown > 1) & (shown < 255)
    assert np.corrcoef(shown[inside], es[inside])[0, 1] > 0.9999


def test_amounts_are_nothing_at_ed_and_all_at_es() -> None:
    amounts, es_phase = completed.amounts_of(bounded_marks(170.0, 340.0, 520.0, 900.0))
    assert amounts[0] == 0.0
    assert amounts[es_phase] == amounts.max() == 1.0
    assert es_phase == round(340 / 36)
    assert np.count_nonzero(amounts == 1.0) == 1


@pytest.mark.parametrize("spacing", [(10.0, 0.0, 1.5), (float("nan"), 1.5, 1.5)])
def test_a_pair_with_wrong_spacing_is_named(data_dir: Path, spacing: tuple[float, float, float]) -> None:
    with pytest.raises(UserError, match="case-9"):
        completed.check_pair("case-9", replace(_pair(data_dir), spacing_mm=spacing))


def test_a_pair_with_bad_labels_or_pixels_is_named(data_dir: Path) -> None:
    pair = _pair(data_dir)
    for labels in (np.zeros_like(pair.labels), np.where(pair.labels == 3, 9, pair.labels).astype(np.uint8)):
        with pytest.raises(UserError, match="case-9"):
            completed.check_pair("case-9", replace(pair, labels=labels))
    holed = pair.images.astype(np.float32)
    holed[0, 0, 0, 0] = np.nan
    with pytest.raises(UserError, match="case-9"):
        completed.check_pair("case-9", replace(pair, images=holed))


def _pair(data_dir: Path) -> Pair:
    return load_pair(row_named(data_dir, "pairs/acdc_patient130.npz"))

"""Real and completed beats as sources of cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from cof_viewer.anatomy.agreement import class_dice
from cof_viewer.cohort.case import CohortCase, Kind, Origin
from cof_viewer.cohort.check import check_case
from cof_viewer.cohort.real import completed
from cof_viewer.cohort.real.completed import CompletedBeats
from cof_viewer.cohort.real.mri import Pair, load_pair
from cof_viewer.cohort.real.sources import RealBeats, row_named
from cof_viewer.domain.errors import UserError
from cof_viewer.engine.motion.labels import signed_distances
from cof_viewer.engine.motion.time_law import bounded_marks

MODELS = Path(__file__).resolve().parents[3] / "models"


def warped_ed(case: CohortCase, phase: int) -> np.ndarray:
    """ED labels pulled back by the stored displacement; nothing lies beyond the stack's ends."""
    distances = np.pad(
        signed_distances(case.labels[0], (1.5, 1.5)), ((1, 1), (0, 0), (0, 0), (0, 0)), constant_values=-25
    )
    z, y, x = np.mgrid[: case.slices, :96, :96].astype(float)
    place = np.stack([z, (y - 1.5) / 4, (x - 1.5) / 4])
    u = case.displacement_mm[phase].astype(float)
    dx, dy, dz = (ndimage.map_coordinates(u[..., c], place, order=1, mode="nearest") for c in range(3))
    source = np.stack([z + 1 + dz / case.slice_mm, y + dy / 1.5, x + dx / 1.5])
    lv, outer, rv = (ndimage.map_coordinates(distances[:, c], source, order=1, mode="nearest") for c in range(3))
    return np.where(lv > 0, 1, np.where(outer > 0, 2, np.where(rv > 0, 3, 0))).astype(np.uint8)


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
    _, lv, myo, _ = class_dice(warped_ed(case, case.es_phase), case.labels[case.es_phase])
    assert lv >= 0.92
    assert myo >= 0.82
    assert case.recipe["folded_share"] < 0.001
    volume = np.count_nonzero(case.labels == 1, axis=(1, 2, 3))
    assert (np.diff(volume[: case.es_phase + 1]) <= 0.02 * volume[0]).all()
    assert (np.diff(volume[case.es_phase :]) >= -0.02 * volume[0]).all()


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

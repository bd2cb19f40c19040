"""Surfaces over the beat: they follow the motion, and their colours mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.anatomy.meshes import enclosed_volume_ml
from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.image import Label
from cof_viewer.domain.progress import CancelToken
from cof_viewer.ui.render.colour_maps import cividis
from cof_viewer.ui.render.heart_surfaces import frames_of_generation, frames_of_labels, surfaces_of
from tests.ui.fixtures import make_case


@pytest.fixture(scope="module")
def case():
    return make_case()


@pytest.fixture(scope="module")
def generated(case):
    return dict(frames_of_generation(case.generation))


def test_every_phase_has_all_parts(case, generated):
    assert sorted(generated) == list(range(case.generation.motion.phases))
    assert set(generated[0]) == {"endo", "epi", "rv"}
    total = sum(len(surface.mesh.faces) for surface in generated[0].values())
    assert 10_000 < total < 30_000


def test_the_cavity_follows_the_volume_curve(case, generated):
    curve = np.array(case.generation.result.function.lv_volume_ml)
    meshes = np.array([enclosed_volume_ml(generated[k]["endo"].mesh) for k in sorted(generated)])
    assert np.corrcoef(curve, meshes)[0, 1] > 0.97


def test_displacement_is_zero_in_the_anchor_and_true_elsewhere(case, generated):
    anchor = case.generation.anchor_phase
    assert generated[anchor]["endo"].values["displacement"].max() < 0.05
    es = case.generation.result.function.es_phase
    moved = generated[es]["endo"]
    rest = generated[anchor]["endo"]
    by_hand = np.linalg.norm(moved.mesh.vertices - rest.mesh.vertices, axis=1)
    assert np.abs(moved.values["displacement"] - by_hand).max() < 0.05


def test_the_wall_thickens_in_systole(case, generated):
    es = case.generation.result.function.es_phase
    assert np.abs(generated[case.generation.anchor_phase]["endo"].values["thickening"]).max() < 0.5
    assert np.median(generated[es]["endo"].values["thickening"]) > 2.0


def test_measured_phases_begin_with_the_one_looked_at(case):
    labels = case.measurement.labels
    frames = frames_of_labels(labels, 7)
    first, frame = next(frames)
    assert first == 7
    volume = labels.label_map(7).volume_ml(Label.LV)
    assert enclosed_volume_ml(frame["endo"].mesh) == pytest.approx(volume, rel=0.08)
    assert next(frames)[0] == 8


def test_cancel_stops_between_phases(case):
    cancel = CancelToken()
    frames = frames_of_labels(case.measurement.labels, 0, cancel)
    next(frames)
    cancel.cancel()
    with pytest.raises(Cancelled):
        next(frames)


def test_empty_labels_have_no_surfaces(case):
    labels = case.measurement.labels.label_map(0)
    empty = type(labels)(np.zeros_like(labels.data), labels.grid)
    assert surfaces_of(empty) == {}


def test_cividis_grows_lighter_from_blue_to_yellow():
    colours = cividis().astype(float)
    light = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) > -0.5).all()
    assert colours[0, 2] > colours[0, 0]
    assert colours[-1, 0] > colours[-1, 2]

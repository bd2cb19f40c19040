"""Physiology at any anchor and any number of phases: the anchor stands still, ES is emptiest, nothing folds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cof_viewer.engine.beat_motion import beat_field, full_motion, scale_to_ef
from cof_viewer.engine.motion.field import jacobian_determinant
from cof_viewer.engine.motion.frame import LATTICE_SPACING_MM
from cof_viewer.engine.motion.time_law import bounded_marks, emptying
from cof_viewer.engine.plan import AnchorMoment, phase_moments
from tests.engine.test_wall_volume import made_heart

_marks = st.builds(
    bounded_marks,
    st.floats(80.0, 260.0),
    st.floats(200.0, 480.0),
    st.floats(350.0, 800.0),
    st.floats(450.0, 1500.0),
)


@settings(max_examples=60, deadline=None)
@given(marks=_marks, phases=st.integers(2, 80), data=st.data())
def test_moments_of_any_anchor(marks, phases, data) -> None:
    role = data.draw(st.sampled_from(("ed", "es", "")))
    anchor = AnchorMoment(data.draw(st.integers(0, phases - 1)), role)
    s, phase, shown = phase_moments(marks, phases, anchor)
    assert len(s) == phases
    assert phase == anchor.phase
    assert s.min() >= 0.0
    assert s.max() <= 1.0
    assert {"ed": s[phase] == 0.0, "es": s[phase] == 1.0, "": True}[role]
    nearest = np.abs(np.arange(phases) * shown.rr_ms / phases - shown.es_ms)
    apart = np.minimum(nearest, shown.rr_ms - nearest)
    assert apart[int(s.argmax())] <= shown.rr_ms / phases + 1e-6  # the emptiest phase stands at ES


@settings(max_examples=60, deadline=None)
@given(marks=_marks, at=st.floats(-2000.0, 2000.0))
def test_the_beat_repeats(marks, at) -> None:
    once, again = emptying(marks, np.array([at, at + marks.rr_ms]))
    assert once == pytest.approx(again, abs=1e-6)


@settings(max_examples=6, deadline=None)
@given(ef=st.floats(0.15, 0.7), anchor_s=st.floats(0.0, 1.0), lost=st.booleans(), phases=st.integers(2, 7))
def test_motion_from_any_anchor(ef, anchor_s, lost, phases) -> None:
    heart, code = made_heart(at_es=anchor_s > 0.5)
    s = np.append(np.linspace(0.0, 1.0, phases), anchor_s)
    with torch.no_grad():
        member = scale_to_ef(heart, heart.decoder(code), ef, lost, anchor_s)
    field = beat_field(heart, member, s)
    motion = full_motion(heart, member, field, s, phases)
    assert not motion.pull_back_mm[phases].any()
    assert not motion.push_forward_mm[phases].any()
    planes = torch.from_numpy(motion.pull_back_mm[..., :2]).flatten(0, 1).permute(0, 3, 1, 2) / LATTICE_SPACING_MM
    assert float(jacobian_determinant(planes).min()) > 0.0
    assert bool((np.diff(field.source_slice.numpy(), axis=1) > 0).all())  # slices never cross
    curve = member.lv_curve(np.linspace(0.0, 1.0, 21))
    assert int(curve.argmin()) >= 18
    assert int(curve.argmax()) <= 2

"""What the packed form is told of an anchor and of a beat's time."""

from __future__ import annotations

import numpy as np
import pytest

from cof_viewer.engine.motion.time_law import TimeMarks
from cof_viewer.engine.packed.anatomy import anatomy_images, box_of, phase_vector
from cof_viewer.engine.packed.pack import PackLayout
from tests.engine.packed.test_warp import ring

LAYOUT = PackLayout()


def pictures() -> np.ndarray:
    return np.where(ring() == 1, 200, np.where(ring() == 2, 60, 90)).astype(np.uint8)


def test_images_stand_in_the_packs_planes():
    images = anatomy_images(pictures(), ring(), 10.0, LAYOUT)
    assert images.shape == (4 * 4 + 2, 48, 48)
    lv, outer, rv = images[4:8], images[8:12], images[12:16]
    assert lv[:, 24, 24] == pytest.approx(1.0)  # 21 mm from the outline: beyond what is told
    assert lv[:, 0, 0] == pytest.approx(-1.0)
    assert (outer >= lv - 1e-6).all()
    assert rv == pytest.approx(-1.0)
    assert images[16] == pytest.approx(0.5)  # slices 1 to 6 of 10 mm: 50 of 100 mm
    assert images[17] == pytest.approx(1.0)


def test_grey_levels_do_not_matter_but_contrast_does():
    picture = pictures().astype(np.float32)
    here = anatomy_images(picture, ring(), 10.0, LAYOUT)
    np.testing.assert_allclose(anatomy_images(picture * 7 + 300, ring(), 10.0, LAYOUT), here, atol=1e-4)
    assert not np.allclose(anatomy_images(255 - picture, ring(), 10.0, LAYOUT), here, atol=0.1)


def test_no_heart_is_refused():
    with pytest.raises(ValueError, match="empty"):
        anatomy_images(pictures(), np.zeros_like(ring()), 10.0, LAYOUT)


def test_the_phase_vector_is_monotone_and_passes_es_where_the_marks_say():
    early, late = (phase_vector(TimeMarks(0.49 * es, es, es + 200, 1000.0), 25) for es in (280.0, 400.0))
    for phase in (early, late):
        assert phase[0] == 0.0
        assert (np.diff(phase) > 0).all()
    assert early[7] == pytest.approx(0.38, abs=1e-6)  # phase 7 of 25 is 280 ms: ES of the standard beat
    assert late[10] == pytest.approx(0.38, abs=1e-6)


def test_the_box_is_the_middle_of_the_canonical_grid():
    canonical = np.arange(128 * 128).reshape(1, 128, 128)
    assert box_of(canonical).shape == (1, 96, 96)
    assert box_of(canonical)[0, 0, 0] == 16 * 128 + 16

"""Building a store: it goes on where it stopped, and what is read is what was made."""

import numpy as np

from cof_viewer.cohort.build import build
from cof_viewer.cohort.check import check_store
from cof_viewer.cohort.simulator.source import SimulatedPatients
from cof_viewer.cohort.store import Store


def test_a_store_is_built_once_mended_and_checked(tmp_path):
    source = SimulatedPatients(2)
    report = build([source, source], tmp_path)
    assert len(report.made) == 2
    assert len(report.refused) == 2  # the same cases again, each named
    store = Store.open(tmp_path)
    asked = source.requests()[0]
    made, read = source.make(asked), store.load(asked.case_id)
    np.testing.assert_array_equal(read.image, made.image)
    np.testing.assert_array_equal(read.displacement_mm, made.displacement_mm)
    assert (read.numbers, read.origins, read.phase_ms) == (made.numbers, made.origins, made.phase_ms)
    assert store.load(asked.case_id, [0, 3]).image.shape[0] == 2
    store.path(store.rows[0]).write_bytes(b"spoiled")
    assert [f.case_id for f in check_store(store)] == [store.rows[0].case_id]
    again = build([source], tmp_path)
    assert (again.made, again.kept) == ([store.rows[0].case_id], [store.rows[1].case_id])
    assert check_store(Store.open(tmp_path)) == []

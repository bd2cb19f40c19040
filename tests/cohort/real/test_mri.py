"""The reader of the pairs and cines: order, split, overview labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cof_viewer.cohort.real.mri import Row, choose, load_cine, load_pair, read_manifest
from cof_viewer.domain.split import Split


@pytest.fixture(scope="module")
def rows(data_dir: Path) -> list[Row]:
    return read_manifest(data_dir / "mri")


def row_of(rows: list[Row], patient_id: str, kind: str = "pair") -> Row:
    return next(r for r in rows if r.patient_id == patient_id and r.kind == kind)


def test_every_patient_is_in_one_part_and_acdc_groups_are_divided_alike(rows: list[Row]):
    part_of: dict[str, set[Split]] = {}
    for row in rows:
        part_of.setdefault(row.patient_id, set()).add(row.part)
    assert all(len(parts) == 1 for parts in part_of.values())
    for group in ("NOR", "DCM", "HCM", "MINF", "RV"):
        pairs = [r for r in rows if r.group == group and r.kind == "pair"]
        assert [sum(r.part is part for r in pairs) for part in Split] == [14, 3, 3, 4]


def test_choose_takes_kind_part_and_dataset(rows: list[Row]):
    chosen = choose(rows, "pair", Split.TEST, dataset="acdc")
    assert len(chosen) == 15
    assert {r.dataset for r in chosen} == {"acdc"}


def test_a_pair_s_volumes_and_ef_are_the_manifest_s(rows: list[Row]):
    row = row_of(rows, "acdc:patient001")
    pair = load_pair(row)
    voxel_ml = float(np.prod(pair.spacing_mm)) / 1000
    assert (pair.labels[0] == 1).sum() * voxel_ml == pytest.approx(row.lv_edv_ml, abs=0.06)
    assert (pair.labels[1] == 1).sum() * voxel_ml == pytest.approx(row.lv_esv_ml, abs=0.06)


def test_stacks_come_out_base_first(rows: list[Row]):
    for patient in ("acdc:patient001", "mnms:A1D0Q7", "mnms:A1E9Q1"):
        labels = load_pair(row_of(rows, patient)).labels[0]
        filled = np.flatnonzero((labels > 0).any(axis=(1, 2)))
        areas = (labels > 0).sum(axis=(1, 2))
        assert areas[filled[:2]].sum() > areas[filled[-2:]].sum()


def test_unknown_spacing_gets_the_stand_in(rows: list[Row]):
    pair = load_pair(row_of(rows, "mnms:A1D0Q7"))
    assert not pair.row.spacing_known
    assert pair.spacing_mm == (10.0, 1.3, 1.3)


def test_overview_labels_lie_where_the_pair_s_do(rows: list[Row]):
    pair = load_pair(row_of(rows, "acdc:patient001"))
    assert pair.overview_label is not None
    assert pair.overview_spacing_mm is not None
    small = float((pair.overview_label == 1).sum() * np.prod(pair.overview_spacing_mm))
    large = float((pair.labels[0] == 1).sum() * np.prod(pair.spacing_mm))
    assert small == pytest.approx(large, rel=0.03)
    full_mm = (np.argwhere(pair.labels[0] == 1).mean(axis=0) + pair.offset_zyx + 0.5) * pair.spacing_mm
    overview_mm = (np.argwhere(pair.overview_label == 1).mean(axis=0) + 0.5) * pair.overview_spacing_mm
    assert overview_mm[1:] == pytest.approx(full_mm[1:], abs=0.5)


def test_a_cine_s_labelled_phases_match_its_pair(rows: list[Row]):
    row = row_of(rows, "acdc:patient001", "cine")
    cine = load_cine(row)
    assert cine.images.shape[1:] == cine.ed_label.shape
    assert (cine.ed_label == 1).sum() > (cine.es_label == 1).sum()
    assert cine.images[cine.ed_phase].std() > 5

"""Weights on disk: what is written comes back, and nothing is read whose checksum differs."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

from cof_viewer.domain.errors import UserError
from cof_viewer.engine.weights import MANIFEST, load_weights, read_entries, save_weights, weights_sha256


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_weights(tmp_path, "one", {"w": torch.tensor([1.0, 0.5, -2.0])}, config={"width": 3})
    return tmp_path


def test_values_and_config_come_back(folder: Path):
    tensors, entry = load_weights(folder, "one")
    assert tensors["w"].dtype == torch.float32
    assert tensors["w"].tolist() == [1.0, 0.5, -2.0]
    assert entry.config == {"width": 3}
    assert entry.card == "one.md"


def test_the_manifest_holds_the_file_s_own_sha256(folder: Path):
    digest = hashlib.sha256((folder / "one.safetensors").read_bytes()).hexdigest()
    assert read_entries(folder)["one"].sha256 == digest


def test_integers_keep_their_type_and_full_precision_can_be_asked_for(tmp_path: Path):
    third = torch.tensor([1.0 / 3.0])
    save_weights(tmp_path, "two", {"n": torch.tensor([7]), "x": third}, config={}, half=False)
    tensors, _ = load_weights(tmp_path, "two")
    assert tensors["n"].dtype == torch.int64
    assert torch.equal(tensors["x"], third)


def test_a_second_entry_keeps_the_first(folder: Path):
    before = weights_sha256(folder)
    save_weights(folder, "two", {"w": torch.zeros(2)}, config={}, about={"note": "µ"})
    assert set(read_entries(folder)) == {"one", "two"}
    assert read_entries(folder)["two"].about == {"note": "µ"}
    assert weights_sha256(folder) != before


def test_a_changed_file_is_refused_in_one_sentence(folder: Path):
    path = folder / "one.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r'"one\.safetensors" do not match their checksum'):
        load_weights(folder, "one")


@pytest.mark.parametrize("gone", ["one.safetensors", MANIFEST])
def test_missing_weights_are_refused_in_one_sentence(folder: Path, gone: str):
    (folder / gone).unlink()
    with pytest.raises(UserError, match="weights"):
        load_weights(folder, "one")


def test_a_name_that_is_not_in_the_manifest_is_refused(folder: Path):
    with pytest.raises(UserError, match="missing"):
        load_weights(folder, "other")


@pytest.mark.parametrize("text", ["", "{", json.dumps({"weights": []}), json.dumps({"weights": {"one": {"x": 1}}})])
def test_a_damaged_manifest_is_refused(folder: Path, text: str):
    (folder / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="damaged"):
        read_entries(folder)


def test_nothing_but_the_files_named_is_left_behind(folder: Path):
    assert sorted(p.name for p in folder.iterdir()) == [MANIFEST, "one.safetensors"]

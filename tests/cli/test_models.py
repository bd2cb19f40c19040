"""`cof-viewer models`: the shipped weights are whole, spoilt ones are named, and a choice is kept."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cof_viewer.app.paths import models_dir, shipped_models_dir
from cof_viewer.app.settings import load_settings, save_settings
from tests.conftest import ROOT
from tests.engine.nnunet.folder import make_folder

NAMES = sorted(json.loads((ROOT / "models" / "manifest.json").read_text(encoding="utf-8"))["weights"])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the shipped weights, of the user's own."""
    monkeypatch.delenv("COF_VIEWER_MODELS", raising=False)
    return Path(shutil.copytree(ROOT / "models", tmp_path / "weights"))


def test_the_list_names_every_set_with_what_it_is_and_that_it_is_whole(command, folder):
    code, out, err = command("models", "list", "--json")
    assert (code, err) == (0, "")
    listed = json.loads(out)
    assert listed["folder"] == str(shipped_models_dir())
    assert [row["name"] for row in listed["models"]] == NAMES
    for row in listed["models"]:
        assert row["condition"] == "good", row["name"]
        assert row["megabytes"] == pytest.approx(Path(row["file"]).stat().st_size / 1e6)
        assert len(row["about"]) > 20
    segmenter = next(row for row in listed["models"] if row["name"] == "segmenter")
    assert "ACDC" in segmenter["data"]
    assert "minutes" in segmenter["trained"]
    code, out, _ = command("models", "list", folder)
    assert code == 0
    assert all(name in out for name in NAMES)


def test_what_is_spoilt_is_named_and_listed(command, folder):
    assert command("models", "verify", folder)[0] == 0
    spoilt = folder / "pose.safetensors"
    content = bytearray(spoilt.read_bytes())
    content[-1] ^= 1
    spoilt.write_bytes(content)
    code, out, err = command("models", "verify", folder)
    assert (code, out) == (2, "")
    assert '"pose" do not match their checksum' in err
    assert err.count("\n") == 1
    spoilt.unlink()
    assert '"pose" are missing' in command("models", "verify", folder)[2]
    shutil.copy(ROOT / "models" / "pose.safetensors", spoilt)
    (folder / "pose.md").unlink()
    assert '"pose" have no card' in command("models", "verify", folder)[2]
    listed = json.loads(command("models", "list", folder, "--json")[1])
    assert {row["name"]: row["condition"] for row in listed["models"]}["pose"] == "no card"
    (folder / "manifest.json").write_text("{")
    assert command("models", "verify", folder)[0] == 2
    assert command("models", "verify", folder / "nothing")[0] == 2


def test_a_checked_folder_is_used_until_the_default_is_asked_for(command, folder, monkeypatch):
    assert command("models", "use", folder)[:1] == (0,)
    assert models_dir() == folder
    assert json.loads(command("models", "list", "--json")[1])["folder"] == str(folder)
    monkeypatch.setenv("COF_VIEWER_MODELS", str(ROOT / "models"))
    assert models_dir() == ROOT / "models"
    assert "COF_VIEWER_MODELS" in command("models", "use", folder)[1]
    monkeypatch.delenv("COF_VIEWER_MODELS")
    code, out, _ = command("models", "use", "--default")
    assert code == 0
    assert str(shipped_models_dir()) in out
    assert models_dir() == shipped_models_dir()


def test_a_folder_that_no_engine_can_be_made_of_is_not_remembered(command, folder):
    (folder / "segmenter.safetensors").write_bytes(b"nothing")
    assert command("models", "use", folder)[0] == 2
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    shutil.copy(ROOT / "models" / "segmenter.safetensors", folder)
    manifest["weights"]["segmenter"]["config"]["network"]["stem"] = 5
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    code, _, err = command("models", "use", folder)
    assert code == 2
    assert "another kind" in err
    del manifest["weights"]["segmenter"]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    code, _, err = command("models", "use", folder)
    assert code == 2
    assert "segmenter" in err
    assert load_settings().models_folder == ""


def test_a_remembered_folder_that_is_gone_says_how_to_go_back(command, folder, demo, tmp_path):
    assert command("models", "use", folder)[0] == 0
    shutil.rmtree(folder)
    for words in (["models", "verify"], ["segment", demo[0], "--out", tmp_path / "labels.nii.gz"]):
        code, _, err = command(*words)
        assert code == 2
        assert "models use --default" in err
    assert command("models", "use", "--default")[0] == 0
    assert command("models", "verify")[0] == 0


def test_a_folder_or_the_default_but_not_both_or_neither(command, folder):
    assert command("models", "use")[0] == 2
    assert command("models", "use", folder, "--default")[0] == 2
    assert command("models")[0] == 2


def test_other_settings_are_kept(command, folder):
    from cof_viewer.app.settings import Settings

    save_settings(Settings(members=12))
    assert command("models", "use", folder, "-q") == (0, "", "")
    assert (load_settings().members, load_settings().models_folder) == (12, str(folder))


def test_neither_list_nor_verify_waits_for_torch(tmp_path):
    words = "import sys; from cof_viewer.cli.program import run; "
    words += "run(['models', 'verify']); sys.exit('torch' in sys.modules)"
    environment = {**os.environ, "COF_VIEWER_HOME": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", words], env=environment, capture_output=True, cwd=ROOT).returncode == 0


def test_a_segmenter_of_nnunet_is_taken_over_into_a_folder_of_its_own(command, tmp_path, monkeypatch):
    monkeypatch.delenv("COF_VIEWER_MODELS", raising=False)
    theirs, out = make_folder(tmp_path), tmp_path / "with nnunet"
    code, _, err = command("models", "use", theirs)
    assert code == 2
    assert "models adopt" in err
    code, said, _ = command("models", "adopt", theirs, "--out", out)
    assert code == 0
    assert "2d, folds 0, by nnUNetTrainer" in said
    assert str(out) in said
    assert command("models", "use", out)[0] == 0
    assert models_dir() == out
    listed = json.loads(command("models", "list", "--json")[1])["models"]
    segmenter = next(row for row in listed if row["name"] == "segmenter")
    assert (segmenter["condition"], segmenter["data"]) == ("good", "Dataset027_ACDC")
    assert "nnU-Net" in segmenter["about"]
    assert command("models", "adopt", theirs, "--out", out)[0] == 2
    code, _, err = command("models", "adopt", theirs, "--out", tmp_path / "other", "--labels", "LV=3")
    assert code == 2
    assert "LV=3,Myo=2,RV=1" in err
    command("models", "use", "--default")

"""`cof-viewer train`: every trainer runs at its smoke size, goes on where it was stopped, and says what is wrong."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cof_viewer.cli import trainers
from cof_viewer.cli.trainers import TRAINERS, Order, Trainer
from cof_viewer.domain.errors import Cancelled, UserError
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine.weights import load_weights, read_entries
from tests.conftest import ROOT

BY_NAME = {trainer.name: trainer for trainer in TRAINERS}
WRITTEN_AS = {"ecg": "ecg_encoder"}
PRESENT = [name for name, trainer in BY_NAME.items() if trainer._main() and trainer.shipped_config(False).is_file()]


def small(tmp_path: Path, source: str, **changes: object) -> Path:
    """A shipped config with some values changed."""
    raw = json.loads((ROOT / "cof_viewer" / "learning" / source).read_text(encoding="utf-8"))
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**raw, **changes}), encoding="utf-8")
    return path


def steps_of(folder: Path) -> int:
    import torch

    return int(torch.load(folder / "checkpoint.pt", weights_only=True)["step"])


def test_the_models_that_others_lean_on_come_first():
    names = [trainer.name for trainer in TRAINERS]
    assert len(set(names)) == len(names) == 9
    pairs = [
        ("registration", "segmenter"),
        ("registration", "pose"),
        ("flow", "ecg"),
        ("flow", "segmenter"),
        ("packed", "ecg"),
    ]
    for later, needed in pairs:
        assert names.index(needed) < names.index(later)


@pytest.mark.parametrize("name", PRESENT)
def test_shipped_configs_are_good(name):
    for smoke in (False, True):
        BY_NAME[name].check_config(BY_NAME[name].shipped_config(smoke))


def test_the_two_packed_forms_are_not_mistaken_for_each_other():
    with pytest.raises(UserError, match="of the diffusion, not of the flow"):
        BY_NAME["packed"].check_config(BY_NAME["diffusion"].shipped_config(False))


@pytest.mark.parametrize("name", [name for name in ("localiser", "pose", "ecg") if name in PRESENT])
def test_a_smoke_training_leaves_weights_that_load_and_a_card(command, data_dir, tmp_path, name):
    code, out, err = command(
        "train", name, "--smoke", "--data", data_dir, "--out", tmp_path / "run", "--publish", tmp_path / "models"
    )
    assert code == 0, err
    written = WRITTEN_AS.get(name, name)
    tensors, entry = load_weights(tmp_path / "models", written)
    assert all(math.isfinite(float(tensor.sum())) for tensor in tensors.values())
    assert len(entry.about["trained"]) == len("2026-01-01")
    card = (tmp_path / "models" / f"{written}.md").read_text(encoding="utf-8")
    assert entry.sha256 in card
    assert str(tmp_path / "run" / "checkpoint.pt") in out
    assert f"{name}: trained in" in out
    assert (tmp_path / "run" / "log.csv").is_file()


@pytest.mark.skipif("registration" not in PRESENT, reason="needs the teacher's trainer")
def test_the_teacher_s_beats_are_made_for_it_once(command, data_dir, tmp_path):
    words = ["train", "registration", "--smoke", "--data", data_dir / "mri", "--out", tmp_path / "run", "-q"]
    assert command(*words) == (0, "", "")
    beats = sorted((tmp_path / "run" / "beats").glob("*.npz"))
    assert len(beats) == 4
    when = [path.stat().st_mtime_ns for path in beats]
    assert command(*words) == (0, "", "")
    assert [path.stat().st_mtime_ns for path in beats] == when


def test_a_cancelled_training_leaves_its_checkpoint_and_goes_on_to_the_end(data_dir, tmp_path):
    config = small(tmp_path, "segmenter/configs/smoke_pose.json", steps=9, checkpoint_every_s=1e6)
    cancel, seen = CancelToken(), []

    def progress(fraction: float, words: str) -> None:
        seen.append((fraction, words))
        if "Step 4" in words:
            cancel.cancel()

    order = Order(config, tmp_path / "run", False, False, data_dir, None, ROOT / "models")
    with pytest.raises(Cancelled):
        BY_NAME["pose"].train(order, progress, cancel)
    assert 4 <= steps_of(tmp_path / "run") <= 5
    assert [fraction for fraction, _ in seen] == sorted(fraction for fraction, _ in seen)
    again = Order(config, tmp_path / "run", True, False, data_dir, None, ROOT / "models")
    BY_NAME["pose"].train(again, lambda _f, _w: None, CancelToken())
    assert steps_of(tmp_path / "run") == 9


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_ctrl_c_ends_with_130_and_a_checkpoint(data_dir, tmp_path):
    config = small(tmp_path, "segmenter/configs/smoke_pose.json", steps=100_000, checkpoint_every_s=1e6, log_every=1)
    words = [sys.executable, "main.py", "train", "pose", "--config", config, "--out", tmp_path / "r"]
    words += ["--data", data_dir]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    work = subprocess.Popen(list(map(str, words)), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        _wait(lambda: (tmp_path / "r" / "log.csv").is_file() or work.poll() is not None)
        work.send_signal(signal.SIGINT)
        _, err = work.communicate(timeout=60)
    finally:
        work.kill()
    assert work.returncode == 130, err
    assert "Traceback" not in err
    assert steps_of(tmp_path / "r") >= 1


def _wait(until, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_finished_trainings_are_passed_over_and_started_ones_are_not_overwritten(command, data_dir, tmp_path):
    config = small(tmp_path, "segmenter/configs/smoke_pose.json", steps=3)
    words = ["train", "pose", "--config", config, "--data", data_dir, "--out", tmp_path / "run"]
    assert command(*words)[0] == 0
    code, _, err = command(*words)
    assert code == 2
    assert "--resume" in err
    code, out, _ = command(*words, "--resume")
    assert code == 0
    assert "was finished before" in out
    small(tmp_path, "segmenter/configs/smoke_pose.json", steps=5)
    code, out, _ = command(*words, "--resume")
    assert code == 0
    assert "trained in" in out
    assert steps_of(tmp_path / "run") == 5


def test_all_goes_through_every_model_in_order(command, monkeypatch, tmp_path):
    called: list[tuple[str, Path, Path]] = []

    def stand_in(self: Trainer, order: Order, progress: object, cancel: object) -> None:
        called.append((self.name, order.out, order.config))

    monkeypatch.setattr(Trainer, "train", stand_in)
    monkeypatch.setattr(Trainer, "check_is_there", lambda self: None)
    monkeypatch.setattr(Trainer, "check_config", lambda self, path: None)
    monkeypatch.setattr("cof_viewer.cli.train._digest", lambda path: "same")
    assert command("train", "all", "--smoke", "--out", tmp_path, "--cohort", tmp_path)[0] == 0
    assert [name for name, _, _ in called] == [trainer.name for trainer in TRAINERS]
    assert all(out == tmp_path / name for name, out, _ in called)
    assert all("smoke" in config.name for _, _, config in called)
    called.clear()
    assert command("train", "all", "--smoke", "--out", tmp_path, "--resume", "--cohort", tmp_path)[0] == 0
    assert called == []
    code, out, _ = command("train", "all", "--smoke", "--out", tmp_path / "without")
    assert code == 0
    assert "Left out" in out
    assert [name for name, _, _ in called] == [t.name for t in TRAINERS if t.name not in ("packed", "diffusion")]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "heart"], "There is no model"),
        (["train", "all", "--config", "x.json"], "One config"),
        (["train", "pose", "--config", "nothing.json"], 'no config "nothing.json"'),
        (["train", "pose", "--smoke", "--data", "nowhere"], "nowhere"),
        (["train", "pose", "--smoke", "--data", "{tmp}"], "holds no data to learn from"),
        (["train", "ecg", "--smoke", "--data", "{tmp}"], "ecg/records.csv"),
        (["train", "ecg", "--smoke", "--cohort", "{tmp}"], "does not learn from a store"),
        (["train", "packed", "--smoke"], "--cohort"),
        (["train", "pose", "--smoke", "--devices", "0"], "--devices"),
        (["train", "pose", "--smoke", "--accelerator", "abacus"], "abacus"),
    ],
)
def test_what_is_wrong_is_one_sentence(command, tmp_path, words, said):
    code, _, err = command(*[word.replace("{tmp}", str(tmp_path)) for word in words], "--out", tmp_path / "out", "-q")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_a_process_that_no_training_of_ours_started_is_told_so(command, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.delenv("COF_VIEWER_TRAINS", raising=False)
    code, _, err = command("train", "pose", "--smoke")
    assert code == 2
    assert "--devices" in err


def test_no_data_anywhere_is_one_sentence(command, monkeypatch, tmp_path):
    monkeypatch.setenv("COF_DATA", str(tmp_path))
    for name in (name for name in PRESENT if name not in ("flow", "packed", "diffusion")):
        code, _, err = command("train", name, "--smoke", "--out", tmp_path / name, "-q")
        assert code == 2, name
        assert "data" in err or "records" in err
        assert err.count("\n") == 1


def test_bad_configs_are_told_from_good_ones(command, tmp_path):
    path = tmp_path / "bad.json"
    for text in ("{", '["x"]', '{"task": "pose", "no_such_thing": 1}', '{"task": "segmenter"}'):
        path.write_text(text, encoding="utf-8")
        code, _, err = command("train", "pose", "--config", path, "--out", tmp_path / "out")
        assert code == 2, text
        assert "bad.json" in err
        assert err.count("\n") == 1


def test_a_trainer_that_is_not_there_says_so(monkeypatch):
    absent = Trainer("dreams", "dreams", "dreams.json")
    with pytest.raises(UserError, match="dreams can't be trained"):
        absent.check_is_there()
    with pytest.raises(UserError, match="dreams can't be published"):
        absent.publish(Path("run"), Path("models"), {})


def test_later_models_lean_on_what_was_just_published(tmp_path, monkeypatch):
    from cof_viewer.app.paths import models_dir
    from cof_viewer.cli.train import _models

    assert _models(None) == models_dir()
    assert _models(tmp_path) == models_dir()
    assert set(read_entries(ROOT / "models")) >= {"segmenter", "localiser", "pose"}
    assert _models(ROOT / "models") == ROOT / "models"


def test_nothing_heavy_is_imported_by_the_table(tmp_path):
    words = "import sys, cof_viewer.cli.program; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", words], cwd=ROOT).returncode == 0
    assert trainers._found("cof_viewer.learning.nothing.at_all", "main") is None

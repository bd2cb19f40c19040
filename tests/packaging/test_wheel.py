"""The wheel carries resources and weights: put into an empty environment, outside the checkout, it generates."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the checkout without network: the build backend is among the pinned packages."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    (path,) = out.glob("cof_viewer-*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an empty environment that holds the wheel; third-party packages are borrowed from this one."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    scripts = "Scripts" if os.name == "nt" else "bin"
    python = folder / scripts / ("python.exe" if os.name == "nt" else "python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip())
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # A path line is not searched for further .pth files, so this checkout's editable install stays out of sight.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return python


def run(python: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the installed program outside the checkout."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "COF_VIEWER_HOME": str(folder / "home"),
        "QT_QPA_PLATFORM": "offscreen",
    }
    command = [str(python), "-m", "cof_viewer", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_carries_what_the_program_needs(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in ("models/manifest.json", "models/flow.safetensors", "resources/demo/normal/cine.nii.gz"):
        assert f"cof_viewer/_data/{needed}" in names
    assert not [name for name in names if name.startswith("tests/")]


def test_it_runs_from_where_it_was_installed(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(installed), "-c", "import cof_viewer; print(cof_viewer.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ROOT not in Path(done.stdout.strip()).resolve().parents


@pytest.mark.timeout(600)
def test_the_installed_program_generates_from_the_demo(installed: Path, tmp_path: Path) -> None:
    ask = "from cof_viewer.app.paths import demo_dir; print(demo_dir())"
    found = subprocess.run([str(installed), "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
    demo = Path(found.stdout.strip()) / "normal"
    assert "_data" in demo.parts
    import nibabel as nib

    source = nib.load(demo / "cine.nii.gz")
    anchor = tmp_path / "anchor.nii.gz"
    nib.save(source.slicer[..., 0], anchor)
    out = tmp_path / "out"
    done = run(
        installed, tmp_path, "generate", str(anchor), "--ecg", str(demo / "ecg.hea"), "--out", str(out), "--phases", "4"
    )
    assert done.returncode == 0, done.stderr[-2000:]
    function = json.loads((out / "function.json").read_text(encoding="utf-8"))
    assert 10 < function["ef_percent"] < 90
    assert {p.name for p in out.iterdir()} >= {"cine.nii.gz", "labels.nii.gz", "report.pdf", "volume_curve.csv"}

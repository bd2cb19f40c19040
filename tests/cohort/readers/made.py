"""Small case folders in both layouts, made of the real files beside the project or of NIfTI written here."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np

EXAM = Path("mri/dicom/bivme_patient1_exam.zip")
ECG_XML = Path("ecg/formats/ge_cardiosoft/cardiosoft_v673_rest.xml")
SAX = ("Se11", "Se1", "Se2", "Se3", "Se4", "Se5")


def uk_biobank_zip(data: Path, target: Path) -> Path:
    """The exam's short axis in one flat zip with a manifest, as field 20209 has it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(data / EXAM) as exam, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as out:
        names = [n for n in exam.namelist() if Path(n).parent.name in SAX and not n.endswith("/")]
        rows = ["filename,patientid,studyid,series discription"]
        for name in names:
            flat = f"{Path(name).parent.name}_{Path(name).name}"
            out.writestr(flat, exam.read(name))
            rows.append(f"{flat},0,0,CINE")
        out.writestr("manifest.csv", "\n".join(rows))
    return target


def affine(spacing: tuple[float, float, float] = (1.4, 1.4, 9.0)) -> np.ndarray:
    """RAS affine of a stack across the heart's long axis."""
    apex = np.array([-0.65, 0.5, -0.57])  # towards left, front and foot
    column = np.cross([0.0, 0.0, 1.0], apex)
    axes = np.stack([column, np.cross(apex, column), apex], axis=1)
    whole = np.eye(4)
    whole[:3, :3] = axes / np.linalg.norm(axes, axis=0) * np.array(spacing)
    return whole


def cine_array(phases: int = 12, slices: int = 6, size: int = 72) -> np.ndarray:
    """[x, y, z, t] float32: a bright disc that beats inside a dark ring, noise round it."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:size, :size] - size / 2.0
    radius = np.hypot(x, y)
    frames = []
    for t in range(phases):
        inner = 16.0 - 5.0 * np.sin(np.pi * t / phases)
        picture = np.where(radius < inner, 200.0, np.where(radius < inner + 7, 60.0, 110.0))
        frames.append(picture[None] + rng.normal(0, 6, (slices, size, size)))
    return np.asarray(frames, np.float32).transpose(3, 2, 1, 0)


def labels_array(size: int = 72, slices: int = 6, inner: float = 16.0) -> np.ndarray:
    """[x, y, z] uint8: LV, its ring, and an RV that touches the ring on one side."""
    y, x = np.mgrid[:size, :size] - size / 2.0
    radius = np.hypot(x, y)
    labels = np.zeros((size, size), np.uint8)
    labels[np.hypot(x + 24, y) < 12] = 3
    labels[radius < inner + 7] = 2
    labels[radius < inner] = 1
    return np.repeat(labels.T[:, :, None], slices, axis=2)


def write_nifti(path: Path, data: np.ndarray, *, spacing: tuple[float, float, float] = (1.4, 1.4, 9.0)) -> Path:
    """A NIfTI in RAS mm with 40 ms between phases."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, affine(spacing))
    image.header.set_xyzt_units("mm", "msec")
    if data.ndim == 4:
        image.header["pixdim"][4] = 70.0
    nib.save(image, path)
    return path


def break_spacing(path: Path, value: float) -> None:
    """Write another slice step into a NIfTI's header, its affine taken away."""
    import gzip

    content = bytearray(gzip.decompress(path.read_bytes()))
    content[88:92] = np.float32(value).tobytes()
    content[252:256] = np.array([0, 0], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(content)))


def case_folder(root: Path, name: str, data: Path | None, facts: dict[str, object] | None = None) -> Path:
    """A folder with a made cine and, where the data is there, the CardioSoft ECG."""
    folder = root / name
    write_nifti(folder / "cine.nii.gz", cine_array())
    if data is not None:
        shutil.copy(data / ECG_XML, folder / "ecg.xml")
    if facts is not None:
        (folder / "case.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder

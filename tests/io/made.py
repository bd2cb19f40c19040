"""Small made studies for the reading tests: a beating disc in DICOM and NIfTI, with every header under control."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"

# A short-axis plane: rows to the left and back, columns down. NORMAL runs from base to apex, against row x column.
ROW = np.array([0.712221, 0.701112, -0.0343949])
COLUMN = np.array([-0.307716, 0.267798, -0.913015])
ROW /= np.linalg.norm(ROW)
COLUMN -= ROW * (ROW @ COLUMN)
COLUMN /= np.linalg.norm(COLUMN)
NORMAL = np.cross(COLUMN, ROW)
ORIGIN = np.array([-30.0, -150.0, 110.0])

Edit = Callable[[Dataset, int, int], None]


def beating(phases: int = 12, slices: int = 6, rows: int = 48, columns: int = 56) -> NDArray[np.int16]:
    """[t, z, y, x] a bright disc that shrinks and returns, smaller towards the apex; no two pictures are equal."""
    y, x = np.mgrid[:rows, :columns]
    data = np.empty((phases, slices, rows, columns), dtype=np.int16)
    for t in range(phases):
        for z in range(slices):
            radius = (14.0 - 1.5 * z) * (1.0 - 0.3 * np.sin(np.pi * t / phases) ** 2)
            distance = np.hypot(y - rows / 2 + 2, x - columns / 2 - 3)
            data[t, z] = np.clip(60.0 * (radius - distance), 0, 400) + 20 + 3 * z + x // 8
    return data


def classic(pixels: NDArray[np.int16], z: int, t: int, *, step_mm: float, series: str, study: str) -> FileDataset:
    """One classic MR image of a short-axis stack."""
    ds = _file(MR)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = UID(study), UID(series), UID(study[:50] + ".9")
    ds.Modality, ds.ImageType = "MR", ["ORIGINAL", "PRIMARY", "M"]
    ds.PatientName, ds.PatientID, ds.PatientSex, ds.PatientAge = "Doe^Jane", "made-1", "F", "061Y"
    ds.StudyDate, ds.SeriesDescription, ds.SeriesNumber, ds.InstanceNumber = "20240229", "sax cine", 3, t + 1
    ds.StudyTime, ds.StudyID, ds.AccessionNumber = "101000", "1", ""
    ds.ScanningSequence, ds.SequenceVariant, ds.SequenceName, ds.BodyPartExamined = "GR", "SK", "*tfi2d1_10", "HEART"
    ds.SliceThickness, ds.SpacingBetweenSlices, ds.SliceLocation = 6.0, 3.0, float(-z)
    ds.TriggerTime, ds.NominalInterval = 40.0 * t, 480
    ds.AcquisitionTime, ds.AcquisitionNumber = "101500", 1
    ds.ImagePositionPatient = [float(v) for v in ORIGIN + step_mm * z * NORMAL]
    ds.ImageOrientationPatient = [float(v) for v in (*ROW, *COLUMN)]
    ds.PixelSpacing = [1.5, 1.25]
    _put_pixels(ds, pixels)
    return ds


def _file(sop_class: str) -> FileDataset:
    """An empty file of a class."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class), generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset("made", {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    return ds


def _put_pixels(ds: Dataset, pixels: NDArray[np.int16]) -> None:
    """Signed 16-bit grey pixels, [y, x] or [frame, y, x]."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()


def write_cine(
    folder: Path,
    data: NDArray[np.int16] | None = None,
    *,
    step_mm: float = 10.0,
    one_series_a_slice: bool = False,
    edit: Edit = lambda ds, z, t: None,
    keep: Callable[[int, int], bool] = lambda z, t: True,
) -> NDArray[np.int16]:
    """Write a classic short-axis cine, one file a picture, names in no useful order.

    Args:
        folder: made where missing.
        data: [t, z, y, x]; `beating()` by default.
        step_mm: between slices, base -> apex.
        one_series_a_slice: as some vendors do, numbered from the apex.
        edit: changes the data set of slice z, phase t before it is written.
        keep: which pictures are written.

    Returns:
        The data.
    """
    data = beating() if data is None else data
    folder.mkdir(parents=True, exist_ok=True)
    study = str(generate_uid())
    series = [str(generate_uid()) for _ in range(data.shape[1])]
    for z in range(data.shape[1]):
        for t in range(data.shape[0]):
            if not keep(z, t):
                continue
            uid = series[z] if one_series_a_slice else series[0]
            ds = classic(data[t, z], z, t, step_mm=step_mm, series=uid, study=study)
            if one_series_a_slice:
                ds.SeriesNumber = 100 - z
            edit(ds, z, t)
            ds.save_as(folder / f"{(7 * t + 5 * z) % 13:02d}-{t * 31 % 17}-{z}-{t}", enforce_file_format=True)
    return data


def write_enhanced(path: Path, data: NDArray[np.int16], edit: Edit = lambda ds, z, t: None) -> None:
    """Write one Enhanced MR Image with all slices and phases, frames shuffled, as Philips has it."""
    phases, slices = data.shape[:2]
    order = sorted(((z, t) for z in range(slices) for t in range(phases)), key=lambda zt: (zt[0] * 7 + zt[1] * 5) % 11)
    ds = _file(ENHANCED_MR)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = (generate_uid() for _ in range(3))
    ds.Modality, ds.ImageType = "MR", ["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"]
    ds.PatientName, ds.PatientID, ds.SeriesDescription, ds.NumberOfFrames = "Doe^Jane", "made-2", "sBTFE", len(order)
    ds.StudyDate = "20240229"
    _put_pixels(ds, np.stack([data[t, z] for z, t in order]))
    shared, orientation, measures, cardiac = Dataset(), Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = [float(v) for v in (*ROW, *COLUMN)]
    measures.PixelSpacing, measures.SliceThickness = [1.5, 1.25], 8.0
    cardiac.RRIntervalTimeNominal = 900.0
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    frames = []
    for z, t in order:
        frame, position, timing, values = Dataset(), Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [float(v) for v in ORIGIN + 10.0 * z * NORMAL]
        timing.NominalCardiacTriggerDelayTime, timing.RRIntervalTimeNominal = 900.0 * t / phases, 900.0
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = 2.0, 1.0, "US"
        frame.PlanePositionSequence = Sequence([position])
        frame.CardiacSynchronizationSequence = Sequence([timing])
        frame.PixelValueTransformationSequence = Sequence([values])
        edit(frame, z, t)
        frames.append(frame)
    ds.PerFrameFunctionalGroupsSequence = Sequence(frames)
    ds.save_as(path, enforce_file_format=True)


def oblique_affine(spacing: tuple[float, float, float] = (1.25, 1.5, 10.0)) -> NDArray[np.float64]:
    """RAS affine of the same plane as the DICOM above: i along rows, j along columns, k base -> apex."""
    affine = np.eye(4)
    affine[:3, :3] = np.stack([ROW, COLUMN, NORMAL], axis=1) * spacing
    affine[:3, 3] = ORIGIN
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def write_nifti(
    path: Path,
    data_tzyx: NDArray[np.generic],
    affine: NDArray[np.float64] | None = None,
    *,
    step: float | None = None,
    units: tuple[str, str] = ("mm", "msec"),
    code: int = 1,
) -> Path:
    """Write [t, z, y, x] (or [z, y, x]) as a NIfTI of axes (x, y, z, t)."""
    data = np.transpose(data_tzyx)
    image = nib.Nifti1Image(data, oblique_affine() if affine is None else affine)
    image.set_sform(image.affine, code)
    image.set_qform(image.affine, code)
    image.header.set_xyzt_units(*units)
    if step is not None:
        image.header["pixdim"][4] = step
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path

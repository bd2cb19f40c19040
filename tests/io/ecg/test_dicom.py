"""DICOM waveforms that the tests write: units, codes without labels, several groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

from cof_viewer.io.ecg import open_ecg, read_record, sniff
from tests.io.ecg.makers import wave_train

CODES = ("2:1", "2:2", "2:61", "2:62", "2:63", "2:64", "2:3", "2:4", "2:5", "2:6", "2:7", "2:8")


def channel(code: str, sensitivity: float, unit: str) -> Dataset:
    source, units, out = Dataset(), Dataset(), Dataset()
    source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning = code, "MDC", "a lead"
    units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = unit, "UCUM", unit
    out.ChannelSourceSequence, out.ChannelSensitivityUnitsSequence = [source], [units]
    out.ChannelSensitivity, out.ChannelSensitivityCorrectionFactor, out.ChannelBaseline = sensitivity, 1, 0
    out.WaveformBitsStored = 16
    return out


def group(signal_mv: NDArray[np.float64], hz: float, sensitivity: float, unit: str, originality: str) -> Dataset:
    per_mv = {"uV": 1000.0, "mV": 1.0}[unit] / sensitivity
    out = Dataset()
    out.WaveformOriginality, out.SamplingFrequency = originality, hz
    out.NumberOfWaveformChannels, out.NumberOfWaveformSamples = signal_mv.shape
    out.ChannelDefinitionSequence = [channel(code, sensitivity, unit) for code in CODES[: len(signal_mv)]]
    out.WaveformBitsAllocated, out.WaveformSampleInterpretation = 16, "SS"
    out.WaveformData = np.round(signal_mv * per_mv).astype("<i2").T.tobytes()
    return out


def write(path: Path, groups: list[Dataset]) -> Path:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = TwelveLeadECGWaveformStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = TwelveLeadECGWaveformStorage, meta.MediaStorageSOPInstanceUID
    file.Modality, file.PatientName, file.PatientAge, file.PatientSex = "ECG", "Nobody^Named", "018M", "M"
    file.WaveformSequence = groups
    pydicom.dcmwrite(path, file, enforce_file_format=True)
    return path


@pytest.mark.parametrize(("sensitivity", "unit"), [(2.5, "uV"), (0.005, "mV")])
def test_units_and_codes_give_millivolts_in_order(tmp_path: Path, sensitivity: float, unit: str):
    path = write(tmp_path / "a.dcm", [group(wave_train(), 500.0, sensitivity, unit, "ORIGINAL")])
    assert sniff(path)
    ecg = open_ecg(path)
    np.testing.assert_allclose(ecg.signal_mv, wave_train(), atol=3e-3)
    assert ecg.age_years == pytest.approx(1.5)
    assert ecg.sex == "M"


def test_the_original_rhythm_is_taken_wherever_it_stands(tmp_path: Path):
    median = group(wave_train(seconds=1.2), 500.0, 2.5, "uV", "DERIVED")
    rhythm = group(wave_train(), 500.0, 2.5, "uV", "ORIGINAL")
    raw = read_record(write(tmp_path / "b.dcm", [median, rhythm]))
    assert raw.seconds == 10


def test_an_image_without_waveforms_is_no_ecg(tmp_path: Path):
    path = write(tmp_path / "c.dcm", [])
    file = pydicom.dcmread(path)
    del file.WaveformSequence
    file.save_as(path)
    assert not sniff(path)

"""The PDF as a file: stable, embedded fonts, one page or two, and the words it must and must not say."""

import re
import time
from dataclasses import replace

import pytest

from cof_viewer.anatomy import function_from_labels
from cof_viewer.domain.ecg import Intervals
from cof_viewer.domain.errors import UserError
from cof_viewer.domain.generation import Measurement
from cof_viewer.domain.image import Cine, LabelCine
from cof_viewer.domain.study import Patient
from cof_viewer.report import write_report
from tests.report.made import flag, made_ecg, made_generation, made_measurement, real

STOP = flag(
    "no-regular-beat",
    "stop",
    "This ECG has no regular beat to follow. Do not read EF or ESV from this cine.",
    ("ef_percent", "esv_ml", "sv_ml", "cardiac_output_l_min"),
)


def sentence(words):
    return " ".join(" ".join(words).split())


def test_same_bytes_at_any_time(tmp_path, monkeypatch):
    study, generation = made_generation(intervals=True)
    ecg, beat = made_ecg()
    write_report(tmp_path / "a.pdf", study, generation, ecg, beat)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    write_report(tmp_path / "b.pdf", study, generation, ecg, beat)
    first = (tmp_path / "a.pdf").read_bytes()
    assert first == (tmp_path / "b.pdf").read_bytes()
    assert first.startswith(b"%PDF-1")
    assert first.count(b"/FontFile2") == 2
    assert b"Helvetica" not in first
    assert first.count(b"D:20250514000000Z") == 2  # the study's day, made and changed
    media = re.search(rb"/MediaBox \[ 0 0 ([0-9.]+) ([0-9.]+) \]", first)
    assert media is not None
    assert [float(side) for side in media.groups()] == pytest.approx([595.28, 841.89], abs=0.01)


def test_generation_says_what_is_generated(words_of):
    study, generation = made_generation(intervals=True)
    words, pages = words_of(study, generation, *made_ecg(), institution="Institution name\nDepartment")
    text = sentence(words)
    assert pages == 1
    assert "Generated. LV EF, LV ESV, LV SV, CO, RV ESV and RV EF come from a cine that a model made" in text
    assert "LV EDV, LV mass and RV EDV were measured on the anchor." in text
    assert "ECG-conditioned generation from anchor phase 1 of 30." in text
    assert "Research use only. Not a medical device." in words
    assert words.count("generated") >= 6
    assert {"Institution name", "Department", "14 May 2025", "170 cm · 62 kg", "BSA 1.71 m² (Mosteller)"} <= set(words)
    assert "ED, measured" in words
    assert "ES, generated" in words
    assert "PR 160 · QRS 90 · QT 350 · QTcF 383 ms · axis 42°" in words
    assert "Petersen 2017" in text
    assert "seed 20261" in text
    assert "20 steps" in text
    assert "segmenter sha256 4f1c…4f1c" in text
    assert "51–71" in words  # normal EF of a woman of 72


def test_numbers_are_rounded(words_of):
    study, generation = made_generation()
    words, _ = words_of(study, generation, *made_ecg())
    function = generation.result.function
    assert str(int(function.edv_ml + 0.5)) in words
    assert f"{function.cardiac_output_l_min:.1f}" in words
    assert not any(re.fullmatch(r"\d+\.\d{2,}", word) for word in words)


def test_intervals_are_blank_before_calibration(words_of):
    study, generation = made_generation()
    plain, _ = words_of(study, generation, *made_ecg())
    study, generation = made_generation(intervals=True)
    calibrated, _ = words_of(study, generation, *made_ecg())
    assert "3.9–5.7" in calibrated
    assert "3.9–5.7" not in plain


def test_measurement(words_of):
    words, pages = words_of(*made_measurement())
    text = sentence(words)
    assert pages == 1
    assert "Measured. All values come from the labels" in text
    assert "Measured cine, 30 phases, every phase segmented." in text
    assert "generated" not in text.lower()
    assert words.count("measured") >= 10
    assert "ES, measured" in words


def test_measured_beside_generated(words_of):
    study, generation = made_generation(measured=True)
    words, pages = words_of(study, generation, *made_ecg())
    assert pages == 1
    assert "Measured beside generated" in words
    assert any(word.startswith("Dice at ES: LV 0.9") for word in words)
    assert re.search(r"Measured EF \d+\s%, generated (the same|\d+ points? (above|below))\.", sentence(words))


def test_a_stop_withholds_and_says_why(words_of):
    study, generation = made_generation(flags=(STOP,), intervals=True, measured=True)
    function, measured = generation.result.function, generation.result.measured
    words, _ = words_of(study, generation, *made_ecg())
    text = sentence(words)
    assert words.count("withheld") == 4 + 3  # table and comparison
    assert "Generated, not reliable." in text
    assert "Withheld: LV EF, LV ESV, LV SV, CO." in text
    assert STOP.text in words
    assert "LV volume over the beat, shape only" in words
    assert f"ES {round(function.esv_ml)} mL" not in words
    assert str(round(function.esv_ml)) not in words or round(function.esv_ml) == round(measured.esv_ml)
    assert f"ED {round(function.edv_ml)} mL" not in words
    assert str(int(measured.ef_percent + 0.5)) in words  # measured numbers stay
    assert "LV EF is withheld." in text


def test_flags_worst_first_and_a_second_page_where_needed(words_of):
    many = [flag(f"n{k}", "note", f"Note {k}: the gap at slice {k} is 20 mm, elsewhere 10 mm.") for k in range(12)]
    caution = flag("pair", "caution", "MRI and ECG come from different people.")
    study, generation = made_generation(flags=[*many, caution])
    words, pages = words_of(study, generation, *made_ecg())
    assert pages == 2
    assert "page 1 of 2" in words[-1] or any("page 1 of 2" in word for word in words)
    assert any("page 2 of 2" in word for word in words)
    assert words.index(caution.text) < words.index(many[0].text)
    assert all(note.text in words for note in many)
    assert "Flags: 1 caution, 12 notes" in words


def test_unknown_everything(words_of):
    study, measurement = made_measurement(patient=Patient(), spacing_known=False)
    words, _ = words_of(replace(study, study_date=None), measurement)
    text = sentence(words)
    assert {"Name not known", "spacing not known", "date not known", "None"} <= set(words)
    assert words.count("not known") == 7
    assert "No normal range is shown" in text
    assert "LV volume over the beat, % of the largest" in words
    assert not any(word == "mL" for word in words)


def test_simulated_is_said(words_of):
    study, measurement = made_measurement(simulated=True)
    text = sentence(words_of(study, measurement, *made_ecg())[0])
    assert "Simulated. Measured." in text
    assert "the numbers describe no patient" in text
    assert "ED, simulated" in text


def test_readers_words_replace_the_summary(words_of):
    study, measurement = made_measurement()
    written = "Dilated left ventricle. " * 40
    words, pages = words_of(study, measurement, conclusion=written)
    assert "Conclusion" in words
    assert "Summary" not in words
    assert pages == 2
    assert "…" in sentence(words)


def test_odd_names_and_dates_do_not_break_it(words_of):
    patient = Patient("Ω" * 80 + "漢字", "x" * 200, "O", 0.4, 40.0, 3.0)
    study, measurement = made_measurement(patient=patient)
    words, _ = words_of(replace(study, study_date="20120000"), measurement)
    assert "20120000" in words


def test_nothing_is_written_where_it_can_not_be(tmp_path):
    study, measurement = made_measurement()
    with pytest.raises(UserError, match="does not exist"):
        write_report(tmp_path / "missing" / "r.pdf", study, measurement)


def test_real_patient_fits_one_page(data_dir, words_of):
    study, generation = made_generation(real(data_dir), intervals=True, measured=True)
    words, pages = words_of(study, generation, *made_ecg(flat=("II",)))
    assert pages == 1
    assert "180" in words
    assert "ECG cycle, lead I" in words
    assert "Base, middle, apex (slices 2, 5, 8 of 9). Window W 166 L 103." in words


def test_anchor_at_es_is_measured_there(words_of):
    study, generation = made_generation()
    anchor = generation.result.function.es_phase
    words, _ = words_of(study, replace(generation, anchor_phase=anchor), *made_ecg())
    assert "ES, measured" in words
    assert "ED, generated" in words
    assert f"ES, phase {anchor + 1} of 30" in words


def test_guessed_phase_is_shown_as_an_estimate(words_of):
    guessed = flag("anchor-phase-guessed", "caution", "The phase of the volume is estimated.")
    words, _ = words_of(*made_generation(flags=(guessed,)), *made_ecg())
    assert "phase estimated" in words


def test_single_phase_has_no_es(words_of):
    study, measurement = made_measurement()
    cine = Cine(measurement.cine.data[:1], measurement.cine.grid)
    labels = LabelCine(measurement.labels.data[:1], measurement.labels.grid)
    result = replace(measurement.result, function=function_from_labels(labels))
    words, _ = words_of(replace(study, cine=cine), Measurement(cine, labels, result))
    assert "ED, measured" in words
    assert not any(word.startswith("ES, ") for word in words)
    assert "100 % RR" in words


def test_beat_without_measures(words_of):
    ecg, beat = made_ecg()
    unmeasured = replace(beat, intervals=Intervals(), irregular=True)
    words, _ = words_of(*made_generation(), ecg, unmeasured)
    assert "RR 764 ms. No interval could be measured." in words
    assert "irregular, 79/min" in words

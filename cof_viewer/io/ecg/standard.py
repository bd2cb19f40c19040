"""From a raw record to the program's standard ECG: mV, 12 leads in order, 500 Hz, unfiltered.

What can't stand for a patient's ECG is refused with a sentence; what is odd but usable is kept as a problem.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Ecg
from cof_viewer.domain.errors import UserError
from cof_viewer.io.ecg.leads import (
    CHEST,
    INDEPENDENT_LEADS,
    LIMB,
    complete_limb_leads,
    einthoven_error_mv,
    independent_count,
    standard_name,
)
from cof_viewer.io.ecg.record import RawRecord

Leads = dict[str, NDArray[np.float64]]

MIN_SECONDS = 5.0
# A lead that moves less than this over the whole record carries no heart: the lowest true limb leads reach 0.1 mV.
_FLAT_MV = 0.02
# Larger than any heart's QRS: the file's numbers are microvolts, whatever it says.
_MICROVOLT_QRS_MV = 20.0
# True records keep III = II - I within 0.03 mV; wrong gains miss it by 0.1 mV and more.
_EINTHOVEN_MV = 0.08
_LOW_HZ = 200.0
_HZ_RANGE = (50.0, 40_000.0)
_Problems = list[tuple[str, str]]


def to_ecg(record: RawRecord, name: str) -> Ecg:
    """Bring a raw record into standard form.

    Args:
        record: what the file holds.
        name: file name without folder, for messages.

    Raises:
        UserError: shorter than 5 s, an impossible rate, all leads flat, or fewer than 8 independent leads.
    """
    _check_length(record, name)
    problems = list(record.problems)
    stored = _named_leads(record, name, problems)
    if independent_count(list(stored)) < INDEPENDENT_LEADS:
        raise UserError(_too_few(stored, name), code="ecg-leads")
    stored = _in_millivolts(stored, name, problems, record.hz)
    live, flat = _without_flat(stored, name, problems)
    _check_einthoven(live, name, problems)
    signal = _resampled(_twelve(live), record.hz)
    if record.hz < _LOW_HZ:
        problems.append(
            (
                "low-rate",
                f'"{name}" was sampled at {record.hz:g} Hz: QRS is coarse, times are good to {1e3 / record.hz:.0f} ms.',
            )
        )
    return Ecg(
        signal_mv=signal,
        source_hz=float(record.hz),
        source_leads=tuple(standard_name(text) or text for text in record.names),
        flat_leads=flat,
        problems=tuple(problems),
        name=name,
        sha256=_checksum(signal),
        simulated=record.simulated,
        age_years=record.age_years,
        sex=record.sex,
        recorded=record.recorded,
    )


def _check_length(record: RawRecord, name: str) -> None:
    if not _HZ_RANGE[0] <= record.hz <= _HZ_RANGE[1]:
        raise UserError(f'"{name}" gives {record.hz:g} Hz as its sampling rate, which no ECG has.', code="ecg-rate")
    if record.seconds < MIN_SECONDS:
        raise UserError(
            f'The ECG in "{name}" lasts {record.seconds:.1f} s; at least {MIN_SECONDS:g} s are needed.',
            code="ecg-short",
        )


def _named_leads(record: RawRecord, name: str, problems: _Problems) -> Leads:
    """Leads by standard name, the first where a name comes twice; extra channels are left out."""
    names: list[str | None] = [standard_name(text) for text in record.names]
    if not any(names) and len(names) == len(LEADS) and _obeys_standard_order(record.signal_mv):
        problems.append(
            (
                "leads-unnamed",
                f'The leads in "{name}" have no names; their order was found from the relations of the limb leads.',
            )
        )
        names = list(LEADS)
    found: Leads = {}
    for lead, row in zip(names, record.signal_mv, strict=True):
        if lead is not None and lead not in found:
            found[lead] = row
    return found


def _obeys_standard_order(signal: NDArray[np.float64]) -> bool:
    """Whether unnamed channels 0 to 5 obey all four relations of the limb leads as I II III aVR aVL aVF would."""
    limb = np.nan_to_num(signal[:6])
    size = float(np.ptp(limb, axis=1).max())
    if size <= 0:
        return False
    predicted = np.array([LIMB[lead] for lead in LIMB]) @ limb[:2]
    moves = np.ptp(limb, axis=1).min() > 0.01 * size
    return bool(moves and np.percentile(np.abs(predicted - limb), 99) < 0.03 * size)


def _too_few(stored: Leads, name: str) -> str:
    missing = [lead for lead in CHEST if lead not in stored]
    if not stored:
        return f'"{name}" holds no named leads of a 12-lead ECG. Open a standard 12-lead record.'
    detail = f" ({', '.join(missing)} missing)" if 0 < len(missing) < len(CHEST) else ""
    return (
        f'"{name}" holds {independent_count(list(stored))} independent leads{detail}; '
        f"{INDEPENDENT_LEADS} are needed: two limb leads and V1 to V6."
    )


def _in_millivolts(stored: Leads, name: str, problems: _Problems, hz: float) -> Leads:
    """Rescale a record whose microvolts were written as millivolts."""
    window = int(2 * hz)
    reach = []
    for row in stored.values():
        pieces = row[: len(row) // window * window].reshape(-1, window)
        reach.append(
            float(np.median(np.nanmax(np.nan_to_num(pieces), axis=1) - np.nanmin(np.nan_to_num(pieces), axis=1)))
        )
    moving = [value for value in reach if value > _FLAT_MV]
    size = float(np.median(moving)) if moving else 0.0
    if size <= _MICROVOLT_QRS_MV:
        return stored
    problems.append(
        ("microvolt", f'QRS reaches {size:.0f} mV in "{name}": its numbers are microvolts and were rescaled to mV.')
    )
    return {lead: row / 1000.0 for lead, row in stored.items()}


def _without_flat(stored: Leads, name: str, problems: _Problems) -> tuple[Leads, tuple[str, ...]]:
    """Leads that carry signal, gaps closed; and the names of flat ones. One independent lead may be flat."""
    live: Leads = {}
    gaps: list[str] = []
    for lead, row in stored.items():
        known = np.isfinite(row)
        if known.mean() < 0.5 or float(np.ptp(row[known])) < _FLAT_MV:
            continue
        if not known.all():
            gaps.append(lead)
        live[lead] = _closed(row, known)
    flat = tuple(lead for lead in LEADS if lead in stored and lead not in live)
    if not live:
        raise UserError(f'All leads are flat in "{name}". Check the electrodes and record again.', code="ecg-flat")
    count = independent_count(list(live))
    if count < INDEPENDENT_LEADS - 1 or not _has_two_limb_leads(live):
        raise UserError(
            f'Leads {", ".join(flat)} are flat in "{name}"; {count} independent leads are left, '
            f"{INDEPENDENT_LEADS} are needed. Check the electrodes and record again.",
            code="ecg-leads",
        )
    problems.extend(_flat_problem(lead, name) for lead in flat)
    if gaps:
        problems.append(
            ("samples-missing", f'Samples are missing in {", ".join(gaps)} of "{name}"; the gaps were bridged.')
        )
    return live, flat


def _has_two_limb_leads(live: Leads) -> bool:
    return sum(lead in LIMB for lead in live) >= 2


def _flat_problem(lead: str, name: str) -> tuple[str, str]:
    if lead in LIMB:
        return (
            "lead-flat",
            f'Lead {lead} is flat in "{name}". It was derived from the other limb leads; check the electrode.',
        )
    return "lead-flat", f'Lead {lead} is flat in "{name}". Generation uses the other 11 leads; check the electrode.'


def _closed(row: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Missing samples by straight lines."""
    if known.all():
        return row
    at = np.arange(len(row))
    return np.asarray(np.interp(at, at[known], row[known]))


def _check_einthoven(live: Leads, name: str, problems: _Problems) -> None:
    error = einthoven_error_mv(live)
    if error is not None and error > _EINTHOVEN_MV:
        problems.append(
            (
                "einthoven",
                f'III does not equal II − I ({error:.2f} mV off): the gains in "{name}" look wrong. '
                "Correct the gain before measuring.",
            )
        )


def _twelve(live: Leads) -> NDArray[np.float64]:
    """[12, sample] in standard order; a chest lead that is not there stays zero."""
    limb = complete_limb_leads(live)
    zero = np.zeros_like(limb["I"])
    return np.stack([limb[lead] if lead in LIMB else live.get(lead, zero) for lead in LEADS])


def _resampled(signal: NDArray[np.float64], hz: float) -> NDArray[np.float32]:
    """500 Hz by a polyphase filter; the ends are continued by the line through them."""
    if hz != SAMPLING_HZ:
        from scipy.signal import resample_poly

        ratio = Fraction(SAMPLING_HZ / hz).limit_denominator(2000)
        signal = resample_poly(signal, ratio.numerator, ratio.denominator, axis=1, padtype="line")
    return np.ascontiguousarray(signal, dtype=np.float32)


def _checksum(signal: NDArray[np.float32]) -> str:
    """SHA-256 of rate and samples (little-endian), free of names."""
    digest = hashlib.sha256(f"ecg {SAMPLING_HZ:g} {signal.shape}".encode())
    digest.update(np.ascontiguousarray(signal, dtype="<f4").tobytes())
    return digest.hexdigest()

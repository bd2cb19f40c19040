"""Pictures: PSNR and SSIM of every moved slice, full frame and heart.

scikit-image's SSIM with a Gaussian window of sigma 1.5 and population covariance, data range 1, slice by slice, mean
over slices and phases (METHOD section 5). The anchor's phase is left out: it equals the anchor, its PSNR is infinite.
Slices where nothing was imaged are left out. The full frame is the box; it is easier than the heart, because most of
it hardly moves.
"""

from __future__ import annotations

import numpy as np

from cof_viewer.evaluation.beat import EvaluatedBeat, Float, Reference

SIGMA = 1.5
DATA_RANGE = 1.0
_LEAST_ERROR = 1e-10
"""Mean squared error below which PSNR stops at 100 dB, so that one perfect slice doesn't make a mean infinite."""


def measure(reference: Reference, beat: EvaluatedBeat) -> dict[str, float]:
    """`psnr_db`, `ssim` of the full frame, `psnr_heart_db`, `ssim_heart` of the heart; empty without pictures."""
    if beat.picture is None:
        return {}
    rows, columns = reference.roi
    shown = np.asarray((reference.picture > 0).any(axis=(2, 3)))
    found = []
    for t in range(1, len(beat.picture)):
        for z in np.flatnonzero(shown[t]):
            ours, true = beat.picture[t, z], reference.picture[t, z]
            whole, each = ssim(ours, true)
            heart = psnr(ours[rows, columns], true[rows, columns])
            found.append((psnr(ours, true), whole, heart, float(each[rows, columns].mean())))
    names = ("psnr_db", "ssim", "psnr_heart_db", "ssim_heart")
    return dict(zip(names, np.mean(found, axis=0).tolist() if found else [float("nan")] * 4, strict=True))


def psnr(ours: Float, true: Float) -> float:
    """Peak signal-to-noise ratio in dB, at most 100."""
    from skimage.metrics import mean_squared_error, peak_signal_noise_ratio

    if mean_squared_error(true, ours) < _LEAST_ERROR:
        return 100.0
    return float(peak_signal_noise_ratio(true, ours, data_range=DATA_RANGE))


def ssim(ours: Float, true: Float) -> tuple[float, Float]:
    """Structural similarity of two slices: its mean, and its value at every pixel."""
    from skimage.metrics import structural_similarity

    mean, each = structural_similarity(
        true,
        ours,
        data_range=DATA_RANGE,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        full=True,
    )
    return float(mean), np.asarray(each, dtype=np.float32)

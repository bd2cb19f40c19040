"""The ECG encoder: the published names and shapes, what goes in, what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from cof_viewer.domain.ecg import Ecg
from cof_viewer.engine.ecg_encoder import (
    EncoderConfig,
    StMemEncoder,
    config_from,
    config_values,
    encode,
    encoder_input,
    load_state,
)
from cof_viewer.engine.weights import load_weights

SMALL = EncoderConfig(width=32, depth=2, heads=2, head_width=16, mlp=64, pool="lead")
MODELS = Path(__file__).resolve().parents[2] / "models"

W, H = 768, 3072
BLOCK_SHAPES = {
    "attn.norm.weight": (W,),
    "attn.norm.bias": (W,),
    "attn.fn.to_qkv.weight": (3 * W, W),
    "attn.fn.to_qkv.bias": (3 * W,),
    "attn.fn.to_out.0.weight": (W, W),
    "attn.fn.to_out.0.bias": (W,),
    "ff.norm.weight": (W,),
    "ff.norm.bias": (W,),
    "ff.fn.net.0.weight": (H, W),
    "ff.fn.net.0.bias": (H,),
    "ff.fn.net.3.weight": (W, H),
    "ff.fn.net.3.bias": (W,),
}
PUBLISHED = (
    {"pos_embedding": (1, 32, W), "sep_embedding": (W,)}
    | {f"lead_embeddings.{lead}": (W,) for lead in range(12)}
    | {
        "to_patch_embedding.1.weight": (75,),
        "to_patch_embedding.1.bias": (75,),
        "to_patch_embedding.2.weight": (W, 75),
        "to_patch_embedding.2.bias": (W,),
        "to_patch_embedding.3.weight": (W,),
        "to_patch_embedding.3.bias": (W,),
    }
    | {f"block{i}.{name}": shape for i in range(12) for name, shape in BLOCK_SHAPES.items()}
    | {"norm.weight": (W,), "norm.bias": (W,)}
)


@pytest.fixture(scope="module")
def full() -> StMemEncoder:
    return StMemEncoder().eval()


@pytest.fixture(scope="module")
def small() -> StMemEncoder:
    torch.manual_seed(0)
    return StMemEncoder(SMALL).eval()


def test_full_size_has_the_published_names_and_shapes(full: StMemEncoder):
    state = {name: tuple(value.shape) for name, value in full.state_dict().items()}
    assert len(PUBLISHED) == 166
    assert state == PUBLISHED
    assert sum(value.numel() for value in full.state_dict().values()) == 85_150_614


def test_a_checkpoint_of_these_names_loads_and_gives_768_numbers(full: StMemEncoder):
    generator = torch.Generator().manual_seed(1)
    state = {name: torch.randn(shape, generator=generator) * 0.02 for name, shape in PUBLISHED.items()}
    load_state(full, state | {"head.weight": torch.zeros(5, W)})
    assert torch.equal(full.block3.attn.fn.to_qkv.bias, state["block3.attn.fn.to_qkv.bias"])
    with torch.inference_mode():
        out = full(torch.randn(1, 12, 225, generator=generator))
    assert out.shape == (1, 768)
    assert out.isfinite().all()


def test_a_state_that_does_not_fit_is_refused(small: StMemEncoder):
    state = small.state_dict()
    with pytest.raises(ValueError, match="does not fit"):
        load_state(small, {name: value for name, value in state.items() if name != "norm.bias"})
    with pytest.raises(ValueError, match="does not fit"):
        load_state(small, state | {"extra": torch.zeros(1)})


def test_positions_are_sines_and_separators_have_none(small: StMemEncoder):
    positions = small.pos_embedding[0]
    assert not positions[0].any()
    assert not positions[-1].any()
    assert torch.allclose(positions[1, :16], torch.zeros(16))  # sine of 0
    assert torch.allclose(positions[1, 16:], torch.ones(16))  # cosine of 0
    assert torch.allclose(positions[4, 0], torch.sin(torch.tensor(3.0)))


@pytest.mark.parametrize("pool", ["mean", "lead"])
def test_small_ones_also_give_768_numbers(pool: str):
    config = EncoderConfig(width=32, depth=1, heads=2, head_width=16, mlp=64, pool=pool)
    assert StMemEncoder(config)(torch.randn(2, 12, 2250)).shape == (2, 768)
    assert config_from(config_values(config)) == config


def test_leads_are_told_apart(small: StMemEncoder):
    signal = torch.randn(1, 12, 2250, generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        swapped = small(signal[:, [1, 0, *range(2, 12)]])
        assert not torch.allclose(small(signal), swapped, atol=1e-3)


def beat_train(seconds: float, rr_s: float = 0.8) -> np.ndarray:
    clock = np.arange(int(seconds * 500)) / 500
    since = (clock + rr_s / 2) % rr_s - rr_s / 2
    wave = np.exp(-0.5 * (since / 0.015) ** 2) + 0.3 * np.exp(-0.5 * ((clock % rr_s - 0.28) / 0.04) ** 2)
    return (np.linspace(-1, 1.5, 12)[:, None] * wave).astype(np.float32)


def test_input_is_filtered_and_normalised_over_the_record():
    clock = np.arange(5000) / 500
    wandering = beat_train(10) + 2 * np.sin(2 * np.pi * 0.1 * clock) + 0.5 * np.sin(2 * np.pi * 60 * clock)
    clean, filtered = encoder_input(beat_train(10)), encoder_input(wandering.astype(np.float32))
    assert filtered.shape == (12, 2250)
    assert filtered.dtype == np.float32
    assert filtered.mean() == pytest.approx(0, abs=1e-5)
    assert filtered.std() == pytest.approx(1, abs=1e-4)
    middle = slice(600, -600)  # the high-pass rings for seconds where a record begins and ends
    assert np.corrcoef(clean[:, middle].ravel(), filtered[:, middle].ravel())[0, 1] > 0.985


def test_absolute_voltage_goes_and_ratios_stay():
    one, two = encoder_input(beat_train(10)), encoder_input(3 * beat_train(10))
    np.testing.assert_allclose(one, two, atol=1e-4)
    assert np.ptp(one[11]) / np.ptp(one[0]) == pytest.approx(1.5, rel=0.01)


def test_a_cycle_is_repeated_without_steps():
    cycle = beat_train(0.8)
    drifting = cycle + np.linspace(0, 0.5, cycle.shape[1], dtype=np.float32)
    repeated = encoder_input(drifting)
    period = 200
    here, next_one = repeated[:, 900:1100], repeated[:, 900 + period : 1100 + period]
    np.testing.assert_allclose(here, next_one, atol=0.02 * np.ptp(here))
    record = encoder_input(beat_train(10))
    power = [np.abs(np.fft.rfft(x[11])) for x in (repeated, record)]
    assert np.argmax(power[0][5:]) == pytest.approx(np.argmax(power[1][5:]), abs=1)


def test_nothing_in_nothing_out(small: StMemEncoder):
    ecg = Ecg(np.zeros((12, 5000), np.float32), 500, ())
    assert not encoder_input(ecg.signal_mv).any()
    assert np.isfinite(encode(small, ecg)).all()


def test_the_encoder_that_ships_loads_and_tells_beats_apart():
    if not (MODELS / "ecg_encoder.safetensors").is_file():
        pytest.skip("the encoder's weights are not in models/ yet")
    tensors, entry = load_weights(MODELS, "ecg_encoder")
    encoder = StMemEncoder(config_from(entry.config))
    load_state(encoder, tensors)
    assert (MODELS / "ecg_encoder.safetensors").stat().st_size < 6_000_000
    slow, fast = (encode(encoder, Ecg(beat_train(10, rr), 500, ())) for rr in (1.1, 0.6))
    assert slow.shape == (768,)
    assert np.linalg.norm(slow - fast) > 0.05 * np.linalg.norm(slow)
    np.testing.assert_array_equal(slow, encode(encoder, Ecg(beat_train(10, 1.1), 500, ())))

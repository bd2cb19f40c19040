"""The ECG encoder: a vision transformer over patches of single leads (ST-MEM, Na et al., ICLR 2024), our own code.

Names and shapes of the parameters are those of the published full-size checkpoint, so that it loads unchanged. The
encoder that ships is a small one of the same design. What goes in is the record's middle 9 s, or one cycle
repeated to 9 s: both are in the distribution that masked autoencoding saw. Normalising takes away the absolute
voltage and keeps the ratios of the leads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from cof_viewer.domain.ecg import LEADS, SAMPLING_HZ, Beat, Ecg
from cof_viewer.engine.weights import load_weights

EMBEDDING = 768
INPUT_HZ = 250.0
INPUT_SAMPLES = 2250
_HIGH_PASS_HZ, _LOW_PASS_HZ, _ORDER = 0.67, 40.0, 5


@dataclass(frozen=True)
class EncoderConfig:
    """Shape of an encoder; the defaults are the published full size.

    Attributes:
        width: numbers a token.
        depth: transformer blocks.
        heads: attention heads a block, `head_width` numbers each.
        mlp: hidden width of a block's perceptron.
        patch: samples a patch (75 at 250 Hz = 0.3 s).
        leads: leads of the input.
        samples: longest input.
        pool: "mean" averages all tokens, as published; "lead" averages each lead's tokens and keeps the leads apart.
        output: numbers given back; where it is not what pooling gives, a linear layer makes it so.
    """

    width: int = EMBEDDING
    depth: int = 12
    heads: int = 12
    head_width: int = 64
    mlp: int = 3072
    patch: int = 75
    leads: int = len(LEADS)
    samples: int = INPUT_SAMPLES
    pool: str = "mean"
    output: int = EMBEDDING

    @property
    def patches(self) -> int:
        """Patches a lead."""
        return self.samples // self.patch


def config_from(values: Mapping[str, Any]) -> EncoderConfig:
    """A config from plain values, as the manifest has them."""
    return EncoderConfig(**values)


def config_values(config: EncoderConfig) -> dict[str, Any]:
    """Plain values of a config."""
    return asdict(config)


class StMemEncoder(nn.Module):
    """[B, 12, samples] normalised ECG to [B, output]."""

    def __init__(self, config: EncoderConfig | None = None) -> None:
        """Make the layers of a config, with random weights."""
        super().__init__()
        self.config = config = config or EncoderConfig()
        width = config.width
        self.to_patch_embedding = nn.Sequential(
            _Patches(config.patch),
            nn.LayerNorm(config.patch),
            nn.Linear(config.patch, width),
            nn.LayerNorm(width),
        )
        self.pos_embedding = nn.Parameter(_positions(config.patches + 2, width), requires_grad=False)
        self.sep_embedding = nn.Parameter(torch.randn(width) * 0.02)
        self.lead_embeddings = nn.ParameterList(nn.Parameter(torch.randn(width) * 0.02) for _ in range(config.leads))
        for index in range(config.depth):
            self.add_module(f"block{index}", _Block(config))
        self.norm = nn.LayerNorm(width)
        self.projection = _projection(config)

    def embed(self, signal: Tensor) -> Tensor:
        """[B, lead, samples] to tokens [B, lead, patch, width] with their positions, no lead vectors yet."""
        tokens: Tensor = self.to_patch_embedding(signal)
        return tokens + self.pos_embedding[:, 1 : tokens.shape[2] + 1].unsqueeze(1)

    def transform(self, tokens: Tensor) -> Tensor:
        """[B, lead, patch, width] through the blocks, each lead between two separators; same shape out.

        Patches may be a subset, as in masked autoencoding: their positions are already in them.
        """
        batch, leads, patches, width = tokens.shape
        left = (self.sep_embedding + self.pos_embedding[0, 0]).expand(batch, leads, 1, width)
        right = (self.sep_embedding + self.pos_embedding[0, -1]).expand(batch, leads, 1, width)
        sequence = torch.cat([left, tokens, right], dim=2)
        sequence = sequence + torch.stack([self.lead_embeddings[lead] for lead in range(leads)])[None, :, None]
        flat = sequence.reshape(batch, leads * (patches + 2), width)
        for index in range(self.config.depth):
            flat = getattr(self, f"block{index}")(flat)
        return flat.reshape(batch, leads, patches + 2, width)[:, :, 1:-1]

    def forward(self, signal: Tensor) -> Tensor:
        """[B, lead, samples], samples a multiple of the patch, to [B, output]."""
        tokens = self.transform(self.embed(signal))
        over = (1, 2) if self.config.pool == "mean" else 2
        pooled: Tensor = self.projection(self.norm(tokens.mean(dim=over)))
        return pooled.flatten(1)


class _Patches(nn.Module):
    """[B, lead, samples] to [B, lead, patch, samples a patch]."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, signal: Tensor) -> Tensor:
        return signal.reshape(*signal.shape[:-1], -1, self.size)


class _Normed(nn.Module):
    """Layer norm, then `fn`; the names of the published checkpoint."""

    def __init__(self, width: int, fn: nn.Module) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fn = fn

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.fn(self.norm(tokens))
        return out


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * heads * head_width)
        self.to_out = nn.Sequential(nn.Linear(heads * head_width, width), nn.Dropout(0.0))

    def forward(self, tokens: Tensor) -> Tensor:
        batch, count, _ = tokens.shape
        q, k, v = self.to_qkv(tokens).view(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.to_out(mixed.transpose(1, 2).flatten(2))
        return out


class _Perceptron(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(0.0), nn.Linear(hidden, width), nn.Dropout(0.0)
        )

    def forward(self, tokens: Tensor) -> Tensor:
        out: Tensor = self.net(tokens)
        return out


class _Block(nn.Module):
    """Attention over all tokens of all leads, then a perceptron, both before-normed with a way round."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.attn = _Normed(config.width, _Attention(config.width, config.heads, config.head_width))
        self.ff = _Normed(config.width, _Perceptron(config.width, config.mlp))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(tokens)
        out: Tensor = tokens + self.ff(tokens)
        return out


def _projection(config: EncoderConfig) -> nn.Module:
    """From what pooling gives to `output` numbers; nothing where they agree."""
    share = config.output if config.pool == "mean" else config.output // config.leads
    if share == config.width:
        return nn.Identity()
    layer = nn.Linear(config.width, share, bias=False)
    nn.init.orthogonal_(layer.weight)
    return layer


def _positions(count: int, width: int) -> Tensor:
    """[1, count, width] fixed sine-cosine positions; the first and last row, of the separators, are zero."""
    at = torch.arange(count - 2, dtype=torch.float64)[:, None]
    rate = torch.exp(-np.log(10_000.0) * torch.arange(width // 2, dtype=torch.float64) / (width // 2))[None]
    table = torch.zeros(1, count, width)
    table[0, 1:-1] = torch.cat([torch.sin(at * rate), torch.cos(at * rate)], dim=1).float()
    return table


def encoder_input(signal_mv: NDArray[np.float32]) -> NDArray[np.float32]:
    """[12, sample] mV at 500 Hz to [12, 2250] at 250 Hz, filtered 0.67 to 40 Hz, one mean and deviation taken out.

    A record of 9 s or more gives its middle 9 s; anything shorter is taken as one cycle and repeated.
    """
    from scipy.signal import butter, resample, sosfiltfilt

    signal = np.asarray(signal_mv, dtype=np.float64)
    needed = int(INPUT_SAMPLES * SAMPLING_HZ / INPUT_HZ)
    if signal.shape[1] < needed:
        signal = _repeated(signal, needed)
    first = (signal.shape[1] - needed) // 2
    signal = resample(signal[:, first : first + needed], INPUT_SAMPLES, axis=1)
    for kind, hertz in (("highpass", _HIGH_PASS_HZ), ("lowpass", _LOW_PASS_HZ)):
        signal = sosfiltfilt(butter(_ORDER, hertz, btype=kind, fs=INPUT_HZ, output="sos"), signal, axis=1)
    spread = float(signal.std())
    scaled = (signal - signal.mean()) / spread if spread > 0 else np.zeros_like(signal)
    return np.ascontiguousarray(scaled, dtype=np.float32)


def _repeated(cycle: NDArray[np.float64], needed: int) -> NDArray[np.float64]:
    """One cycle end to end, the line between its ends taken out so that the joints have no step."""
    slope = np.linspace(0.0, 1.0, cycle.shape[1])[None]
    level = cycle - slope * (cycle[:, -1:] - cycle[:, :1])
    return np.tile(level, (1, -(-needed // cycle.shape[1])))[:, :needed]


def load_encoder(models_dir: Path) -> StMemEncoder:
    """Read the weights "ecg_encoder" of a folder, checksum verified."""
    state, entry = load_weights(models_dir, "ecg_encoder")
    encoder = StMemEncoder(config_from(entry.config))
    load_state(encoder, state)
    return encoder.eval()


def encode(encoder: StMemEncoder, source: Ecg | Beat) -> NDArray[np.float32]:
    """The embedding [output] of a record, or of its representative cycle repeated."""
    device = next(encoder.parameters()).device
    batch = torch.from_numpy(encoder_input(source.signal_mv))[None].to(device)
    with torch.inference_mode():
        return np.asarray(encoder.eval()(batch)[0].cpu().numpy())


def load_state(encoder: StMemEncoder, state: Mapping[str, Tensor]) -> None:
    """Load a state dict of these names, such as the published checkpoint's; a head of its own is left out.

    Raises:
        ValueError: a tensor is missing or has another shape.
    """
    own = encoder.state_dict()
    known = {name: value for name, value in state.items() if not name.startswith("head.")}
    wrong = [name for name in own if name not in known or known[name].shape != own[name].shape]
    if wrong or len(known) != len(own):
        raise ValueError(f"the state does not fit the encoder: {(wrong or sorted(set(known) - set(own)))[:3]}")
    encoder.load_state_dict(dict(known))

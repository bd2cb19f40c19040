"""The network of the paper's form: a 3-D U-Net over (T, Hf, Wf) of the packed flow (COF section 3).

It is told the anchor by the anatomy branch (REA: features at Hf x Wf, the same for every phase), the flow time as one
more image, and the dynamic vector of 896 numbers (768 of the ECG encoder, 128 learned of the phase vector) by scaling
and shifting channels. Ours: time is a circle, so every convolution along T wraps round, and nothing is halved along T;
the phase vector also enters as images of sine and cosine, which tells each phase its place; and the network gives its
estimate of the data, from which velocity (flow matching) or noise (diffusion) follow exactly.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cof_viewer.engine.packed.pack import PackLayout

Form = Literal["flow", "diffusion"]
Route = Literal["dynamic", "spatial"]
Target = Literal["motion", "pictures"]

EMBEDDING, PHASE_EMBEDDING = 768, 128
DYNAMIC = EMBEDDING + PHASE_EMBEDDING
"""Length of the dynamic vector."""

PLANE_IMAGES = 4
"""Images of the anchor in each plane: picture, and signed distances of LV, LV with wall, and RV."""

WHOLE_IMAGES = 2
"""Images of one value each: length of the heart and distance between slices."""

_CLOCK = 4
_TAU_ANGLES = 8
_GROUPS = 8


@dataclass(frozen=True)
class PackedConfig:
    """Shape of the network; travels with its weights.

    Attributes:
        pack: what it makes.
        form: whether it was taught by flow matching or by diffusion.
        patch: lattice points in a row that are taken together at the entry; 1 keeps all.
        widths: channels at each level; each halves rows and columns.
        blocks: residual blocks a level, each way.
        rea_channels: of the anatomy features.
        dynamic_width: hidden numbers that the dynamic vector is turned into.
        rea: whether the anatomy's features are told; without is an ablation.
        ecg_route: "dynamic" by the dynamic vector, its phases by the phase vector; "spatial" is an ablation: the
            embedding as images, the same at every phase, and phases evenly spaced.
        target: "motion" of the teacher, or "pictures" without it (see `pictures`), an ablation.
        whole_kernels: 3 x 3 x 3 kernels; else 1 x 3 x 3 and 3 x 1 x 1 one after the other, five times cheaper.
    """

    pack: PackLayout = field(default_factory=PackLayout)
    form: Form = "flow"
    patch: int = 2
    widths: tuple[int, ...] = (64, 128, 192)
    blocks: int = 1
    rea_channels: int = 32
    dynamic_width: int = 256
    whole_kernels: bool = False
    rea: bool = True
    ecg_route: Route = "dynamic"
    target: Target = "motion"

    @property
    def anatomy_channels(self) -> int:
        """Images of the anchor that the network sees."""
        return PLANE_IMAGES * self.pack.planes + WHOLE_IMAGES

    def values(self) -> dict[str, Any]:
        """Plain values for storage."""
        return asdict(self)


def config_from_values(values: Mapping[str, Any]) -> PackedConfig:
    """The config that `PackedConfig.values` was stored from; what is left out keeps its default."""
    plain = dict(values)
    layout = dict(plain.pop("pack", {}))
    if "scale_mm" in layout:
        x, y, z = layout["scale_mm"]
        layout["scale_mm"] = (float(x), float(y), float(z))
    if "widths" in plain:
        plain["widths"] = tuple(plain["widths"])
    return PackedConfig(pack=PackLayout(**layout), **plain)


@dataclass(frozen=True, eq=False)
class PackedCondition:
    """What a beat is drawn for; anatomy and ECG may be masked.

    Attributes:
        anatomy: [n, `anatomy_channels`, 2·Hf, 2·Wf] images of the anchor (see `anatomy.anatomy_images`).
        embedding: [n, 768] of the ECG encoder.
        phase: [n, T] phase vector, 0 to 1: the moment of a standard beat that each phase is.
        has_anatomy: [n, 1], 0 masks anatomy; `has_ecg` masks embedding and phase vector.
    """

    anatomy: Tensor
    embedding: Tensor
    phase: Tensor
    has_anatomy: Tensor
    has_ecg: Tensor

    def without_ecg(self) -> PackedCondition:
        """The same anchor, the ECG not heard."""
        return replace(self, has_ecg=torch.zeros_like(self.has_ecg))


@dataclass(frozen=True, eq=False)
class Embedded:
    """A condition in the network's own terms, the same for every step of the flow.

    Attributes:
        images: [n, rea + clock (+ ECG), T, Hf, Wf].
        dynamic: [n, dynamic_width].
    """

    images: Tensor
    dynamic: Tensor


class _Periodic(nn.Module):
    """A convolution over (T, Hf, Wf) that wraps round along T and pads zeros in plane."""

    def __init__(self, inside: int, outside: int, kernel: tuple[int, int, int]) -> None:
        super().__init__()
        self.turns = kernel[0] // 2
        self.convolution = nn.Conv3d(inside, outside, kernel, padding=(0, kernel[1] // 2, kernel[2] // 2))

    def forward(self, x: Tensor) -> Tensor:
        if self.turns:
            x = torch.cat([x[:, :, -self.turns :], x, x[:, :, : self.turns]], dim=2)
        out: Tensor = self.convolution(x)
        return out


def _convolution(inside: int, outside: int, whole: bool) -> nn.Module:
    if whole:
        return _Periodic(inside, outside, (3, 3, 3))
    return nn.Sequential(_Periodic(inside, outside, (1, 3, 3)), _Periodic(outside, outside, (3, 1, 1)))


class _Block(nn.Module):
    """Two convolutions with a way round; the dynamic vector scales and shifts what is between them."""

    def __init__(self, inside: int, outside: int, config: PackedConfig) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(_GROUPS, inside)
        self.first = _convolution(inside, outside, config.whole_kernels)
        self.modulate = nn.Linear(config.dynamic_width, 2 * outside)
        self.second_norm = nn.GroupNorm(_GROUPS, outside)
        self.second = _convolution(outside, outside, config.whole_kernels)
        self.skip = nn.Identity() if inside == outside else nn.Conv3d(inside, outside, 1)

    def forward(self, x: Tensor, dynamic: Tensor) -> Tensor:
        hidden = self.first(F.silu(self.first_norm(x)))
        scale, shift = self.modulate(dynamic)[..., None, None, None].chunk(2, dim=1)
        hidden = self.second_norm(hidden) * (1 + scale) + shift
        out: Tensor = self.skip(x) + self.second(F.silu(hidden))
        return out


class _Anatomy(nn.Module):
    """The reference anatomy branch: images of the anchor to features at Hf x Wf."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inside, outside, 3, 2, 1),
            nn.GroupNorm(_GROUPS, outside),
            nn.SiLU(),
            nn.Conv2d(outside, outside, 3, 1, 2, dilation=2),
            nn.GroupNorm(_GROUPS, outside),
            nn.SiLU(),
            nn.Conv2d(outside, outside, 3, 1, 1),
        )

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.layers(images)
        return out


class PackedNetwork(nn.Module):
    """(noisy pack, tau, condition) -> the clean pack it takes for the likeliest."""

    embedding_mean: Tensor
    embedding_spread: Tensor

    def __init__(self, config: PackedConfig) -> None:
        """Build it untrained; it begins by answering 0, the mean of the data."""
        super().__init__()
        self.config = config
        widths, patch, blocks = config.widths, config.patch, config.blocks
        if config.rea:
            self.anatomy = _Anatomy(config.anatomy_channels, config.rea_channels)
        if config.ecg_route == "spatial":
            self.spatial_ecg = nn.Linear(EMBEDDING, config.rea_channels)
        self.phase = nn.Sequential(
            nn.Linear(config.pack.phases, PHASE_EMBEDDING), nn.SiLU(), nn.Linear(PHASE_EMBEDDING, PHASE_EMBEDDING)
        )
        self.dynamic = nn.Sequential(nn.Linear(DYNAMIC + 2, config.dynamic_width), nn.SiLU())
        self.tau = nn.Linear(2 * _TAU_ANGLES, config.dynamic_width)
        told = config.rea + (config.ecg_route == "spatial")
        inside = config.pack.channels + 1 + told * config.rea_channels + _CLOCK
        self.enter = nn.Conv3d(inside, widths[0], (1, patch, patch), (1, patch, patch))
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, width in enumerate(widths):
            before = widths[max(level - 1, 0)]
            self.down.append(nn.ModuleList(_Block(before if k == 0 else width, width, config) for k in range(blocks)))
        for level in range(len(widths) - 2, -1, -1):
            width, below = widths[level], widths[level + 1]
            first = below + width
            self.up.append(nn.ModuleList(_Block(first if k == 0 else width, width, config) for k in range(blocks)))
        self.leave_norm = nn.GroupNorm(_GROUPS, widths[0])
        self.leave = _Periodic(widths[0], config.pack.channels, (1, 3, 3))
        nn.init.zeros_(self.leave.convolution.weight)
        assert self.leave.convolution.bias is not None
        nn.init.zeros_(self.leave.convolution.bias)
        self.register_buffer("embedding_mean", torch.zeros(EMBEDDING))
        self.register_buffer("embedding_spread", torch.ones(EMBEDDING))

    def embed(self, condition: PackedCondition) -> Embedded:
        """What stays the same over the steps of the flow."""
        seen, heard = condition.has_anatomy, condition.has_ecg
        pack, spatial = self.config.pack, self.config.ecg_route == "spatial"
        even = torch.arange(pack.phases, device=seen.device, dtype=seen.dtype) / pack.phases
        phase = even.expand_as(condition.phase) if spatial else heard * condition.phase + (1 - heard) * even
        standard = heard * (condition.embedding - self.embedding_mean) / self.embedding_spread
        vector = torch.zeros_like(standard) if spatial else standard
        dynamic = self.dynamic(torch.cat([vector, self.phase(phase), seen, heard], dim=1))
        maps = [clock_images(phase)[..., None, None]]
        if self.config.rea:
            maps.insert(0, self.anatomy(condition.anatomy * seen[..., None, None])[:, :, None])
        if spatial:
            maps.append(self.spatial_ecg(standard)[:, :, None, None, None])
        shape = (-1, -1, pack.phases, pack.rows, pack.columns)
        return Embedded(torch.cat([part.expand(*shape) for part in maps], dim=1), dynamic)

    def forward(self, x: Tensor, tau: Tensor, embedded: Embedded) -> Tensor:
        """The data that a noisy pack hides.

        Args:
            x: [n, C, T, Hf, Wf].
            tau: [n, 1], 0 data to 1 noise.
            embedded: from `embed`.
        """
        image = tau[..., None, None, None].expand(-1, -1, *x.shape[2:])
        hidden = self.enter(torch.cat([x, image, embedded.images], dim=1))
        dynamic = embedded.dynamic + self.tau(_tau_angles(tau))
        kept: list[Tensor] = []
        for level, blocks in enumerate(self.down):
            if level:
                kept.append(hidden)
                hidden = F.avg_pool3d(hidden, (1, 2, 2))
            hidden = _through(blocks, hidden, dynamic)
        for blocks in self.up:
            skip = kept.pop()
            hidden = torch.cat([_enlarged(hidden, skip.shape[-2:]), skip], dim=1)
            hidden = _through(blocks, hidden, dynamic)
        hidden = _enlarged(F.silu(self.leave_norm(hidden)), x.shape[-2:])
        out: Tensor = self.leave(hidden)
        return out

    def deep(self, x: Tensor, tau: Tensor, *condition: Tensor) -> Tensor:
        """Embed the parts of a condition, in their order, and answer in one call: for training."""
        out: Tensor = self(x, tau, self.embed(PackedCondition(*condition)))
        return out


def clock_images(phase: Tensor) -> Tensor:
    """[n, 4, T] sine and cosine of once and twice round the phase vector [n, T]."""
    angle = 2.0 * math.pi * phase
    return torch.stack([angle.sin(), angle.cos(), (2 * angle).sin(), (2 * angle).cos()], dim=1)


def _tau_angles(tau: Tensor) -> Tensor:
    angles = tau * math.pi * 2.0 ** torch.arange(_TAU_ANGLES, device=tau.device)[None] / 2
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _through(blocks: Any, hidden: Tensor, dynamic: Tensor) -> Tensor:
    for block in blocks:
        hidden = block(hidden, dynamic)
    return hidden


def _enlarged(x: Tensor, size: tuple[int, ...] | torch.Size) -> Tensor:
    """Rows and columns to a size, linear; phases untouched."""
    if x.shape[-2:] == torch.Size(size):
        return x
    n, channels, phases = x.shape[:3]
    flat = x.transpose(1, 2).reshape(n * phases, channels, *x.shape[-2:])
    large = F.interpolate(flat, tuple(size), mode="bilinear", align_corners=False)
    return large.reshape(n, phases, channels, *size).transpose(1, 2)

"""The U-Nets of nnU-Net v2 plans, their layers named as in nnU-Net's checkpoints.

The plain one stacks convolution, norm, activation; the residual encoder's blocks follow ResNet-D: a short cut by
average pooling, then a 1 x 1 convolution where channels change (He et al., "Bag of tricks", CVPR 2019). Names and
shapes are those of the package dynamic_network_architectures; a checkpoint holds every layer of it several times, of
which `own_weights` keeps one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from cof_viewer.engine.nnunet.plans import UNetShape

_TWICE = (".all_modules.", "decoder.encoder.")


def own_weights(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A checkpoint's `network_weights` without the layers that it lists again under another name."""
    plain = {name.removeprefix("module.").removeprefix("_orig_mod."): value for name, value in state.items()}
    return {name: value for name, value in plain.items() if not any(part in name for part in _TWICE)}


class NnUNet(nn.Module):
    """[N, 1, (z,) y, x] to logits [N, classes, (z,) y, x]; each axis a multiple of the product of its strides."""

    def __init__(self, shape: UNetShape) -> None:
        """Make the layers of a plan, with random weights."""
        super().__init__()
        self.encoder: nn.Module = _ResidualEncoder(shape) if shape.residual else _PlainEncoder(shape)
        self.decoder = _Decoder(shape)

    def forward(self, images: Tensor) -> Tensor:
        """Logits at full resolution."""
        logits: Tensor = self.decoder(self.encoder(images))
        return logits


class _PlainEncoder(nn.Module):
    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        widths = (1, *shape.features)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(_Stack(shape, count, a, b, kernel, stride))
                for (a, b), count, kernel, stride in zip(
                    pairwise(widths), shape.encoder, shape.kernels, shape.strides, strict=True
                )
            )
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        return _all_maps(self.stages, images)


class _ResidualEncoder(nn.Module):
    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        one = (1,) * shape.dimensions
        self.stem = _Stack(shape, 1, 1, shape.features[0], shape.kernels[0], one)
        widths = (shape.features[0], *shape.features)
        self.stages = nn.Sequential(
            *(
                _Blocks(shape, count, a, b, kernel, stride)
                for (a, b), count, kernel, stride in zip(
                    pairwise(widths), shape.encoder, shape.kernels, shape.strides, strict=True
                )
            )
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        return _all_maps(self.stages, self.stem(images))


class _Decoder(nn.Module):
    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        up = nn.ConvTranspose3d if shape.dimensions == 3 else nn.ConvTranspose2d
        one = (1,) * shape.dimensions
        below = list(pairwise(shape.features))[::-1]
        strides, kernels = shape.strides[:0:-1], shape.kernels[-2::-1]
        self.transpconvs = nn.ModuleList(
            up(b, a, stride, stride, bias=shape.bias)  # type: ignore[arg-type]
            for (a, b), stride in zip(below, strides, strict=True)
        )
        self.stages = nn.ModuleList(
            _Stack(shape, count, 2 * a, a, kernel, one)
            for (a, _), count, kernel in zip(below, shape.decoder, kernels, strict=True)
        )
        self.seg_layers = nn.ModuleList(_convolution(shape, a, shape.classes, one, one, bias=True) for a, _ in below)

    def forward(self, skips: Sequence[Tensor]) -> Tensor:
        maps = skips[-1]
        for up, stage, skip in zip(self.transpconvs, self.stages, skips[-2::-1], strict=True):
            maps = stage(torch.cat([up(maps), skip], dim=1))
        logits: Tensor = self.seg_layers[-1](maps)
        return logits


class _Stack(nn.Module):
    """Convolution, norm, activation, several times; the first one strides."""

    def __init__(
        self, shape: UNetShape, count: int, inside: int, outside: int, kernel: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        super().__init__()
        one = (1,) * shape.dimensions
        self.convs = nn.Sequential(
            *(
                _Unit(shape, outside if i else inside, outside, kernel, one if i else stride, bias=shape.bias)
                for i in range(count)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = self.convs(maps)
        return result


class _Blocks(nn.Module):
    """Residual blocks; the first one strides."""

    def __init__(
        self, shape: UNetShape, count: int, inside: int, outside: int, kernel: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        super().__init__()
        one = (1,) * shape.dimensions
        self.blocks = nn.Sequential(
            *(_Block(shape, outside if i else inside, outside, kernel, one if i else stride) for i in range(count))
        )

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = self.blocks(maps)
        return result


class _Block(nn.Module):
    def __init__(
        self, shape: UNetShape, inside: int, outside: int, kernel: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        super().__init__()
        one = (1,) * shape.dimensions
        self.conv1 = _Unit(shape, inside, outside, kernel, stride, bias=shape.bias)
        self.conv2 = _Unit(shape, outside, outside, kernel, one, bias=shape.bias, active=False)
        short: list[nn.Module] = []
        if stride != one:
            pool = nn.AvgPool3d if shape.dimensions == 3 else nn.AvgPool2d
            short.append(pool(stride, stride))  # type: ignore[arg-type]
        if inside != outside:
            short.append(_Unit(shape, inside, outside, one, one, bias=False, active=False))
        self.skip = nn.Sequential(*short)
        self._activation = _Activation(shape)

    def forward(self, maps: Tensor) -> Tensor:
        return self._activation(self.conv2(self.conv1(maps)) + self.skip(maps))


class _Unit(nn.Module):
    """Convolution and norm, then, where `active`, the activation."""

    def __init__(
        self,
        shape: UNetShape,
        inside: int,
        outside: int,
        kernel: tuple[int, ...],
        stride: tuple[int, ...],
        *,
        bias: bool,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.conv = _convolution(shape, inside, outside, kernel, stride, bias=bias)
        norm: type[nn.Module] = getattr(nn, f"{shape.norm}{shape.dimensions}d")
        self.norm = norm(outside, eps=shape.eps, affine=shape.affine)
        self._activation = _Activation(shape) if active else None

    def forward(self, maps: Tensor) -> Tensor:
        result: Tensor = self.norm(self.conv(maps))
        return result if self._activation is None else self._activation(result)


class _Activation:
    """ReLU or leaky ReLU; no module, for checkpoints know of none."""

    def __init__(self, shape: UNetShape) -> None:
        self._slope = shape.slope if shape.activation == "LeakyReLU" else 0.0

    def __call__(self, maps: Tensor) -> Tensor:
        return functional.leaky_relu(maps, self._slope, inplace=True)


def _convolution(
    shape: UNetShape, inside: int, outside: int, kernel: tuple[int, ...], stride: tuple[int, ...], *, bias: bool
) -> nn.Module:
    kind: type[nn.Module] = nn.Conv3d if shape.dimensions == 3 else nn.Conv2d
    return kind(inside, outside, kernel, stride, padding=[(k - 1) // 2 for k in kernel], bias=bias)


def _all_maps(stages: nn.Sequential, maps: Tensor) -> list[Tensor]:
    """The maps after every stage."""
    found = []
    for stage in stages:
        maps = stage(maps)
        found.append(maps)
    return found

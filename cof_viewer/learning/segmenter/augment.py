"""Random changes of intensity for a batch of training samples."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_EPSILON = 1e-5


def bend_intensities(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """Gamma, bias field, blur, low resolution and noise, each sample by its own lot.

    Args:
        images: [N, C, H, W], from 0 to about 1.
        chance: of each change for each sample.
        generator: of the randomness.
    """
    images = _gamma(images, chance, generator)
    images = _bias_field(images, chance, generator)
    images = _blur(images, chance / 2, generator)
    images = _low_resolution(images, chance / 2, generator)
    return _noise(images, chance, generator)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, 1, 1, 1, generator=generator)


def _chosen(count: int, chance: float, generator: torch.Generator) -> Tensor:
    return torch.rand(count, 1, 1, 1, generator=generator) < chance


def _gamma(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    count = len(images)
    power = torch.exp(_uniform(count, -0.5, 0.5, generator))
    top = images.amax(dim=(1, 2, 3), keepdim=True).clamp_min(_EPSILON)
    unit = images.clamp_min(0) / top
    turned = _chosen(count, 0.25, generator)
    bent = torch.where(turned, 1 - (1 - unit).clamp_min(0) ** power, unit**power)
    return torch.where(_chosen(count, chance, generator), bent * top, images)


def _bias_field(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    knots = torch.randn(len(images), 1, 4, 4, generator=generator) * 0.3
    field = functional.interpolate(knots, size=images.shape[-2:], mode="bicubic", align_corners=True)
    return torch.where(_chosen(len(images), chance, generator), images * torch.exp(field), images)


def _blur(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    chosen = _chosen(len(images), chance, generator).flatten()
    if not bool(chosen.any()):
        return images
    sigma = float(torch.rand(1, generator=generator)) * 0.7 + 0.5
    x = torch.arange(-3, 4, dtype=images.dtype)
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    some = images[chosen]
    flat = some.reshape(-1, 1, *some.shape[-2:])
    flat = functional.conv2d(functional.pad(flat, (3, 3, 3, 3), mode="replicate"), kernel[None, None, None, :])
    flat = functional.conv2d(flat, kernel[None, None, :, None])
    result = images.clone()
    result[chosen] = flat.reshape(some.shape)
    return result


def _low_resolution(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    chosen = _chosen(len(images), chance, generator).flatten()
    if not bool(chosen.any()):
        return images
    factor = 0.45 + 0.45 * float(torch.rand(1, generator=generator))
    some = images[chosen]
    small = functional.interpolate(some, scale_factor=factor, mode="nearest")
    result = images.clone()
    result[chosen] = functional.interpolate(small, size=some.shape[-2:], mode="bicubic", align_corners=False)
    return result


def _noise(images: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    deviation = images.std(dim=(1, 2, 3), keepdim=True)
    amount = _uniform(len(images), 0.0, 0.25, generator) * deviation * _chosen(len(images), chance, generator)
    return images + amount * torch.randn(images.shape, generator=generator)

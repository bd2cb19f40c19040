"""Masked autoencoding of an ECG: three patches of four are hidden in each lead, the rest must tell them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cof_viewer.engine.ecg_encoder import EncoderConfig, StMemEncoder
from cof_viewer.learning.ecg.config import DecoderConfig

# A patch that moves less than this (in deviations of the record) is noise between waves: it counts for little.
_FLAT_SPREAD = 0.1


class MaskedAutoencoder(nn.Module):
    """The encoder on the patches that are seen, and a small decoder over all patches of all leads.

    Unlike ST-MEM's, the decoder is not kept to one lead at a time: this form learns within minutes. The lead-wise form
    stayed at its starting loss in a first trial, with a target that was still noisy; it has not been tried since.
    """

    def __init__(self, encoder: EncoderConfig, decoder: DecoderConfig, mask: float) -> None:
        """Make both with random weights."""
        super().__init__()
        self.encoder = StMemEncoder(encoder)
        self.seen = encoder.patches - int(mask * encoder.patches)
        self.narrow = nn.Linear(encoder.width, decoder.width)
        self.hidden = nn.Parameter(torch.randn(decoder.width) * 0.02)
        inner = EncoderConfig(
            width=decoder.width,
            depth=decoder.depth,
            heads=decoder.heads,
            head_width=decoder.width // decoder.heads,
            mlp=4 * decoder.width,
            patch=encoder.patch,
            leads=encoder.leads,
            samples=encoder.samples,
        )
        self.decoder = StMemEncoder(inner)
        for unused in (self.encoder.projection, self.decoder.to_patch_embedding, self.decoder.projection):
            unused.requires_grad_(False)
        self.predict = nn.Linear(decoder.width, encoder.patch)

    def forward(self, signal: Tensor, clean: Tensor, order: Tensor) -> Tensor:
        """Scalar loss over the hidden patches.

        Args:
            signal: [B, lead, samples], normalised; what is seen.
            clean: the same without added noise; what is to be told.
            order: int [B, lead, patch], a random order of each lead's patches; the first `seen` are shown.
        """
        tokens = self.encoder.embed(signal)
        shown = torch.gather(tokens, 2, _over(order[..., : self.seen], tokens.shape[-1]))
        known = self.narrow(self.encoder.norm(self.encoder.transform(shown)))
        guess: Tensor = self.predict(self._decoded(known, order))
        patches = clean.reshape(*order.shape, -1)
        truth = torch.gather(patches, 2, _over(order, guess.shape[-1]))
        error = (guess - _patch_normalised(truth)) ** 2
        return error[:, :, self.seen :].mean()

    def _decoded(self, known: Tensor, order: Tensor) -> Tensor:
        """[B, lead, patch, width] in the order of `order`: known tokens first, then hidden ones.

        A hidden patch is handed the mean of what the leads seen at the same time have in common, so that relations
        between leads are learned within minutes; what nothing was seen of at that time must come from other beats.
        """
        batch, leads, patches = order.shape
        shown = order[..., : self.seen]
        width = known.shape[-1]
        placed = known.new_zeros(batch, leads, patches, width).scatter(2, _over(shown, width), known)
        count = known.new_zeros(batch, leads, patches).scatter(2, shown, 1.0).sum(dim=1)
        together = placed.sum(dim=1) / count.clamp(min=1.0).unsqueeze(-1)
        hidden = self.hidden + torch.gather(
            together.unsqueeze(1).expand(-1, leads, -1, -1), 2, _over(order[..., self.seen :], width)
        )
        tokens = torch.cat([known, hidden], dim=2) + self.decoder.pos_embedding[0, 1:-1][order]
        out: Tensor = self.decoder.norm(self.decoder.transform(tokens))
        return out


def random_order(batch: int, leads: int, patches: int, generator: torch.Generator) -> Tensor:
    """int [batch, leads, patches]: an own random order of every lead's patches."""
    return torch.rand(batch, leads, patches, generator=generator).argsort(dim=-1)


def _over(index: Tensor, width: int) -> Tensor:
    return index.unsqueeze(-1).expand(*index.shape, width)


def _patch_normalised(patches: Tensor) -> Tensor:
    mean = patches.mean(dim=-1, keepdim=True)
    spread = patches.var(dim=-1, keepdim=True)
    return (patches - mean) / (spread + _FLAT_SPREAD**2).sqrt()

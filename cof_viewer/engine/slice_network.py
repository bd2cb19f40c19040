"""A segmentation network made ready for use: on its device, in the fastest exact-enough arithmetic, in small batches.

On processors with bfloat16 convolutions (AVX-512 BF16, AMX) they take half the time, and the labels stay as good as
in float32 (docs/guide/bench.md). Everywhere else float32 is both faster and finer, so the capability decides, not a
stopwatch: the same computer always gives the same labels.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from cof_viewer.domain.progress import NEVER, CancelToken, Progress, no_progress
from cof_viewer.engine.seg_network import ResidualUNet

_CHUNK = 4
_CHUNK_ON_GPU = 64


def fast_dtype(device: torch.device) -> torch.dtype:
    """The arithmetic for convolutions: bfloat16 on a processor that has it in hardware, else float32."""
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return torch.float32
    found = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return torch.bfloat16 if any(ask is not None and ask() for ask in found) else torch.float32


class SliceNetwork:
    """A network that labels slices one by one; it keeps a copy, so whoever gave it may go on learning."""

    def __init__(
        self, network: nn.Module, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
    ) -> None:
        """Copy a trained network to the device.

        Args:
            network: [n, channel, row, column] to logits [n, class, row, column].
            device: where it runs.
            dtype: of the convolutions; `fast_dtype` of the device if not given.
        """
        self._device = torch.device(device)
        self._dtype = torch.float32
        self._network = copy.deepcopy(network).to(self._device).eval()
        if isinstance(self._network, ResidualUNet):
            self._dtype = dtype or fast_dtype(self._device)
            self._network.inner_to(self._dtype)

    def shares(self, images: Tensor, *, progress: Progress = no_progress, cancelled: CancelToken = NEVER) -> Tensor:
        """Class probabilities float32 [n, class, row, column] of images [n, channel, row, column], on the processor.

        Args:
            images: rows and columns as the network asks for.
            progress: told the share done.
            cancelled: looked at before every few slices.

        Raises:
            Cancelled: somebody asked to stop.
        """
        chunk = _CHUNK if self._device.type == "cpu" else _CHUNK_ON_GPU
        done = []
        for start in range(0, len(images), chunk):
            cancelled.raise_if_cancelled()
            with torch.inference_mode():
                logits = self._network(images[start : start + chunk].to(self._device, self._dtype))
                done.append(logits.float().softmax(dim=1).cpu())
            progress(min(1.0, (start + chunk) / len(images)), "Segmenting")
        return torch.cat(done)

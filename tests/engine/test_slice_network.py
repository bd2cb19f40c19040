"""The network in use: same labels in the coarser arithmetic, a copy of its own, and it stops when asked."""

from __future__ import annotations

import pytest
import torch

from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine.seg_network import ResidualUNet, UNetConfig, network_from
from cof_viewer.engine.seg_sampling import spread_slices
from cof_viewer.engine.slice_network import SliceNetwork, fast_dtype
from cof_viewer.engine.weights import load_weights
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def network() -> ResidualUNet:
    tensors, entry = load_weights(ROOT / "models", "segmenter")
    return network_from(entry.config["network"], tensors)


def rings(count: int) -> torch.Tensor:
    """Pictures [n, 3, 128, 128] of a bright cavity in a dark wall, slightly noisy."""
    y, x = torch.meshgrid(torch.arange(128.0) - 63.5, torch.arange(128.0) - 63.5, indexing="ij")
    radius = torch.hypot(x, y)
    picture = torch.where(radius < 16, 2.0, torch.where(radius < 23, -1.0, 0.2))
    noise = torch.randn(count, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    return picture + 0.2 * noise


def test_bfloat16_gives_the_same_labels(network: ResidualUNet) -> None:
    images = rings(2)
    fine = SliceNetwork(network, dtype=torch.float32).shares(images)
    coarse = SliceNetwork(network, dtype=torch.bfloat16).shares(images)
    assert coarse.dtype == torch.float32
    assert fine.sum(dim=1) == pytest.approx(1.0, abs=1e-5)
    differ = fine.argmax(dim=1) != coarse.argmax(dim=1)
    assert float(differ.float().mean()) < 0.003
    assert float((fine.argmax(dim=1) == 1).sum()) > 500, "there is a cavity to disagree about"


def test_who_gave_the_network_may_go_on_learning() -> None:
    network = ResidualUNet(UNetConfig(stem=4, widths=(4, 4))).train()
    used = SliceNetwork(network, dtype=torch.bfloat16)
    before = used.shares(torch.ones(1, 3, 16, 16))
    assert network.training
    assert next(network.parameters()).dtype == torch.float32
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1.0)
    assert torch.equal(used.shares(torch.ones(1, 3, 16, 16)), before)


def test_slices_do_not_disturb_each_other(network: ResidualUNet) -> None:
    images = rings(6)
    ready = SliceNetwork(network, dtype=torch.float32)
    assert torch.allclose(ready.shares(images)[5], ready.shares(images[5:])[0], atol=1e-5)


def test_only_a_processor_that_has_it_computes_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert fast_dtype(torch.device("cpu")) == torch.float32
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert fast_dtype(torch.device("cpu")) == torch.bfloat16
    assert fast_dtype(torch.device("cuda")) == torch.float32


def test_it_stops_when_asked(network: ResidualUNet) -> None:
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        SliceNetwork(network).shares(rings(1), cancelled=token)


@pytest.mark.parametrize(
    ("full", "slice_mm", "expected"),
    [
        ([True] * 12, 10.0, [0, 2, 4, 6, 8, 10]),
        ([True] * 9, 10.0, [0, 2, 4, 6, 8]),
        ([False, True, True, True, True, False], 8.0, [1, 2, 3, 4]),
        ([True] * 21, 5.0, [0, 4, 8, 12, 16, 20]),
        ([True] * 6, 17.7, [0, 1, 2, 3, 4, 5]),
        ([False] * 3, 10.0, []),
    ],
)
def test_slices_about_20_mm_apart(full: list[bool], slice_mm: float, expected: list[int]) -> None:
    import numpy as np

    assert spread_slices(np.array(full), slice_mm).tolist() == expected

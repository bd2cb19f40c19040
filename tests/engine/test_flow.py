"""Flow matching: Euler against closed forms, members, conditions that can be masked."""

import pytest
import torch

from cof_viewer.domain.errors import Cancelled
from cof_viewer.domain.progress import CancelToken
from cof_viewer.engine.flow import Condition, FlowConfig, FlowNetwork, euler, flow_matching_loss, member_noise

CONFIG = FlowConfig(5, 7, 6, embedding_numbers=8, width=32, dropout=0.0)


class _Known(FlowNetwork):
    """A network whose velocity is known."""

    def __init__(self, velocity) -> None:
        super().__init__(CONFIG)
        self._velocity = velocity

    def forward(self, x, tau, embedded):
        return self._velocity(x, tau)


def condition(n: int, anatomy: float = 1.0, ecg: float = 1.0, seed: int = 0) -> Condition:
    rng = torch.Generator().manual_seed(seed)
    one = torch.ones(n, 1)
    values = [torch.randn(n, k, generator=rng) for k in (7, 6, 8)]
    return Condition(values[0], one * 0, values[1], values[2], one * anatomy, one * ecg)


def test_a_constant_velocity_is_integrated_exactly() -> None:
    network = _Known(lambda x, tau: torch.full_like(x, 2.0))
    out = euler(network, torch.zeros(3, 5), condition(3), 7)
    assert out == pytest.approx(-2.0)


def test_a_linear_velocity_meets_the_exponential() -> None:
    network = _Known(lambda x, tau: x)
    out = euler(network, torch.ones(1, 5), condition(1), 400)
    assert out == pytest.approx(torch.full((1, 5), -1.0).exp(), abs=2e-3)


def test_time_runs_from_noise_to_data() -> None:
    seen = []
    network = _Known(lambda x, tau: (seen.append(float(tau[0])), torch.zeros_like(x))[1])
    euler(network, torch.zeros(1, 5), condition(1), 4)
    assert seen == [1.0, 0.75, 0.5, 0.25]


def test_cancel_is_heard_between_steps() -> None:
    token = CancelToken()
    network = _Known(lambda x, tau: (token.cancel(), torch.zeros_like(x))[1])
    with pytest.raises(Cancelled):
        euler(network, torch.zeros(1, 5), condition(1), 4, token)


def test_the_first_member_starts_at_the_centre_and_seeds_repeat() -> None:
    noise = member_noise(4, 5, seed=3)
    assert not noise[0].any()
    assert torch.equal(noise, member_noise(4, 5, seed=3))
    assert not torch.equal(noise[1:], member_noise(4, 5, seed=4)[1:])


def test_a_masked_part_has_no_say() -> None:
    network = FlowNetwork(CONFIG).eval()
    a, b = condition(2, ecg=0.0, seed=1), condition(2, ecg=0.0, seed=1)
    other = Condition(a.anatomy, a.anchor_is_es, b.intervals + 3, b.embedding - 2, a.has_anatomy, a.has_ecg)
    assert torch.equal(network.embed(a), network.embed(other))


def test_learning_lowers_the_loss() -> None:
    torch.manual_seed(0)
    network = FlowNetwork(CONFIG)
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    data, given = torch.randn(32, 5) * 0.1 + 1.0, condition(32)
    losses = []
    for step in range(60):
        loss = flow_matching_loss(network, data, given, torch.Generator().manual_seed(step)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])

"""LRU: its equations in NumPy, the impulse response, the ring of eigenvalues."""

import math

import numpy as np
import pytest
import torch

from seqexp.cell.lru import LRU
from tests.cell.conftest import generators


def make(hidden_size=4, dtype=torch.float64, seeds=range(2), **changes):
    own = {"num_modes": None, "r_min": 0.5, "r_max": 0.99, "max_phase": 2 * math.pi, "block": "none", **changes}
    cell = LRU(2, len(seeds), hidden_size, 1, 0.0, False, **own).to(dtype)
    cell.reset_parameters(generators(seeds))
    return cell


def numbers(cell, k):
    """lambda, gamma B, C of one seed as complex arrays, and D."""
    own = {name: value[k].detach().numpy() for name, value in cell.layers[0].named_parameters()}
    M = len(own["nu_log"])
    pole = np.exp(-np.exp(own["nu_log"]) + 1j * np.exp(own["theta_log"]))
    B = np.exp(own["gamma_log"])[:, None] * (own["B"][:M] + 1j * own["B"][M:])
    return pole, B, own["C"][:, :M] - 1j * own["C"][:, M:], own["D"], own


@pytest.mark.parametrize("block", ["none", "glu"])
def test_equations(block, rng):
    cell = make(block=block)
    x = torch.randn(2, 3, 40, 2, generator=rng, dtype=torch.float64)
    states = cell(x).detach().numpy()
    for k in range(2):
        pole, B, C, D, own = numbers(cell, k)
        h = np.zeros((3, len(pole)), dtype=complex)
        for t in range(40):
            u = x[k, :, t].numpy()
            h = pole * h + u @ B.T
            y = (h @ C.T).real + u @ D.T
            if block == "glu":
                gelu = y * 0.5 * (1 + np.vectorize(math.erf)(y / math.sqrt(2)))
                value, gate = np.split(gelu @ own["glu.both.weight"].T + own["glu.both.bias"], 2, axis=1)
                y = value / (1 + np.exp(-gate))
            np.testing.assert_allclose(states[k, :, t], y, rtol=1e-9, atol=1e-11)


def test_impulse_response():
    """Re(C lambda^k gamma B), and D at once."""
    cell = make()
    for i in range(2):
        x = torch.zeros(2, 1, 100, 2, dtype=torch.float64)
        x[:, :, 0, i] = 1
        for k in range(2):
            pole, B, C, D, _ = numbers(cell, k)
            expected = np.stack([(C @ (pole**n * B[:, i])).real for n in range(100)])
            expected[0] += D[:, i]
            np.testing.assert_allclose(cell(x)[k, 0].detach(), expected, rtol=1e-9, atol=1e-12)


def test_eigenvalues_are_drawn_on_the_ring():
    cell = make(hidden_size=2000, seeds=[0], r_min=0.8, r_max=0.9, max_phase=1.0)
    pole, *_, own = numbers(cell, 0)
    assert 0.8 <= abs(pole).min() < 0.801
    assert 0.899 < abs(pole).max() <= 0.9
    np.testing.assert_allclose(np.mean(abs(pole) ** 2), (0.8**2 + 0.9**2) / 2, atol=0.005)
    assert 0 <= np.angle(pole).min() < 0.01
    assert 0.99 < np.angle(pole).max() <= 1
    np.testing.assert_allclose(np.exp(own["gamma_log"]), np.sqrt(1 - abs(pole) ** 2))


def test_a_thousand_steps_in_float32(rng):
    double, single = make(r_min=0.99, r_max=0.999), make(r_min=0.99, r_max=0.999)
    x = torch.randn(2, 2, 1000, 2, generator=rng, dtype=torch.float64)
    found = single.float()(x.float()).double()
    with torch.no_grad():  # the same numbers, rounded first
        for name, value in double.named_parameters():
            value.copy_(dict(single.named_parameters())[name])
    exact = double(x)
    assert (exact - found).abs().max() < 1e-4 * exact.abs().max()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block": "mlp"}, "block must be none or glu, got 'mlp'"),
        ({"r_min": 1.0, "r_max": 0.5}, "0 <= r_min < r_max <= 1"),
        ({"max_phase": 0.0}, "max_phase must be > 0"),
        ({"num_modes": 0}, "num_modes must be >= 1, got 0"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)

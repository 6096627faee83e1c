"""S4D: its equations in NumPy, the impulse response, what it begins with, steps of time near zero."""

import math

import numpy as np
import pytest
import torch

from seqexp.cell.s4d import S4D
from tests.cell.conftest import generators


def make(dtype=torch.float64, seeds=range(2), **changes):
    own = {"num_modes": 3, "spectrum": "lin", "dt_min": 0.01, "dt_max": 0.5, "block": "none"}
    sizes = {"input_size": 2, "hidden_size": 4, "num_layers": 1, "dropout": 0.0, "residual": False}
    cell = S4D(**{**sizes, **own, **changes}, num_seeds=len(seeds)).to(dtype)
    cell.reset_parameters(generators(seeds))
    return cell


def numbers(layer, k):
    """lambda, B, C of one seed as complex arrays (H, M), and all parameters."""
    own = {name: value[k].detach().double().numpy() for name, value in layer.named_parameters()}
    A = -np.exp(own["log_decay"]) + 1j * own["frequency"]
    pole = np.exp(np.exp(own["log_dt"])[:, None] * A)
    real, imaginary = np.split(own["C"], 2, axis=1)
    return pole, (pole - 1) / A, real + 1j * imaginary, own


def layer_by_steps(layer, k, x, block):
    """One layer of one seed, (B, T, F) -> (B, T, H)."""
    pole, B, C, own = numbers(layer, k)
    u = x @ own["encoder.weight"].T + own["encoder.bias"] if layer.encoder is not None else x
    h, outputs = np.zeros((len(x), *pole.shape), dtype=complex), []
    for t in range(x.shape[1]):
        h = pole * h + B * u[:, t, :, None]
        y = 2 * (C * h).sum(2).real + own["D"] * u[:, t]
        if block == "glu":
            gelu = y * 0.5 * (1 + np.vectorize(math.erf)(y / math.sqrt(2)))
            value, gate = np.split(gelu @ own["glu.both.weight"].T + own["glu.both.bias"], 2, axis=1)
            y = value / (1 + np.exp(-gate))
        outputs.append(y)
    return np.stack(outputs, axis=1)


@pytest.mark.parametrize(("block", "spectrum", "steps"), [("none", "inv", 1), ("none", "lin", 70), ("glu", "inv", 33)])
def test_equations(block, spectrum, steps, rng):
    cell = make(block=block, spectrum=spectrum, num_layers=2)
    x = torch.randn(2, 3, steps, 2, generator=rng, dtype=torch.float64)
    states = cell(x).detach().numpy()
    for k in range(2):
        below = x[k].numpy()
        for layer in cell.layers:
            below = layer_by_steps(layer, k, below, block)
        np.testing.assert_allclose(states[k], below, rtol=1e-9, atol=1e-11)


def test_impulse_response():
    """2 Re(sum of C lambda^n B), and D at once, of every feature by itself; a feature sees no other one's input."""
    cell = make()
    with torch.no_grad():
        cell.layers[0].encoder.weight.copy_(torch.eye(4, 2))
        cell.layers[0].encoder.bias.zero_()
    x = torch.zeros(2, 1, 100, 2, dtype=torch.float64)
    x[:, :, 0, 1] = 1
    found = cell(x)[:, 0].detach().numpy()
    for k in range(2):
        pole, B, C, own = numbers(cell.layers[0], k)
        expected = np.array([2 * (C * pole**n * B)[1].sum().real for n in range(100)])
        expected[0] += own["D"][1]
        np.testing.assert_allclose(found[k, :, 1], expected, rtol=1e-9, atol=1e-12)
        assert not found[k][:, [0, 2, 3]].any()


def test_what_it_begins_with():
    cell = make(hidden_size=2000, seeds=[0], num_modes=4, dt_min=0.001, dt_max=0.1)
    own = {name: value[0].detach().numpy() for name, value in cell.layers[0].named_parameters()}
    np.testing.assert_allclose(np.exp(own["log_decay"]), 0.5)
    np.testing.assert_allclose(own["frequency"], np.broadcast_to(math.pi * np.arange(4), (2000, 4)))
    assert 0.001 <= np.exp(own["log_dt"]).min() < 0.00102
    assert 0.098 < np.exp(own["log_dt"]).max() <= 0.1
    np.testing.assert_allclose([own["C"].std(), own["D"].std()], [math.sqrt(0.5), 1], rtol=0.04)
    inv = make(seeds=[0], num_modes=4, spectrum="inv").layers[0].frequency[0, 0].detach().numpy()
    np.testing.assert_allclose(inv, [8 / math.pi * (8 / (2 * n + 1) - 1) for n in range(4)])


def test_a_thousand_steps_and_small_steps_of_time_in_float32(rng):
    """lambda - 1 is not the difference of two numbers near 1, which would leave four digits of a float32."""
    settings = {"dt_min": 1e-5, "dt_max": 1e-4, "num_modes": 1}  # one mode of frequency 0: lambda - 1 is about -dt / 2
    double, single = make(**settings), make(**settings).float()
    with torch.no_grad():  # the same numbers, rounded first
        for mine, theirs in zip(double.parameters(), single.parameters(), strict=True):
            mine.copy_(theirs)
        double.layers[0].D.zero_()
        single.layers[0].D.zero_()
    x = torch.randn(2, 2, 1000, 2, generator=rng, dtype=torch.float64)
    exact = double(x.float().double())
    assert (exact - single(x.float()).double()).abs().max() < 1e-5 * exact.abs().max()


def test_sizes():
    cell = make(block="glu", num_layers=2)
    first = (2 * 4 + 4) + 2 * 4 + 4 * 4 * 3 + 2 * 4 * (4 + 1)
    assert sum(parameter[0].numel() for parameter in cell.parameters()) == first + first - (2 * 4 + 4)
    assert cell.state_size == 2 * 3 * 4 * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block": "mlp"}, "block must be none or glu, got 'mlp'"),
        ({"spectrum": "real"}, "spectrum must be lin or inv, got 'real'"),
        ({"dt_min": 0.1, "dt_max": 0.01}, "0 < dt_min <= dt_max <= 1"),
        ({"num_modes": 0}, "num_modes must be >= 1, got 0"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)

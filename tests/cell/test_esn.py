"""ESN: its equations in NumPy, what is drawn, the echo-state property, memory capacity, bits, what is refused."""

import numpy as np
import pytest
import torch

from seqexp.cell.esn import ESN
from seqexp.training.solve import Moments
from tests.cell.conftest import OTHERS, generators

PLAIN = {"spectral_radius": 0.9, "leak": 1.0, "density": 0.5, "input_scale": 0.5, "bias_scale": 0.5, "linear": False}


def make(seeds=range(3), dtype=torch.float64, **changes):
    settings = {**PLAIN, "input_size": 2, "hidden_size": 8, "penalties": [1e-6], **changes}
    cell = ESN(**settings, num_seeds=len(seeds)).to(dtype)
    cell.reset_parameters(generators(seeds))
    return cell


@pytest.mark.parametrize(("linear", "bend"), [(False, np.tanh), (True, lambda x: x)])
@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_equations(leak, linear, bend, rng):
    cell = make(leak=leak, linear=linear)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    lengths = torch.randint(1, 7, (3, 5), generator=rng)
    every, last, end = (each.detach().numpy() for each in (cell(x), cell.last(x, lengths), cell.last(x)))
    for k in range(3):
        w_in, w, b = (p[k].detach().numpy() for p in (cell.weight_ih, cell.weight_hh, cell.bias))
        for row in range(5):
            h = np.zeros(8)
            for t in range(6):
                h = (1 - leak) * h + leak * bend(w_in @ x[k, row, t].numpy() + b + w @ h)
                np.testing.assert_allclose(every[k, row, t], h, rtol=1e-12, atol=1e-13)
                if t == lengths[k, row] - 1:
                    np.testing.assert_allclose(last[k, row], h, rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(end[k, row], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("size", "density", "row"), [(40, 0.1, 4), (40, 0.001, 1), (1, 0.1, 1), (5, 1.0, 5)])
def test_what_is_drawn(size, density, row):
    cell = make(hidden_size=size, density=density, input_scale=0.2, bias_scale=0.0, spectral_radius=1.3)
    assert ((cell.weight_hh != 0).sum(2) == row).all()
    radius = np.abs(np.linalg.eigvals(cell.weight_hh.detach().numpy())).max(1)
    np.testing.assert_allclose(radius, 1.3, rtol=1e-6)  # of nearly equal eigenvalues rounding moves the sizes
    assert 0 < cell.weight_ih.abs().max() <= 0.2
    assert not cell.bias.any()
    assert not torch.equal(cell.weight_hh[0], cell.weight_hh[1]) or size == 1
    assert (cell.output_size, cell.state_size, cell.causal) == (size, size, True)


@pytest.mark.parametrize("leak", [1.0, 0.4])
def test_a_reservoir_forgets_its_past(leak, rng):
    """From any two states, the same inputs bring states together by (1 - a) + a s at each step, s the largest gain."""
    cell = make(range(1), hidden_size=30, spectral_radius=0.5, leak=leak)
    gain = (1 - leak) + leak * float(torch.linalg.svdvals(cell.weight_hh.detach()[0])[0])
    assert gain < 1
    x = torch.randn(1, 2, 80, 2, generator=rng, dtype=torch.float64)
    x[:, 1, 20:] = x[:, 0, 20:]
    states = cell(x)[0].detach()
    apart = (states[0] - states[1]).norm(dim=1)[19:].numpy()
    assert apart[0] > 0.1
    assert (apart[1:] <= apart[:-1] * gain + 1e-15).all()
    assert apart[-1] < 1e-4 * apart[0]


def test_the_memory_capacity_of_a_linear_reservoir_is_its_number_of_units(rng):
    """Jaeger (2001): the shares of the variance of white x_{t-k} that a readout explains, over all k, sum up to N.

    On sequences that the readout has not seen, 1 - MSE / variance is lower than that by about N / rows for each lag.
    """
    N, lags, before = 10, 60, 60
    changes = {"hidden_size": N, "input_size": 1, "linear": True, "spectral_radius": 0.85, "density": 1.0}
    cell = make(range(1), **changes)
    x = torch.rand(1, 1000, before + 150, 1, generator=rng, dtype=torch.float64) - 0.5
    with torch.no_grad():
        states = cell(x)[0, :, before:]  # (B, T, N)
    past = torch.stack([x[0, :, before - k : x.shape[2] - k, 0] for k in range(lags)], dim=-1)  # (B, T, lags)
    fit, wanted = (each[:500].flatten(0, 1) for each in (states, past))
    held, truth = (each[500:].flatten(0, 1) for each in (states, past))
    moments = Moments.around(fit, wanted, None)
    moments.add(fit, wanted, None)
    readout = moments.solve([1e-14])[0]  # (lags, N + 1)
    error = (held @ readout[:, :-1].t() + readout[:, -1] - truth).square().mean(0)
    capacity = float((1 - error / truth.var(0, correction=0)).sum())
    assert capacity == pytest.approx(N, rel=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_a_member_has_the_bits_that_it_has_alone(dtype, rng):
    before = torch.get_num_threads()
    try:
        for B, T, sizes in (
            (1, 6, {}),
            (33, 9, {"input_size": 1}),
            (5, 3, {"hidden_size": 1}),
            (64, 12, {"hidden_size": 100, "density": 0.1}),
        ):
            together = make(range(5), dtype, **sizes)
            x = torch.randn(5, B, T, together.input_size, generator=rng, dtype=dtype)
            torch.set_num_threads(2)
            with torch.no_grad():
                every, last = together(x), together.last(x)
                torch.set_num_threads(1)
                for k in (0, 3):
                    alone, own = make([k], dtype, **sizes), x[k : k + 1]
                    assert torch.equal(together.weight_hh[k], alone.weight_hh[0])
                    assert torch.equal(every[k], alone(own)[0])
                    assert torch.equal(last[k], alone.last(own)[0])
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 0}, "hidden_size must be >= 1, got 0"),
        ({"spectral_radius": -0.1}, "spectral_radius must be >= 0 and finite, got -0.1"),
        ({"input_scale": float("inf")}, "input_scale must be >= 0 and finite, got inf"),
        ({"leak": 0.0}, "leak must be > 0 and <= 1, got 0.0"),
        ({"density": 1.1}, "density must be > 0 and <= 1, got 1.1"),
        ({"penalties": []}, r"penalties must be a list of numbers > 0, all different, got \[\]"),
        ({"penalties": [0.0]}, "penalties must be .*, got 0.0"),
        ({"penalties": [1.0, 1]}, r"penalties must be .*, got \[1.0, 1\]"),
    ],
)
def test_what_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        make(**changes)


def test_the_shipped_settings_are_those_of_the_class():
    kind, settings = OTHERS["esn"]
    assert kind is ESN
    cell = make(**settings)
    assert list(cell.penalties) == sorted(settings["penalties"], reverse=True)

"""minGRU and minLSTM: their equations in NumPy, the log-space form in logarithms, closed gates."""

import numpy as np
import pytest
import torch

from seqexp.cell.mingru import MinGRU
from seqexp.cell.minlstm import MinLSTM
from tests.cell.conftest import generators

forms = pytest.mark.parametrize("form", ["plain", "log"])
kinds = pytest.mark.parametrize("kind", [MinGRU, MinLSTM])


def make(kind, form, dtype=torch.float64, hidden_size=4):
    cell = kind(2, 2, hidden_size, 1, 0.0, False, form=form).to(dtype)
    cell.reset_parameters(generators(range(2)))
    return cell


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gates(cell, x, k):
    """a_t and b_t of one seed (B, T, H), by the docstring."""
    dense = cell.layers[0].gates
    rows = x[k].numpy() @ dense.weight[k].detach().numpy().T + dense.bias[k].detach().numpy()
    *raw, new = np.split(rows, len(rows[0, 0]) // cell.hidden_size, axis=2)
    if cell.form == "log":
        new = np.where(new >= 0, new + 0.5, sigmoid(new))
    if len(raw) == 1:
        return 1 - sigmoid(raw[0]), sigmoid(raw[0]) * new
    f, i = sigmoid(raw[0]), sigmoid(raw[1])
    return f / (f + i), i / (f + i) * new


@forms
@kinds
def test_equations(kind, form, rng):
    cell = make(kind, form)
    x = torch.randn(2, 3, 40, 2, generator=rng, dtype=torch.float64)
    for k in range(2):
        a, b = gates(cell, x, k)
        h, states = 0, []
        for t in range(40):
            h = a[:, t] * h + b[:, t]
            states.append(h)
        np.testing.assert_allclose(cell(x)[k].detach(), np.stack(states, axis=1), rtol=1e-10, atol=1e-12)


@kinds
def test_the_log_form_is_the_papers_in_logarithms(kind, rng):
    """log h_t = A_t + log sum_s exp(log b_s - A_s), A_t = sum of log a up to t."""
    cell = make(kind, "log")
    x = torch.randn(2, 3, 40, 2, generator=rng, dtype=torch.float64)
    a, b = (torch.from_numpy(each) for each in gates(cell, x, 0))
    total = a.log().cumsum(1)
    states = (total + torch.logcumsumexp(b.log() - total, dim=1)).exp()
    torch.testing.assert_close(cell(x)[0], states, rtol=1e-9, atol=1e-12)


@forms
@kinds
def test_a_thousand_steps_in_float32(kind, form, rng):
    double, single = make(kind, form), make(kind, form)
    x = torch.randn(2, 2, 1000, 2, generator=rng, dtype=torch.float64)
    torch.testing.assert_close(single.float()(x.float()).double(), double(x), rtol=1e-4, atol=1e-4)


@forms
def test_gates_that_are_both_closed_share(form):
    """sigmoid(-200) is 0 in float32: the quotient would be 0 / 0."""
    cell = make(MinLSTM, form, torch.float32)
    with torch.no_grad():
        cell.layers[0].gates.weight.zero_()
        cell.layers[0].gates.bias[:, :8] = -200
        cell.layers[0].gates.bias[:, 8:] = 1
    states = cell(torch.zeros(2, 1, 3, 2))
    new = 1.0 if form == "plain" else 1.5
    expected = torch.tensor([0.5, 0.75, 0.875])[:, None].expand(2, 1, 3, 4) * new
    torch.testing.assert_close(states, expected)


def test_a_gate_of_no_weights_forgets_geometrically():
    """An impulse is sigma(-b)^k of itself k steps later."""
    cell = make(MinGRU, "plain")
    with torch.no_grad():
        cell.layers[0].gates.weight[:, :4] = 0
        cell.layers[0].gates.bias[:, :4] = -2
        cell.layers[0].gates.bias[:, 4:] = 0
    x = torch.zeros(2, 1, 50, 2, dtype=torch.float64)
    x[:, :, 0] = 1
    h = cell(x)
    decay = torch.tensor(2.0, dtype=torch.float64).sigmoid() ** torch.arange(50)
    torch.testing.assert_close(h, h[:, :, :1] * decay[:, None], rtol=1e-12, atol=1e-14)


def test_parameters():
    count = {kind: sum(p[0].numel() for p in make(kind, "plain").parameters()) for kind in (MinGRU, MinLSTM)}
    assert count == {MinGRU: 2 * 4 * 3, MinLSTM: 3 * 4 * 3}


def test_refused():
    with pytest.raises(ValueError, match="form must be plain or log, got 'both'"):
        make(MinGRU, "both")

"""MLP: its equations in NumPy, the window from both sides, only what is read is computed, sizes, what is refused."""

import numpy as np
import pytest
import torch

from seqexp.cell.mlp import MLP
from tests.cell.conftest import generators


def make(seeds=range(3), **changes):
    settings = {"input_size": 2, "hidden_size": 4, "num_layers": 2, "dropout": 0.0, "residual": False, "window": 3}
    cell = MLP(**{"nonlinearity": "tanh", **settings, **changes}, num_seeds=len(seeds)).double()
    cell.reset_parameters(generators(seeds))
    return cell


@pytest.mark.parametrize(("nonlinearity", "bend"), [("tanh", np.tanh), ("relu", lambda x: np.maximum(x, 0))])
@pytest.mark.parametrize("residual", [False, True])
def test_equations(residual, nonlinearity, bend, rng):
    cell = make(num_layers=3, residual=residual, nonlinearity=nonlinearity)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    found = cell(x).detach().numpy()
    for k in range(3):
        maps = [[p[k].detach().numpy() for p in (each.linear.weight, each.linear.bias)] for each in cell.layers]
        for row in range(5):
            for t in range(6):
                seen = [x[k, row, s].numpy() if s >= 0 else np.zeros(2) for s in (t - 2, t - 1, t)]
                h = bend(maps[0][0] @ np.stack(seen, axis=1).ravel() + maps[0][1])  # (I, w), as Conv1d has it
                for weight, bias in maps[1:]:
                    h = bend(weight @ h + bias) + (h if residual else 0)
                np.testing.assert_allclose(found[k, row, t], h, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("window", [1, 4, 50])
def test_receptive_field(window, rng):
    """With positive weights and inputs no relu is closed, so that what can matter does."""
    cell = make(range(1), window=window, nonlinearity="relu")
    assert cell.receptive_field == window
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.abs_()
    x = torch.rand(1, 1, 40, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell(x)[0, 0, 30].sum(), x)
    steps = gradient.abs().sum(3).flatten().nonzero().flatten().tolist()
    assert steps == list(range(max(0, 31 - window), 31))


def test_the_last_state_is_computed_at_one_step(rng):
    """Of what the lowest layer sees only the window is stacked, and the layers above see one step."""
    cell = make(num_layers=3, residual=True)
    seen = []
    for layer in cell.layers[1:]:
        layer.register_forward_hook(lambda module, given, found: seen.append(found.shape[2]))
    x = torch.randn(3, 5, 20, 2, generator=rng, dtype=torch.float64)
    lengths = torch.randint(1, 21, (3, 5), generator=rng)
    last = cell.last(x, lengths)
    assert seen == [1, 1]
    for row in range(5):
        for k in range(3):
            torch.testing.assert_close(last[k, row], cell(x)[k, row, lengths[k, row] - 1], rtol=1e-12, atol=1e-13)


def test_sizes():
    cell = make()
    assert cell.state_size == 2 * 2
    assert sum(parameter[0].numel() for parameter in cell.parameters()) == (4 * 6 + 4) + (4 * 4 + 4)
    for changes, message in (({"window": 0}, "window must be >= 1"), ({"nonlinearity": "elu"}, "tanh or relu")):
        with pytest.raises(ValueError, match=message):
            make(**changes)

"""TCN: torch's Conv1d with padding on the left, the receptive field from both sides, bits, and what it carries."""

import pytest
import torch

from seqexp.cell.tcn import TCN
from tests.cell.conftest import generators


def make(seeds=range(3), dtype=torch.float64, **changes):
    settings = {"input_size": 2, "hidden_size": 4, "num_layers": 2, "dropout": 0.0, "residual": False, "kernel_size": 3}
    cell = TCN(**{**settings, **changes}, num_seeds=len(seeds)).to(dtype)
    cell.reset_parameters(generators(seeds))
    return cell


def convolved(x, layer, k):
    """Conv1d of one seed, (B, F, T) -> (B, H, T)."""
    K = layer.kernel_size
    weight = layer.weight[k].view(layer.weight.shape[1], -1, K)
    padded = torch.nn.functional.pad(x, ((K - 1) * layer.dilation, 0))
    return torch.nn.functional.conv1d(padded, weight, layer.bias[k], dilation=layer.dilation)


@pytest.mark.parametrize("residual", [False, True])
def test_equations(residual, rng):
    cell = make(num_layers=3, residual=residual)
    x = torch.randn(3, 5, 9, 2, generator=rng, dtype=torch.float64)
    found = cell(x)
    for k in range(3):
        below = x[k].transpose(1, 2)  # (B, F, T)
        for index, block in enumerate(cell.layers):
            own = convolved(convolved(below, block.first, k).relu(), block.second, k).relu()
            beside = below
            if index == 0:
                beside = torch.einsum("hf,bft->bht", block.beside.weight[k], below) + block.beside.bias[k, :, None]
            out = (own + beside).relu()
            below = out + below if residual and index > 0 else out
        torch.testing.assert_close(found[k], below.transpose(1, 2), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("kernel_size", "num_layers", "reach"), [(2, 1, 3), (3, 2, 13), (2, 3, 15)])
def test_receptive_field(kernel_size, num_layers, reach, rng):
    """With positive weights no relu is closed, so that what can matter does."""
    cell = make(range(1), kernel_size=kernel_size, num_layers=num_layers)
    assert cell.receptive_field == reach
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.abs_()
    x = torch.rand(1, 1, 40, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(cell(x)[0, 0, 30].sum(), x)
    steps = gradient.abs().sum(3).flatten().nonzero().flatten().tolist()
    assert (min(steps), max(steps)) == (30 - reach + 1, 30)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_member_has_the_bits_that_it_has_alone(dtype, rng):
    for B, T, sizes in ((1, 2, {}), (5, 30, {"input_size": 1, "hidden_size": 1}), (33, 12, {"hidden_size": 16})):
        together = make(range(5), dtype, **sizes)
        x = torch.randn(5, B, T, together.input_size, generator=rng, dtype=dtype)
        states = together(x)
        found = torch.autograd.grad((states**2).sum(), list(together.parameters()))
        for k in (0, 3):
            cell = make([k], dtype, **sizes)
            alone = cell(x[k : k + 1])
            own = torch.autograd.grad((alone**2).sum(), list(cell.parameters()))
            assert torch.equal(states[k], alone[0])
            assert all(torch.equal(mine[k], theirs[0]) for mine, theirs in zip(found, own, strict=True))


def test_sizes():
    """Each convolution carries (K - 1) d inputs; a deep stack on a short sequence sees zeros before it."""
    cell = make()
    assert cell.state_size == 2 * (2 + 4) + 4 * (4 + 4)
    assert sum(parameter[0].numel() for parameter in cell.parameters()) == (24 + 4) + (48 + 4) + (8 + 4) + 2 * (48 + 4)
    deep = make(range(1), num_layers=70)
    assert deep(torch.ones(1, 1, 3, 2, dtype=torch.float64)).isfinite().all()
    with pytest.raises(ValueError, match="kernel_size must be >= 2"):
        make(kernel_size=1)

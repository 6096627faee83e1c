"""The contract of cells that compute all steps at once: bits, causality, the way back, lengths, layers, memory."""

import copy
import math

import pytest
import torch

from seqexp.cell.cell import members
from seqexp.cell.parallel import Parallel
from tests.cell.conftest import OTHERS, SIZES, generators

NAMES = [name for name, (kind, _) in OTHERS.items() if issubclass(kind, Parallel)]
every_cell = pytest.mark.parametrize("name", NAMES)
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])


def make(name, seeds=range(3), dtype=torch.float64, **changes):
    kind, own = OTHERS[name]
    sizes = {key: value for key, value in SIZES.items() if key in own or key in ("input_size", "num_seeds")}
    cell = kind(**{**own, **sizes, "num_seeds": len(seeds), **changes}).to(dtype)
    cell.reset_parameters(generators(seeds))
    return cell


def uneven(shape, dtype):
    return torch.linspace(-1, 2, math.prod(shape), dtype=dtype).view(shape)


def pulled(cell, x, last, lengths=None, gradient=None):
    states, back = cell.pull(x, last, True, lengths)
    dx, gradients = back(uneven(states.shape, x.dtype) if gradient is None else gradient)
    return [states, dx, *gradients]


@dtypes
@pytest.mark.parametrize("threads", [1, 2])
@every_cell
def test_a_member_has_the_bits_that_it_has_alone(name, threads, dtype, rng):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for B, T, last, sizes in (
            (1, 6, True, {}),
            (33, 40, False, {"input_size": 1}),
            (5, 70, True, {"hidden_size": 16, "num_layers": 2, "residual": True}),
            (5, 3, False, {"hidden_size": 1}),
            (64, 100, False, {"hidden_size": 16, "input_size": 1}),  # enough columns for threads to share a lone seed's
        ):
            together = make(name, range(3), dtype, **sizes)
            x = torch.randn(3, B, T, together.input_size, generator=rng, dtype=dtype)
            whole = pulled(together, x, last)
            for k in (0, 2):
                gradient = uneven(whole[0].shape, dtype)[k : k + 1]
                alone = pulled(make(name, [k], dtype, **sizes), x[k : k + 1], last, gradient=gradient)
                assert all(torch.equal(mine[k], own[0]) for mine, own in zip(whole, alone, strict=True)), (B, T, sizes)
    finally:
        torch.set_num_threads(before)


@every_cell
def test_no_state_depends_on_a_later_step(name, rng):
    cell = make(name, num_layers=2, hidden_size=4)
    x = torch.randn(3, 2, 40, 2, generator=rng, dtype=torch.float64)
    assert cell.causal
    states = cell(x).detach()
    for t in (0, 17, 39):
        other = x.clone()
        other[:, :, t:] += 1
        changed = cell(other).detach()
        torch.testing.assert_close(changed[:, :, :t], states[:, :, :t], rtol=1e-12, atol=1e-13)
        assert not torch.allclose(changed[:, :, t], states[:, :, t])


@pytest.mark.parametrize("lengths", [None, [[37, 1, 4]] * 3], ids=["full", "unequal"])
@pytest.mark.parametrize("last", [True, False], ids=["last", "every"])
@every_cell
def test_pull_equals_autograd_and_short_sequences_are_themselves(name, last, lengths, rng):
    cell = make(name, num_layers=2, residual=True)
    x = torch.randn(3, 3, 37, 2, generator=rng, dtype=torch.float64)
    ends = torch.tensor([[37] * 3] * 3 if lengths is None else lengths)
    found = pulled(cell, x, last, None if lengths is None else ends)
    x.requires_grad_()
    if last:  # each sequence alone, without what follows it
        rows = [[cell(x[:, b : b + 1, : int(ends[0, b])])[:, 0, -1] for b in range(3)]]
        expected = torch.stack(rows[0], dim=2)  # (S, H, B)
    else:
        expected = cell(x).permute(0, 3, 2, 1)
    wanted = torch.autograd.grad((expected * uneven(expected.shape, x.dtype)).sum(), [x, *cell.parameters()])
    for mine, theirs in zip(found, [expected.detach(), *wanted], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-10)


@every_cell
def test_gradients_are_those_of_differences(name, rng):
    cell = make(name, range(1), hidden_size=3)
    x = torch.randn(1, 2, 5, 2, generator=rng, dtype=torch.float64, requires_grad=True)
    names, values = zip(*cell.named_parameters(), strict=True)

    def states(x, *parameters):
        return torch.func.functional_call(cell, dict(zip(names, parameters, strict=True)), (x,))[:, :1]

    assert torch.autograd.gradcheck(states, (x, *(value.detach().requires_grad_() for value in values)), fast_mode=True)


@every_cell
def test_residual_and_dropout_act_between_layers(name, rng):
    x = torch.randn(3, 4, 7, 4, generator=rng, dtype=torch.float64)
    cell = make(name, input_size=4, num_layers=2, residual=True)
    below = cell.layers[0](torch.nn.functional.pad(x.permute(0, 3, 2, 1), (0, 28)).contiguous())
    top = (cell.layers[1](below) + below)[..., :4].permute(0, 3, 2, 1)
    torch.testing.assert_close(cell(x), top, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(cell.last(x), top[:, :, -1], rtol=1e-12, atol=1e-13)

    cell = make(name, input_size=4, num_layers=2, dropout=0.5)
    state = cell.generator_states()
    first = cell(x)
    assert not torch.equal(first, cell(x))
    cell.set_generator_states(state)
    assert torch.equal(first, cell(x))
    cell.eval()
    assert torch.equal(cell(x), cell(x))
    with pytest.raises(ValueError, match="dropout"):
        make(name, dropout=0.5)


@every_cell
def test_members_copies_and_no_torch_module(name, rng):
    cell = make(name)
    x = torch.randn(3, 2, 6, 2, generator=rng, dtype=torch.float64)
    part = members(cell, slice(1, 3))
    assert torch.equal(part(x[1:]), cell(x)[1:])
    twin = copy.deepcopy(cell)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
    assert all(not parameter.any() for parameter in part.parameters())
    assert any(parameter.any() for parameter in twin.parameters())
    with pytest.raises(NotImplementedError, match=type(cell).__name__):
        cell.to_module(0)


@every_cell
def test_cost_is_what_is_kept(name):
    """`kept` is within a factor of two of what autograd saves, at sizes where states outweigh parameters."""
    cell = make(name, range(1), torch.float32, input_size=1, hidden_size=16).train()
    saved = {}

    def note(tensor):
        saved[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes() // 4
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        states = cell(torch.zeros(1, 32, 64, 1))
    kept = cell.cost(32, 64).kept
    assert states.requires_grad
    assert kept / 2 <= sum(saved.values()) <= 2 * kept

"""The readout against torch.nn.Linear and autograd, and a seed among others against the same seed alone."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from seqexp.readout import last_back, read_last, read_steps, steps_back

each_size = pytest.mark.parametrize("sizes", [(3, 2, 5, 4, 6), (1, 1, 1, 1, 1), (4, 9, 16, 7, 33)], ids=str)
"""S, O, H, T, B."""


def drawn(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def parameters(S: int, O: int, H: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:  # noqa: E741
    return drawn(S, O, H, dtype=dtype, seed=1), drawn(S, O, dtype=dtype, seed=2)


@each_size
@pytest.mark.parametrize("steps", [False, True])
def test_it_is_a_linear_layer_for_each_seed_forward_and_back(sizes: tuple[int, ...], steps: bool) -> None:
    S, O, H, T, B = sizes  # noqa: E741
    weight, bias = parameters(S, O, H)
    states = drawn(*((S, H, T, B) if steps else (S, H, B)))
    read, back = (read_steps, steps_back) if steps else (read_last, last_back)
    prediction = read(states, weight, bias)
    assert prediction.shape == ((S, B, T, O) if steps else (S, B, O))
    slope = drawn(*prediction.shape, seed=3)
    found = back(slope, states, weight)
    for index in range(S):
        layer = nn.Linear(H, O, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(weight[index])
            layer.bias.copy_(bias[index])
        rows = states[index].movedim(0, -1)  # (H, T, B) -> (T, B, H)
        free = (rows.transpose(0, 1) if steps else rows).clone().requires_grad_()
        expected = layer(free)
        torch.testing.assert_close(prediction[index], expected.detach(), rtol=0, atol=1e-10)
        expected.backward(slope[index])
        assert free.grad is not None
        torch.testing.assert_close(found.weight[index], layer.weight.grad, rtol=0, atol=1e-10)
        torch.testing.assert_close(found.bias[index], layer.bias.grad, rtol=0, atol=1e-10)
        by_states = found.states[index].movedim(0, -1)
        torch.testing.assert_close(by_states.transpose(0, 1) if steps else by_states, free.grad, rtol=0, atol=1e-10)


MANY = list(itertools.product((2, 5, 13), (1, 2, 9), (1, 2, 7, 16, 33), (1, 3, 20), (1, 5, 32)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_a_seed_gets_the_bits_that_it_gets_alone(dtype: torch.dtype) -> None:
    for S, O, H, T, B in MANY:  # noqa: E741
        weight, bias = parameters(S, O, H, dtype)
        states, slope = drawn(S, H, T, B, dtype=dtype), drawn(S, B, T, O, dtype=dtype, seed=3)
        steps, last = read_steps(states, weight, bias), read_last(states[:, :, -1], weight, bias)
        back = [*steps_back(slope, states, weight), *last_back(slope[:, :, -1], states[:, :, -1], weight)]
        for index in {0, S - 1}:
            one = slice(index, index + 1)
            mine, w, g = states[one].clone(), weight[one].clone(), slope[one].clone()
            alone = [read_steps(mine, w, bias[one]), read_last(mine[:, :, -1], w, bias[one])]
            alone += [*steps_back(g, mine, w), *last_back(g[:, :, -1], mine[:, :, -1], w)]
            for number, (found, expected) in enumerate(zip(alone, [steps, last, *back], strict=True)):
                assert torch.equal(found[0], expected[index]), (number, index, S, O, H, T, B)


def test_a_padded_step_changes_no_gradient() -> None:
    S, O, H, T, B = 2, 3, 5, 6, 4  # noqa: E741
    weight, _ = parameters(S, O, H)
    states, slope = drawn(S, H, T, B), drawn(S, B, T, O, seed=3)
    slope[:, :, 4:] = 0
    whole, short = steps_back(slope, states, weight), steps_back(slope[:, :, :4], states[:, :, :4], weight)
    torch.testing.assert_close(whole.weight, short.weight, rtol=0, atol=1e-12)
    torch.testing.assert_close(whole.bias, short.bias, rtol=0, atol=1e-12)
    assert torch.equal(whole.states[:, :, :4], short.states)
    assert not whole.states[:, :, 4:].any()

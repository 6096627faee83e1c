"""Weights: a layer's parameters by name and in order, and products that have the same bits in any company."""

import pytest
import torch

from seqexp.cell.weights import Weights, multiply, multiply_add


def test_parameters_by_name_and_in_order():
    named = {"weight_ih": torch.zeros(2, 3, 1), "gain": torch.ones(2, 3)}
    weights = Weights(named)
    assert weights.gain is named["gain"]
    assert [each is named[name] for each, name in zip(weights, named, strict=True)] == [True, True]
    with pytest.raises(AttributeError, match="a layer has no parameter bias_hh, it has weight_ih, gain"):
        _ = weights.bias_hh


@pytest.mark.parametrize("inner", [1, 4])
def test_products(inner, rng):
    weight, z = torch.randn(3, 5, inner, generator=rng), torch.randn(3, inner, 32, generator=rng)
    bias = torch.randn(3, 5, generator=rng)
    torch.testing.assert_close(multiply(weight, z), weight @ z)
    torch.testing.assert_close(multiply_add(weight, z, bias), weight @ z + bias[:, :, None])
    assert torch.equal(multiply(weight, z)[1:2], multiply(weight[1:2], z[1:2]))

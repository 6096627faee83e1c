"""Layer normalisation over rows, against torch's over the last axis."""

import torch

from seqexp.cell.layer_norm import normalise


def test_equals_torch(rng):
    a = torch.randn(3, 8, 5, generator=rng, dtype=torch.float64)
    gain, bias = torch.randn(2, 3, 8, generator=rng, dtype=torch.float64)
    found = normalise(a, gain, bias, 1e-5)
    for k in range(3):
        expected = torch.nn.functional.layer_norm(a[k].T, (8,), gain[k], bias[k], 1e-5).T
        torch.testing.assert_close(found[k], expected, rtol=1e-12, atol=1e-12)

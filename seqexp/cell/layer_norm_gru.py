"""The GRU with layer normalisation of Ba, Kiros and Hinton (2016)."""

import torch
from torch import Generator, Tensor

from seqexp.cell.layer_norm import LayerNormed, normalise
from seqexp.cell.weights import Weights, multiply


class LayerNormGRU(LayerNormed):
    """The gated recurrent unit with layer normalisation.

        (r, z) = LN(W_i x_t; gain_ih, b_i) + LN(W_h h_{t-1}; gain_hh, b_h),   rows r and z
        n_t = tanh(LN(W_in x_t; gain_in, b_in) + sigmoid(r) LN(W_hn h_{t-1}; gain_hn, b_hn))
        h_t = (1 - sigmoid(z)) n_t + sigmoid(z) h_{t-1}
        LN(a; gain, b) = gain (a - mean(a)) / sqrt(variance(a) + eps) + b

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization" (2016), arXiv:1607.06450, the supplement's
    equations of the GRU: r and z are normalised together, over 2H rows, and n by itself, over H. There z is the share
    of n_t; here, as in this package's and torch's GRU, of h_{t-1}: the same cell with the rows of z negated.

    Weights of layer l, rows r, z, n (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 3H, I),
    `weight_hh_l{l}` (S, 3H, H), `bias_ih_l{l}` (b_i) and `bias_hh_l{l}` (b_h) (S, 3H), then `gain_ih_l{l}` and
    `gain_hh_l{l}` (S, 3H). All are drawn in this order; then, as in the paper, gains are set to 1 and biases to 0.
    `torch.nn` has no such cell.
    """

    gates = 3
    forget_gate = (1, 1.0)

    def shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """Torch's four, and the gains."""
        rows = 3 * self.hidden_size
        return super().shapes(fan_in) | {"gain_ih": (rows,), "gain_hh": (rows,)}

    def finish(self, index: int, weights: Weights, generator: Generator) -> None:
        """Sets gains to 1 and biases to 0."""
        for gain, bias in ((weights.gain_ih, weights.bias_ih), (weights.gain_hh, weights.bias_hh)):
            gain[index] = 1
            bias[index] = 0
        super().finish(index, weights, generator)

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes r, z and n, (S, H, N) each."""
        x_rz, x_n = self._normalised(multiply(weights.weight_ih, x), weights.gain_ih, weights.bias_ih)
        h_rz, h_n = self._normalised(multiply(weights.weight_hh, state[0]), weights.gain_hh, weights.bias_hh)
        r, z = (x_rz + h_rz).sigmoid().chunk(2, dim=1)
        return {"r": r, "z": z, "n": (x_n + r * h_n).tanh()}

    def _normalised(self, a: Tensor, gain: Tensor, bias: Tensor) -> tuple[Tensor, ...]:
        """Normalises the rows of r and z, and those of n, (S, 3H, N) to (S, 2H, N) and (S, H, N)."""
        rows = (2 * self.hidden_size, self.hidden_size)
        parts = zip(a.split(rows, 1), gain.split(rows, 1), bias.split(rows, 1), strict=True)
        return tuple(normalise(*part, self.eps) for part in parts)

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t."""
        _, z, n = self.gate_values(x, state, weights).values()
        return (torch.lerp(n, state[0], z),)

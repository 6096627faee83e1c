"""The LSTM with layer normalisation of Ba, Kiros and Hinton (2016)."""

from torch import Generator, Tensor

from seqexp.cell.layer_norm import LayerNormed, normalise
from seqexp.cell.weights import Weights, multiply


class LayerNormLSTM(LayerNormed):
    """Long short-term memory with layer normalisation.

        (i, f, g, o) = LN(W_i x_t; gain_ih, b_i) + LN(W_h h_{t-1}; gain_hh, b_h)
        c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)
        h_t = sigmoid(o) tanh(LN(c_t; gain_c, b_c))
        LN(a; gain, b) = gain (a - mean(a)) / sqrt(variance(a) + eps) + b

    Source: J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization" (2016), arXiv:1607.06450, equations 20 to 22.
    Each of the two products is normalised by itself and over all its 4H rows at once, as there; others normalise each
    gate by itself, or the sum. The paper's additional bias is left out, as it is added to the same as b_i and b_h. The
    state that goes on is c_t as it is, not its normalised form.

    Weights of layer l, rows i, f, g, o (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 4H, I),
    `weight_hh_l{l}` (S, 4H, H), `bias_ih_l{l}` (b_i) and `bias_hh_l{l}` (b_h) (S, 4H), then `gain_ih_l{l}` and
    `gain_hh_l{l}` (S, 4H), `gain_c_l{l}` and `bias_c_l{l}` (S, H). All are drawn in this order; then, as in the paper,
    gains are set to 1 and biases to 0. `torch.nn` has no such cell.
    """

    gates = 4
    states = ("h", "c")
    forget_gate = (1, 1.0)
    input_gate = 0

    def shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """Torch's four, and the gains, and the normalisation of c."""
        H = self.hidden_size
        own = {"gain_ih": (4 * H,), "gain_hh": (4 * H,), "gain_c": (H,), "bias_c": (H,)}
        return super().shapes(fan_in) | own

    def finish(self, index: int, weights: Weights, generator: Generator) -> None:
        """Sets gains to 1 and biases to 0."""
        for gain in (weights.gain_ih, weights.gain_hh, weights.gain_c):
            gain[index] = 1
        for bias in (weights.bias_ih, weights.bias_hh, weights.bias_c):
            bias[index] = 0
        super().finish(index, weights, generator)

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes i, f, g and o, (S, H, N) each."""
        from_x = normalise(multiply(weights.weight_ih, x), weights.gain_ih, weights.bias_ih, self.eps)
        from_h = normalise(multiply(weights.weight_hh, state[0]), weights.gain_hh, weights.bias_hh, self.eps)
        i, f, g, o = (from_x + from_h).chunk(4, dim=1)
        return {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t and c_t."""
        i, f, g, o = self.gate_values(x, state, weights).values()
        c = f * state[1] + i * g
        return o * normalise(c, weights.gain_c, weights.bias_c, self.eps).tanh(), c

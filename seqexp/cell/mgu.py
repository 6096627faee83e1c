"""The minimal gated unit of Zhou et al. (2016): a gated recurrent unit whose two gates are one."""

from torch import Tensor

from seqexp.cell.gated import Gated
from seqexp.cell.recurrent import Weights


class MGU(Gated):
    """The minimal gated unit.

        f_t = sigmoid(W_if x_t + b_if + W_hf h_{t-1} + b_hf)
        n_t = tanh(W_in x_t + b_in + f_t (W_hn h_{t-1} + b_hn))
        h_t = (1 - f_t) h_{t-1} + f_t n_t

    Source: G.-B. Zhou, J. Wu, C.-L. Zhang, Z.-H. Zhou, "Minimal gated unit for recurrent neural networks",
    International Journal of Automation and Computing 13 (2016), arXiv:1603.09420. There f multiplies h_{t-1} before
    the product with W_hn; here after it, bias included, as r does in the `GRU` of this package and of torch.

    Weights of layer l, rows f, n (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, 2H, I),
    `weight_hh_l{l}` (S, 2H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, 2H). `torch.nn` has no such cell.
    """

    gates = 2
    forget_gate = (0, -1.0)

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes f and n, (S, H, N) each."""
        x_f, x_n = weights.from_input(x).chunk(2, dim=1)  # (S, 2H, N) -> (S, H, N) each
        h_f, h_n = weights.from_state(state[0]).chunk(2, dim=1)
        f = (x_f + h_f).sigmoid()
        return {"f": f, "n": (x_n + f * h_n).tanh()}

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t."""
        f, n = self.gate_values(x, state, weights).values()
        return (state[0].lerp(n, f),)

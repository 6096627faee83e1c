"""The LSTM of 1997, as Hochreiter and Schmidhuber published it: without forget gate, for reproduction."""

import itertools
import math
from typing import Any

import torch
from torch import Generator, Tensor

from seqexp.cell.recurrent import Recurrent, Weights
from seqexp.cell.weights import add_product


class LSTM1997(Recurrent):
    """Long short-term memory as it was published: memory cells in blocks, each with an input and an output gate.

        (a_i, a_o, a_g) = W_ih x_t + W_hh [h_{t-1}; i_{t-1}; o_{t-1}] + b,   b only of the gates
        i_t = sigmoid(a_i),   o_t = sigmoid(a_o)                 one of each for a block of cells
        s_t = s_{t-1} + i_t g(a_g),                              g(a) = 4 sigmoid(a) - 2, in [-2, 2]
        h_t = o_t h(s_t),                                        h(s) = 2 sigmoid(s) - 1, in [-1, 1]

    Source: S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), with the topology of
    its first experiment: cells and gates see the input, all cells and (`gates_feed_back`) all gates; cells have no
    bias. H = 4 cells in blocks of 1, 7 inputs and 7 outputs that see the cells are its 264 weights, H = 6 in blocks of
    2 its 276; this package's readout has 7 biases beside them. With `truncated`, as there, no gradient goes back to
    h_{t-1}, i_{t-1} and o_{t-1}, but only along s, where it stays as it is. The paper computes that forward in time and
    updates after each symbol; this package backward, after each batch.

    Weights of layer l, with n = H / block_size blocks, rows n of i, n of o and H of g (from l = 1 on, I is
    `output_size`): `weight_ih_l{l}` (S, 2n + H, I), `weight_hh_l{l}` (S, 2n + H, H + 2n), without the last 2n columns
    where gates do not feed back, and `bias_ih_l{l}` (S, 2n). They are drawn from U(-weight_max, weight_max), in this
    order; then output gates get their biases.
    """

    gates = 3
    states = ("h", "s", "i", "o")

    def __init__(
        self,
        *sizes: Any,
        block_size: int,
        gates_feed_back: bool,
        truncated: bool,
        weight_max: float,
        output_gate_bias: float | list[float] | None,
        **settings: Any,
    ) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            block_size: cells that share their gates.
            gates_feed_back: whether cells and gates see the gates of the step before.
            truncated: whether gradients go back in time along s alone.
            weight_max: weights begin between plus and minus this.
            output_gate_bias: at the start, of all blocks, or of the first, the second ... and over again; None: drawn.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if block_size < 1:
            raise ValueError(f"block_size must be >= 1, got {block_size}")
        if not 0 <= weight_max < math.inf:
            raise ValueError(f"weight_max must be >= 0 and finite, got {weight_max}")
        if output_gate_bias == []:
            raise ValueError("output_gate_bias must be a number, a list of one or more, or null, got []")
        self.block_size, self.gates_feed_back = block_size, gates_feed_back  # on which shapes depend
        super().__init__(*sizes, **settings)
        if self.hidden_size % block_size:
            raise ValueError(f"block_size must divide hidden_size ({self.hidden_size}), got {block_size}")
        self.truncated = truncated
        self.weight_max = weight_max
        self.output_gate_bias = [output_gate_bias] if isinstance(output_gate_bias, int | float) else output_gate_bias

    @property
    def num_blocks(self) -> int:
        """Blocks of memory cells."""
        return self.hidden_size // self.block_size

    @property
    def state_size(self) -> int:
        """Numbers that all layers and directions carry: h, s, and each block's gates once if they feed back."""
        gates = 2 * self.num_blocks if self.gates_feed_back else 0
        return (2 * self.hidden_size + gates) * self.num_layers * (self.output_size // self.hidden_size)

    def shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """W_ih, W_hh, and the gates' bias."""
        H, gates = self.hidden_size, 2 * self.num_blocks
        columns = H + gates if self.gates_feed_back else H
        return {"weight_ih": (gates + H, fan_in), "weight_hh": (gates + H, columns), "bias_ih": (gates,)}

    def draw(self, index: int, generator: Generator) -> None:
        """Draws all weights from one interval, and sets the output gates' biases."""
        n = self.num_blocks
        for weights in self.all_weights():
            for parameter in weights:
                values = torch.empty(parameter[index].shape, dtype=parameter.dtype)
                parameter[index] = values.uniform_(-self.weight_max, self.weight_max, generator=generator)
            if self.output_gate_bias is not None:
                biases = list(itertools.islice(itertools.cycle(self.output_gate_bias), n))
                weights.bias_ih[index, n:] = torch.tensor(biases, dtype=weights.bias_ih.dtype)

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes g(a_g), (S, H, N); i and o are among the states, which have one for each cell of a block."""
        return {"g": self._activations(x, state, weights)[2]}

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t and s_t, and i_t and o_t of each cell."""
        i, o, g = self._activations(x, state, weights)
        s = state[1] + i * g
        return o * (2 * s.sigmoid() - 1), s, i, o

    def _activations(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        h, _, i, o = state
        every = slice(None, None, self.block_size)
        fed_back = torch.cat([h, i[:, every], o[:, every]], dim=1) if self.gates_feed_back else h  # (S, H + 2n, N)
        bias = torch.nn.functional.pad(weights.bias_ih, (0, self.hidden_size)).unsqueeze(2)  # (S, 2n + H, 1)
        a = add_product(bias, weights.weight_ih, x)
        a = add_product(a, weights.weight_hh, fed_back.detach() if self.truncated else fed_back).sigmoid()
        n = self.num_blocks
        i, o, g = a.split((n, n, self.hidden_size), dim=1)
        if self.block_size > 1:
            i, o = (each.repeat_interleave(self.block_size, dim=1) for each in (i, o))
        return i, o, 4 * g - 2

"""Cells as one writes them by hand in PyTorch, for one seed: the rivals of `scripts/bench.py cells`.

Each has the parameters of seqexp's cell of that name, in the same order and for its default settings, so that the one
can be given the weights of the other. Those that are recurrent, and linear scans too, are a loop over time, with all
products of the input before it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from peers import plain_attention, plain_parallel
from peers.plain_parallel import empty

State = tuple[Tensor, ...]


class Loop(nn.Module, ABC):
    """A recurrent cell: the input's part of all steps in one product, then step after step."""

    gates = 1
    states = 1

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        rows = self.gates * hidden_size
        self.hidden_size = hidden_size
        self.weight_ih, self.weight_hh = empty(rows, input_size), empty(rows, hidden_size)
        self.bias_ih, self.bias_hh = empty(rows), empty(rows)

    def from_input(self, x: Tensor) -> Tensor:
        """The input's part, (B, T, I) -> (B, T, rows)."""
        return fn.linear(x, self.weight_ih, self.bias_ih)

    def from_state(self, h: Tensor) -> Tensor:
        """The state's part, (B, H) -> (B, rows)."""
        return fn.linear(h, self.weight_hh, self.bias_hh)

    @abstractmethod
    def step(self, x: Tensor, state: State) -> State:
        """The next state, its first part being the output, from the input's part (B, rows)."""

    def start(self, x: Tensor) -> State:
        """The state before the first step."""
        return (x.new_zeros(len(x), self.hidden_size),) * self.states

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        state, outputs = self.start(x), []
        for each in self.from_input(x).unbind(1):
            state = self.step(each, state)
            outputs.append(state[0])
        return torch.stack(outputs, 1)


class CIFG(Loop):
    """Coupled gates."""

    gates, states = 3, 2

    def step(self, x: Tensor, state: State) -> State:
        """Of h and c."""
        f, g, o = (x + self.from_state(state[0])).chunk(3, -1)
        f = f.sigmoid()
        c = f * state[1] + (1 - f) * g.tanh()
        return o.sigmoid() * c.tanh(), c


class JANET(Loop):
    """A forget gate alone, beta being 1."""

    gates = 2

    def step(self, x: Tensor, state: State) -> State:
        """Of h."""
        s, g = (x + self.from_state(state[0])).chunk(2, -1)
        return (s.sigmoid() * state[0] + (1 - (s - 1).sigmoid()) * g.tanh(),)


class MGU(Loop):
    """One gate."""

    gates = 2

    def step(self, x: Tensor, state: State) -> State:
        """Of h."""
        (x_f, x_n), (h_f, h_n) = x.chunk(2, -1), self.from_state(state[0]).chunk(2, -1)
        f = (x_f + h_f).sigmoid()
        return ((1 - f) * state[0] + f * (x_n + f * h_n).tanh(),)


class Peephole(Loop):
    """An LSTM whose gates see c."""

    gates, states = 4, 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.peepholes = empty(3 * hidden_size)

    def step(self, x: Tensor, state: State) -> State:
        """Of h and c."""
        i, f, g, o = (x + self.from_state(state[0])).chunk(4, -1)
        p_i, p_f, p_o = self.peepholes.chunk(3)
        c = (f + p_f * state[1]).sigmoid() * state[1] + (i + p_i * state[1]).sigmoid() * g.tanh()
        return (o + p_o * c).sigmoid() * c.tanh(), c


class LayerNormLSTM(Loop):
    """An LSTM with three layer normalisations."""

    gates, states = 4, 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.gain_ih, self.gain_hh = empty(4 * hidden_size), empty(4 * hidden_size)
        self.gain_c, self.bias_c = empty(hidden_size), empty(hidden_size)

    def from_input(self, x: Tensor) -> Tensor:
        """Normalised over all gates."""
        return fn.layer_norm(fn.linear(x, self.weight_ih), (len(self.gain_ih),), self.gain_ih, self.bias_ih)

    def from_state(self, h: Tensor) -> Tensor:
        """Normalised over all gates."""
        return fn.layer_norm(fn.linear(h, self.weight_hh), (len(self.gain_hh),), self.gain_hh, self.bias_hh)

    def step(self, x: Tensor, state: State) -> State:
        """Of h and c."""
        i, f, g, o = (x + self.from_state(state[0])).chunk(4, -1)
        c = f.sigmoid() * state[1] + i.sigmoid() * g.tanh()
        return o.sigmoid() * fn.layer_norm(c, (self.hidden_size,), self.gain_c, self.bias_c).tanh(), c


class LayerNormGRU(Loop):
    """A GRU whose gates, and whose candidate, are normalised."""

    gates = 3

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.gain_ih, self.gain_hh = empty(3 * hidden_size), empty(3 * hidden_size)

    def normalised(self, a: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        """Gates r and z together, n by itself."""
        sizes = (2 * self.hidden_size, self.hidden_size)
        parts = zip(a.split(sizes, -1), gain.split(sizes), bias.split(sizes), strict=True)
        return torch.cat([fn.layer_norm(each, (each.shape[-1],), *more) for each, *more in parts], -1)

    def from_input(self, x: Tensor) -> Tensor:
        """Normalised."""
        return self.normalised(fn.linear(x, self.weight_ih), self.gain_ih, self.bias_ih)

    def from_state(self, h: Tensor) -> Tensor:
        """Normalised."""
        return self.normalised(fn.linear(h, self.weight_hh), self.gain_hh, self.bias_hh)

    def step(self, x: Tensor, state: State) -> State:
        """Of h."""
        (x_r, x_z, x_n), (h_r, h_z, h_n) = x.chunk(3, -1), self.from_state(state[0]).chunk(3, -1)
        z = (x_z + h_z).sigmoid()
        return ((1 - z) * (x_n + (x_r + h_r).sigmoid() * h_n).tanh() + z * state[0],)


class IndRNN(Loop):
    """Units that see their own state alone."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_hh = empty(hidden_size)
        del self.bias_hh

    def step(self, x: Tensor, state: State) -> State:
        """Of h."""
        return ((x + self.weight_hh * state[0]).relu(),)


class SLSTM(Loop):
    """An exponential input gate with its stabiliser."""

    gates, states = 4, 4

    def start(self, x: Tensor) -> State:
        """The stabiliser begins below everything."""
        zero = x.new_zeros(len(x), self.hidden_size)
        return zero, zero, zero, torch.full_like(zero, -1e30)

    def step(self, x: Tensor, state: State) -> State:
        """Of h, c, n and m."""
        i, f, g, o = (x + self.from_state(state[0])).chunk(4, -1)
        kept = fn.logsigmoid(f) + state[3]
        m = torch.maximum(i, kept)
        i, f = (i - m).exp(), (kept - m).exp()
        c, n = f * state[1] + i * g.tanh(), f * state[2] + i
        return o.sigmoid() * c / n, c, n, m


class LSTM1997(nn.Module):
    """Blocks of one cell, whose gates feed back, and whose gradient goes back along s alone."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.weight_ih, self.weight_hh = empty(3 * hidden_size, input_size), empty(3 * hidden_size, 3 * hidden_size)
        self.bias_ih = empty(2 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        bias = fn.pad(self.bias_ih, (0, self.hidden_size))
        h = i = o = s = x.new_zeros(len(x), self.hidden_size)
        outputs = []
        for each in fn.linear(x, self.weight_ih, bias).unbind(1):
            a = (each + fn.linear(torch.cat([h, i, o], -1).detach(), self.weight_hh)).sigmoid()
            i, o, g = a.chunk(3, -1)
            s = s + i * (4 * g - 2)
            h = o * (2 * s.sigmoid() - 1)
            outputs.append(h)
        return torch.stack(outputs, 1)


class Torchs(nn.Module):
    """A module of `torch.nn`, without its last state."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        states: Tensor = self.module(x)[0]
        return states


PLAIN: dict[str, Callable[[int, int], nn.Module]] = {
    "rnn": lambda *sizes: Torchs(nn.RNN(*sizes, batch_first=True)),
    "lstm": lambda *sizes: Torchs(nn.LSTM(*sizes, batch_first=True)),
    "gru": lambda *sizes: Torchs(nn.GRU(*sizes, batch_first=True)),
    "mgu": MGU,
    "cifg": CIFG,
    "janet": JANET,
    "peephole": Peephole,
    "layer_norm_lstm": LayerNormLSTM,
    "layer_norm_gru": LayerNormGRU,
    "indrnn": IndRNN,
    "slstm": SLSTM,
    "lstm1997": LSTM1997,
    "mingru": plain_parallel.MinGRU,
    "minlstm": plain_parallel.MinLSTM,
    "lru": plain_parallel.LRU,
    "tcn": plain_parallel.TCN,
    "mlp": plain_parallel.MLP,
    "s4d": plain_attention.S4D,
    "transformer": plain_attention.transformer,
}
"""By the name of seqexp's cell: what makes the plain one from the sizes of its input and of its state."""


def like(cell: nn.Module, name: str, index: int) -> nn.Module:
    """The plain cell with the weights of one member of a population.

    Raises:
        ValueError: they have not as many.
    """
    plain = PLAIN[name](*(getattr(cell, size) for size in ("input_size", "hidden_size")))
    own, theirs = list(cell.parameters()), list(plain.parameters())
    if [each[index].numel() for each in own] != [each.numel() for each in theirs]:
        raise ValueError(f"plain {name} has other parameters than seqexp's: {[each.shape for each in theirs]}")
    with torch.no_grad():
        for each, other in zip(own, theirs, strict=True):
            other.copy_(each[index].reshape(other.shape))
    return plain

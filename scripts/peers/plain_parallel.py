"""Cells without a state in their gates, or without any state, as one writes them for one seed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as fn


def empty(*shape: int) -> nn.Parameter:
    """A parameter that is still to get its values."""
    return nn.Parameter(torch.empty(shape))


class MinGRU(nn.Module):
    """Gates of the input alone."""

    gates = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.weight, self.bias = empty(self.gates * hidden_size, input_size), empty(self.gates * hidden_size)

    def coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Returns a and b of h = a h + b."""
        z, n = gates.chunk(2, -1)
        z = z.sigmoid()
        return 1 - z, z * n

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        a, b = self.coefficients(fn.linear(x, self.weight, self.bias))
        return linear_loop(a.unbind(1), b)


class MinLSTM(MinGRU):
    """Two gates of the input alone, scaled to the sum 1."""

    gates = 3

    def coefficients(self, gates: Tensor) -> tuple[Tensor, Tensor]:
        """Returns a and b of h = a h + b."""
        f, i, n = gates.chunk(3, -1)
        share = (fn.softplus(-i) - fn.softplus(-f)).sigmoid()
        return share, (1 - share) * n


def linear_loop(a: Sequence[Tensor], b: Tensor) -> Tensor:
    """Computes h = a h + b, step after step; b (B, T, H)."""
    h, states = torch.zeros_like(b[:, 0]), []
    for a_t, b_t in zip(a, b.unbind(1), strict=True):
        h = torch.addcmul(b_t, a_t, h)
        states.append(h)
    return torch.stack(states, 1)


class LRU(nn.Module):
    """Complex modes, and the paper's gated linear unit."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        H, modes = hidden_size, (hidden_size + 1) // 2
        self.nu_log, self.theta_log, self.gamma_log = (empty(modes) for _ in range(3))
        self.B, self.C, self.D = empty(2 * modes, input_size), empty(H, 2 * modes), empty(H, input_size)
        self.weight, self.bias = empty(2 * H, H), empty(2 * H)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        eigenvalues = torch.polar((-self.nu_log.exp()).exp(), self.theta_log.exp())
        b = torch.complex(*(fn.linear(x, self.gamma_log.exp().repeat(2)[:, None] * self.B).chunk(2, -1)))
        h = linear_loop([eigenvalues] * x.shape[1], b)
        y = fn.linear(torch.cat([h.real, h.imag], -1), self.C) + fn.linear(x, self.D)
        value, gate = fn.linear(fn.gelu(y), self.weight, self.bias).chunk(2, -1)
        return value * gate.sigmoid()


class TCN(nn.Module):
    """Four residual blocks of two convolutions of three taps."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        sizes = [input_size, *[hidden_size] * 4]
        self.blocks = nn.ModuleList()
        for layer, fan_in in enumerate(sizes[:-1]):
            convolutions = [nn.Conv1d(size, hidden_size, 3, dilation=2**layer) for size in (fan_in, hidden_size)]
            beside = [nn.Conv1d(fan_in, hidden_size, 1)] if fan_in != hidden_size else []
            self.blocks.append(nn.ModuleList([*convolutions, *beside]))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        x = x.transpose(1, 2)
        for layer, block in enumerate(self.blocks):
            first, second, *beside = block.children()
            padding = (2 * 2**layer, 0)
            y = second(fn.pad(first(fn.pad(x, padding)).relu(), padding)).relu()
            x = (y + (beside[0](x) if beside else x)).relu()
        return x.transpose(1, 2)


class MLP(nn.Module):
    """A window of ten steps through one layer."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.window = nn.Conv1d(input_size, hidden_size, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        states: Tensor = self.window(fn.pad(x.transpose(1, 2), (9, 0))).tanh().transpose(1, 2)
        return states

"""Modules that know nothing of seeds, as users write them, for the tests of `cell=module`."""

import numpy as np
import torch
from torch import nn


class LinearLSTM(nn.Module):
    """An LSTM made of Linears, step by step."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.hidden_size = hidden_size
        self.from_input = nn.Linear(input_size, 4 * hidden_size)
        self.from_state = nn.Linear(hidden_size, 4 * hidden_size)

    def forward(self, x):
        h = c = x.new_zeros(len(x), self.hidden_size)
        states = []
        for x_t in x.unbind(1):
            i, f, g, o = (self.from_input(x_t) + self.from_state(h)).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            states.append(h)
        return torch.stack(states, 1)


class Convolutions(nn.Module):
    """A causal TCN of three layers; its sizes have names of its own."""

    def __init__(self, channels_in, width, dropout=0.0):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv1d(width if i else channels_in, width, 3, dilation=2**i) for i in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        y = x.transpose(1, 2)
        for i, layer in enumerate(self.layers):
            y = self.dropout(torch.relu(layer(nn.functional.pad(y, (2 * 2**i, 0)))))
        return y.transpose(1, 2)


class Transformer(nn.Module):
    """torch's TransformerEncoder with sines for positions, which are a buffer and the same for all seeds."""

    def __init__(self, input_size, width, heads=2, layers=1, dropout=0.0, longest=1000):
        super().__init__()
        self.embed = nn.Linear(input_size, width)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        angles = torch.arange(longest)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
        self.register_buffer("positions", torch.stack([angles.sin(), angles.cos()], 2).flatten(1))

    def forward(self, x):
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1], device=x.device, dtype=x.dtype)
        return self.encoder(self.embed(x) + self.positions[: x.shape[1]], mask, is_causal=True)


class Branching(nn.Module):
    """Looks at values, so that it can be neither vectorised nor tried without them."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.layer = nn.Linear(input_size, hidden_size)

    def forward(self, x):
        y = self.layer(x)
        return y.tanh() if self.layer.bias[0].item() < 0 else y / 2


class Pooled(nn.Module):
    """Gives one state for a sequence, beside something else; from random features that are a buffer."""

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.register_buffer("features", torch.randn(input_size, 6))
        self.frozen = nn.Parameter(torch.randn(6), requires_grad=False)
        self.layer = nn.Linear(6, hidden_size)

    def forward(self, x):
        y = torch.relu(x @ self.features + self.frozen)
        return [self.layer(y).mean(1), y]


class Normed(nn.Module):
    def __init__(self, input_size, hidden_size, tracked=True):
        super().__init__()
        self.layer = nn.Linear(input_size, hidden_size)
        self.norm = nn.BatchNorm1d(hidden_size, track_running_stats=tracked)

    def forward(self, x):
        return self.norm(self.layer(x).transpose(1, 2)).transpose(1, 2)


GAIN = nn.Parameter(torch.ones(1))


class Refused(nn.Module):
    """One mistake or another."""

    calls = 0

    def __init__(self, input_size, hidden_size, mistake):
        super().__init__()
        self.layer = nn.Linear(input_size, hidden_size, dtype=torch.complex64 if mistake == "complex" else None)
        self.mistake = mistake
        if mistake == "attribute":
            self.shift = torch.randn(hidden_size)
        elif mistake == "numpy":
            self.layer.weight.data += float(np.random.default_rng().random())
        elif mistake == "shape":
            self.register_buffer("picked", torch.zeros(int(torch.randint(1, 1000, ()))))
        elif mistake == "frozen":
            self.layer.requires_grad_(False)
        elif mistake == "lazy":
            self.lazy = nn.LazyLinear(hidden_size)
        elif mistake == "seed":
            torch.manual_seed(0)
        elif mistake == "shared":
            self.gain = GAIN
        elif mistake == "precision":
            self.layer.bfloat16()
        elif mistake == "constructor":
            raise AssertionError("width must be even")

    def forward(self, x):
        y = self.layer(x.to(self.layer.weight.dtype))
        match self.mistake:
            case "complex":
                return y.real
            case "steps":
                return y[:, ::2]
            case "dictionary":
                return {"output": y}
            case "integers":
                return y.long()
            case "noise":
                return y + torch.randn_like(y)
            case "calls":
                self.calls += 1
                return y * self.calls
            case "in place":
                x += 1
            case "batch":
                return y - y.mean(0)
            case "forward":
                raise KeyError("nothing")
        return y

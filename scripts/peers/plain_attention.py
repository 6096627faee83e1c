"""A state-space layer by FFT, as its authors compute it, and a causal transformer, as one writes them for one seed."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as fn

from peers.plain_parallel import empty


class S4D(nn.Module):
    """Thirty-two complex modes of each feature as one long convolution, and a gated linear unit."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        H = hidden_size
        self.log_dt, self.D = empty(H), empty(H)
        self.log_decay, self.frequency, self.C = empty(H, 32), empty(H, 32), empty(H, 64)
        self.encoder, self.both = nn.Linear(input_size, H), nn.Linear(H, 2 * H)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> (B, T, H)."""
        T, u = x.shape[1], self.encoder(x).transpose(1, 2)
        A = torch.complex(-self.log_decay.exp(), self.frequency)
        step = self.log_dt.exp().unsqueeze(1) * A
        weight = torch.complex(*self.C.chunk(2, dim=1)) * (step.exp() - 1) / A
        turns = (step.unsqueeze(2) * torch.arange(T)).exp()
        kernel = 2 * (weight.unsqueeze(2) * turns).sum(1).real  # (H, T)
        y = torch.fft.irfft(torch.fft.rfft(u, 2 * T) * torch.fft.rfft(kernel, 2 * T), 2 * T)[..., :T]
        return fn.glu(self.both(fn.gelu((y + self.D.unsqueeze(1) * u).transpose(1, 2))), dim=2)


class Layer(nn.Module):
    """Four heads and a feed-forward part, each behind a norm."""

    def __init__(self, input_size: int, hidden_size: int, first: bool) -> None:
        super().__init__()
        H = hidden_size
        self.width = 8 * -(-H // 8)  # of four heads of an even size
        self.attention_norm, self.query = nn.LayerNorm(H), nn.Linear(H, self.width)
        self.memory, self.out = nn.Linear(H, 2 * self.width), nn.Linear(self.width, H)
        self.feed_norm, self.widen, self.narrow = nn.LayerNorm(H), nn.Linear(H, 4 * H), nn.Linear(4 * H, H)
        self.entry = nn.Linear(input_size, H) if first else nn.Identity()
        self.top = nn.Identity() if first else nn.LayerNorm(H)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, F) -> (B, T, H)."""
        x = self.entry(x)
        normed = self.attention_norm(x)
        parts = (self.query(normed), *self.memory(normed).chunk(2, dim=2))
        query, key, value = (part.unflatten(2, (4, -1)).transpose(1, 2) for part in parts)  # (B, 4, T, D)
        seen = fn.scaled_dot_product_attention(turn(query), turn(key), value, is_causal=True)
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        output: Tensor = self.top(x + self.narrow(fn.gelu(self.widen(self.feed_norm(x)))))
        return output


def turn(x: Tensor) -> Tensor:
    """Rotary positions of (B, heads, T, D)."""
    half = x.shape[3] // 2
    angle = torch.arange(x.shape[2])[:, None] * 10_000.0 ** (-torch.arange(half) / half)
    (first, second), cos, sin = x.chunk(2, dim=3), angle.cos(), angle.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=3)


def transformer(input_size: int, hidden_size: int) -> nn.Module:
    """Two layers."""
    return nn.Sequential(Layer(input_size, hidden_size, True), Layer(hidden_size, hidden_size, False))

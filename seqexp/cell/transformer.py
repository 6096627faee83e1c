"""A causal transformer whose layers normalise first (Radford et al. 2019), for all seeds at once."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.attention import attend, attend_from, turn
from seqexp.cell.layer_norm import normalise
from seqexp.cell.parallel import Dense, Layer, Parallel, pick

Positions = Literal["rotary", "learned"]

BASE = 10_000.0
"""Of rotary positions, as published."""


class Norm(Layer):
    """Layer normalisation of every step's features, with a `gain` and a `bias` (S, H), 1 and 0 at the start."""

    def __init__(self, num_seeds: int, hidden_size: int, eps: float) -> None:
        """Allocates the parameters."""
        super().__init__()
        self.gain, self.bias = (nn.Parameter(torch.empty(num_seeds, hidden_size)) for _ in range(2))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Maps every step by itself, (S, H, T, N) -> (S, H, T, N)."""
        return normalise(x.flatten(2), self.gain, self.bias, self.eps).view_as(x)

    def draw(self, index: int, generator: Generator) -> None:
        """Sets the values; none is drawn."""
        self.gain[index] = 1
        self.bias[index] = 0


class Entry(Layer):
    """What stands below the first layer: a map from I features to H, and learned positions where there are any."""

    def __init__(self, num_seeds: int, input_size: int, hidden_size: int, max_length: int | None) -> None:
        """Allocates the parameters."""
        super().__init__()
        self.encoder = Dense(num_seeds, input_size, hidden_size)
        self.positions = None if max_length is None else nn.Parameter(torch.empty(num_seeds, hidden_size, max_length))

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, I, T, N) -> (S, H, T, N)."""
        y: Tensor = self.encoder(x)
        if self.positions is None:
            return y
        known = self.positions.shape[2]
        places = self.positions[:, :, : y.shape[2]]
        if y.shape[2] > known:
            places = torch.cat([places, places[:, :, -1:].expand(-1, -1, y.shape[2] - known)], dim=2)
        return y + places.unsqueeze(3)

    def draw(self, index: int, generator: Generator) -> None:
        """Draws the map as `torch.nn.Linear` does, positions N(0, 0.02^2)."""
        self.encoder.draw(index, generator)
        if self.positions is not None:
            values = torch.empty(self.positions[index].shape, dtype=self.positions.dtype)
            self.positions[index] = values.normal_(0, 0.02, generator=generator)


class Block(Layer):
    """One layer; see `Transformer` for its equations and parameters."""

    def __init__(self, num_seeds: int, hidden_size: int, heads: int, head_size: int, wide: int, eps: float) -> None:
        """Allocates the parameters; what is only at the bottom and at the top is set by `Transformer.make_layer`."""
        super().__init__()
        S, H, A = num_seeds, hidden_size, heads * head_size
        self.heads, self.rotary = heads, False
        self.entry: Entry | None = None
        self.attention_norm, self.query, self.memory = Norm(S, H, eps), Dense(S, H, A), Dense(S, H, 2 * A)
        self.out = Dense(S, A, H)
        self.feed_norm, self.widen, self.narrow = Norm(S, H, eps), Dense(S, H, wide), Dense(S, wide, H)
        self.top_norm: Norm | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""
        x = self.enter(x)
        normed = self.attention_norm(x)
        steps = torch.arange(x.shape[2], device=x.device)[:, None]
        query, (key, value) = self.queries(normed, steps), self.memories(normed, steps)
        # (S, heads, D, T, N) -> (S, heads * N, T, D)
        rows = (each.permute(0, 1, 4, 3, 2).flatten(1, 2) for each in (query, key, value))
        seen = attend(*rows).unflatten(1, (self.heads, -1)).permute(0, 1, 4, 3, 2).contiguous()
        return self.finish(x, seen.flatten(1, 2))

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Computes one step's query of each column, and all that follows, alone."""
        x = self.enter(x)
        normed = self.attention_norm(x)
        key, value = self.memories(normed, torch.arange(x.shape[2], device=x.device)[:, None])
        query = self.queries(pick(normed, ends), ends[:, None, None, None])
        return self.finish(pick(x, ends), attend_from(query, key, value, ends).flatten(1, 2))

    def enter(self, x: Tensor) -> Tensor:
        """What the first layer has below its block; in others x itself."""
        entered: Tensor = x if self.entry is None else self.entry(x)
        return entered

    def queries(self, normed: Tensor, steps: Tensor) -> Tensor:
        """Scaled queries, (S, H, T, N) -> (S, heads, D, T, N)."""
        query: Tensor = self.query(normed).unflatten(1, (self.heads, -1))
        query = query * query.shape[2] ** -0.5
        return turn(query, steps, BASE) if self.rotary else query

    def memories(self, normed: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values, (S, H, T, N) -> (S, heads, D, T, N) each."""
        key, value = self.memory(normed).unflatten(1, (2, self.heads, -1)).unbind(1)
        return turn(key, steps, BASE) if self.rotary else key, value

    def finish(self, x: Tensor, seen: Tensor) -> Tensor:
        """What comes after attention, step by step."""
        x = x + self.out(seen)
        x = x + self.narrow(nn.functional.gelu(self.widen(self.feed_norm(x))))
        return x if self.top_norm is None else self.top_norm(x)

    def draw(self, index: int, generator: Generator) -> None:
        """Draws as `torch.nn.TransformerEncoderLayer` does, from the bottom."""
        for part in (self.entry, self.query, self.memory, self.out, self.widen, self.narrow):
            if part is not None:
                part.draw(index, generator)
        H, A = self.query.weight.shape[2], self.query.weight.shape[1]
        for part in (self.query, self.memory):  # torch's one matrix of 3A rows is drawn by Glorot's rule
            bound = math.sqrt(6 / (H + 3 * A))
            part.weight[index] *= bound * math.sqrt(H)
        for part in (self.query, self.memory, self.out):
            part.bias[index] = 0
        for norm in (self.attention_norm, self.feed_norm, self.top_norm):
            if norm is not None:
                norm.draw(index, generator)


class Transformer(Parallel):
    """A decoder of transformer layers: a step attends to itself and to all steps before it.

        x = W inputs + b (+ position_t)                  in the first layer
        x = x + O concat over heads of attention(n), n = norm(x)
        x = x + V gelu(W norm(x) + b) + c                V, W of the feed-forward part
        output = x; norm(x) in the top layer

        attention(n)_t = sum over s <= t of p_ts v_s,  p_t = softmax over s <= t of q_t . k_s / sqrt(D)

    q, k, v are linear maps of n with biases, D features in each head. **Positions**: `rotary` turns q_t and k_s by
    angles proportional to their steps, so that scores depend on t - s; it has no parameters and is defined at any
    length. `learned` adds a vector of each of max_length steps: a step beyond has the vector of the last one, and
    training sequences longer than max_length are refused. Vectors of steps that no training sequence has stay as drawn.

    Source: A. Vaswani et al., "Attention is all you need" (2017), arXiv:1706.03762, with norms before each part as in
    A. Radford et al., "Language models are unsupervised multitask learners" (2019); rotary positions: J. Su et al.,
    "RoFormer" (2021), arXiv:2104.09864. One layer without its entry is `torch.nn.TransformerEncoderLayer` with
    norm_first, activation gelu, dropout 0 and a causal mask. Where H is no multiple of num_heads, D is rounded up to
    the next even number, so that there is a cell of every size. `dropout` acts between layers, each step by itself, as
    in every cell, and not within; `residual` adds a layer's input once more.

    Weights of layer l, A = num_heads D, G = feedforward_size, with `layers.{l}.` before: in the first
    `entry.encoder.weight` (S, H, I), `entry.positions` (S, H, max_length); `attention_norm.gain`, `.bias` (S, H),
    `query.weight` (S, A, H), `memory.weight` (S, 2A, H), rows k, v, `out.weight` (S, H, A), `feed_norm.gain`, `.bias`
    (S, H), `widen.weight` (S, G, H), `narrow.weight` (S, H, G), in the top one `top_norm.gain`, `.bias` (S, H); every
    weight has a `bias` beside it. Drawn as torch draws: q, k, v by Glorot's rule with biases 0, `out.bias` 0, the rest
    as `torch.nn.Linear`, positions N(0, 0.02^2). From step to step it carries all keys and values so far.
    """

    def __init__(
        self,
        *sizes: Any,
        num_heads: int,
        feedforward_size: int | None,
        positions: Positions,
        max_length: int | None,
        eps: float,
        **settings: Any,
    ) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Parallel`, as are `settings`.
            num_heads: heads of each layer.
            feedforward_size: G; None is 4 hidden_size.
            positions: "rotary" or "learned".
            max_length: steps that have a learned position of their own; None where positions are not learned.
            eps: added to each variance that is divided by.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if positions not in ("rotary", "learned"):
            raise ValueError(f"positions must be rotary or learned, got {positions!r}")
        if max_length is not None and positions != "learned":
            raise ValueError(f"max_length must be null where positions are not learned, got {max_length}")
        if positions == "learned" and (max_length is None or max_length < 1):
            got = "null" if max_length is None else max_length
            raise ValueError(f"max_length must be >= 1 where positions are learned, got {got}")
        for name, value in (("num_heads", num_heads), ("feedforward_size", feedforward_size)):
            if value is not None and value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not eps > 0:
            raise ValueError(f"eps must be > 0, got {eps}")
        self.num_heads, self.feedforward_size, self.eps = num_heads, feedforward_size, eps
        self.positions, self.max_length = positions, max_length
        super().__init__(*sizes, **settings)
        self.kept_per_state = 16 + 2 * -(-self.wide // self.hidden_size)

    @property
    def head_size(self) -> int:
        """D, features of a head: an even number."""
        return 2 * -(-self.hidden_size // (2 * self.num_heads))

    @property
    def wide(self) -> int:
        """G, features within the feed-forward part."""
        return self.feedforward_size or 4 * self.hidden_size

    def expect(self, steps: int) -> None:
        """Refuses training sequences of which some steps have no position of their own."""
        if self.max_length is not None and steps > self.max_length:
            rule = "max_length must be at least the number of steps of the training sequences"
            raise ValueError(f"{rule}, which is {steps}, where positions are learned, got {self.max_length}")

    def make_layer(self, fan_in: int, layer: int) -> Layer:
        """Makes one layer, with an entry at the bottom and a last norm at the top."""
        block = Block(self.num_seeds, self.hidden_size, self.num_heads, self.head_size, self.wide, self.eps)
        block.rotary = self.positions == "rotary"
        if layer == 0:
            block.entry = Entry(self.num_seeds, fan_in, self.hidden_size, self.max_length)
        if layer == self.num_layers - 1:
            block.top_norm = Norm(self.num_seeds, self.hidden_size, self.eps)
        return block

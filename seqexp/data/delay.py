"""Memory capacity: how much of white noise can still be read from the state, and how far back?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.shape import Values
from seqexp.data.task import Sequences
from seqexp.score import SquaredError


class DelayedError(SquaredError):
    """The mean squared error over all delays; shown beside it is the memory capacity, of which more is better."""

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The sum over delays of the squared correlation between prediction and target."""
        return {"memory_capacity": correlations(prediction, target, weight).sum(1)}


def correlations(prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """The squared correlation r^2 of each output over sequences and steps, 0 where one of the two never changes.

    Args:
        prediction: (S, B, T, O).
        target: the same shape.
        weight: (S, B, T) how much each step counts; None for all alike.

    Returns:
        (S, O).
    """
    counts = torch.ones_like(target[..., 0]) if weight is None else weight
    counts = (counts / counts.sum((1, 2), keepdim=True))[..., None]  # (S, B, T, 1)
    one, other = (each - (counts * each).sum((1, 2), keepdim=True) for each in (prediction, target))
    both = (counts * one * other).sum((1, 2)).square()
    scale = (counts * one.square()).sum((1, 2)) * (counts * other.square()).sum((1, 2))
    return torch.where(scale > 0, both / torch.where(scale > 0, scale, 1), 0)


class Delay(Drawn):
    """White noise u; the targets of each step are the last K values before it, all at once.

    With K = 3, where `.` is a step that does not count, as there are not yet three values before it:

        inputs   u   0.3  -1.2   0.9   0.1   1.6
        targets  1    .     .     .    0.9   0.1
                 2    .     .     .   -1.2   0.9
                 3    .     .     .    0.3  -1.2

    The values are uniform and independent, with mean 0 and variance 1: of a band-limited input later values would tell
    of earlier ones. A constant guess scores 1 and `linear`, who sees the present value only, 1 as well. There is no
    noise. `memory_capacity` is the sum over the delays 1 to K of r^2, the squared correlation between prediction and
    target. Read linearly from H units, as here, it cannot exceed H (up to chance, and a bit more where it is estimated
    from few steps), and the mean squared error not fall below 1 - H/K.

    With `shift` = a the K values end a - 1 steps after the present one, and the last steps, which lack some, do not
    count. Who reads forward only cannot know the a - 1 values that are still to come, so that its mean squared error
    does not fall below (a - 1)/K; who reads from both sides can have them all. `linear` knows the present one: 1 - 1/K.

    Source: H. Jaeger, "Short term memory in echo state networks", GMD Report 152 (2001), where the value itself is
    delay 0 and K is infinite.

    Args:
        num_sequences: N.
        length: T, steps of a sequence.
        delays: K, the longest delay; the first K - a steps do not count.
        shift: a, by how many steps the values that are asked for lie later. (Older runs have 0.)

    Raises:
        ValueError: a setting is out of range.
    """

    inputs = Values(1)
    reads = "steps"
    chooses_length = True

    def __init__(self, num_sequences: int, length: int, delays: int, shift: int = 0) -> None:
        if num_sequences < 1:
            raise ValueError(f"num_sequences must be >= 1, got {num_sequences}")
        if delays < 1:
            raise ValueError(f"delays must be >= 1, got {delays}")
        if length <= delays:
            raise ValueError(f"length must be > delays ({delays}), got {length}")
        if not 0 <= shift <= delays:
            raise ValueError(f"shift must be >= 0 and <= delays ({delays}), got {shift}")
        self.targets = Values(delays)
        self.num_sequences = num_sequences
        self.length = length
        self.delays = delays
        self.shift = shift

    @property
    def score(self) -> DelayedError:
        """The mean squared error, with the memory capacity beside it."""
        return DelayedError()

    @property
    def numbers(self) -> int:
        """Inputs, targets and weights."""
        return self.num_sequences * self.length * (self.delays + 2)

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor]:
        """Draws numbers (N, T) between 0 and 1."""
        steps = length or self.length
        if steps <= self.delays:
            raise ValueError(f"length must be > delays ({self.delays}), got {steps}")
        return (torch.rand(count, steps, generator=generator),)

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes inputs (N, T, 1), targets (N, T, K), and weights, 0 for steps that lack a target."""
        values = (drawn[0] * 2 - 1) * 3**0.5
        count, steps = values.shape
        later = max(0, self.shift - 1)
        padded = torch.cat([torch.zeros(count, self.delays), values, torch.zeros(count, later)], 1)
        shifted = padded[:, self.shift : self.shift + self.delays + steps - 1]
        targets = shifted.unfold(1, self.delays, 1).flip(2).contiguous()  # (N, T, K), the latest first
        step = torch.arange(steps)
        weight = ((step >= self.delays - self.shift) & (step < steps - later)).float().repeat(count, 1)
        return Sequences(values[..., None], targets, weight, best=targets)

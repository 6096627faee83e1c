"""Flip-flops: several bits are to be kept until they are changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from seqexp.data.drawn import Drawn
from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences
from seqexp.score import SquaredError, weighted_mean


class BitError(SquaredError):
    """The mean squared error; shown beside it is the share of bits whose sign is right."""

    def shown(self, prediction: Tensor, target: Tensor, weight: Tensor | None) -> dict[str, Tensor]:
        """The share of right bits; chance is 1/2."""
        right = (prediction * target > 0).to(prediction.dtype).mean(-1)  # (S, B, T, K) -> (S, B, T)
        return {"bit_accuracy": weighted_mean(right, weight)}


class FlipFlop(Drawn):
    """K channels with a pulse of +1 or -1 now and then; the target of each is the sign of its last pulse.

    With K = 2 channels:

        inputs   +1  0  0 -1  0  0 +1
                 -1 +1  0  0  0 -1  0
        targets  +1 +1 +1 -1 -1 -1 +1
                 -1 +1 +1 +1 +1 -1 -1

    The first step has a pulse in every channel, each later one with probability p (`pulse`); signs are fair coins. All
    2^K states are as frequent. A constant guess scores 1; `linear`, who sees the present pulses only,
    (1 - p) (1 - 1/T). There is no noise. `bit_accuracy` is the share of right signs. A trained network keeps each state
    at a fixed point of its own: 2^K of them are stable.

    Source: D. Sussillo, O. Barak, "Opening the black box: low-dimensional dynamics in high-dimensional recurrent neural
    networks", Neural Computation 25 (2013); sizes as in M. Golub, D. Sussillo, "FixedPointFinder", Journal of Open
    Source Software 3 (2018).

    Args:
        num_sequences: N.
        length: T, steps of a sequence.
        bits: K, channels.
        pulse: p, the probability of a pulse.

    Raises:
        ValueError: a setting is out of range.
    """

    reads = "steps"
    chooses_length = True
    automaton = "state"

    def __init__(self, num_sequences: int, length: int, bits: int, pulse: float) -> None:
        for name, value in (("num_sequences", num_sequences), ("length", length), ("bits", bits)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if not 0 <= pulse <= 1:
            raise ValueError(f"pulse must be between 0 and 1, got {pulse}")
        self.inputs, self.targets = Values(bits), Values(bits)
        self.bits = bits
        self.attractors = 2**bits
        self.num_sequences = num_sequences
        self.length = length
        self.pulse = pulse

    @property
    def score(self) -> BitError:
        """The mean squared error, with the share of right bits beside it."""
        return BitError()

    @property
    def numbers(self) -> int:
        """Pulses and bits."""
        return 2 * self.num_sequences * self.length * self.bits

    def draw(self, generator: torch.Generator, count: int, length: int | None) -> tuple[Tensor, Tensor]:
        """Draws by what pulses are chosen, and their signs, (N, T, K) each."""
        shape = (count, length or self.length, self.bits)
        return torch.rand(shape, generator=generator), torch.randint(2, shape, generator=generator)

    def arrange(self, drawn: Sequence[Tensor], length: int | None) -> Sequences:
        """Makes inputs and targets (N, T, K)."""
        there = drawn[0] < self.pulse
        there[:, 0] = True
        signs = drawn[1] * 2.0 - 1
        steps = torch.arange(signs.shape[1])[:, None]
        last = torch.where(there, steps, 0).cummax(1).values  # (N, T, K): the step of the last pulse
        targets = signs.gather(1, last)
        return Sequences(signs * there, targets, best=targets)

    def alphabet(self) -> dict[str, Sequence[float]]:
        """Every combination of pulses, a sign for each channel: `+0` is a pulse up in the first of two."""
        signs = {"-": -1.0, "0": 0.0, "+": 1.0}
        return {"".join(each): [signs[sign] for sign in each] for each in product("-0+", repeat=self.bits)}

    @property
    def variable_names(self) -> Sequence[str]:
        """The state and each bit."""
        return ("state", *(f"bit {channel + 1}" for channel in range(self.bits)))

    def variables(self, batch: Split) -> dict[str, Tensor]:
        """The number that all bits make, the first of them counting 1, and each bit, -1 or 1."""
        bits = {f"bit {channel + 1}": batch.targets[..., channel] for channel in range(self.bits)}
        powers = 2.0 ** torch.arange(self.bits, device=batch.targets.device)
        return {"state": ((batch.targets > 0) * powers).sum(-1), **bits}

    def solved(self, prediction: Tensor, batch: Split) -> Tensor:
        """A seed has solved it when every bit of every step has the right sign."""
        return (prediction * batch.targets > 0).flatten(1).all(1)

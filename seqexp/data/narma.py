"""NARMA: a system that is driven by noise, and whose output depends on the last ten inputs and outputs."""

from __future__ import annotations

import numpy as np
import torch

from seqexp.data.guesses import Guess
from seqexp.data.recent import polynomial, regression
from seqexp.data.shape import Values
from seqexp.data.split import Split
from seqexp.data.task import Sequences, Task
from seqexp.data.trajectories import Array, RelativeError, counted

DIVERGED = 2.0
"""An output beyond which a series grows without end; of ten million that stayed bounded the largest was 1.29."""

MOST_DRAWS = 100
"""How often a series is drawn anew before it is given up."""


class Narma(Task):
    """Random inputs u, uniform in [0, 1/2], drive a system whose next output is to be told at every step.

        y_{t+1} = 0.3 y_t + 0.05 y_t (y_t + y_{t-1} + ... + y_{t-9}) + 1.5 u_{t-9} u_t + 0.1

    All ten terms are summed, those before the start are 0; outputs are never read:

        inputs   u0  u1  u2  u3 ...
        targets  y1  y2  y3  y4 ...

    With `order` n in place of ten, the sum has n terms and the product is u_{t-n+1} u_t. Some series grow without end,
    the more the longer they are (1 of 100 with 2,000 steps): such a one is drawn anew, with all of its inputs, and none
    is clipped.

    A constant guess scores the variance, about 0.012, which is an NMSE of 1. `linear`, on the input of the step alone,
    scores 0.75; `fir`, least squares on the last p inputs, 0.16 with p = 20 and 0.15 with 32, the most that are tried;
    `polynomial`, with the products of two of the last 2 n inputs, 0.03. The outputs are a function of the inputs, so
    there is no noise. The first `warmup` steps do not count.

    Source: A. Atiya, A. Parlos, "New results on recurrent network training", IEEE Transactions on Neural Networks 11
    (2000); as a benchmark with the NMSE, H. Jaeger, "Adaptive nonlinear system identification with echo state
    networks", NIPS (2003).

    Args:
        num_sequences: N.
        length: T.
        order: n, how many steps back the system reaches.
        warmup: steps at the start of a sequence that do not count.

    Raises:
        ValueError: a setting is out of range.
    """

    inputs = Values(1)
    targets = Values(1)
    reads = "steps"
    chooses_length = True
    varies = "new inputs"

    def __init__(self, num_sequences: int, length: int, order: int, warmup: int) -> None:
        for name, value, least in (("num_sequences", num_sequences, 1), ("order", order, 1), ("warmup", warmup, 0)):
            if value < least:
                raise ValueError(f"{name} must be >= {least}, got {value}")
        self.num_sequences = num_sequences
        self.length = length
        self.order = order
        self.warmup = warmup
        self._check_length(length)

    @property
    def score(self) -> RelativeError:
        """The MSE, with the NMSE beside it."""
        return RelativeError("nmse")

    @property
    def numbers(self) -> int:
        """Inputs, outputs, what is known of them, and weights."""
        return 4 * self.num_sequences * self.length

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        """Makes one seed's sequences: inputs (N, T, 1), targets (N, T, 1)."""
        steps = self.length if length is None else length
        self._check_length(steps)
        inputs, outputs = np.empty((count, steps)), np.empty((count, steps))
        missing = np.arange(count)
        for _ in range(MOST_DRAWS):
            drawn = torch.rand((len(missing), steps), generator=generator, dtype=torch.float64).numpy() / 2
            inputs[missing], outputs[missing] = drawn, drive(drawn, self.order)
            missing = np.flatnonzero(~(np.abs(outputs) < DIVERGED).all(1))
            if not len(missing):
                break
        else:
            raise ValueError(
                f"order must be one with which the system stays bounded: with {self.order}, {len(missing)} of {count} "
                f"series of {steps} steps still grew without end when drawn {MOST_DRAWS} times"
            )
        values, targets = (torch.from_numpy(each).float()[..., None] for each in (inputs, outputs))  # (N, T, 1)
        return Sequences(values, targets, counted(count, steps, self.warmup), best=targets)

    def guesses(self, train: Split, test: Split) -> dict[str, Guess]:
        """Adds `fir`, the best linear filter of the last inputs, and `polynomial`, with their products."""
        return {
            **super().guesses(train, test),
            "fir": regression(train, test),
            "polynomial": polynomial(train, test, range(2 * self.order), 2),
        }

    def _check_length(self, length: int) -> None:
        if length <= self.warmup:
            raise ValueError(f"length must be > warmup = {self.warmup}, so that a step counts, got {length}")


def drive(inputs: Array, order: int) -> Array:
    """The outputs y_1 ... y_T that inputs u_0 ... u_{T-1} cause, both (N, T); what diverges becomes infinite."""
    count, steps = inputs.shape
    u = np.concatenate([np.zeros((order - 1, count)), inputs.T])  # u[t] is the input n - 1 steps before step t
    y = np.zeros((order + steps, count))  # y[order - 1 + t] is the output at step t
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps):
            recent = y[t : t + order]
            now = recent[-1]
            y[t + order] = 0.3 * now + 0.05 * now * recent.sum(0) + 1.5 * u[t] * u[t + order - 1] + 0.1
    return y[order:].T

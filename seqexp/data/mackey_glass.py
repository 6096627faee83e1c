"""The Mackey-Glass equation: a chaotic series whose change depends on what it was some time ago."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from seqexp.data.trajectories import Array, Trajectories

PRODUCTION, DECAY, START = 0.2, 0.1, 1.2

EXPONENTS = {17.0: 0.0060}
"""The largest Lyapunov exponent per unit of time, by delay: that of Euler's steps of 0.1, from the growth of small
differences over 500,000 units (0.0056 with steps of 0.05). `tests/data/test_mackey_glass.py` measures it again."""


class MackeyGlass(Trajectories):
    """Solutions of dx/dt = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x(t), as tanh(x - 1), one value a unit of time.

    The input is the value, the target the one `horizon` steps later; with horizon 2 and no warm-up:

        inputs   x0  x1  x2  x3 ...
        targets  x2  x3  x4  x5 ...

    Integrated by Euler's method with `substeps` steps in a unit of time (0.1 each by default), from a history of
    1.2 + U(-0.1, 0.1) and a value of 1.2; the first `discard` units are left out. Euler's method is a map of its own,
    which at so small a step has about the attractor of the equation, but not its very trajectories. At tau = 17 the
    attractor has a dimension of some 2.1, and small errors grow by e in 167 units of time (its Lyapunov exponent is
    0.0060).

    A constant guess scores the variance, about 0.047. As shares of the standard deviation (NRMSE), one step ahead the
    last value (`persistence`) scores 0.15 and `ar` 0.0005: one step tells no cells apart. Fifteen ahead persistence
    scores 1.62, `ar` 0.48, and `polynomial` (of nine values spread over tau, products of up to three) 0.012, better
    than the networks of the paper below; 84 ahead persistence 1.59. What a step cannot know of the last tau
    values is an error of its own, so `warmup` steps do not count. There is no noise.

    Source: M. Mackey, L. Glass, "Oscillation and chaos in physiological control systems", Science 197 (1977); with
    horizon 15 as A. Voelker, I. Kajic, C. Eliasmith, "Legendre memory units", NeurIPS (2019), whose code has Euler's
    method with ten steps a unit and this tanh; with horizon 84 as H. Jaeger, H. Haas, Science 304 (2004).

    Args:
        num_sequences: N, each from a history of its own.
        length: T.
        horizon: how many steps after a step its target lies.
        warmup: steps at the start of a sequence that do not count.
        tau: the delay, in units of time, which are steps.
        substeps: of Euler's method in a unit of time.
        discard: units of time that are left out, until the history is forgotten.

    Raises:
        ValueError: a setting is out of range.
    """

    def __init__(
        self, num_sequences: int, length: int, horizon: int, warmup: int, tau: float, substeps: int, discard: int
    ) -> None:
        super().__init__(num_sequences, length, horizon, warmup, columns=1)
        if substeps < 1:
            raise ValueError(f"substeps must be >= 1, got {substeps}")
        if tau <= 0 or not float(tau * substeps).is_integer():
            raise ValueError(f"tau must be > 0 and a whole number of integration steps of 1/{substeps}, got {tau}")
        if discard < 0:
            raise ValueError(f"discard must be >= 0, got {discard}")
        self.tau = tau
        self.substeps = substeps
        self.discard = discard
        self.lyapunov = EXPONENTS.get(float(tau))

    @property
    def lags(self) -> Sequence[int]:
        """Nine values, spread evenly over the delay."""
        return sorted({int(self.tau) * each // 8 for each in range(9)})

    def trajectories(self, generator: torch.Generator, count: int, length: int) -> Array:
        """Makes sequences (N, length, 1)."""
        shape = (int(self.tau * self.substeps), count)
        history = START - 0.1 + 0.2 * torch.rand(shape, generator=generator, dtype=torch.float64).numpy()
        units = self.discard + length
        values = solve(history, np.full(count, START), units * self.substeps, 1 / self.substeps)
        values = values[self.substeps - 1 :: self.substeps][self.discard :]  # (length, N)
        return np.tanh(values.T[..., None] - 1)


def solve(history: Array, start: Array, steps: int, step: float) -> Array:
    """Integrates the equation by Euler's method.

    A power is written as products, and all else is one operation a number, so that every machine has the same bits.

    Args:
        history: (D, N), the D values before the first, where D steps are the delay.
        start: (N,), the first value.
        steps: how many are made.
        step: their length, in units of time.

    Returns:
        (steps, N), the value after each step.
    """
    delay, count = history.shape
    values = np.empty((delay + 1 + steps, count))
    values[:delay], values[delay] = history, start
    for begin in range(0, steps, delay):
        stop = min(begin + delay, steps)
        past = values[begin:stop]
        square = past * past
        fourth = square * square
        gain = past / (1 + fourth * fourth * square) * (step * PRODUCTION)
        for index in range(begin, stop):
            following = values[delay + 1 + index]
            np.multiply(values[delay + index], 1 - step * DECAY, out=following)
            following += gain[index - begin]
    return values[delay + 1 :]

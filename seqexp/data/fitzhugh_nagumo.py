"""The FitzHugh-Nagumo model of a neuron: a fast voltage and a slow recovery, of which the voltage alone is seen."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import torch

from seqexp.data.trajectories import Array, Trajectories

CURRENT, A, B, RATE = 0.5, 0.7, 0.8, 1 / 50

ORDER = 20
"""Of the Taylor series that is one step of the integration."""

LONGEST_STEP = 0.4
"""In units of time: the series' rest stays below 1e-9 over 400 units, `tests/data/test_fitzhugh_nagumo.py`."""


class FitzHughNagumo(Trajectories):
    """Voltages of a neuron that fires again and again: at every step, the voltage `horizon` steps later.

        dv/dt = v - v^3/3 - w + 0.5
        dw/dt = (v + 0.7 - 0.8 w) / 50

    From v = U(-1, 1) and w = 0; a step is `step` units of time, and w is not read. With horizon 1:

        inputs   v0  v1  v2  v3 ...
        targets  v1  v2  v3  v4 ...

    v creeps for some twenty units of time, then jumps within two: who misses when has an error that a constant guess
    does not have. Each step is a Taylor series of order 20, and after 400 units no value is 1e-8 off (solvers at their
    default tolerance are off by a hundredth there, as the published data are).

    A constant guess scores the variance, about 2.3; as the root of the error (RMSE), which is what the paper has, 1.5.
    The last value (`persistence`) has an RMSE of 0.071, `ar` 0.009, and `polynomial` (of two values, products of up to
    five) 0.0002. There is no noise. The first `warmup` steps do not count, as a step alone does not show w; the paper
    counts all.

    Source: R. FitzHugh, "Impulses and physiological states in theoretical models of nerve membrane", Biophysical
    Journal 1 (1961); as a task, T. K. Rusch, S. Mishra, N. B. Erichson, M. W. Mahoney, "Long expressive memory for
    sequence modeling", ICLR (2022): 1,000 steps of 0.4.

    Args:
        num_sequences: N, each from another voltage.
        length: T.
        horizon: how many steps after a step its target lies.
        warmup: steps at the start of a sequence that do not count.
        step: units of time between two values.

    Raises:
        ValueError: a setting is out of range.
    """

    shown: ClassVar[Literal["rmse", "nmse", "nrmse"]] = "rmse"
    degree = 5

    def __init__(self, num_sequences: int, length: int, horizon: int, warmup: int, step: float) -> None:
        super().__init__(num_sequences, length, horizon, warmup, columns=1)
        if not 0 < step < math.inf:
            raise ValueError(f"step must be > 0, got {step}")
        self.step = step

    @property
    def lags(self) -> range:
        """Two values, from which v and w can be told."""
        return range(2)

    def trajectories(self, generator: torch.Generator, count: int, length: int) -> Array:
        """Makes sequences (N, length, 1)."""
        start = 2 * torch.rand(count, generator=generator, dtype=torch.float64).numpy() - 1
        return solve(start, np.zeros(count), length, self.step).T[..., None]


def solve(v: Array, w: Array, points: int, step: float) -> Array:
    """Integrates by Taylor series, whose coefficients follow from each other.

    With v_k and w_k those of order k times h^k, h being the length of a step, and q_k those of v^2:

        q_k     = sum_j v_j v_{k-j}
        v_{k+1} = h / (k + 1) (v_k - w_k - sum_j q_j v_{k-j} / 3, for k = 0 plus 0.5)
        w_{k+1} = h / (k + 1) (v_k - 0.8 w_k, for k = 0 plus 0.7) / 50

    Args:
        v: (N,) voltages at the beginning.
        w: (N,) recoveries.
        points: how many values are made, the first of them v.
        step: units of time between two of them.

    Returns:
        v, (points, N).
    """
    pieces = math.ceil(step / LONGEST_STEP)
    h = step / pieces
    V, W = (np.zeros((ORDER + 1, len(v))) for _ in range(2))
    Q = np.zeros((ORDER, len(v)))
    V[0], W[0] = v, w
    values = np.empty((points, len(v)))
    for point in range(points):
        values[point] = V[0]
        for _ in range(pieces if point + 1 < points else 0):
            for k in range(ORDER):
                back = V[k::-1]
                np.einsum("kn,kn->n", V[: k + 1], back, out=Q[k])
                cube = np.einsum("kn,kn->n", Q[: k + 1], back)
                V[k + 1] = (V[k] - W[k] - cube / 3 + CURRENT * (k == 0)) * (h / (k + 1))
                W[k + 1] = (V[k] - B * W[k] + A * (k == 0)) * (RATE * h / (k + 1))
            V[0], W[0] = V.sum(0), W.sum(0)
    return values

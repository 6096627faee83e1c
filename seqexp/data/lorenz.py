"""The Lorenz system: three numbers, a chaotic butterfly."""

from __future__ import annotations

import math
from typing import Any

import torch

from seqexp.data.scales import scales_of
from seqexp.data.series import Recording, Series

SIGMA, RHO, BETA = 10.0, 28.0, 8.0 / 3.0

EXPONENT = 0.9056
"""The largest Lyapunov exponent, per unit of time: J. C. Sprott, "Chaos and Time-Series Analysis" (2003), 0.90563."""

LONGEST_STEP = 0.005
"""Of the classical Runge-Kutta method, in units of time; it errs by 1e-9 in 0.02."""

LARGEST_STEP, MOST_DISCARDED = 1.0, 1000.0
"""Units of time between two values, in which small errors grow about by e; and before a series, a second to compute."""

COLUMNS = ("x", "y", "z")


class Lorenz(Series):
    """Windows of a trajectory of the Lorenz system predict all of its three numbers `horizon` steps on.

        dx/dt = 10 (y - x),   dy/dt = x (28 - z) - y,   dz/dt = x y - 8/3 z

    One trajectory per seed, from a random point, `discard` units of time before its first value; integrated by the
    classical Runge-Kutta method with steps of at most 0.005 units. With window 3 and horizon 1, and p = (x, y, z):

        series   p0  p1  p2  p3  p4  p5 ...
        inputs  [p0  p1  p2]         target p3
                    [p1  p2  p3]     target p4

    A constant guess scores the mean of the three variances, about 74. One step of 0.02 ahead the last value
    (`persistence`) scores 1.7, least squares on the window (`linear`) 1e-5 and `polynomial`, two steps and their
    products, 1.4e-7; the latter is the reservoir of Gauthier et al. One step says little of a network: how long it can
    go on alone does, `diagnostic=[closed_loop]`. Small errors grow by e in 1.1 units of time (the exponent is 0.9056),
    and volumes shrink by e^-13.667 in one. No model can be expected below noise**2.

    Source: E. N. Lorenz, "Deterministic nonperiodic flow", Journal of the Atmospheric Sciences 20 (1963); for networks
    that go on alone, J. Pathak et al., "Using machine learning to replicate chaotic attractors", Chaos 27 (2017), and
    D. J. Gauthier et al., "Next generation reservoir computing", Nature Communications 12 (2021).

    Args:
        length: values in the series.
        step: units of time between two of them.
        noise: standard deviation of the noise that is added to each number.
        discard: units of time before the series.
        window: T, values that a prediction may read.
        horizon: how many steps after the window the target lies; 1 is the next value.
        scaling: none, standard, minmax or difference, see `seqexp.scaling.Scaling`.

    Raises:
        ValueError: a setting is out of range.
    """

    varies = "new trajectories of the same system"

    def __init__(
        self, length: int, step: float, noise: float, discard: float, window: int, horizon: int, scaling: str
    ) -> None:
        super().__init__(length, window, horizon, columns=3, predicted=(0, 1, 2))
        if not 0 < step < math.inf:
            raise ValueError(f"step must be > 0, got {step}")
        for name, value in (("noise", noise), ("discard", discard)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be >= 0, got {value}")
        for name, value, most in (("step", step, LARGEST_STEP), ("discard", discard, MOST_DISCARDED)):
            if value > most:
                raise ValueError(f"{name} must be <= {most:g}, got {value}")
        if scaling == "log":
            raise ValueError("scaling must not be log: x and y are negative half of the time")
        self.step = step
        self.noise = noise
        self.discard = discard
        self.scales = scales_of(scaling, COLUMNS, range(3), range(3))
        self.lyapunov = EXPONENT * step

    def record(self, generator: torch.Generator) -> Recording:
        """Makes one seed's trajectory, (L, 3)."""
        x, y, z = (2 * torch.rand(3, generator=generator, dtype=torch.float64) - 1).tolist()
        point = (10 * x, 10 * y, 25 + 10 * z)
        for _ in range(math.ceil(self.discard / self.step)):
            point = advance(*point, self.step)
        points = []
        for _ in range(self.length):
            points.append(point)
            point = advance(*point, self.step)
        clean = torch.tensor(points, dtype=torch.float64)
        noise = self.noise * torch.randn(clean.shape, generator=generator, dtype=torch.float64)
        return Recording((clean + noise).float(), clean.float())


def advance(x: Any, y: Any, z: Any, time: float) -> tuple[Any, Any, Any]:
    """Goes on for some units of time by the classical Runge-Kutta method: one point, or arrays of many."""
    pieces = math.ceil(time / LONGEST_STEP - 1e-9)
    h = time / pieces
    for _ in range(pieces):
        a1, b1, c1 = slope(x, y, z)
        a2, b2, c2 = slope(x + h / 2 * a1, y + h / 2 * b1, z + h / 2 * c1)
        a3, b3, c3 = slope(x + h / 2 * a2, y + h / 2 * b2, z + h / 2 * c2)
        a4, b4, c4 = slope(x + h * a3, y + h * b3, z + h * c3)
        x = x + h / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        y = y + h / 6 * (b1 + 2 * b2 + 2 * b3 + b4)
        z = z + h / 6 * (c1 + 2 * c2 + 2 * c3 + c4)
    return x, y, z


def slope(x: Any, y: Any, z: Any) -> tuple[Any, Any, Any]:
    """The derivatives by time."""
    return SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z

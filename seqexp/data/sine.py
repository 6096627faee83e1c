"""A noisy sine: windows of one series predict a later value."""

from __future__ import annotations

import torch

from seqexp.data.series import Recording, Series


class Sine(Series):
    """Windows of `amplitude * sin(frequency * t) + noise * N(0, 1)` predict the value `horizon` steps on.

    One series per seed; only its noise differs between seeds. With window 3 and horizon 1:

        series   y0  y1  y2  y3  y4  y5 ...
        inputs  [y0  y1  y2]         target y3
                    [y1  y2  y3]     target y4

    A constant guess scores the variance of the test targets (about amplitude**2 / 2 + noise**2, depending
    on which part of the wave the test split holds). No model can be expected below noise**2.

    Args:
        length: values in the series.
        time_range: t runs over `linspace(0, time_range, length)`.
        frequency: angular, in radians per unit of t.
        amplitude: of the sine.
        noise: standard deviation of the noise, in the units of the amplitude.
        window: T, values that a prediction may read.
        horizon: how many steps after the window the target lies; 1 is the next value.

    Raises:
        ValueError: a setting is out of range.
    """

    varies = "new noise on the same wave and the same test period"

    def __init__(
        self,
        length: int,
        time_range: float,
        frequency: float,
        amplitude: float,
        noise: float,
        window: int,
        horizon: int,
    ) -> None:
        super().__init__(length, window, horizon, columns=1, predicted=(0,))
        if time_range <= 0:
            raise ValueError(f"time_range must be > 0, got {time_range}")
        if noise < 0:
            raise ValueError(f"noise must be >= 0, got {noise}")
        self.time_range = time_range
        self.frequency = frequency
        self.amplitude = amplitude
        self.noise = noise

    def record(self, generator: torch.Generator) -> Recording:
        """Makes one seed's series, (L, 1); what persistence guesses is the window's last value."""
        t = torch.linspace(0, self.time_range, self.length, dtype=torch.float64)
        clean = self.amplitude * torch.sin(self.frequency * t)
        series = clean + self.noise * torch.randn(self.length, generator=generator, dtype=torch.float64)
        return Recording(series.float()[:, None], clean.float()[:, None])

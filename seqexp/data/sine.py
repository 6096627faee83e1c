"""A noisy sine: windows of one series predict a later value."""

from __future__ import annotations

import torch

from seqexp.data.task import Sample, Task


class Sine(Task):
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

    input_size = 1
    output_size = 1
    forecasts = True

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
        if window < 1:
            raise ValueError(f"window must be >= 1, got {window}")
        if horizon < 1:
            raise ValueError(f"horizon must be >= 1, got {horizon}")
        if length < window + horizon:
            raise ValueError(
                f"window must be <= length - horizon = {length - horizon}, got {window}: "
                "the series must hold at least one window and its target"
            )
        if time_range <= 0:
            raise ValueError(f"time_range must be > 0, got {time_range}")
        if noise < 0:
            raise ValueError(f"noise must be >= 0, got {noise}")
        self.length = length
        self.time_range = time_range
        self.frequency = frequency
        self.amplitude = amplitude
        self.noise = noise
        self.window = window
        self.horizon = horizon
        self.num_sequences = length - window - horizon + 1

    @property
    def numbers(self) -> int:
        """The series, and its windows once they are cut into splits."""
        return max(self.length, self.num_sequences * (self.window + 1))

    def sample(self, generator: torch.Generator) -> Sample:
        """Makes one seed's windows: inputs (N, window, 1), targets (N, 1), N = length - window - horizon + 1."""
        t = torch.linspace(0, self.time_range, self.length, dtype=torch.float64)
        clean = self.amplitude * torch.sin(self.frequency * t)
        series = clean + self.noise * torch.randn(self.length, generator=generator, dtype=torch.float64)
        first_target = self.window + self.horizon - 1
        windows = series.float().unfold(0, self.window, 1)  # (length,) -> (length - window + 1, window), a view
        return Sample(
            inputs=windows[: self.num_sequences, :, None],  # (N, T, 1)
            targets=series.float()[first_target:, None],  # (N, 1)
            noiseless=clean.float()[first_target:, None],  # (N, 1)
        )

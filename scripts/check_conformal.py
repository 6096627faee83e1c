"""How often split-conformal intervals hold what came, by step: `python scripts/check_conformal.py`.

Each of 200 simulated series, x(t) = 1.2 x(t-1) - 0.5 x(t-2) + e(t) with normal e, is cut as a run's data are: an
autoregression of two values is fitted to the first part, the half widths of `seqexp.statistics.conformal` come from the
second, and the third, of at least 50 values, is counted. Paths are made as in closed loop: predictions are fed back.
Prints a table of shares by step, with the standard error over series, and ends with status 1 if one is more than 3
points from its level.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from seqexp.statistics import Array, conformal

FITTED, PAST = 400, 200
"""Values that are fitted to, and before them those that are thrown away, so that a series forgets its beginning."""

ALLOWED = 0.03


def simulate(rng: np.random.Generator, count: int, length: int) -> Array:
    """Series of AR(2), (count, length)."""
    noise = rng.standard_normal((count, length + PAST))
    series = np.zeros_like(noise)
    for place in range(2, series.shape[1]):
        series[:, place] = 1.2 * series[:, place - 1] - 0.5 * series[:, place - 2] + noise[:, place]
    return series[:, PAST:]


def residuals(series: Array, steps: int) -> Array:
    """What came minus what the fitted AR(2) predicted, (count, length - 2, steps), of paths that start at 2, 3, ..."""
    length = series.shape[1]
    known = np.stack([series[:, 1 : FITTED - 1], series[:, : FITTED - 2]], -1)  # (R, N, 2)
    turned = np.swapaxes(known, 1, 2)
    weights = np.linalg.solve(turned @ known, turned @ series[:, 2:FITTED, None])[..., 0]
    last, before = series[:, 1:-1], series[:, :-2]
    found = []
    for step in range(steps):
        last, before = weights[:, :1] * last + weights[:, 1:] * before, last
        places = np.arange(2, length) + step
        truth = np.where(places < length, series[:, np.minimum(places, length - 1)], np.nan)
        found.append(truth - last)
    return np.stack(found, -1)


def coverage(errors: Array, level: float, judged: int, tested: int) -> Array:
    """The share of test values that intervals of validation held, (count, steps).

    Args:
        errors: as of `residuals`.
        level: of the intervals.
        judged: J values of validation; a path of K steps starts before J - K + 1 of them.
        tested: values of the test.
    """
    steps = errors.shape[-1]
    first = FITTED - 2
    held = []
    for own in errors:
        validation = own[first : first + judged].copy()
        validation[np.arange(judged)[:, None] + np.arange(steps) >= judged] = np.nan  # beyond its end
        test = own[first + judged : first + judged + tested].copy()
        test[np.arange(tested)[:, None] + np.arange(steps) >= tested] = np.nan
        held.append(conformal.coverage(test, conformal.half_widths(validation, level)))
    return np.array(held)


def main() -> int:
    """Measures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--series", type=int, default=200)
    parser.add_argument("--validation", type=int, nargs="+", default=[100, 200, 400], help="values of it")
    parser.add_argument("--test", type=int, default=100, help="values of it")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--levels", type=float, nargs="+", default=[0.8, 0.9, 0.95])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.test < 50 + given.steps - 1:
        parser.error(
            f"--test must be at least {50 + given.steps - 1}, so that each step has 50 values, got {given.test}"
        )
    worst = 0.0
    steps = range(1, given.steps + 1)
    print(f"{given.series} series of AR(2), {given.test} test values each; % held by step, ± a standard error")
    print("level  validation  " + " ".join(f"{step:>9}" for step in steps))
    series = simulate(np.random.default_rng(given.seed), given.series, FITTED + max(given.validation) + given.test)
    errors = residuals(series, given.steps)
    for level in given.levels:
        for judged in given.validation:
            held = coverage(errors, level, judged, given.test)
            mean, error = held.mean(0), held.std(0, ddof=1) / np.sqrt(len(held))
            worst = max(worst, float(np.abs(mean - level).max()))
            shares = " ".join(f"{100 * m:5.1f}±{100 * e:3.1f}" for m, e in zip(mean, error, strict=True))
            print(f"{100 * level:4g} %  {judged:>10}  {shares}")
    print(f"the farthest is {100 * worst:.1f} points from its level")
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())

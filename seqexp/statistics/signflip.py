"""The sign-flip permutation test of paired differences, and the shifts that it does not reject."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

MOST_EXACT = 30
"""Differences up to which every pattern of signs counts."""

MANY = 1_000  # beyond, FEW_DRAWS random patterns do
DRAWS, FEW_DRAWS = 2**16 - 1, 9_999  # random patterns; the observed one is added to them
_MOST_LISTED = 16  # up to here the patterns are listed; beyond, they are counted from two halves
_CHUNK = 2**22  # signs held at once: 32 MiB of float64
_TIE = 1e-12  # sums closer than this, relative to all |differences|, are equal
_FINE = 1e-6  # to this share of range and mean of the differences the end of an interval is found


class SignFlip:
    """The two-sided sign-flip test of n differences around a shift, and its interval.

    Where the differences are symmetric around the shift, all 2^n patterns of their signs are equally likely, and p is
    the share of patterns whose |sum| is at least the observed one (Fisher 1935; Hoeffding 1952,
    https://doi.org/10.1214/aoms/1177729436). Up to 30 differences all patterns count; beyond 16 they are counted from
    the sorted sums of two halves (Horowitz & Sahni 1974, https://doi.org/10.1145/321812.321823). Above 30 there are
    65,535 random patterns of a fixed seed (9,999 above 1,000 differences) and the observed one, so that p is never 0
    and the test keeps its level (Phipson & Smyth 2010, https://doi.org/10.2202/1544-6115.1585).

    A shift of theta below the mean makes the pattern that flips the subset A as extreme as the observed one where A, or
    what is left without it, has a mean of theta or less. So p falls monotonically from the mean outwards, in steps
    (Hartigan 1969, https://doi.org/10.2307/2283466), and what it does not reject is an interval.

    Args:
        differences: (n,) finite numbers, n >= 1.
    """

    def __init__(self, differences: Array) -> None:
        largest = float(np.abs(differences).max())
        self._unit = largest if largest > 1e150 else 1.0  # their sum may be beyond what a float holds
        self._values = differences / self._unit
        self._tie = _TIE * float(np.abs(self._values).sum())
        count = len(differences)
        if count <= _MOST_LISTED:  # the last sign stays: a pattern and its mirror image have the same |sum|
            self._flipped = [_subsets(self._values[:-1])]
        elif count > MOST_EXACT:
            self._flipped = [_random_subsets(self._values)]
        else:
            self._flipped = [_subsets(self._values[: count // 2]), _subsets(self._values[count // 2 :])]

    def p(self, shift: float = 0.0) -> float:
        """The two-sided p-value of a centre at `shift`."""
        return self._p(shift / self._unit)

    def p_between(self, low: float, high: float) -> float:
        """The larger p-value of two one-sided tests: centre above `low`, centre below `high` (Schuirmann 1987)."""
        largest = max(self.p(low), self.p(high)) / 2
        mean = float(self._values.mean()) * self._unit
        return largest if low < mean < high else 1 - largest

    def interval(self, level: float) -> tuple[float, float]:
        """The lowest and the highest shift whose p-value is not below `level`; infinite where no p-value is.

        A shift of 0 lies between them exactly where `p()` is not below `level`.

        Args:
            level: 0.05 for an interval of 95 %.
        """
        return self._end(-1, level) * self._unit, self._end(1, level) * self._unit

    def _p(self, shift: float) -> float:
        count = len(self._values)
        total = float(self._values.sum()) - count * shift
        if abs(total) <= self._tie:
            return 1.0
        sums = [each - shift * sizes for each, sizes in self._flipped]  # of what each pattern flips
        if len(sums) == 1:
            hits = int((np.abs(total - 2 * sums[0]) >= abs(total) - self._tie).sum())
            return float(hits / len(sums[0]) if count <= MOST_EXACT else (hits + 1) / (len(sums[0]) + 1))
        first, second = (np.sort(each if total > 0 else -each) for each in sums)
        hits = int(np.searchsorted(second, self._tie / 2 - first, side="right").sum())
        return min(1.0, hits / 2.0 ** (count - 1))

    def _end(self, side: int, level: float) -> float:
        """Bisects between the mean, where p is 1, and a shift beyond all differences, where p is smallest."""
        inside = float(self._values.mean())
        reach = float(np.ptp(self._values)) + abs(inside) or 1.0
        outside = side * (float((side * self._values).max()) + reach)
        if self._p(outside) >= level:
            return side * math.inf
        if min(inside, outside) < 0 < max(inside, outside):
            inside, outside = (0.0, outside) if self._p(0.0) >= level else (inside, 0.0)
        while abs(outside - inside) > _FINE * reach:
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if self._p(middle) >= level else (inside, middle)
        return inside


def least_p(count: int) -> float:
    """The smallest p-value that so many differences can have."""
    if count <= MOST_EXACT:
        return min(1.0, 2.0 / 2.0**count)
    return 1 / (_draws(count) + 1)


def _draws(count: int) -> int:
    return DRAWS if count <= MANY else FEW_DRAWS


def sign_flip_p(differences: Array) -> float:
    """Two-sided p-value of the sign-flip test of a centre at 0; 1 where there are no differences."""
    return SignFlip(differences).p() if len(differences) else 1.0


def _subsets(values: Array) -> tuple[Array, Array]:
    """(2^m,) the sums of all subsets of m values, and (2^m,) how many values each has."""
    sums, sizes = np.zeros(1), _sizes(len(values))
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return sums, sizes


@lru_cache(maxsize=32)
def _sizes(count: int) -> Array:
    sizes = np.zeros(1)
    for _ in range(count):
        sizes = np.concatenate([sizes, sizes + 1])
    return sizes


def _random_subsets(values: Array) -> tuple[Array, Array]:
    """(M,) the sums of random subsets, the same each time, and (M,) how many values each has."""
    rng, count = np.random.default_rng(0), len(values)
    draws = _draws(count)
    sums, sizes, step = [], [], max(1, _CHUNK // count)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        noise = np.frombuffer(rng.bytes(rows * math.ceil(count / 8)), np.uint8).reshape(rows, -1)
        chosen = np.unpackbits(noise, axis=1)[:, :count].astype(np.float64)
        sums.append(chosen @ values)
        sizes.append(chosen.sum(axis=1))
    return np.concatenate(sums), np.concatenate(sizes)

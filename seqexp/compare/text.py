"""How numbers are printed."""

from __future__ import annotations

import math

from seqexp.statistics import ALPHA, CONFIDENCE, Interval

DASH = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
SURE = f"{CONFIDENCE:.0%}".replace("%", " %")
NOTHING = "0 (up to rounding)"


def score_text(interval: Interval, rounding: float = 0.0) -> str:
    """`0.0122 ± 0.0008`; the mean alone where there is no interval, or where it is 0 as far as anybody knows.

    Args:
        interval: of the scores.
        rounding: a mean above 0 and up to here is rounding, whose digits mean nothing.
    """
    if math.isnan(interval.mean):
        return DASH
    if 0 < interval.mean <= rounding:
        return NOTHING
    if math.isnan(interval.low):
        return f"{interval.mean:.3g}"
    half = interval.half_width
    if half < 1e-12 * abs(interval.mean):  # all the same, up to rounding
        return f"{interval.mean:.3g} ± 0"
    if interval.mean == half == 0:
        return "0"
    if not 1e-4 <= abs(interval.mean) < 1e6 or half > 1e6:
        return f"{interval.mean:.2e} ± {half:.0e}"
    return f"{number_text(interval.mean, half)} ± {number_text(half, half)}"


def ratio_text(ratio: float, low: float, high: float, level: float = ALPHA) -> str:
    """`0.34 (95 % interval 0.28-0.41)`, with as many decimals as the interval's width deserves.

    Args:
        ratio: a ratio.
        low: lower end of its interval; NaN where there is none, 0 where it is open.
        high: upper end; infinite where it is open.
        level: the interval is of 1 - level.
    """
    if math.isnan(low):
        return number_text(ratio, math.nan)
    if low == 0 and math.isinf(high):
        return f"{number_text(ratio, math.nan)} ({_sure(level)} interval open at both ends)"
    half = (high - low) / 2 if low > 0 and math.isfinite(high) else abs(ratio - (high if low == 0 else low))
    if low == 0 or math.isinf(high):
        end = f"below {_beside_one(high, half)}" if low == 0 else f"above {_beside_one(low, half)}"
        return f"{number_text(ratio, half)} ({_sure(level)} interval {end})"
    ends = f"{_beside_one(low, half)}{DASH}{_beside_one(high, half)}"
    return f"{number_text(ratio, half)} ({_sure(level)} interval {ends})"


def part_text(ratio: float, low: float = math.nan, high: float = math.nan) -> str:
    """A ratio below 1 with the decimals of its interval, and so many more that it reads neither as 0 nor as 1."""
    half = (high - low) / 2
    text = number_text(ratio, half if math.isfinite(half) else math.nan)
    if 0 < float(text) < 1 or not 0 < ratio < 1:
        return text
    return f"{ratio:.2g}" if float(text) == 0 else f"{ratio:.{min(-math.floor(math.log10(1 - ratio)), 12)}f}"


def gap_text(gap: float, low: float, high: float, ratio: float, level: float = ALPHA) -> str:
    """`0.12 (95 % interval 0.08 to 0.16; ratio of means 0.4)`; the ratio only where there is one.

    Args:
        gap: a difference.
        low: lower end of its interval; NaN where there is none, minus infinity where it is open.
        high: upper end; infinite where it is open.
        ratio: of the two means, NaN where there is none.
        level: the interval is of 1 - level.
    """
    half = (high - low) / 2 if math.isfinite(high - low) else math.nan
    ends = [] if math.isnan(low) else [f"{_sure(level)} interval {_signed(low, half)} to {_signed(high, half)}"]
    if math.isinf(low) or math.isinf(high):
        open_end = "open at both ends" if math.isinf(low) and math.isinf(high) else None
        one = f"above {_signed(low, half)}" if math.isinf(high) else f"below {_signed(high, half)}"
        ends = [f"{_sure(level)} interval {open_end or one}"]
    ends += [] if math.isnan(ratio) else [f"ratio of means {number_text(ratio, math.nan)}"]
    return f"{_signed(gap, half)} ({'; '.join(ends)})" if ends else _signed(gap, half)


def _sure(level: float) -> str:
    """`95 %`, or `98.3 %` of a corrected interval."""
    return f"{100 * (1 - level):.3g} %"


def _beside_one(end: float, uncertainty: float) -> str:
    """The end of an interval, on the side of 1 on which it lies."""
    return _beside(1, end, uncertainty)


def _beside(middle: float, end: float, uncertainty: float) -> str:
    """An end with the decimals of its uncertainty, and more where it would read as `middle`: no difference."""
    text = number_text(end, uncertainty)
    if end == middle or float(text) != middle:
        return text
    return f"{end:.2g}" if middle == 0 else f"{end:.{min(12, 1 - math.floor(math.log10(abs(end - 1))))}f}"


def number_text(value: float, uncertainty: float) -> str:
    """A number with decimals down to the first digit of its uncertainty (two where that digit is 1)."""
    if math.isnan(value):
        return DASH
    if not uncertainty > 0 or not 1e-4 < abs(value) < 1e6:
        return f"{value:.3g}"
    digits = 1 if f"{uncertainty:e}"[0] != "1" else 2
    decimals = digits - 1 - math.floor(math.log10(uncertainty))
    return f"{value:.{min(max(decimals, 0 if value >= 100 else 2), 7)}f}"


def p_text(p: float) -> str:
    """A p-value with two digits, or one where it is small."""
    return f"{p:.2f}" if p >= 0.1 else f"{p:.2g}"


def percent_text(share: float) -> str:
    """`3 %` of a share of 0.03."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.4g} %"


def list_text(parts: list[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return f" {word} ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _signed(value: float, uncertainty: float) -> str:
    """The end of an interval of differences, on the side of 0 on which it lies."""
    text = _beside(0, value, uncertainty)
    return text.replace("-", "\N{MINUS SIGN}", 1) if value < 0 else text

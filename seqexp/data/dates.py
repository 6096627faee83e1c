"""The column that says when each row was measured: read, ordered, and looked at for gaps."""

from __future__ import annotations

import calendar
import itertools
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

ISO = re.compile(r"\d{4}-\d{2}(-\d{2}([T ]\d{2}(:\d{2}(:\d{2}([.,]\d+)?)?)?\s?(Z|[+-]\d{2}(:?\d{2})?)?)?)?", re.ASCII)
PLAIN = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)
COMPACT = re.compile(r"\d{8}", re.ASCII)

UNITS = (("week", 604_800), ("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


class Times(NamedTuple):
    """When rows were measured.

    Attributes:
        values: (L,) seconds since 1970, in UTC where the file says how far from it a time is; or plain numbers.
        are_dates: whether they are seconds.
        texts: as the file has them.
        months: (L,) the number of the month, where all rows are on the same day of their months; else None.
    """

    values: npt.NDArray[np.float64]
    are_dates: bool
    texts: list[str]
    months: npt.NDArray[np.int64] | None

    def sorted(self, order: npt.NDArray[np.int64]) -> Times:
        """The same in another order of rows."""
        months = None if self.months is None else self.months[order]
        return Times(self.values[order], self.are_dates, [self.texts[each] for each in order], months)


def read(texts: Sequence[str], at: Callable[[int], str], date_format: str | None) -> Times:
    """Reads times.

    Args:
        texts: of the rows.
        at: begins a message about one row.
        date_format: as `datetime.strptime` has it; "number" for plain numbers; None for ISO dates (2024-01-31, with or
            without a time and an offset from UTC), months (2024-01), or plain numbers such as years.

    Raises:
        ValueError: a text is missing, no time, or could be read in two ways.
    """
    for row, text in enumerate(texts):
        if not text:
            raise ValueError(f"{at(row)} there is no time; each row must have one")
    if date_format == "number" or (date_format is None and all(PLAIN.fullmatch(each) for each in texts)):
        return _plain(texts, at, date_format)
    found = [_date(texts, row, at, date_format) for row, text in enumerate(texts)]
    aware = [each.tzinfo is not None for each in found]
    if len(set(aware)) > 1:
        odd = aware.index(not aware[0])
        kinds = ("with", "without") if aware[odd] else ("without", "with")
        raise ValueError(
            f"{at(odd)} {texts[odd]!r} is {kinds[0]} an offset from UTC, and the rows before are {kinds[1]} one"
        )
    seconds = [each.replace(tzinfo=each.tzinfo or UTC).timestamp() for each in found]
    months = np.array([12 * each.year + each.month for each in found])
    same = {(each.day, each.hour, each.minute, each.second) for each in found}
    ends = all(each.day == calendar.monthrange(each.year, each.month)[1] for each in found)
    on_one_day = len(same) == 1 or (ends and len({each[1:] for each in same}) == 1)
    return Times(np.array(seconds), True, list(texts), months if on_one_day else None)


def _plain(texts: Sequence[str], at: Callable[[int], str], date_format: str | None) -> Times:
    for row, text in enumerate(texts):
        if not PLAIN.fullmatch(text):
            raise ValueError(f"{at(row)} {text!r} is no plain number, as data.date_format=number says")
    if date_format is None and all(COMPACT.fullmatch(each) and _fits(each, "%Y%m%d") for each in texts):
        raise ValueError(
            f"{at(0)} {texts[0]!r} may be a date or a number; data.date_format=%Y%m%d says the first, "
            "data.date_format=number the second"
        )
    return Times(np.array([float(each) for each in texts]), False, list(texts), None)


def _date(texts: Sequence[str], row: int, at: Callable[[int], str], date_format: str | None) -> datetime:
    text = texts[row]
    try:
        if date_format is not None:
            return datetime.strptime(text, date_format)
        if ISO.fullmatch(text):
            return datetime.fromisoformat(
                f"{text}-01" if len(text) == 7 else text.replace(" +", "+").replace(" Z", "Z")
            )
    except ValueError as error:
        reason = str(error)
        if date_format is not None:
            raise ValueError(f"{at(row)} {text!r} is no time as date_format says ({date_format}): {reason}") from None
        raise ValueError(f"{at(row)} {text!r} is no date: {reason}") from None
    formats = _formats(text, texts)
    if len(formats) > 1:
        hint = f"may be several dates; data.date_format={formats[0]} or data.date_format={formats[1]} says which"
    elif formats:
        hint = f"is no ISO date; data.date_format={formats[0]} fits all rows"
    else:
        hint = "is no ISO date, such as 2024-01-31 or 2024-01-31T12:00; data.date_format says how it is written"
    raise ValueError(f"{at(row)} {text!r} {hint}")


def _formats(text: str, texts: Sequence[str]) -> list[str]:
    """The usual ways to write dates that fit all rows."""
    sign = next((each for each in text if each in "./-"), "/")
    days = [
        sign.join(each)
        for each in (("%d", "%m", "%Y"), ("%m", "%d", "%Y"), ("%Y", "%m", "%d"), ("%d", "%m", "%y"), ("%m", "%d", "%y"))
    ]
    clocks = ("", " %H:%M", " %H:%M:%S")
    found = [day + clock for day, clock in itertools.product(days, clocks) if _fits(text, day + clock)]
    return [each for each in found if all(_fits(other, each) for other in texts)]


def _fits(text: str, date_format: str) -> bool:
    try:
        datetime.strptime(text, date_format)
    except ValueError:
        return False
    return True


def order(times: Times, at: Callable[[int], str], lines: Sequence[int], sort: bool) -> npt.NDArray[np.int64]:
    """The order of rows by time.

    Args:
        times: of the rows.
        at: begins a message about one row.
        lines: on which each stands.
        sort: whether rows may be put into another order.

    Raises:
        ValueError: two rows have the same time, or rows are not in order and `sort` is false.
    """
    values = times.values
    by_time = np.argsort(values, kind="stable")
    same = np.flatnonzero(np.diff(values[by_time]) == 0)
    if len(same):
        pairs = [sorted((int(by_time[each]), int(by_time[each + 1]))) for each in same]
        first, again = min(pairs, key=lambda pair: pair[1])
        zone = (
            "; where an hour comes twice at the end of summer time, times need their offset from UTC"
            if times.are_dates and times.months is None and np.any(values % 86_400)
            else ""
        )
        raise ValueError(
            f"{at(again)} {times.texts[again]!r} is the time of line {lines[first]}, too; each time may stand once"
            f"{f' ({len(same)} rows repeat one)' if len(same) > 1 else ''}{zone}"
        )
    back = np.flatnonzero(np.diff(values) < 0)
    if len(back) and not sort:
        row = int(back[0]) + 1
        all_back = " (all rows are in descending order)" if len(back) == len(values) - 1 and len(back) > 1 else ""
        raise ValueError(
            f"{at(row)} {times.texts[row]!r} is earlier than {times.texts[row - 1]!r} of the row before{all_back}; "
            "rows must be in the order of time, and data.sort=true puts them into it"
        )
    return by_time


def gaps(times: Times, lines: Sequence[int]) -> str | None:
    """Says where steps of ordered rows are longer or shorter than usual, and how many rows are missing there.

    Returns:
        Words that follow the name of the file; None where all steps are equal.
    """
    counts = times.values if times.months is None else times.months.astype(np.float64)
    steps = np.diff(counts)
    if not len(steps):
        return None
    kinds, frequencies = np.unique(steps.round(6), return_counts=True)
    usual = float(kinds[frequencies.argmax()])
    odd = np.flatnonzero(np.abs(steps - usual) > 1e-6 * max(1.0, abs(usual)))
    if not len(odd):
        return None
    if 2 * len(odd) > len(steps):
        low, high = (_duration(each, times) for each in (steps.min(), steps.max()))
        return f"steps in time are between {low} and {high}, and no length is usual. Windows count rows, not time."
    where = [f"{times.texts[each]} to {times.texts[each + 1]} (line {lines[each + 1]})" for each in map(int, odd[:3])]
    more = f" and {len(odd) - 3} more" if len(odd) > 3 else ""
    missing = steps[odd] / usual - 1
    whole = bool(np.all(missing > 0) and np.allclose(missing, missing.round(), atol=1e-6))
    count = int(missing.round().sum())
    fit = f", where {count} more row{'s' * (count > 1)} would fit" if whole else ""
    are = "step in time is" if len(odd) == 1 else "steps in time are"
    return (
        f"{len(odd)} {are} not the usual {_duration(usual, times)}: {', '.join(where)}{more}{fit}. Windows count rows, "
        "not time."
    )


def _duration(step: float, times: Times) -> str:
    """A step in words."""
    if times.months is not None:
        count, unit = (step / 12, "year") if step % 12 == 0 else (step, "month")
    elif times.are_dates:
        unit, size = next(((unit, size) for unit, size in UNITS if step % size == 0), UNITS[-1])
        count = step / size
    else:
        return f"{step:g}"
    return f"{count:g} {unit}{'' if count == 1 else 's'}"

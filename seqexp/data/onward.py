"""Times that go on after the last row of a file, where its rows are equally far apart."""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np

from seqexp.data import dates

CLOCK = re.compile(r"(\d{2})(:\d{2})?(:\d{2})?([.,]\d+)?")


def onward(texts: Sequence[str], date_format: str | None, count: int) -> list[str] | None:
    """The times of rows to come, written as those of the rows that are there.

    Args:
        texts: the times of rows, in order, as `seqexp.data.dates.read` takes them.
        date_format: as there.
        count: how many rows are to come.

    Returns:
        So many texts; None where there is no one step (of months where all rows are on one day of their months, else of
        seconds or of plain numbers), or where it leads beyond the year 9999.
    """
    times = dates.read(texts, lambda row: f"row {row + 1}:", date_format)
    places = times.values if times.months is None else times.months.astype(np.float64)
    steps = np.diff(places)
    if not len(steps) or np.abs(steps - steps[0]).max() > 1e-6 * max(1.0, abs(steps[0])):
        return None
    if not times.are_dates:
        last, before = Decimal(texts[-1]), Decimal(texts[-2])
        return [str(last + (last - before) * (each + 1)) for each in range(count)]
    parsed = [_parse(text, date_format) for text in texts[-2:]]
    if len({each.tzinfo and each.utcoffset() for each in parsed}) > 1:
        return None
    try:
        if times.months is None:
            moments = [parsed[-1] + timedelta(seconds=float(steps[0])) * (each + 1) for each in range(count)]
        else:
            ends = all(_is_last_day(_parse(text, date_format)) for text in texts)
            moments = [_later(parsed[-1], int(steps[0]) * (each + 1), ends) for each in range(count)]
        return [_written(each, texts[-1], date_format) for each in moments]
    except (OverflowError, ValueError):
        return None


def _parse(text: str, date_format: str | None) -> datetime:
    if date_format is not None:
        return datetime.strptime(text, date_format)
    return datetime.fromisoformat(f"{text}-01" if len(text) == 7 else text.replace(" +", "+").replace(" Z", "Z"))


def _is_last_day(moment: datetime) -> bool:
    return moment.day == calendar.monthrange(moment.year, moment.month)[1]


def _later(moment: datetime, months: int, ends: bool) -> datetime:
    """So many months on: the same day, or the last of the month where all rows are on such days."""
    year, month = divmod(12 * moment.year + moment.month - 1 + months, 12)
    return moment.replace(
        year=year, month=month + 1, day=calendar.monthrange(year, month + 1)[1] if ends else moment.day
    )


def _written(moment: datetime, like: str, date_format: str | None) -> str:
    """A moment as another one is written."""
    if date_format is not None:
        return moment.strftime(date_format)
    day = f"{moment.year:04}-{moment.month:02}-{moment.day:02}"
    if len(like) <= 10:
        return day[: len(like)]
    clock = CLOCK.match(like, 11)
    if clock is None:
        raise ValueError(f"{like!r} has no time of day")
    parts = [f"{moment.hour:02}", f":{moment.minute:02}", f":{moment.second:02}"]
    shown = [part for part, found in zip(parts, clock.groups()[:3], strict=True) if found]
    if fraction := clock[4]:
        shown.append(fraction[0] + f"{moment.microsecond:06}"[: len(fraction) - 1])
    return f"{day}{like[10]}{''.join(shown)}{like[clock.end() :]}"

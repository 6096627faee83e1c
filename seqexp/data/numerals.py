"""Numbers as people write them: decimal and thousands signs, which are told or follow from the whole file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

WORDS = {"comma": ",", "dot": ".", "space": " ", "apostrophe": "'", "none": ""}
"""The words by which `data.decimal` and `data.thousands` can name a sign."""

LARGEST = float(np.finfo(np.float32).max)
"""What a network's numbers can hold."""


class Signs:
    """One way to write numbers.

    Args:
        decimal: between the whole part and the fraction.
        thousands: between groups of three digits; empty for none.
        lenient: whether numbers without that sign may stand beside some that have it.
    """

    def __init__(self, decimal: str, thousands: str, lenient: bool = False) -> None:
        self.decimal, self.thousands, self.lenient = decimal, thousands, lenient

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What a number looks like."""
        decimal, thousands = re.escape(self.decimal), re.escape(self.thousands)
        grouped = rf"[1-9]\d{{0,2}}(?:{thousands}\d{{3}})+"
        whole = rf"(?:{grouped}|\d{'+' if self.lenient else '{1,3}'})" if thousands else r"\d+"
        return re.compile(rf"[+-]?(?:{whole}(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d{{1,4}})?", re.ASCII)

    def misfit(self, texts: Sequence[str]) -> int | None:
        """The place of the first text that is no number; empty ones are passed over."""
        match = self.pattern.fullmatch
        return next((place for place, text in enumerate(texts) if text and not match(text)), None)

    def value(self, text: str) -> float:
        """The number that a text says; NaN where it is empty."""
        if self.thousands:
            text = text.replace(self.thousands, "")
        return float(text.replace(self.decimal, ".")) if text else float("nan")


class Column(NamedTuple):
    """Texts that are to be numbers, empty where there is no value; `at(place)` begins a message about one of them."""

    name: str
    texts: list[str]
    at: Callable[[int], str]


def signs(decimal: str | None, thousands: str | None) -> list[Signs]:
    """The ways to write numbers that settings leave.

    Raises:
        ValueError: a setting names no such sign, or both name the same.
    """
    told = {"decimal": decimal, "thousands": thousands}
    for name, sign in told.items():
        told[name] = sign = WORDS.get(sign, sign) if sign is not None else None
        allowed = ("comma", "dot") if name == "decimal" else ("comma", "dot", "space", "apostrophe", "none")
        if sign is not None and sign not in [WORDS[each] for each in allowed]:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, or null, got {sign!r}")
    point, group = told["decimal"], told["thousands"]
    if point is not None and point == group:
        raise ValueError(f"thousands must not be the sign of decimal, got {group!r} for both")
    points = [point] if point is not None else [each for each in ".," if each != group]
    if group is not None:
        return [Signs(each, group, lenient=True) for each in points]
    if point is not None:
        return [Signs(point, "")]
    return [Signs(".", ""), Signs(".", ","), Signs(",", ""), Signs(",", ".")]


def convert(
    columns: Sequence[Column], others: Iterator[list[str]], ways: Sequence[Signs]
) -> tuple[list[npt.NDArray[np.float64]], str]:
    """Turns the texts of a table into numbers, all of them written in one way.

    Args:
        columns: what is to be converted, of all files together.
        others: texts of columns that nobody asked for: where they are numbers, they tell how numbers are written, too.
        ways: what settings leave, from `signs`.

    Returns:
        An array for each column, NaN where a text is empty; and, where other columns alone tell how one is read, a
        sentence that says how, else an empty text.

    Raises:
        ValueError: a text is no number, or the signs can be read in two ways that give other numbers, or a single text
            decides how all others are read.
    """
    columns = [
        each._replace(texts=[text.replace("\xa0", " ").replace("\u202f", " ") for text in each.texts])
        for each in columns
    ]
    misfits: dict[Signs, tuple[int, int] | None] = {}
    for way in ways:
        # What is right without a thousands sign has none.
        if not any(other.decimal == way.decimal and found is None for other, found in misfits.items()):
            misfits[way] = _first(columns, way)
    fitting = [way for way, found in misfits.items() if found is None]
    if not fitting:
        # The way that fits the longest speaks: the first text that breaks it is the odd one.
        way = max(misfits, key=lambda way: misfits[way] or (0, 0))
        place, column = misfits[way] or (0, 0)
        raise ValueError(f"{columns[column].at(place)} {_wrong(columns[column], place, way, len(ways) > 1)}")
    note, told = "", _differ(columns, fitting) if len(fitting) > 1 else None
    if told is not None:
        for texts in others:
            if kept := [way for way in fitting if _may_stand_beside(way, texts, ways)]:
                fitting = kept
    if (found := _differ(columns, fitting)) is not None:
        raise ValueError(found)
    if told is not None:
        note = f"{_ambiguous(columns, fitting[0])}, as columns that are not used are written."
    elif len(ways) > 1 and (found := _single(columns, fitting[0], ways)) is not None:
        raise ValueError(found)
    return [_numbers(each, fitting[0]) for each in columns], note


def _first(columns: Sequence[Column], way: Signs) -> tuple[int, int] | None:
    """(row, column) of the first text that is no number."""
    found = [(place, index) for index, each in enumerate(columns) if (place := way.misfit(each.texts)) is not None]
    return min(found, default=None)


def _may_stand_beside(way: Signs, texts: Sequence[str], ways: Sequence[Signs]) -> bool:
    """Whether other numbers of the file may be written in the same way: small ones need no thousands sign."""
    alike = [way, *(each for each in ways if each.decimal == way.decimal and not way.thousands)]
    return any(each.misfit(texts) is None for each in alike)


def _differ(columns: Sequence[Column], ways: Sequence[Signs]) -> str | None:
    """Says which text is another number in another way; None where all ways agree."""
    first, *others = ways
    for column in columns:
        for place, text in enumerate(column.texts):
            if "." not in text and "," not in text:
                continue
            for other in others:
                if first.value(text) != other.value(text):
                    one, two = (
                        (f"{way.value(text):.15g}", "decimal" if way.decimal in text else "thousands")
                        for way in (first, other)
                    )
                    word = "comma" if "," in text else "dot"
                    return (
                        f"{column.at(place)} {text!r} may be {one[0]} or {two[0]}, and no number in the file "
                        f"tells which; data.{one[1]}={word} says the first, data.{two[1]}={word} the second"
                    )
    return None


def _ambiguous(columns: Sequence[Column], way: Signs) -> str:
    """How the first text is read that holds a sign."""
    texts = (text for each in columns for text in each.texts if "." in text or "," in text)
    text = next(texts)
    return f"{text!r} is read as {way.value(text):.15g}"


def _single(columns: Sequence[Column], way: Signs, ways: Sequence[Signs]) -> str | None:
    """Says which text alone makes the sign of all others one of thousands; None where there are more, or none."""
    if way.thousands not in (".", ","):
        return None
    deciding = [(each, place) for each in columns for place, text in enumerate(each.texts) if way.decimal in text]
    if len(deciding) != 1:
        return None
    column, place = deciding[0]
    text = column.texts[place]
    others = [text for each in columns for text in each.texts if way.thousands in text]
    turned = next((each for each in ways if (each.decimal, each.thousands) == (way.thousands, "")), None)
    if way.thousands in text or turned is None or not others or turned.misfit(others) is not None:
        return None
    words = {".": "dot", ",": "comma"}
    return (
        f"{column.at(place)} {text!r} alone says that {others[0]!r} is {way.value(others[0]):.15g} and not "
        f"{turned.value(others[0]):.15g}; data.thousands={words[way.thousands]} says the first, and with "
        f"data.decimal={words[way.thousands]} {text!r} is the one that is wrong"
    )


def _numbers(column: Column, way: Signs) -> npt.NDArray[np.float64]:
    values = np.array([way.value(text) for text in column.texts], dtype=np.float64)
    large = np.flatnonzero(np.abs(values) > LARGEST)
    if len(large):
        place = int(large[0])
        raise ValueError(f"{column.at(place)} {column.texts[place]!r} is too large: a network's numbers end at 3.4e38")
    return values


def _wrong(column: Column, place: int, way: Signs, guessing: bool) -> str:
    """Why a text is no number."""
    text = column.texts[place]
    low = text.lower()
    if re.fullmatch(r"[+-]?(inf|infinity|∞|1\.#inf)", low):
        return f"{text!r} is not finite; a network learns from finite numbers only"
    if low in ("true", "false", "yes", "no"):
        return f"{text!r} is no number; write 1 and 0"
    if re.match(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}", text) or re.match(r"\d{4}-\d{2}\b", text):
        return (
            f"{text!r} looks like a date, and must be a number; data.time={column.name} takes the column for the time"
        )
    if re.fullmatch(r"[+\-−]?[\d.,' ]*\d[\d.,' ]*(e[+-]?\d+)?", low):
        return _signed(column, place, way, guessing)
    if re.search(r"\d", text):
        return f"{text!r} is a number with other text; a unit belongs into the column's name"
    return f"{text!r} is no number; data.missing=['{text}'] takes it for no value"


def _signed(column: Column, place: int, way: Signs, guessing: bool) -> str:
    """Why digits and signs alone are no number."""
    text = column.texts[place]
    names = {",": "a comma", ".": "a dot", "": "none"}
    said = f"decimal sign {names[way.decimal]}, thousands sign {names.get(way.thousands, repr(way.thousands))}"
    if guessing:
        before = next((each for each in column.texts[:place] if each and re.search(r"[.,]", each)), None)
        beside = f", which fits the values before, such as {before!r}" if before else ""
        return (
            f"{text!r} is no number (with {said}{beside}); data.decimal and data.thousands say how numbers are written"
        )
    return f"{text!r} is no number with {said}; data.decimal and data.thousands say how numbers are written"

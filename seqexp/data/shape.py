"""What one step of a sequence holds, and what one target is: numbers, one of some classes, or one of some tokens."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Values:
    """Numbers: float32, so many features.

    Raises:
        ValueError: there is none.
    """

    size: int

    def __post_init__(self) -> None:
        _check("size", self.size)


@dataclass(frozen=True)
class Classes:
    """One of `count` classes: int64 from 0 to count - 1. A prediction of one is `count` logits.

    Raises:
        ValueError: there is none.
    """

    count: int

    def __post_init__(self) -> None:
        _check("count", self.count)


@dataclass(frozen=True)
class Tokens:
    """One of `count` tokens: int64 from 0 to count - 1. A model learns what each of them means.

    Raises:
        ValueError: there is none.
    """

    count: int

    def __post_init__(self) -> None:
        _check("count", self.count)


def _check(name: str, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1, got {value!r}")

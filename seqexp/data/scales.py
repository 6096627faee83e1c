"""How the numbers of a task are scaled for a network: what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

KINDS = ("none", "standard", "minmax", "log", "difference")
"""What a column may be scaled by; `Scaling` says what each of them is."""


class Scales(NamedTuple):
    """What a task asks of `seqexp.scaling.Scaling`.

    Attributes:
        inputs: for each of the I input columns one of `KINDS`.
        targets: for each of the O target columns; empty where targets are classes.
        known: for each target column the input column that holds its past; None where no input does.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    known: tuple[int | None, ...]


def scales_of(
    asked: str | Mapping[str, str], names: Sequence[str], inputs: Sequence[int], targets: Sequence[int]
) -> Scales:
    """What `scaling` of a table asks for.

    Args:
        asked: one of `KINDS` for all columns, or one for each column that is named; the others are "standard".
        names: of all columns.
        inputs: which of them are read, counted from 0.
        targets: which are predicted.

    Raises:
        ValueError: there is no such kind or column, or the difference of a target is asked for whose past is not read.
    """
    kinds = dict.fromkeys(names, asked) if isinstance(asked, str) else {**dict.fromkeys(names, "standard"), **asked}
    for name, kind in kinds.items():
        if kind not in KINDS:
            of = "" if isinstance(asked, str) else f" of {name}"
            raise ValueError(f"scaling{of} must be one of {', '.join(KINDS)}, got {kind!r}")
        if name not in names:
            raise ValueError(f"scaling names the column {name!r}, and there are {', '.join(names)}")
    places = {column: place for place, column in enumerate(inputs)}
    for column in targets:
        if kinds[names[column]] == "difference" and column not in places:
            raise ValueError(
                f"scaling must not be difference for the target {names[column]}: its change is counted from its last "
                "value, and it is not among the inputs"
            )
    return Scales(
        tuple(kinds[names[column]] for column in inputs),
        tuple(kinds[names[column]] for column in targets),
        tuple(places.get(column) for column in targets),
    )

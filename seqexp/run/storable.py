"""Refuses what a run could not keep: texts that no record holds, and targets whose squares 32 bits do not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from seqexp.config.leaves import leaves
from seqexp.config.mistakes import ConfigError
from seqexp.record.files import printable
from seqexp.score import Score, SquaredError

SPREADS = 1e-18, 1e18
"""Squares of what varies by less or more leave the numbers of 32 bits in which a network learns, 1e-38 to 3.4e38."""


def check_texts(settings: Mapping[str, Any], classes: Sequence[str] | None) -> None:
    """Refuses texts that would be read from the record as others: a column or class would then not be found again.

    Args:
        settings: of the data.
        classes: what the task calls them.

    Raises:
        ConfigError: one commands a terminal, or turns the direction in which a text is read.
    """
    for key, value in [
        *leaves(dict(settings), "data"),
        *(("data: the name of a class", each) for each in classes or ()),
    ]:
        if isinstance(value, str) and (shown := printable(value)) != value:
            sign = ord(next(sign for sign, other in zip(value, shown, strict=True) if sign != other))
            raise ConfigError(
                f"{key}: {value!r} holds U+{sign:04X}, a sign that is not seen, and which no record keeps; it must go "
                "from the text, here and in the file"
            )


def check_squares(score: Score, targets: Tensor) -> None:
    """Refuses targets whose squared errors are no numbers to a network.

    Raises:
        ConfigError: they vary by too little or too much for the MSE.
    """
    if type(score) is not SquaredError or not targets.numel():
        return
    spread = float(targets.max() - targets.min())
    if spread > 0 and not SPREADS[0] <= spread <= SPREADS[1]:
        raise ConfigError(
            f"data: targets vary by {spread:.3g}, whose square is too {'small' if spread < 1 else 'large'} for the "
            "numbers of 32 bits in which a network learns; multiply the target by a constant, or take another score, "
            "such as data.score=mae"
        )

"""What is compared: which of the swept keys name the rows; all others are settings to pick from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seqexp.compare.settings import defines_data, is_inert
from seqexp.config.mistakes import closest

CELL = "cell"
LEARNING_RATE = "optimizer.lr"


class CompareError(ValueError):
    """There is nothing to compare, or it cannot be compared as asked; the message says why."""


def listed(by: Any) -> tuple[str, ...]:
    """The keys that `compare.by` names.

    Args:
        by: a key, several of them in a list or parted by commas, or None.

    Raises:
        CompareError: it is something else, or names a key twice.
    """
    if by is None:
        return ()
    keys = tuple(by.split(",")) if isinstance(by, str) else tuple(by) if isinstance(by, list | tuple) else (None,)
    keys = tuple(key.strip() if isinstance(key, str) else None for key in keys)
    if not all(keys):
        raise CompareError(
            "compare.by must be a swept key, such as cell.hidden_size, a list such as [cell,cell.hidden_size], "
            f"or null, got {by!r}"
        )
    if len(set(keys)) < len(keys):
        raise CompareError(f"compare.by names a key twice, got {by!r}")
    return tuple(map(str, keys))


def compared(by: Sequence[str], num_cells: int, swept: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which keys name the rows of one data set.

    Args:
        by: what was asked for.
        num_cells: how many cells there are.
        swept: the other keys that differ.

    Returns:
        The keys, and what is to be said of how they were found.
    """
    if by or num_cells > 1:
        return list(by) or [CELL], []
    others = [key for key in swept if key != LEARNING_RATE]
    if len(others) == 1:
        return others, [f"There is one cell, so {others[0]} is compared, as compare.by={others[0]} would have it."]
    if others:
        return [CELL], [
            f"There is one cell, and {', '.join(others)} were swept: say which is compared, by compare.by={others[0]} "
            f"or compare.by=[{','.join(others[:2])}]. Until then they are settings of the cell, to pick from."
        ]
    return [CELL], []


def check(by: Sequence[str], values: dict[str, set[Any]], all_known: bool = True) -> None:
    """Refuses keys that nothing can be compared by.

    Args:
        by: what was asked for.
        values: key -> the values that it has in the runs.
        all_known: there are no other runs, in which a key may have other values.

    Raises:
        CompareError: a key is unknown, or has one value only, or is the choice of the data.
    """
    for key in by:
        if key in ("data", "data._target_"):
            raise CompareError(changed_targets([key]))
        if is_inert(key):
            raise CompareError(
                f"compare.by={key}: runs that differ in it alone count as one, and their seeds are pooled."
            )
        if key not in values:
            near = closest(key, list(values))
            hint = f" Did you mean {' or '.join(near)}?" if near else ""
            raise CompareError(f"compare.by={key}: no run has a setting of that name.{hint}")
        if all_known and len(values[key]) < 2 and key != CELL:
            swept = [name for name, found in values.items() if len(found) > 1 and not name.endswith("._target_")]
            raise CompareError(
                f"compare.by={key}: is the same in all runs; what differs: {', '.join(swept) or 'nothing'}."
            )


def changed_targets(keys: Sequence[str]) -> str:
    """Says that runs that differ in these keys of the data are not compared."""
    names = ",".join(keys)
    return (
        f"compare.by={names}: the test targets change with it, so its values are different tasks, and their scores are "
        f"not compared with each other. Each value has a table of its own; compare by another key."
    )


def of_data(keys: Sequence[str]) -> list[str]:
    """Those of the keys by which runs differ in what they learn; the seeds of weights and order are none of them."""
    return [key for key in keys if defines_data(key) and key not in ("model_seed", "order_seed")]

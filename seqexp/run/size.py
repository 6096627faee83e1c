"""The model of a configuration, and the size that matches a number of parameters."""

from __future__ import annotations

import bisect
import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from seqexp.cell.cell import Cell
from seqexp.config.compose import cell_file
from seqexp.config.mistakes import ConfigError, refusing_too_large
from seqexp.config.targets import arguments, find_class, make
from seqexp.data.shape import Tokens
from seqexp.data.task import Task, features, outputs
from seqexp.model import Model
from seqexp.scaling import Scaling
from seqexp.seeding import generator

SMALL = 8
"""A size of a cell that is compared with twice as large a one: whether its state grows."""


class Sizes(NamedTuple):
    """What a task asks of a model.

    Attributes:
        input_size: I, features of a step that the cell reads.
        num_tokens: how many tokens those are the features of; 0 where inputs are numbers.
        output_size: O, numbers of a prediction.
        reads: whether the last step is predicted from, or every step.
        scaled: how many targets are scaled, inputs being scaled as well; None where nothing is.
        classes: names of the classes that are predicted; None of numbers, and where the task has no names for them.
    """

    input_size: int
    num_tokens: int
    output_size: int
    reads: Literal["last", "steps"]
    scaled: int | None = None
    classes: Sequence[str] | None = None

    @classmethod
    def of(cls, task: Task, embedding_size: int) -> Sizes:
        """The sizes for a task; a token has `embedding_size` features."""
        tokens = task.inputs.count if isinstance(task.inputs, Tokens) else 0
        scaled = None if task.scales is None else len(task.scales.targets)
        size = embedding_size if tokens else features(task.inputs)
        names = None if task.class_names is None else tuple(task.class_names)
        return cls(size, tokens, outputs(task.targets), task.reads, scaled, names)


def make_model(node: dict[str, Any], allowed: list[str], sizes: Sizes, seeds: Sequence[int], steps: int) -> Model:
    """The population's model, its weights drawn for sequences of so many steps, each member's from its own seed."""
    model = unset_model(node, allowed, sizes, len(seeds))
    make("cell", model.cell.expect, {"steps": steps})
    model.reset_parameters([generator(seed, "model") for seed in seeds])
    return model


def unset_model(node: dict[str, Any], allowed: list[str], sizes: Sizes, num_seeds: int) -> Model:
    """The same without values in its weights."""
    cell_class = _cell_class(node, allowed)
    given = {"input_size": sizes.input_size, "num_seeds": num_seeds}
    node = {name: value for name, value in node.items() if name != "weights"}  # read when the model is there
    values = arguments("cell", node, cell_class, given, beside=("weights",))
    for key, base in cell_class.classes.items():
        values[key] = find_class("cell", values[key], base, allowed, key)
    cell = make("cell", cell_class, {**given, **values})
    if sizes.reads == "steps" and not cell.every_step:
        raise ConfigError(
            "cell must be another for this task, which reads every step: this one has no state but the last"
        )
    scaling = None if sizes.scaled is None else Scaling(num_seeds, sizes.input_size, sizes.scaled)
    with refusing_too_large("cell"):
        return Model(cell, sizes.output_size, sizes.reads, sizes.num_tokens, scaling)


def check_lengths(cell: Cell, lengths: Tensor | None, steps: int) -> None:
    """Refuses a cell that reads from the end, too, where sequences end at different steps.

    Args:
        cell: of any number of seeds.
        lengths: how many steps the sequences have, in any shape; None where all have `steps`.
        steps: T.

    Raises:
        ConfigError: the cell and the lengths do not fit.
    """
    if cell.causal or lengths is None or not lengths.numel() or (low := int(lengths.min())) == steps:
        return
    remedy = "cell.bidirectional must be false" if hasattr(cell, "bidirectional") else "cell must be another"
    raise ConfigError(
        f"{remedy} for this task: its sequences have unequal lengths, from {low} to {steps} steps, and this "
        f"{type(cell).__name__} reads them from the end as well, where the shorter ones are padded"
    )


def _cell_class(node: dict[str, Any], allowed: list[str]) -> type[Cell]:
    found = find_class("cell", node.get("_target_"), Cell, allowed)  # type: ignore[type-abstract]
    for name in ("forward", "last"):
        if "lengths" not in inspect.signature(getattr(found, name)).parameters:
            raise ConfigError(
                f"cell._target_={node['_target_']}: {name} must take x and lengths, which says how many steps of each "
                "sequence count; docs/migrating.md says what a cell of 0.1 needs"
            )
    return found


def asks_match(node: dict[str, Any]) -> bool:
    """Whether a size is to be found by a number of parameters."""
    return any(str(value).startswith("match:") for value in node.values())


def match_size(node: dict[str, Any], allowed: list[str], sizes: Sizes) -> int | None:
    """Replaces `match:...`, at the key that makes the cell larger, by the size whose parameters or state come closest.

    Args:
        node: the cell's configuration; changed in place.
        allowed: packages that the user trusts.
        sizes: of input and output, which count too.

    Returns:
        The number of parameters that was asked for; None where the size is an ordinary number, or found by the state.

    Raises:
        ConfigError: the spelling is wrong, or nothing is known of the cell's state.
    """
    if not asks_match(node):
        return None
    key = _cell_class(node, allowed).size_key
    asked = str(node.get(key))
    if not asked.startswith("match:"):
        return None
    found = re.fullmatch(r"match:(state-)?(?:(\d{1,18})|([\w.-]+)-(\d{1,18}))", asked)
    if found is None:
        raise ConfigError(
            f"cell.{key}={asked}: must be a whole number, match:17217 (parameters in all), match:lstm-64 (as many as "
            "an LSTM of 64 units has), match:state-128 (numbers carried from step to step) or match:state-lstm-64 (as "
            "many as an LSTM of 64 units carries), of at most 18 digits"
        )
    count = count_state if found[1] else count_parameters
    try:
        target = int(found[2]) if found[2] else count(cell_file(found[3]), allowed, sizes, int(found[4]))
        if found[1] and count_state(node, allowed, sizes, SMALL) == count_state(node, allowed, sizes, 2 * SMALL):
            name = _cell_class(node, allowed).__name__
            raise ConfigError(f"{name} carries as many numbers from step to step whatever cell.{key} is")
        node[key] = _closest(lambda size: count(node, allowed, sizes, size), target)
    except ConfigError as error:
        raise ConfigError(f"cell.{key}={asked}: {error}") from None
    return None if found[1] else target


def _closest(count: Callable[[int], int], target: int) -> int:
    """The size whose count comes closest; the count grows with the size."""
    # The first size that is not too small, or the one before, is closest.
    below = 1  # no size is tried that is much too large: it may be more than torch can count
    while below < target and count(2 * below) < target:
        below *= 2
    above = bisect.bisect_left(range(1, 2 * below + 1), target, key=count)
    near = [size for size in (above, above + 1) if size >= 1]
    return min(near, key=lambda size: abs(count(size) - target))


def count_parameters(node: dict[str, Any], allowed: list[str], sizes: Sizes, size: int) -> int:
    """Parameters of one seed's model, were the cell of that size."""
    return _sized(node, allowed, sizes, size).num_parameters


def count_state(node: dict[str, Any], allowed: list[str], sizes: Sizes, size: int) -> int:
    """Numbers that one seed's cell would carry from step to step, were it of that size.

    Raises:
        ConfigError: that is not known of this cell, or grows with the sequence.
    """
    cell = _sized(node, allowed, sizes, size).cell
    if cell.state_size is None:
        raise ConfigError(f"{type(cell).__name__} has no state of a known size, so that nothing can be matched to it")
    return cell.state_size


def _sized(node: dict[str, Any], allowed: list[str], sizes: Sizes, size: int) -> Model:
    """One seed's model with a cell of that size, without memory."""
    key = _cell_class(node, allowed).size_key
    with torch.device("meta"):  # shapes without memory
        return unset_model({**node, key: size}, allowed, sizes, 1)

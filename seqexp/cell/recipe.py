"""What makes a module that knows nothing of seeds: its class and its arguments; and how it is called."""

from __future__ import annotations

import copy
import inspect
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor, nn

SIZE = re.compile(r"(?:([1-9]\d{0,8}) *\* *)?(input_size|hidden_size)")
"""A text among the arguments that stands for a number: `hidden_size`, or `4 * hidden_size`."""


@dataclass(frozen=True)
class Recipe:
    """Makes modules of one class with the same arguments, each with weights of its own.

    Two recipes are equal if they make the same modules.

    Attributes:
        kind: the class.
        shown: the arguments as a text, by which recipes are compared.
        input_size: I, features of a step.
        arguments: of the constructor.
        uses_size: whether any argument is `hidden_size`.
    """

    kind: type[nn.Module]
    shown: str
    input_size: int
    arguments: Mapping[str, Any] = field(compare=False)
    uses_size: bool = field(compare=False)

    @classmethod
    def of(
        cls, kind: type[nn.Module], arguments: Mapping[str, Any] | None, input_size: int, hidden_size: int | None
    ) -> Recipe:
        """Completes the arguments.

        `input_size`, `hidden_size` and `batch_first` are given to a constructor that takes them and is not told
        otherwise, and the first two replace their names wherever these stand among the arguments.

        Args:
            kind: the class.
            arguments: of its constructor, plain values.
            input_size: I.
            hidden_size: what the name stands for; None where it stands for nothing.

        Raises:
            ValueError: `batch_first` is not true.
        """
        sizes = {"input_size": input_size} | ({} if hidden_size is None else {"hidden_size": hidden_size})
        given, takes = dict(arguments or {}), argument_names(kind)
        if "batch_first" in takes and given.setdefault("batch_first", True) is not True:
            raise ValueError(f"arguments must leave batch_first true, got {given['batch_first']!r}: x is (B, T, I)")
        given = {name: name for name in sizes if name in takes} | given
        seen: set[str] = set()
        filled = {name: _filled(value, sizes, seen) for name, value in given.items()}
        return cls(kind, repr(sorted(filled.items())), input_size, filled, "hidden_size" in seen)

    @property
    def name(self) -> str:
        """The name of the class."""
        return self.kind.__name__

    def make(self) -> nn.Module:
        """Makes one, its weights drawn from torch's own generator.

        Raises:
            ValueError: the constructor refuses the arguments.
        """
        try:
            return self.kind(**copy.deepcopy(dict(self.arguments)))  # a constructor may change what it is given
        except Exception as error:
            raise ValueError(f"arguments must be what {self.name} takes; it raises {said(error)}") from error

    def drawn(self, generator: Generator) -> nn.Module:
        """Makes one, its weights drawn from a generator, which goes on from there; torch's own stays as it is."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(generator.get_state())
            module = self.make()
            generator.set_state(torch.get_rng_state())
        return module


def argument_names(kind: type) -> set[str]:
    """The names of all arguments that a constructor takes, those of its base included that it passes on."""
    names: set[str] = set()
    for each in kind.__mro__:
        constructor = vars(each).get("__init__")
        if constructor is None or each in (nn.Module, object):
            continue
        parameters = list(inspect.signature(constructor).parameters.values())[1:]  # but for self
        names |= {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
        if all(one.kind is not one.VAR_KEYWORD for one in parameters):
            break
    return names


def _filled(value: Any, sizes: Mapping[str, int], seen: set[str]) -> Any:
    """A value of the arguments with numbers in place of the names of sizes, which are noted in `seen`."""
    if isinstance(value, Mapping):
        return {name: _filled(each, sizes, seen) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_filled(each, sizes, seen) for each in value)
    found = SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in sizes:
        return value
    seen.add(found[2])
    return int(found[1] or 1) * sizes[found[2]]


def first_tensor(output: Any) -> Any:
    """The first part of what a module gives, such as (output, state)."""
    while isinstance(output, tuple | list) and output:
        output = output[0]
    return output


def last_state(module: nn.Module, output: Tensor) -> Tensor:
    """The state after the last step, of an output (B, T, H) or (B, H); bidirectional, when both scans have ended."""
    if output.dim() == 2:
        return output
    if isinstance(module, nn.RNNBase) and module.bidirectional:
        size = output.shape[2] // 2
        return torch.cat([output[:, -1, :size], output[:, 0, size:]], dim=1)
    return output[:, -1]


def trained(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that are trained, by name."""
    return {name: each for name, each in module.named_parameters() if each.requires_grad}


def fixed(module: nn.Module) -> dict[str, Tensor]:
    """Buffers, and the parameters that are not trained, by name."""
    frozen = {name: each for name, each in module.named_parameters() if not each.requires_grad}
    return {**dict(module.named_buffers()), **frozen}


def said(error: BaseException) -> str:
    """What an error says, in one line, and where in whose file it was raised, torch's own files left aside."""
    lines = str(error).strip().splitlines()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_of(frame.filename, "torch")]
    own = [frame for frame in frames if Path(frame.filename).parent != Path(__file__).parent]
    place = f" ({Path(own[-1].filename).name}, line {own[-1].lineno})" if own else ""
    sentence = lines[0].strip().split(". ")[0].rstrip(".") if lines else ""
    return f"{type(error).__name__}{f': {sentence}' if sentence else ''}{place}"


def _is_of(file: str, package: str) -> bool:
    return package in Path(file).parts

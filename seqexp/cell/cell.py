"""The contract of all cells: what a model, its training and its diagnostics may ask of one, for S seeds at once."""

import copy
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple, Self, SupportsIndex, TypeVar

import torch
from torch import Generator, Tensor, nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)

Back = Callable[[Tensor], tuple[Tensor | None, Sequence[Tensor]]]
"""The way back of `Cell.pull`: gradient of the states -> dL/dx or None, and the gradients of `parameters()`."""


class Cost(NamedTuple):
    """What a pass over a batch takes, in numbers of one seed; it decides how many seeds advance together."""

    state: int
    """Numbers that one operation works on; of a recurrent cell, the states of one step."""
    kept: int
    """The same over the whole pass, in memory until backward has read it."""


class Cell(nn.Module, ABC):
    """Maps sequences to states, for S independent members of a population at once.

    A cell has `forward` and `draw`; everything else has a default, which a cell overrides where it knows better.
    Every parameter has the seed axis first. The constructor allocates parameters; `reset_parameters` gives values.

    Attributes:
        size_key: the argument that makes the cell larger, which `match:` chooses.
        input_size: I.
        num_seeds: S.
        output_size: H, features of a state.
        causal: whether the state of a step depends on no later step.
        every_step: whether there is a state of every step; else only of the last.
        classes: settings that name a class by its dotted path, and what that must derive from; the constructor gets
            the class.
        slots: how many seeds are always computed together, those of which `first_seed` is a multiple first; 1 where
            any number may be.
        first_seed: the seed of the first member, which decides on its slot.
        penalties: where there are some, the cell's parameters stay as they are drawn, and nothing is trained: the
            readout is solved by ridge regression, with the one of these that is best on validation. From the largest.
    """

    size_key: ClassVar[str] = "hidden_size"
    classes: ClassVar[Mapping[str, type]] = {}
    every_step: bool = True
    slots: int = 1
    first_seed: int = 0
    penalties: tuple[float, ...] = ()

    def __init__(self, input_size: int, num_seeds: int, output_size: int, causal: bool) -> None:
        """Sets what every cell has.

        Args:
            input_size: I.
            num_seeds: S.
            output_size: H.
            causal: whether the state of a step depends on no later step.

        Raises:
            ValueError: if a size is smaller than 1.
        """
        super().__init__()
        for name, value in (("input_size", input_size), ("num_seeds", num_seeds), ("output_size", output_size)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        self.input_size = input_size
        self.num_seeds = num_seeds
        self.output_size = output_size
        self.causal = causal
        self._generators: tuple[Generator, ...] = ()

    @abstractmethod
    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the states of every step.

        Args:
            x: sequences (S, B, T, I).
            lengths: how many steps of each sequence count, (S, B); zeros follow. None: all. The states of a
                sequence's later steps have no meaning.

        Returns:
            (S, B, T, H).

        Raises:
            ValueError: if x does not fit, or the cell reads backward and a sequence is shorter than T.
        """

    @abstractmethod
    def draw(self, index: int, generator: Generator) -> None:
        """Draws the parameters of one member.

        Args:
            index: which one, from 0 on.
            generator: the only source of randomness.
        """

    def last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the state after each sequence's last step.

        Args:
            x: sequences (S, B, T, I).
            lengths: as in `forward`; the last step is `lengths - 1`.

        Returns:
            (S, B, H).

        Raises:
            ValueError: as in `forward`.
        """
        states: Tensor = self(x, lengths)
        if lengths is None:
            return states[:, :, -1]
        ends = (lengths - 1)[..., None, None].expand(-1, -1, 1, states.shape[3])
        return states.gather(2, ends).squeeze(2)  # (S, B, T, H) -> (S, B, H)

    @torch.no_grad()
    def pull(self, x: Tensor, last: bool, with_input: bool, lengths: Tensor | None = None) -> tuple[Tensor, Back]:
        """Computes states and the way back from them, for a caller that goes back at most once.

        States have the batch last. A cell that computes them as (T, S, H, B) or (S, H, B) copies nothing: both
        are views, good as long as the function beside them is kept.

        Args:
            x: sequences (S, B, T, I).
            last: whether only the state after each sequence's last step is wanted.
            with_input: whether the way back gives dL/dx.
            lengths: as in `forward`.

        Returns:
            The states (S, H, B) if `last`, else (S, H, T, B); and a function that maps their gradient, in the
            same shape, to dL/dx (S, B, T, I), or None, and the gradients of `parameters()`, in order.

        Raises:
            ValueError: as in `forward`.
        """
        with torch.enable_grad():
            x = x.detach().requires_grad_(with_input)
            states = self.last(x, lengths).transpose(1, 2) if last else self(x, lengths).permute(0, 3, 2, 1)
        sources = (*self.parameters(), x) if with_input else tuple(self.parameters())

        def back(gradient: Tensor) -> tuple[Tensor | None, Sequence[Tensor]]:
            found = torch.autograd.grad(states, sources, gradient, materialize_grads=True)
            return (found[-1], found[:-1]) if with_input else (None, found)

        return states.detach(), back

    def reset_parameters(self, generators: Sequence[Generator]) -> None:
        """Draws each member's parameters from its own generator, so that they do not depend on the others.

        Dropout goes on drawing from the same generators.

        Args:
            generators: one CPU generator per seed.

        Raises:
            ValueError: if there are not num_seeds of them.
        """
        if len(generators) != self.num_seeds:
            raise ValueError(f"generators must be {self.num_seeds}, one per seed, got {len(generators)}")
        self._generators = tuple(generators)
        with torch.no_grad():
            for index, generator in enumerate(generators):
                self.draw(index, generator)

    @property
    def state_size(self) -> int | None:
        """Numbers that a member carries from one step to the next; None where that grows, or is not known."""
        return None

    def expect(self, steps: int) -> None:
        """Is told of how many steps the training sequences are, before parameters are drawn.

        Raises:
            ValueError: if the cell cannot be drawn for so few.
        """

    def members(self, seeds: slice) -> Self:
        """Returns a cell of some of the seeds alone, whose parameters are views of this one's."""
        part = copy_with_views(self, seeds)
        part.num_seeds = len(range(self.num_seeds)[seeds])
        part._generators = self._generators[seeds]
        part.first_seed = self.first_seed + range(self.num_seeds)[seeds].start
        return part

    def cost(self, rows: int, steps: int) -> Cost:
        """Returns what a pass takes for so many sequences of so many steps."""
        state = rows * self.output_size
        return Cost(state, state * steps)

    @torch.no_grad()
    def traces(self, x: Tensor) -> Mapping[str, Tensor]:
        """Returns what can be looked at inside: states, and gates in true units; dropout is left out.

        Args:
            x: sequences (S, B, T, I).

        Returns:
            Tensors (S, B, T, H) by name.
        """
        return {"h": self(x)}

    def check_member(self, index: SupportsIndex) -> None:
        """Checks that there is such a member.

        Args:
            index: which one, from 0 on.

        Raises:
            ValueError: it is no whole number, or too small or too large a one.
        """
        is_whole = isinstance(index, SupportsIndex) and not isinstance(index, bool)
        if not is_whole or not 0 <= operator.index(index) < self.num_seeds:
            raise ValueError(
                f"index must be >= 0 and < {self.num_seeds} (num_seeds), and a whole number, got {index!r}"
            )

    def to_module(self, index: int) -> nn.Module:
        """Returns the `torch.nn` module (batch_first) that holds the weights of one member.

        Args:
            index: which one, from 0 on.

        Raises:
            ValueError: if there is no such member.
            NotImplementedError: if torch has no such cell.
        """
        raise NotImplementedError(f"torch.nn has no counterpart of {type(self).__name__}")

    def generator_states(self) -> list[Tensor]:
        """Returns where each member's dropout stands in its generator."""
        return [generator.get_state() for generator in self._generators]

    def set_generator_states(self, states: Sequence[Tensor]) -> None:
        """Sets where each member's dropout goes on."""
        for generator, state in zip(self._generators, states, strict=True):
            generator.set_state(state.clone())

    def remark(self) -> str | None:
        """Returns what is to be said once of how the population is computed, if anything is."""
        return None

    def work_space(self) -> int:
        """Returns how many numbers are kept for the next passes."""
        return 0

    def forget_work_space(self) -> None:
        """Drops what is kept for the next passes."""

    def extra_repr(self) -> str:
        """Returns the sizes, for print(module)."""
        return f"input_size={self.input_size}, num_seeds={self.num_seeds}, output_size={self.output_size}"

    def check(self, x: Tensor, lengths: Tensor | None) -> None:
        """Checks the arguments of `forward`.

        Raises:
            ValueError: if a shape, dtype, device or length does not fit.
        """
        expected = f"(S={self.num_seeds}, B, T, I={self.input_size})"
        if x.dim() != 4 or x.shape[0] != self.num_seeds or x.shape[3] != self.input_size or 0 in x.shape:
            raise ValueError(f"x must have shape {expected} with B, T >= 1, got {tuple(x.shape)}")
        parameter = next(self.parameters())
        if x.dtype != parameter.dtype or x.device != parameter.device:
            rule = f"x must be {parameter.dtype} on {parameter.device}, as the parameters are"
            raise ValueError(f"{rule}, got {x.dtype} on {x.device}")
        if lengths is not None:
            self._check_lengths(lengths, *x.shape[1:3])

    def _check_lengths(self, lengths: Tensor, rows: int, steps: int) -> None:
        if lengths.shape != (self.num_seeds, rows) or lengths.dtype != torch.int64:
            rule = f"lengths must be int64 of shape (S={self.num_seeds}, B={rows})"
            raise ValueError(f"{rule}, got {lengths.dtype} of shape {tuple(lengths.shape)}")
        if lengths.is_meta:
            return
        low, high = (int(bound) for bound in lengths.aminmax())
        if low < 1 or high > steps:
            raise ValueError(f"lengths must be >= 1 and <= {steps} (T), got {low} to {high}")
        if not self.causal and low < steps:
            rule = f"lengths must all be {steps} (T) for a cell that also reads from the end"
            raise ValueError(f"{rule}, got {low} to {high}")


def members(module: AnyModule, seeds: slice) -> AnyModule:
    """Returns a module of some seeds of a population alone, cells in it included; its parameters are views."""
    return module.members(seeds) if isinstance(module, Cell) else copy_with_views(module, seeds)


def copy_with_views(module: AnyModule, seeds: slice) -> AnyModule:
    """Returns a copy of a module whose parameters are views of some of the seeds."""
    part = copy.copy(module)
    part._parameters = {
        name: None if parameter is None else nn.Parameter(parameter.detach()[seeds], parameter.requires_grad)
        for name, parameter in module._parameters.items()
    }
    part._modules = {name: None if child is None else members(child, seeds) for name, child in module._modules.items()}
    return part

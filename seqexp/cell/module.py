"""Anybody's `torch.nn.Module` over sequences as a cell: a population of modules that know nothing of seeds."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call

from seqexp.cell.cell import Back, Cell, Cost
from seqexp.cell.recipe import Recipe, first_tensor, fixed, last_state, trained
from seqexp.cell.slots import SLOTS, in_slots, in_turn
from seqexp.cell.threads import one_thread
from seqexp.cell.tried import Findings, findings, shapes


class Module(Cell):
    """Modules of one class, each with one seed's weights, that map (B, T, I) to (B, T, H).

    Of an output (output, state) the first counts, and (B, H) is taken for the state after the last step. The class
    knows nothing of seeds: its constructor draws from torch's own generator, which is lent one seed's state at a time.

    Where `torch.func.vmap` can, seeds are computed in slots (`seqexp.cell.slots`), else one after another. Which of the
    two depends on the module alone, so that a seed has the same bits in any population. What is refused, and why:
    `seqexp.cell.tried`.

    Parameters have the module's names behind `module/`, each dot a slash, and a leading seed axis. So have buffers and
    parameters that are not trained, if they differ between seeds; the others are constants of the code.

    Attributes:
        recipe: what makes one module.
        vectorised: whether seeds are computed in slots.
        every_step: whether the module gives (B, T, H).
    """

    classes: ClassVar[Mapping[str, type]] = {"path": nn.Module}

    def __init__(
        self,
        input_size: int,
        num_seeds: int,
        path: str | type[nn.Module],
        hidden_size: int | None,
        arguments: dict[str, Any] | None,
        causal: bool | None,
        vectorised: bool,
        tried_steps: int,
    ) -> None:
        """Allocates the parameters, and finds out what has to be known of the module.

        Args:
            input_size: I.
            num_seeds: S.
            path: the class. A configuration holds its dotted path.
            hidden_size: what `hidden_size` stands for among the arguments; None where it stands for nothing.
            arguments: of the module's constructor, see `Recipe.of`.
            causal: whether the state of a step depends on no later step; None finds out.
            vectorised: whether slots may be used.
            tried_steps: T of the sequences that the module is tried on.

        Raises:
            ValueError: an argument is out of range, or the module cannot be trained as a population.
        """
        if not isinstance(path, type) or not issubclass(path, nn.Module):
            raise ValueError(f"path must be a class derived from torch.nn.Module, got {path!r}")
        for name, value, least in (("hidden_size", hidden_size, 1), ("tried_steps", tried_steps, 2)):
            if value is not None and value < least:
                raise ValueError(f"{name} must be >= {least}, got {value}")
        self.recipe = recipe = Recipe.of(path, arguments, input_size, hidden_size)
        if hidden_size is not None and not recipe.uses_size:
            raise ValueError(
                f"hidden_size must be null, for no argument of {recipe.name} is called so; or it stands for one, as in "
                "cell.arguments={width: hidden_size}"
            )
        found = shapes(recipe, tried_steps)
        super().__init__(input_size, num_seeds, found.output_size, causal is not False and found.every_step)
        self.hidden_size = hidden_size
        self.every_step = found.every_step
        self._kept = found.kept
        self._findings: Findings | None = None
        template = _template(recipe)
        self._template = (template,)  # in a tuple, where torch takes none of its tensors for this module's
        if torch.get_default_device().type != "meta":
            self._findings = findings(recipe, tried_steps)
            self._check_causal(causal)
        for name, each in trained(template).items():
            self.register_parameter(_stored(name), nn.Parameter(torch.empty(num_seeds, *each.shape, dtype=each.dtype)))
        for name in self._own:
            kept = fixed(template)[name]
            self.register_buffer(_stored(name), torch.empty(num_seeds, *kept.shape, dtype=kept.dtype))
        self.vectorised = vectorised and self._findings is not None and self._findings.hindrance is None
        may_have_slots = self.vectorised or (vectorised and self._findings is None)
        self.slots = SLOTS if may_have_slots else 1

    def _check_causal(self, asked: bool | None) -> None:
        if self._findings is None:
            return
        if asked and not self._findings.causal:
            reads = "an output changes with a later step" if self.every_step else "it gives one state for a sequence"
            raise ValueError(f"causal must be false or null for {self.recipe.name}: {reads}")
        self.causal = self._findings.causal and asked is not False

    @property
    def _own(self) -> tuple[str, ...]:
        return () if self._findings is None else self._findings.own

    def remark(self) -> str:
        """Says which road the seeds take."""
        name = self.recipe.name
        if self.vectorised:
            return f"{name}: its seeds are computed in slots of {SLOTS}"
        if self._findings is None or self._findings.hindrance is None:
            return f"{name}: its seeds are computed one after another"
        return f"{name}: its seeds are computed one after another; {self._findings.hindrance}"

    def draw(self, index: int, generator: Generator) -> None:
        """Draws the weights of one member as its constructor does, and with them its random buffers."""
        module = self.recipe.drawn(generator)
        drawn = {**trained(module), **fixed(module)}
        for name, mine in self._stacked().items():
            mine[index] = drawn[name]

    def _stacked(self) -> dict[str, Tensor]:
        """All tensors of the population, (S, ...), by the module's names."""
        stored = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return {_shown(name): each for name, each in stored.items()}

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the states of every step, (S, B, T, H); see `Cell.forward`.

        Raises:
            ValueError: x or lengths do not fit, or the module gives one state for a sequence.
        """
        self.check(x, lengths)
        if not self.every_step:
            raise ValueError(f"states of every step are asked for, and {self.recipe.name} gives one for a sequence")
        return self._run(x, last=False)

    def last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the state after each sequence's last step, (S, B, H).

        Of a bidirectional module of torch it is, as with the cells of this package, that of either scan at its end.
        """
        self.check(x, lengths)
        if lengths is not None and self.causal:
            return super().last(x, lengths)
        return self._run(x, last=True)

    def _run(self, x: Tensor, last: bool) -> Tensor:
        template = self._ready(x)
        stacked = self._stacked()
        names, tensors = list(stacked), list(stacked.values())

        def one(values: Sequence[Tensor], sequences: Tensor) -> Tensor:
            output = first_tensor(functional_call(template, dict(zip(names, values, strict=True)), (sequences,)))
            shape = (*sequences.shape[: 2 if self.every_step else 1], self.output_size)
            if output.shape != shape:
                raise ValueError(
                    f"{self.recipe.name} must give {shape} for {tuple(sequences.shape)}, got {tuple(output.shape)}"
                )
            return last_state(template, output) if last else output

        draws = self.training and self._findings is not None and self._findings.draws
        if draws and not self._generators:
            raise RuntimeError("dropout needs the generators that reset_parameters is given: call it before training")
        generators = self._generators if draws else ()
        with one_thread():
            if self._findings is None or not self.vectorised:
                return in_turn(one, tensors, x, generators)
            return in_slots(one, tensors, x, self.first_seed, generators, self._findings.rewritten)

    def _ready(self, x: Tensor) -> nn.Module:
        """The module that takes each member's tensors in turn, in the mode, on the device and of the kind of x."""
        (template,) = self._template
        like = next(template.parameters())
        if like.device != x.device or like.dtype != x.dtype:
            template.to(x.device, x.dtype)
        return template if template.training == self.training else template.train(self.training)

    @torch.no_grad()
    def pull(self, x: Tensor, last: bool, with_input: bool, lengths: Tensor | None = None) -> tuple[Tensor, Back]:
        """Computes states and autograd's way back from them, with one thread; see `Cell.pull`."""
        states, back = super().pull(x, last, with_input, lengths)
        return states, _with_one_thread(back)

    def members(self, seeds: slice) -> Self:
        """Returns a cell of some of the seeds alone: two threads may run two of them."""
        part = super().members(seeds)
        part._buffers = {name: None if each is None else each[seeds] for name, each in self._buffers.items()}
        part._template = copy.deepcopy(self._template)
        return part

    def cost(self, rows: int, steps: int) -> Cost:
        """Returns what a pass takes, by what autograd has kept where the module was tried."""
        state = rows * self.output_size * (steps if self.every_step else 1)
        return Cost(state, rows * steps * self.output_size * self._kept)

    @torch.no_grad()
    def traces(self, x: Tensor) -> Mapping[str, Tensor]:
        """Returns the states of every step as `h`; see `Cell.traces`."""
        before = self.training
        try:
            return {"h": self.eval()(x)}
        finally:
            self.train(before)

    @torch.no_grad()
    def to_module(self, index: int) -> nn.Module:
        """Returns a module with the weights of one member; see `Cell.to_module`."""
        self.check_member(index)
        stacked = self._stacked()
        like = next(iter(stacked.values()))
        module = self.recipe.drawn(Generator()).to(like.device, like.dtype)
        tensors = {**trained(module), **fixed(module)}
        for name, each in stacked.items():
            tensors[name].copy_(each[index])
        return module.train(self.training)

    def extra_repr(self) -> str:
        """Returns class and sizes, for print(module)."""
        return f"{self.recipe.name}, {super().extra_repr()}"


def _template(recipe: Recipe) -> nn.Module:
    """A module of the recipe, whatever its weights; with values where its code needs them."""
    try:
        return recipe.drawn(Generator())
    except ValueError:
        with torch.device("cpu"):
            return recipe.drawn(Generator())


def _with_one_thread(back: Callable[[Tensor], Any]) -> Back:
    def alone(gradient: Tensor) -> Any:
        with one_thread():
            return back(gradient)

    return alone


def _stored(name: str) -> str:
    """The name that a module's tensor has in the population."""
    return f"module/{name.replace('.', '/')}"


def _shown(stored: str) -> str:
    return stored.removeprefix("module/").replace("/", ".")

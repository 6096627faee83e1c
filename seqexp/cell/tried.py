"""What is found out about a module by trying it on a few short sequences: its shapes, its road, why it is refused.

A module is tried once for each recipe of a process, with fixed seeds, sizes and precision: what is found depends on the
module alone, and not on how many seeds there are or how fast anything is.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.recipe import Recipe, first_tensor, fixed, said, trained
from seqexp.cell.road import alike, road
from seqexp.cell.threads import one_thread

ROWS = 3
"""Sequences that a module is tried on: another number than steps or features, so that axes are told apart."""


class Shapes(NamedTuple):
    """Of what a module gives."""

    output_size: int
    """H."""
    every_step: bool
    """Whether it gives (B, T, H); else (B, H)."""
    kept: int
    """Numbers that backward needs, for each number of the output."""


class Findings(NamedTuple):
    """What is to be known of a module that is trained."""

    causal: bool
    draws: bool
    """Whether it draws random numbers in training."""
    hindrance: str | None
    """Why it cannot be vectorised; None where it can."""
    rewritten: bool
    """Whether it can be vectorised with some of its operations computed by others, see `seqexp.cell.rewritten`."""
    own: tuple[str, ...]
    """Names of buffers and of parameters that are not trained which differ between seeds; others are constants."""


@functools.lru_cache(maxsize=1000)
def shapes(recipe: Recipe, steps: int) -> Shapes:
    """Finds the sizes of what modules give, without memory where their code allows that.

    Args:
        recipe: of the modules.
        steps: T of the sequences.

    Raises:
        ValueError: they cannot be made or called, or give something else.
    """
    try:
        with torch.device("meta"):
            return _shapes(recipe, steps)
    except (
        ValueError,
        NotImplementedError,
        RuntimeError,
    ):  # code that looks at values, or a mistake: the same once more
        with torch.device("cpu"), torch.random.fork_rng(devices=[]), one_thread():
            return _shapes(recipe, steps)


def _shapes(recipe: Recipe, steps: int) -> Shapes:
    module = recipe.make().eval()
    for key, each in module.named_parameters():
        if isinstance(each, nn.parameter.UninitializedParameter):
            raise ValueError(f"path must name a module whose parameters have sizes before it is called; {key} has not")
        if each.is_floating_point() and each.dtype != torch.get_default_dtype():
            raise ValueError(
                f"path must name a module of one precision, trainer.precision; {key} of {recipe.name} is {each.dtype}, "
                "whatever torch's default is"
            )
    if not trained(module):
        raise ValueError(f"path must name a module with parameters that are trained, and {recipe.name} has none")
    own = {each.untyped_storage()._cdata for each in module.parameters()}
    saved: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        saved[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes() // tensor.element_size()
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        output = called(recipe, module, torch.zeros(ROWS, steps, recipe.input_size))
    size = output.shape[-1]
    kept = sum(numbers for place, numbers in saved.items() if place not in own)
    return Shapes(size, output.dim() == 3, max(1, -(-kept // (ROWS * steps * size))))


def called(recipe: Recipe, module: nn.Module, x: Tensor) -> Tensor:
    """Calls a module on sequences (B, T, I), and checks what it gives.

    Raises:
        ValueError: it cannot be called so, or gives something else.
    """
    B, T, size = x.shape
    rule = f"path must name a module that maps (B={B}, T={T}, I={size}) to (B, T, H) or (B, H)"
    try:
        output = first_tensor(module(x))
    except Exception as error:
        hint = "" if isinstance(error, TypeError) else "; cell.tried_steps is the T that it is tried with"
        raise ValueError(f"{rule}, and {recipe.name} raises {said(error)}{hint}") from error
    if not isinstance(output, Tensor):
        raise ValueError(f"{rule}, and {recipe.name} gives no tensor but {type(output).__name__}")
    if output.shape[:-1] not in ((B, T), (B,)) or not output.shape[-1]:
        raise ValueError(f"{rule}, and {recipe.name} gives {tuple(output.shape)}")
    if not output.is_floating_point():
        raise ValueError(f"{rule} in real numbers, and {recipe.name} gives {output.dtype}")
    return output


@functools.lru_cache(maxsize=1000)
def findings(recipe: Recipe, steps: int) -> Findings:
    """Tries modules as they are trained.

    Args:
        recipe: of the modules.
        steps: T of the sequences.

    Raises:
        ValueError: they cannot be trained as a population, with the reason.
    """
    with torch.device("cpu"), torch.random.fork_rng(devices=[]), one_thread():
        generators = [Generator().manual_seed(seed) for seed in (0, 0, 1)]
        module, again, other = (recipe.drawn(generator) for generator in generators)
        if torch.equal(generators[0].get_state(), generators[2].get_state()):
            raise ValueError(
                f"path must name a module whose seed decides on its weights; {recipe.name} sets torch's seed as it is "
                "made"
            )
        own = _own(recipe, module, again, other)
        x = torch.empty(2, ROWS, steps, recipe.input_size).uniform_(-1, 1, generator=Generator().manual_seed(2))
        draws = _check_runs(recipe, module, *x)
        every_step = shapes(recipe, steps).every_step
        causal = every_step and is_causal(recipe, module.eval(), *x)
        hindrance, rewritten = road([module, other], own, x, draws)
        return Findings(causal, draws, hindrance, rewritten, own)


def _own(recipe: Recipe, module: nn.Module, again: nn.Module, other: nn.Module) -> tuple[str, ...]:
    """Checks all tensors of two modules of one seed and of one of another; names those to be kept for each seed."""
    name = recipe.name
    elsewhere = trained(other)
    for key, each in trained(module).items():
        if each is elsewhere.get(key):
            raise ValueError(f"path must name a module with parameters of its own, and all {name} share {key}")
        if not each.is_floating_point():
            raise ValueError(
                f"path must name a module of real parameters, and {key} of {name} is {each.dtype}; a pair of real "
                "ones and torch.complex in forward come to the same"
            )
    for key, tensor in {**trained(module), **fixed(module)}.items():
        for twin, rule in ((again, "draws from another source than torch's generator"), (other, "")):
            values = {**trained(twin), **fixed(twin)}.get(key)
            if values is None or values.shape != tensor.shape:
                raise ValueError(
                    f"path must name a module whose tensors can be stacked; {key} of {name} varies in shape"
                )
            if rule and not torch.equal(values, tensor):
                raise ValueError(f"path must name a module whose seed decides on its weights; {name} {rule} for {key}")
    for (key, mine), (_, theirs) in zip(_loose(module), _loose(other), strict=True):
        if mine.grad_fn is None and not mine.requires_grad and not torch.equal(mine, theirs):
            raise ValueError(
                f"path must name a module whose random tensors are parameters or buffers, and {key} of {name} is an "
                "ordinary attribute, which is not kept with the weights: register_buffer makes it a buffer"
            )
    others = fixed(other)
    return tuple(key for key, each in fixed(module).items() if not torch.equal(each, others[key]))


def _loose(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yields tensors that are ordinary attributes of a module or of its parts, by name."""
    for place, part in module.named_modules():
        for name, value in vars(part).items():
            if isinstance(value, Tensor):
                yield f"{place}.{name}".lstrip("."), value


def _check_runs(recipe: Recipe, module: nn.Module, x: Tensor, y: Tensor) -> bool:
    """Checks that a pass depends on weights, sequence and generator alone; returns whether it draws in training."""
    name = recipe.name

    def run(sequences: Tensor, train: bool) -> tuple[Tensor, bool]:
        torch.set_rng_state(state)
        given = sequences.clone()
        output = called(recipe, module.train(train), given).detach()
        if not torch.equal(given, sequences):
            raise ValueError(f"path must name a module that leaves its input as it is; {name} changes it in place")
        return output, not torch.equal(torch.get_rng_state(), state)

    state = torch.get_rng_state()
    before = {key: each.clone() for key, each in fixed(module).items()}
    with torch.enable_grad():
        (plain, draws_always), (twice, _), (training, draws), (again, _) = (
            run(x, each) for each in (False, False, True, True)
        )
        mixed = torch.cat([x[:1], y[1:]])
        found = [run(mixed, train)[0][:1] for train in (False, True)]
    after = fixed(module)
    changed = [key for key, each in before.items() if not torch.equal(each, after[key])]
    if changed:
        raise ValueError(
            f"path must name a module that a pass leaves as it is; {name} changes its buffer {changed[0]}, as batch "
            "statistics do (nn.LayerNorm and nn.GroupNorm have none)"
        )
    if draws_always:
        raise ValueError(f"path must name a module that draws nothing in evaluation; {name} draws random numbers there")
    if not torch.equal(plain, twice) or not torch.equal(training, again):
        raise ValueError(
            f"path must name a module that gives the same for the same sequences; {name} keeps something between "
            "calls, or draws from another source than torch's generator"
        )
    if not all(alike(mine[:1], theirs) for mine, theirs in zip((plain, training), found, strict=True)):
        raise ValueError(
            f"path must name a module in which no sequence depends on another of its batch; in {name} they do: batch "
            "statistics, or an input that is read as (T, B, I)"
        )
    return draws


def is_causal(recipe: Recipe, module: nn.Module, x: Tensor, y: Tensor) -> bool:
    """Whether the output of no step changes with a later input; sequences are (B, T, I)."""
    with torch.no_grad():
        whole = called(recipe, module, x)
        for step in range(1, x.shape[1]):
            changed = called(recipe, module, torch.cat([x[:, :step], y[:, step:]], dim=1))
            if not alike(whole[:, :step], changed[:, :step]):
                return False
    return True

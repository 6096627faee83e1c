"""Whether modules can be computed together, found out by trying it on two of them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.func import functional_call, vmap

from seqexp.cell.recipe import first_tensor, fixed, said, trained
from seqexp.cell.rewritten import Rewritten, drawing_from


def road(modules: Sequence[nn.Module], own: tuple[str, ...], x: Tensor, draws: bool) -> tuple[str | None, bool]:
    """Finds out whether two modules can be computed as one.

    Args:
        modules: two of one recipe, with different weights.
        own: names of the tensors that differ between them, beside parameters that are trained.
        x: (2, B, T, I).
        draws: whether they draw random numbers in training.

    Returns:
        Why they cannot, None where they can; and whether some of their operations are then computed by others.
    """
    found: str | None = None
    for rewritten in (True,) if draws else (False, True):
        hindrance = _hindrance(modules, own, x, draws, rewritten)
        if hindrance is None:
            return None, rewritten
        found = found or hindrance
    return found, False


def _hindrance(
    modules: Sequence[nn.Module], own: tuple[str, ...], x: Tensor, draws: bool, rewritten: bool
) -> str | None:
    """Why two modules cannot be computed as one; None where they can, with the same results."""
    template = modules[0]
    names = [*trained(template), *own]
    given = [{**trained(each), **fixed(each)} for each in modules]
    tensors = tuple(
        torch.stack([each[name].detach() for each in given]).requires_grad_(name in trained(template)) for name in names
    )
    leaves = [each for each in tensors if each.requires_grad]
    generators = [Generator().manual_seed(seed) for seed in range(2)]

    def one(values: Sequence[Tensor], sequences: Tensor) -> Tensor:
        output: Tensor = first_tensor(functional_call(template, dict(zip(names, values, strict=True)), (sequences,)))
        return output

    for train in (True, False):
        template.train(train)
        with torch.set_grad_enabled(train):
            wanted = torch.stack([one([each[index] for each in tensors], x[index]) for index in range(2)])
            try:
                with _no_hidden_loops(), Rewritten() if rewritten else contextlib.nullcontext():
                    with drawing_from(generators):
                        output = vmap(one)(tensors, x)
                    if train:
                        torch.autograd.grad(output.sum(), leaves, materialize_grads=True)
            except Exception as error:
                return _said_of_vmap(error)
        if not (draws and train) and not alike(output, wanted):
            return "torch.func.vmap gives other numbers"
    return None


def alike(mine: Tensor, theirs: Tensor) -> bool:
    """Whether two results are equal but for their rounding."""
    bound = 1e-4 if mine.dtype == torch.float32 else 1e-10
    return bool(((mine - theirs).abs() <= bound * (1 + mine.abs())).all())


def _said_of_vmap(error: Exception) -> str:
    operation = re.search(r"aten::[\w.]*\w", str(error))
    if operation is not None and re.search("fallback|atching rule", str(error)):
        return f"torch.func.vmap has no rule for {operation[0]}"
    if "random operation" in str(error):
        return "it draws random numbers otherwise than by nn.Dropout"
    return f"torch.func.vmap raises {said(error)}"


@contextlib.contextmanager
def _no_hidden_loops() -> Iterator[None]:
    """Lets torch refuse operations that it would vectorise by a slow loop, with a warning."""
    functorch: Any = torch._C._functorch
    before = functorch._is_vmap_fallback_enabled()
    functorch._set_vmap_fallback_enabled(False)
    try:
        yield
    finally:
        functorch._set_vmap_fallback_enabled(before)

"""Operations that `torch.func.vmap` cannot compute, by others: dropout from each seed's generator, and weight norm."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.overrides import TorchFunctionMode

_slots = threading.local()
"""Has `generators`: what each slot's dropout is drawn from in this thread; None for a slot that is a copy."""


@contextlib.contextmanager
def drawing_from(generators: Sequence[Generator | None]) -> Iterator[None]:
    """Lets dropout be drawn, for each slot, from a generator of its own.

    Args:
        generators: of the slots; None for one whose numbers are not used.
    """
    _slots.generators = generators
    try:
        yield
    finally:
        del _slots.generators


class Rewritten(TorchFunctionMode):
    """While it is entered, some of torch's functions are computed by others."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return INSTEAD.get(func, func)(*args, **(kwargs or {}))


def _dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """`torch.nn.functional.dropout`, each seed from its own generator."""
    if not training or p == 0:
        return input
    mask: Tensor = _Mask.apply(input.detach(), p)  # type: ignore[no-untyped-call]
    return input * mask


def _weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """`torch._weight_norm`: v with the norm g along one axis, or as a whole where that is -1."""
    axes = [axis for axis in range(v.dim()) if axis != dim]
    normed: Tensor = v * (g / torch.linalg.vector_norm(v, dim=axes, keepdim=True))
    return normed


INSTEAD: dict[Callable[..., Any], Callable[..., Any]] = {
    nn.functional.dropout: _dropout,
    torch._weight_norm: _weight_norm,
}


class _Mask(torch.autograd.Function):
    """0 or 1/(1 - p) for each number of x, drawn outside of vmap, where all slots' numbers lie side by side."""

    @staticmethod
    def forward(x: Tensor, p: float) -> Tensor:
        raise RuntimeError("dropout of numbers that are the same for all seeds")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keeps nothing."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], x: Tensor, p: float) -> tuple[Tensor, int]:
        generators = getattr(_slots, "generators", ())
        if len(generators) != info.batch_size or in_dims[0] is None:
            raise RuntimeError("dropout inside of a vmap of the module's own, or without the seeds' generators")
        shape = x.movedim(in_dims[0], 0).shape
        mask = torch.zeros(shape, dtype=x.dtype)
        for slot, generator in zip(mask, generators, strict=True):
            if generator is not None:
                slot.bernoulli_(1 - p, generator=generator)
        return (mask / (1 - p) if p < 1 else mask).to(x.device), 0

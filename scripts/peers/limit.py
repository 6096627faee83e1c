"""How near a training step comes to what this machine's matrix products can do.

The matrix products of one real training step are caught as torch carries them out, and then carried out again alone:
the same operations on the same tensors. What is left of the step's time is elementwise passes and overhead.
cd scripts; python -m peers.limit --cell lstm --work full
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from peers.bare import Bare
from peers.work import CELLS, HIDDEN, WORKS, answer, overrides

PRODUCTS = ("mm", "bmm", "addmm", "addmm_", "baddbmm", "baddbmm_")
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
Call = tuple[Any, tuple[Any, ...], dict[str, Any]]


class Catch(TorchDispatchMode):
    """Notes every matrix product that torch carries out.

    Attributes:
        calls: the operator with its arguments, in order.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: list[Call] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Notes the operation and carries it out."""
        if func.overloadpacket.__name__ in PRODUCTS:
            self.calls.append((func, args, kwargs or {}))
        return func(*args, **(kwargs or {}))


def flop(call: Call) -> int:
    """Floating point operations of one product (S, n, k) x (S, k, m), or of one without S."""
    left, right = [each for each in call[1] if isinstance(each, Tensor)][-2:]
    return 2 * left.numel() * right.shape[-1]


def median_seconds(work: Callable[[], object], seconds: float = 1.0) -> float:
    """The median time of some work, repeated for so many seconds after a first time that does not count."""
    work()
    times: list[float] = []
    while len(times) < 5 or sum(times) < seconds:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def peak() -> float:
    """FLOP/s of one large product."""
    size = 2048
    matrix = torch.ones(size, size)
    out = torch.empty_like(matrix)
    return 2 * size**3 / median_seconds(lambda: torch.mm(matrix, matrix, out=out))


@torch.no_grad()
def replay(calls: list[Call]) -> None:
    """Carries the products out again."""
    for func, args, kwargs in calls:
        func(*args, **kwargs)


def main() -> None:
    """Measures one cell and work."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=CELLS, default="rnn")
    parser.add_argument("--work", choices=WORKS, default="full")
    parser.add_argument("--seeds", type=int, default=30)
    options = parser.parse_args()
    torch.set_num_threads(1)  # products of other threads could not be caught
    bare = Bare([*overrides(options.work), f"cell={options.cell}", f"num_seeds={options.seeds}"])
    batch = next(bare.batches())
    bare.step(batch)
    with Catch() as catch:
        bare.step(batch)
    step = median_seconds(lambda: bare.step(batch))
    products = median_seconds(lambda: replay(catch.calls))
    # W x, W^T d and d x^T, each with G*H rows and I + H columns for every step of every sequence
    needed = 3 * 2 * GATES[options.cell] * HIDDEN * (1 + HIDDEN) * batch[0].shape[:3].numel()
    executed = sum(map(flop, catch.calls))
    answer(
        step_seconds=step,
        product_seconds=products,
        products=len(catch.calls),
        needed_flop=needed,
        executed_flop=executed,
        peak=peak(),
    )


if __name__ == "__main__":
    main()

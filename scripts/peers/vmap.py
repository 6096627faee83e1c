"""torch.func: vmap over seeds of the gradient of a loss, around a cell written as a step.

torch.nn's own recurrent modules cannot be vmapped, so their equations stand here.
cd scripts; python -m peers.vmap --cell lstm --work mini
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
import torch._dynamo  # the first step of an optimizer would import it, within the time that is measured
from torch import Tensor
from torch.func import grad, vmap

from peers.work import HIDDEN, LEARNING_RATE, answer, make_parser, read, stack_data

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
Weights = dict[str, Tensor]


def draw_weights(cell: str, seeds: int, device: str) -> Weights:
    """Weights of all seeds by torch.nn's own distribution, each with a leading seed axis."""
    rows, bound = GATES[cell] * HIDDEN, HIDDEN**-0.5
    shapes = {"w_x": (1, rows), "w_h": (HIDDEN, rows), "b_x": (rows,), "b_h": (rows,), "w": (HIDDEN, 1), "b": (1,)}
    return {
        name: torch.empty(seeds, *shape).uniform_(-bound, bound).to(device).requires_grad_()
        for name, shape in shapes.items()
    }


def run_cell(cell: str, weights: Weights, x: Tensor) -> Tensor:
    """The last state (N, H) over a sequence (N, T, 1) of one seed."""
    projected = (x @ weights["w_x"] + weights["b_x"]).unbind(1)  # T tensors (N, rows): one product for all steps
    h = c = x.new_zeros(len(x), HIDDEN)
    for from_input in projected:
        from_state = torch.addmm(weights["b_h"], h, weights["w_h"])
        if cell == "rnn":
            h = torch.tanh(from_input + from_state)
        elif cell == "lstm":
            i, f, g, o = (from_input + from_state).chunk(4, -1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        else:
            r_x, z_x, n_x = from_input.chunk(3, -1)
            r_h, z_h, n_h = from_state.chunk(3, -1)
            n = torch.tanh(n_x + torch.sigmoid(r_x + r_h) * n_h)
            h = torch.lerp(n, h, torch.sigmoid(z_x + z_h))
    return h


def batches(x: Tensor, y: Tensor, batch_size: int | None) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of all seeds (S, N, ...): everything at once, or mini-batches, each seed in its own order."""
    if batch_size is None:
        yield x, y
        return
    order = torch.rand(x.shape[:2], device=x.device).argsort(1)  # (S, N)
    seeds = torch.arange(len(x), device=x.device)[:, None]
    yield from zip(x[seeds, order].split(batch_size, 1), y[seeds, order].split(batch_size, 1), strict=True)


def main() -> None:
    """Trains all seeds at once."""
    options = read(make_parser(__doc__))
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    start = time.perf_counter()
    data = stack_data(options.seeds, options.work.train)
    x, y, x_test, y_test = (torch.from_numpy(each).to(options.device) for each in data)
    weights = draw_weights(options.cell, options.seeds, options.device)
    optimizer = torch.optim.Adam(weights.values(), lr=LEARNING_RATE, fused=True)

    def loss(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
        prediction = run_cell(options.cell, weights, x) @ weights["w"] + weights["b"]
        return (prediction - y).square().mean()

    gradient = vmap(grad(loss))
    for _ in range(options.work.epochs):
        for inputs, targets in batches(x, y, options.work.batch_size):
            detached = {name: weight.detach() for name, weight in weights.items()}
            for name, value in gradient(detached, inputs, targets).items():
                weights[name].grad = value
            optimizer.step()
    with torch.no_grad():
        test_mse = vmap(loss)(weights, x_test, y_test).mean().item()
    answer(train_seconds=time.perf_counter() - start, test_mse=test_mse)


if __name__ == "__main__":
    main()

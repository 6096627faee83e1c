"""JAX's training step, vmapped over seeds: lax.scan for recurrent cells, lax.associative_scan for linear scans.

Milliseconds per seed and step, compilation apart; sizes and batch as in `peers.stepped`.
cd scripts; python -m peers.jax_cells --cell mingru --steps 200 --hidden 64 --seeds 10 --reads last
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from peers import jax_scan
from peers.work import JAX_CELLS, answer

LINEAR = {"mingru": 2, "minlstm": 3}
"""Blocks of the gates."""

ROWS = 32  # as in peers.stepped, which needs torch
SECONDS = 2.0


def shapes(cell: str, hidden: int, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """Of a seed's weights, the readout's being w and b."""
    H, half = hidden, hidden // 2
    own: dict[str, tuple[int, ...]]
    if cell == "lru":
        own = {"nu": (half,), "theta": (half,), "gamma": (half,), "B": (inputs, 2 * half), "C": (2 * half, H)}
        own |= {"D": (inputs, H), "w_x": (H, 2 * H), "b_x": (2 * H,)}
    else:
        rows = H * (LINEAR[cell] if cell in LINEAR else jax_scan.GATES[cell])
        own = {"w_x": (inputs, rows), "b_x": (rows,)}
        if cell not in LINEAR:
            own |= {"w_h": (H, rows), "b_h": (rows,)}
    return own | {"w": (H, outputs), "b": (outputs,)}


def compose(first: Any, second: Any) -> Any:
    """Two steps h = a h + b as one."""
    return second[0] * first[0], second[0] * first[1] + second[1]


def states(cell: str, weights: Any, x: jax.Array) -> jax.Array:
    """States of every step, time first, (T, B, I) -> (T, B, H)."""
    if cell == "lru":
        eigenvalues = jnp.exp(-jnp.exp(weights["nu"]) + 1j * jnp.exp(weights["theta"]))
        real, imaginary = jnp.split(x @ (jnp.tile(jnp.exp(weights["gamma"]), 2) * weights["B"]), 2, -1)
        b = real + 1j * imaginary
        _, h = lax.associative_scan(compose, (jnp.broadcast_to(eigenvalues, b.shape), b))
        y = jax.nn.gelu(jnp.concatenate([h.real, h.imag], -1) @ weights["C"] + x @ weights["D"], approximate=False)
        value, gate = jnp.split(y @ weights["w_x"] + weights["b_x"], 2, -1)
        return value * jax.nn.sigmoid(gate)
    if cell in LINEAR:
        *gates, new = jnp.split(x @ weights["w_x"] + weights["b_x"], LINEAR[cell], -1)
        closed = gates[0] if cell == "mingru" else jax.nn.softplus(-gates[0]) - jax.nn.softplus(-gates[1])
        share = jax.nn.sigmoid(closed)
        return lax.associative_scan(compose, (1 - share, share * new))[1]

    def advance(state: Any, x_t: jax.Array) -> tuple[Any, jax.Array]:
        state = jax_scan.step(cell, weights, state, x_t)
        return state, state[0]

    zero = jnp.zeros((x.shape[1], weights["w"].shape[0]))
    return lax.scan(advance, (zero, zero), x)[1]


def loss(cell: str, reads: str, weights: Any, x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean squared error of one seed."""
    found = states(cell, weights, x)
    prediction = (found[-1] if reads == "last" else found) @ weights["w"] + weights["b"]
    mse: jax.Array = jnp.square(prediction - y).mean()
    return mse


def update(cell: str, reads: str, weights: Any, moments: Any, x: jax.Array, y: jax.Array) -> Any:
    """One step of one seed."""
    return jax_scan.adam(weights, moments, jax.grad(functools.partial(loss, cell, reads))(weights, x, y))


def main() -> None:
    """Compiles, then measures one cell at one size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=JAX_CELLS, default="rnn")
    parser.add_argument("--reads", choices=("last", "steps"), default="last")
    for name, size in (("steps", 20), ("hidden", 16), ("seeds", 30)):
        parser.add_argument(f"--{name}", type=int, default=size)
    options = parser.parse_args()
    S, T, outputs = options.seeds, options.steps, 1 if options.reads == "last" else 2
    keys = iter(jax.random.split(jax.random.key(0), 12))
    bound = options.hidden**-0.5
    weights = {
        name: jax.random.uniform(next(keys), (S, *shape), minval=-bound, maxval=bound)
        for name, shape in shapes(options.cell, options.hidden, 2, outputs).items()
    }
    zeros = jax.tree.map(jnp.zeros_like, weights)
    moments = (zeros, zeros, jnp.zeros(S))
    x = jax.random.uniform(next(keys), (S, T, ROWS, 2))
    y = jax.random.uniform(next(keys), (S, ROWS, 1) if options.reads == "last" else (S, T, ROWS, 2))
    begin = time.perf_counter()
    step = jax.jit(jax.vmap(functools.partial(update, options.cell, options.reads)))
    compiled = step.lower(weights, moments, x, y).compile()
    compile_seconds = time.perf_counter() - begin
    taken: list[float] = []
    begin = time.perf_counter()
    while len(taken) < 4 or time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        weights, moments = jax.block_until_ready(compiled(weights, moments, x, y))
        taken.append(1e3 * (time.perf_counter() - start) / S)
    answer(own_ms=statistics.median(taken[1:]), compile_seconds=compile_seconds)


if __name__ == "__main__":
    main()

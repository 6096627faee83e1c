"""JAX: the whole training of all seeds as one jitted program, with lax.scan over time, batches and epochs.

cd scripts; python -m peers.jax_scan --cell lstm --work mini
Compiling is timed apart from training. XLA takes as many threads as the process has cores (`taskset`).
The defaults are what was fastest on two cores, at both works: seeds in groups of ten, whose states stay in the cache
(all thirty in one vmap took up to 1.5 times as long), one step per turn of the scan over time (unrolling by 2 or 4 did
not help), and the input's product inside that scan (hoisted out of it, it took longer).
"""

from __future__ import annotations

import functools
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from peers.work import HIDDEN, LEARNING_RATE, Work, answer, make_parser, read, stack_data

GATES = {"rnn": 1, "lstm": 4, "gru": 3}
Tree = Any
"""An array or a dictionary or tuple of them."""


class Plan(NamedTuple):
    """What is fixed when the program is compiled."""

    cell: str
    work: Work
    unroll: int  # steps of time in one turn of lax.scan


def draw_weights(cell: str, key: jax.Array) -> Tree:
    """Weights of one seed by torch.nn's own distribution."""
    rows, bound = GATES[cell] * HIDDEN, HIDDEN**-0.5
    shapes = {"w_x": (1, rows), "w_h": (HIDDEN, rows), "b_x": (rows,), "b_h": (rows,), "w": (HIDDEN, 1), "b": (1,)}
    keys = jax.random.split(key, len(shapes))
    return {
        name: jax.random.uniform(k, shape, minval=-bound, maxval=bound)
        for k, (name, shape) in zip(keys, shapes.items(), strict=True)
    }


def step(cell: str, weights: Tree, state: Tree, x: jax.Array) -> Tree:
    """The next state (h, c) from the input (N, 1) of one time step."""
    h, c = state
    from_input, from_state = x @ weights["w_x"] + weights["b_x"], h @ weights["w_h"] + weights["b_h"]
    if cell == "rnn":
        h = jnp.tanh(from_input + from_state)
    elif cell == "lstm":
        i, f, g, o = jnp.split(from_input + from_state, 4, -1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
    else:
        r_x, z_x, n_x = jnp.split(from_input, 3, -1)
        r_h, z_h, n_h = jnp.split(from_state, 3, -1)
        n = jnp.tanh(n_x + jax.nn.sigmoid(r_x + r_h) * n_h)
        h = n + jax.nn.sigmoid(z_x + z_h) * (h - n)
    return h, c


def loss(plan: Plan, weights: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    """Mean squared error of one seed on sequences (N, T, 1)."""

    def advance(state: Tree, x_t: jax.Array) -> tuple[Tree, None]:
        return step(plan.cell, weights, state, x_t), None

    zero = jnp.zeros((len(x), HIDDEN))
    (h, _), _ = lax.scan(advance, (zero, zero), x.swapaxes(0, 1), unroll=plan.unroll)
    mse: jax.Array = jnp.square(h @ weights["w"] + weights["b"] - y).mean()
    return mse


def adam(weights: Tree, moments: Tree, gradient: Tree) -> tuple[Tree, Tree]:
    """One update by Adam."""
    mean, square, count = moments
    count = count + 1
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, gradient)

    def update(w: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        change: jax.Array = m / (1 - 0.9**count) / (jnp.sqrt(v / (1 - 0.999**count)) + 1e-8)
        return w - LEARNING_RATE * change

    return jax.tree.map(update, weights, mean, square), (mean, square, count)


def train(plan: Plan, arguments: Tree) -> jax.Array:
    """Trains one seed, (key, x, y, x_test, y_test), and returns its test MSE."""
    key, x, y, x_test, y_test = arguments
    key_weights, key_order = jax.random.split(key)
    weights = draw_weights(plan.cell, key_weights)
    zeros = jax.tree.map(jnp.zeros_like, weights)

    def train_batch(carry: Tree, batch: Tree) -> tuple[Tree, None]:
        weights, moments = carry
        gradient = jax.grad(functools.partial(loss, plan))(weights, *batch)
        return adam(weights, moments, gradient), None

    def train_epoch(carry: Tree, key: jax.Array) -> tuple[Tree, None]:
        if plan.work.batch_size is None:
            return train_batch(carry, (x, y))
        order = jax.random.permutation(key, len(x)).reshape(-1, plan.work.batch_size)
        carry, _ = lax.scan(lambda carry, rows: train_batch(carry, (x[rows], y[rows])), carry, order)
        return carry, None

    start = (weights, (zeros, zeros, jnp.zeros(())))
    (weights, _), _ = lax.scan(train_epoch, start, jax.random.split(key_order, plan.work.epochs))
    return loss(plan, weights, x_test, y_test)


def main() -> None:
    """Compiles, then trains all seeds."""
    parser = make_parser(__doc__)
    parser.add_argument("--group", type=int, default=10, help="seeds that are vmapped together; 0 is all")
    parser.add_argument("--unroll", type=int, default=1, help="steps of time in one turn of lax.scan")
    options = read(parser)
    train_one = functools.partial(train, Plan(options.cell, options.work, options.unroll))
    if options.group:
        program = jax.jit(functools.partial(lax.map, train_one, batch_size=options.group))
    else:
        program = jax.jit(jax.vmap(train_one))
    data = stack_data(options.seeds, options.work.train)
    arguments = (jax.random.split(jax.random.key(0), options.seeds), *(jnp.asarray(each) for each in data))
    start = time.perf_counter()
    compiled = program.lower(arguments).compile()
    ready = time.perf_counter()
    test_mse = float(np.asarray(compiled(arguments)).mean())
    done = time.perf_counter()
    answer(train_seconds=done - ready, compile_seconds=ready - start, test_mse=test_mse)


if __name__ == "__main__":
    main()

"""The table of all cells: a population's training step beside a plain loop's over its seeds, JAX's, and the GRU's."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from peers import sides
from peers.measure import Measured, Noise, interleave, median, ratio
from peers.report import Report
from peers.sides import Side
from peers.work import JAX_CELLS

SIZES = ((20, 16, 30), (200, 64, 10), (1000, 128, 3))
"""Steps, units, seeds."""

READS = ("last", "steps")

NOTES = (
    "One training step on a batch of 32 sequences of two inputs: forward, backward, and update by Adam, on one thread. "
    "*loop* is a loop over seeds of the cell as one writes it in PyTorch (`torch.nn` has `rnn`, `lstm`, `gru`; the "
    "rest is in `scripts/peers/plain_cells.py`), which takes turns with the population in one process, from the same "
    "weights and on the same batch. Ratios are its time, that of JAX, and our GRU's of the same round, over ours: "
    "above 1 the population is ahead of the loop and of JAX, and the cell faster than the GRU.",
    "*last* has one target, after the last step; *steps* one after every step. With the first, gradients that vanish "
    "on their way back become denormal numbers, on which processors are many times slower: that is a part of what "
    "recurrent cells take at 200 and 1,000 steps, and of what their loops take. JAX sets them to 0.",
)


def cells(
    names: Sequence[str], python_jax: str | None, sizes: Sequence[tuple[int, int, int]], rounds: int, noise: Noise
) -> Report:
    """Measures all cells at some sizes.

    Args:
        names: of cells.
        python_jax: an interpreter that has jax, if there is one.
        sizes: steps, units and seeds.
        rounds: of all cells.
        noise: of the machine.
    """
    report = Report("All cells: milliseconds per seed and training step", notes=list(NOTES))
    for steps, hidden, seeds in sizes:
        found = {
            reads: interleave(_sides(names, python_jax, steps, hidden, seeds, reads), rounds, noise) for reads in READS
        }
        header = [f"T={steps}, H={hidden}, S={seeds}"]
        for reads in READS:
            header += [reads, "loop", *(["JAX"] if python_jax else []), "GRU"]
        rows = [header]
        for name in names:
            row = [name]
            for reads in READS:
                row += _row(found[reads], name, bool(python_jax))
            rows.append(row)
        report.tables.append(rows)
        report.raw[header[0]] = found
    return report


def _row(found: dict[str, list[Measured]], name: str, with_jax: bool) -> list[str]:
    own = found[name]
    row = [f"{median(own, 'own_ms'):.3g}", f"{median(own, 'ratio'):.2f}×"]
    if with_jax:
        jax = found.get(f"jax {name}")
        row.append(f"{ratio(jax, own, 'own_ms'):.2f}×" if jax else "")
    return [*row, f"{ratio(found['gru'], own, 'own_ms'):.2f}×" if "gru" in found else ""]


def _sides(
    names: Sequence[str], python_jax: str | None, steps: int, hidden: int, seeds: int, reads: str
) -> dict[str, Side]:
    found: dict[str, Side] = {}
    for name in names:
        sizes = ("--steps", str(steps), "--hidden", str(hidden), "--seeds", str(seeds))
        arguments = ("--cell", name, "--reads", reads, *sizes)
        found[name] = functools.partial(sides.run_program, "stepped", *arguments, threads=1, passive=True)
        if python_jax and name in JAX_CELLS:
            found[f"jax {name}"] = functools.partial(
                sides.run_program, "jax_cells", *arguments, python=python_jax, pinned=1
            )
    return found

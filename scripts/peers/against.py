"""This checkout against another revision of it: whole runs, pair by pair."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

from peers import sides
from peers.measure import SCRIPTS, Measured
from peers.sides import Side
from peers.work import overrides


@contextlib.contextmanager
def tree_of(revision: str) -> Iterator[Path]:
    """A checkout of another revision, gone in the end."""
    git = ["git", "-C", str(SCRIPTS), "worktree"]
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name) / "tree"
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), revision], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def side(tree: Path, work: str, cell: str, seeds: int, threads: int) -> Side:
    """`python -m seqexp` with the code of a checkout."""
    settings = [*overrides(work), f"cell={cell}", f"num_seeds={seeds}"]
    path = os.pathsep.join([str(tree), str(SCRIPTS)])
    return functools.partial(sides.run_seqexp, settings, threads, environment={"PYTHONPATH": path})


def median_interval(here: Sequence[Measured], there: Sequence[Measured], name: str) -> tuple[float, float, float]:
    """The median over pairs of here / there, and a 95 % interval of that median, by order statistics.

    Between the k-th lowest and the k-th highest of n ratios lies the median with 1 - 2 P(Binomial(n, 1/2) < k). With
    fewer than 6 pairs the interval is all that was seen, which is less sure.
    """
    found = np.sort([a[name] / b[name] for a, b in zip(here, there, strict=True)])
    k = max(1, int(stats.binom.ppf(0.025, len(found), 0.5)))
    return float(np.median(found)), float(found[k - 1]), float(found[len(found) - k])

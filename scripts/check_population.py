"""Is seed k of a population the run with `seed=k num_seeds=1`? Prints a table; exit status 1 if float64 says no.

    python scripts/check_population.py

Every cell is trained with the default settings, once as a population and once seed by seed, in both precisions.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from seqexp.run.execute import run

TOLERANCE = 1e-6


def worst_difference(cell: str, data: str, precision: str, seeds: int) -> float:
    """The largest relative difference of a seed's test MSE between the population and the seed alone."""
    settings = [f"cell={cell}", f"data={data}", f"trainer.precision={precision}", "trainer.enable_progress_bar=false"]
    with tempfile.TemporaryDirectory() as folder:
        together = run([*settings, f"num_seeds={seeds}"], Path(folder) / "all").test_mse
        alone = [run([*settings, "num_seeds=1", f"seed={k}"], Path(folder) / str(k)).test_mse[0] for k in range(seeds)]
    return float(np.max(np.abs(np.divide(together, alone) - 1)))


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=10)
    options = parser.parse_args()
    print(f"| cell | data | largest relative difference, float64 | float32 |\n| {' | '.join(['---'] * 4)} |")
    differences = []
    for data in ("sine", "sum"):
        for cell in ("rnn", "lstm", "gru"):
            exact = worst_difference(cell, data, "64-true", options.seeds)
            single = worst_difference(cell, data, "32-true", options.seeds)
            print(f"| {cell} | {data} | {exact:.1e} | {single:.1e} |", flush=True)
            differences.append(exact)
    return int(max(differences) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main())

"""Whether this checkout trains to the last bit what another revision trains: `python scripts/check_bits.py REVISION`.

Each cell on each task in each precision is one run of both, in a process of its own, with one thread. Compared are the
scores per seed and the epochs that were kept. Prints one line for each, and ends with status 1 if one differs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
COMPARED = ("test_mse", "val_mse", "train_mse", "best_epoch", "epochs", "steps")


def train(tree: Path, overrides: list[str], folder: Path) -> dict[str, object]:
    """Runs one configuration with the code of `tree`; returns what of its record is compared."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "seqexp", *overrides, f"hydra.run.dir={folder}"]
    done = subprocess.run(command, env=environment, cwd=folder.parent, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{tree}: {' '.join(overrides)}: status {done.returncode}\n{done.stderr}")
    record = json.loads((folder / "result.json").read_text())
    return {name: record[name] for name in COMPARED}


def main() -> int:
    """Compares; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("revision", help="of this repository, such as v0.1.0 or HEAD~3")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("overrides", nargs="*", help="more settings, for all runs")
    options = parser.parse_args()
    different = 0
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        git = ["git", "-C", str(REPOSITORY), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(top / "tree"), options.revision], check=True)
        try:
            grid = itertools.product(("rnn", "lstm", "gru"), ("sine", "sum"), ("32-true", "64-true"))
            for number, (cell, data, precision) in enumerate(grid):
                overrides = [f"cell={cell}", f"data={data}", f"trainer.precision={precision}", "num_seeds=3"]
                overrides += [f"trainer.max_epochs={options.epochs}", *options.overrides]
                sides = [
                    train(tree, overrides, top / f"{number}{side}")
                    for side, tree in (("here", REPOSITORY), ("there", top / "tree"))
                ]
                same = sides[0] == sides[1]
                different += not same
                print(f"{'equal' if same else 'DIFFERENT'}: {' '.join(overrides)}", flush=True)
        finally:
            subprocess.run([*git, "remove", "--force", str(top / "tree")], check=True)
    print(f"{different} of {number + 1} differ from {options.revision}")
    return int(different > 0)


if __name__ == "__main__":
    sys.exit(main())

"""The same cell under two names: does the comparison keep quiet? Exit status 1 unless it detects no difference.

    python scripts/check_null.py

Trains `rnn` on seeds 0 to 19 and the same file under the name `rnn_again` on seeds 20 to 39, on sine, and compares.
The seeds being disjoint, the interval is the unpaired one; `check_statistics.py` tries the paired test.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from seqexp.compare import compare
from seqexp.config.compose import CONF
from seqexp.run.execute import run


def main() -> int:
    """Trains, compares, and prints the comparison."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "conf" / "cell").mkdir(parents=True)
        shutil.copy(CONF / "cell" / "rnn.yaml", folder / "conf" / "cell" / "rnn_again.yaml")
        common = ["num_seeds=20", f"hydra.searchpath=[file://{folder / 'conf'}]", "trainer.enable_progress_bar=false"]
        for seed, cell in ((0, "rnn"), (20, "rnn_again")):
            run([*common, f"cell={cell}", f"seed={seed}"], folder / "runs" / cell)
        comparison = compare(folder / "runs")
    comparison.render(Console())
    said = [sentence for sentence in comparison.sentences if "rnn_again" in sentence and "baseline" not in sentence]
    return int(not any("no difference detected" in sentence for sentence in said))


if __name__ == "__main__":
    sys.exit(main())

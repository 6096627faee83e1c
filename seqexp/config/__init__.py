"""The typed configuration: how it is composed, checked and guarded, and what is said of a wrong one."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent

CONF = next(path for path in (_PACKAGE / "conf", _PACKAGE.parent / "conf") if path.is_dir())
"""The folder of YAML groups: inside the installed package, or at the top of a checkout."""

MOST_SEEDS, MOST_BASELINES, LONGEST_NAME, MOST_WEIGHTS = 100_000, 50, 200, 10_000
"""What a run has at most: more is refused before it begins, and a record with more is none of seqexp's."""

EMBEDDING_SIZE = 32
"""Features of a token in configurations that do not say: those of versions that knew no tokens."""

LISTED = ("callback", "diagnostic", "logger")
"""Groups of which any number of files is taken, as in diagnostic=[gradient_lag]: each file has a key of its own."""

SOURCE_SEEDS = ("data_seed", "model_seed", "order_seed")
"""The keys that fix one source of randomness for all seeds of a population; null lets it follow each seed."""

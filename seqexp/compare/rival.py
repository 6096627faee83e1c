"""Which baselines every row has to beat. Test scores have no say in it: the lowest of several is lucky, too."""

from __future__ import annotations

import numpy as np

from seqexp.compare.data_sets import DataSet
from seqexp.statistics import Array, mean_interval

FLOOR = "noise"
"""What nobody can beat is no rival."""

CONSTANT = "constant"


def best_baseline(data_set: DataSet) -> list[str]:
    """The rivals of the rows.

    Returns:
        Of the baselines that the most seeds have the one with the lowest mean validation score; all of them where one
        has no validation score; nothing where there is no baseline.
    """
    tested = _of_most({name: each.values for name, each in data_set.baselines.items() if name != FLOOR})
    scored = _of_most({name: each.values for name, each in data_set.validation_baselines.items() if name in tested})
    if len(scored) < len(tested):
        return list(tested)
    means = {name: mean_interval(values).mean for name, values in scored.items()}
    return [min(means, key=lambda name: means[name])] if means else []


def reference(rivals: list[str]) -> str | None:
    """The baseline that ratios in tables are to: the rival, the constant guess of several, or the first of them."""
    if len(rivals) > 1 and CONSTANT in rivals:
        return CONSTANT
    return rivals[0] if rivals else None


def rivals_text(rivals: list[str]) -> list[str]:
    """Says why there is more than one rival, where there is."""
    if len(rivals) < 2:
        return []
    return [
        "Not all baselines have validation scores here, so the best of them cannot be chosen without test scores: "
        "the rows are compared with each of them."
    ]


def _of_most(baselines: dict[str, Array]) -> dict[str, Array]:
    """Those that the most seeds have a score of, one at least."""
    counts = {name: int(np.isfinite(values).sum()) for name, values in baselines.items()}
    most = max(counts.values(), default=0)
    return {name: values for name, values in baselines.items() if counts[name] == most > 0}

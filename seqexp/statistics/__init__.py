"""Statistics over seeds: intervals, paired differences, exact p-values, Holm, power."""

from seqexp.statistics.paired import (
    ALPHA,
    CONFIDENCE,
    Array,
    Difference,
    Interval,
    detectable_effect,
    holm,
    mean_interval,
    mean_ratio,
    paired_difference,
    seeds_needed,
    sign_flip_p,
    unpaired_difference,
)

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "Array",
    "Difference",
    "Interval",
    "detectable_effect",
    "holm",
    "mean_interval",
    "mean_ratio",
    "paired_difference",
    "seeds_needed",
    "sign_flip_p",
    "unpaired_difference",
]

"""Statistics over seeds: intervals, paired differences, exact p-values, Holm, power."""

from seqexp.statistics.family import Step, detectable_effect, holm, seeds_needed
from seqexp.statistics.paired import (
    ALPHA,
    CONFIDENCE,
    Difference,
    Interval,
    Paired,
    fieller,
    mean_interval,
    mean_ratio,
    paired_difference,
    unpaired_difference,
)
from seqexp.statistics.signflip import Array, SignFlip, sign_flip_p

__all__ = [
    "ALPHA",
    "CONFIDENCE",
    "Array",
    "Difference",
    "Interval",
    "Paired",
    "SignFlip",
    "Step",
    "detectable_effect",
    "fieller",
    "holm",
    "mean_interval",
    "mean_ratio",
    "paired_difference",
    "seeds_needed",
    "sign_flip_p",
    "unpaired_difference",
]

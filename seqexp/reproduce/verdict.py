"""Whether a number of ours agrees with a published one."""

from __future__ import annotations

import math
from typing import Literal

from scipy import stats

from seqexp.reproduce.measure import Measured
from seqexp.reproduce.published import Row
from seqexp.statistics.paired import CONFIDENCE

Verdict = Literal["agrees", "better", "worse", "cannot be told apart"]


def verdict(row: Row, ours: Measured) -> Verdict:
    """Judges by our interval, and by the published trials where they are known.

    Ours *agrees* where its whole 95 % interval is nearer to the published number than the margin. Else it is *better*
    or *worse* where the interval leaves the published number out; of two shares whose trials are known, where Fisher's
    exact test tells them apart at 5 %. Else the two *cannot be told apart* with so many seeds, which is not agreement.
    """
    if max(abs(ours.low - row.published), abs(ours.high - row.published)) < row.margin:
        return "agrees"
    if not _differs(row, ours):
        return "cannot be told apart"
    return "better" if (ours.value > row.published) == row.higher_is_better else "worse"


def _differs(row: Row, ours: Measured) -> bool:
    if math.isnan(ours.low):
        return False
    if row.trials is None:
        return not ours.low <= row.published <= ours.high
    theirs, own = round(row.published / row.scale * row.trials), round(ours.value / row.scale * ours.seeds)
    table = [[own, ours.seeds - own], [theirs, row.trials - theirs]]
    return bool(stats.fisher_exact(table).pvalue < 1 - CONFIDENCE)

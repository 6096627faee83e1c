"""In what the seeds of a data set differ, and so what its intervals and p-values speak of."""

from __future__ import annotations

from collections.abc import Sequence

from seqexp.compare.learnt import Source
from seqexp.compare.runs import Run
from seqexp.compare.text import list_text
from seqexp.config import SOURCE_SEEDS

COPIES = (
    f"{list_text(list(SOURCE_SEEDS))} are all fixed, so all seeds are copies of one: "
    "nothing varies, and nothing is tested."
)
_UNSAID = {"data": "new data", "model": "new initial weights", "order": "a new order of training"}
"""What is said where a record does not say in what its seeds differ."""


def varied(runs: Sequence[Run], rows: Sequence[Sequence[Source]]) -> dict[str, str]:
    """The sources of randomness in which seeds differ, in words; empty where no row has two seeds, or all are copies.

    Args:
        runs: of one data set.
        rows: (run, position) of each seed of each row.
    """
    if max(map(len, rows)) < 2 or are_copies(runs):
        return {}
    found: dict[str, str] = {}
    for run in runs:
        found |= run.varies or {source: words for source, words in _UNSAID.items() if not _is_fixed(run, source)}
    digests = {tuple(run.data_hash[index]) for row in rows for run, index in row if run.data_hash is not None}
    if len(digests) == 1:
        found.pop("data", None)
    return {source: found[source] for source in _UNSAID if source in found}


def are_copies(runs: Sequence[Run]) -> bool:
    """Whether every source of randomness is fixed, so that any two seeds are one."""
    return all(run.settings.get(key) is not None for run in runs for key in SOURCE_SEEDS)


def varied_text(found: dict[str, str]) -> str:
    """What intervals and p-values speak of, in one sentence."""
    only = " only" if len(found) == 1 else ""
    same = "" if "data" in found else "; the data are one set for all seeds"
    return f"The intervals and p-values speak of {list_text(list(found.values()))}{only}{same}."


def _is_fixed(run: Run, source: str) -> bool:
    full_batch = run.settings.get("data.batch_size", "") is None
    return run.settings.get(f"{source}_seed") is not None or (source == "order" and full_batch)

"""In what the seeds of a data set differ, and so what its intervals and p-values speak of."""

from __future__ import annotations

from collections.abc import Sequence

from seqexp.compare.learnt import Source
from seqexp.compare.runs import Run
from seqexp.compare.text import list_text

COPIES = "All seeds are copies of one: nothing varies between them, and nothing is tested."

_UNSAID = {"data": "new data", "model": "new initial weights", "order": "a new order of training"}
"""What is said where a record does not say in what its seeds differ."""


def varied(rows: Sequence[Sequence[Source]]) -> dict[str, str]:
    """The sources of randomness in which seeds differ, in words.

    Args:
        rows: (run, position) of each seed of each row.
    """
    of_rows = [_of_row(row) for row in rows if len(row) > 1]
    found: dict[str, str] = {}
    for source in _UNSAID:
        words = [each[source] for each in of_rows if source in each]
        if words:
            found[source] = words[0] + " (in some rows)" * (len(words) < len(of_rows))
    return found


def are_copies(rows: Sequence[Sequence[Source]]) -> bool:
    """Whether rows have several seeds, and these differ in nothing, so that any two of them are one."""
    return max(map(len, rows), default=0) > 1 and not varied(rows)


def varied_text(found: dict[str, str]) -> str:
    """What intervals and p-values speak of, in one sentence."""
    only = " only" if len(found) == 1 else ""
    same = "" if "data" in found else "; the data are one set for all seeds"
    return f"The intervals and p-values speak of {list_text(list(found.values()))}{only}{same}."


def repeated_text(rows: Sequence[Sequence[Source]]) -> list[str]:
    """Says that some seeds share their data, as with `data.folds`; nothing where all of them do, or no two.

    Args:
        rows: (run, position) of each seed of each row.
    """
    for row in rows:
        learnt = {None if run.data_hash is None else tuple(run.data_hash[index]) for run, index in row}
        if 1 < len(learnt) < len(row) and None not in learnt:
            return [
                f"{len(row)} seeds have {len(learnt)} data sets, and each seed counts as if it had one of its own: "
                "as to new data sets, intervals may be too narrow and p-values too small."
            ]
    return []


def _of_row(row: Sequence[Source]) -> dict[str, str]:
    runs = list({id(run): run for run, _ in row}.values())
    found: dict[str, str] = {}
    for run in runs:
        unsaid = {source: words for source, words in _UNSAID.items() if not _is_fixed(run, source)}
        found |= unsaid if run.varies is None else run.varies
    digests = {None if run.data_hash is None else tuple(run.data_hash[index]) for run, index in row}
    if len(digests) == 1 and None not in digests:
        found.pop("data", None)
    return found


def _is_fixed(run: Run, source: str) -> bool:
    full_batch = run.settings.get("data.batch_size", "") is None
    return run.settings.get(f"{source}_seed") is not None or (source == "order" and full_batch)

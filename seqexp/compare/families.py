"""Which data sets are one family of tests: those that one sweep compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqexp.compare.data_sets import DataSet


def families(data_sets: Sequence[DataSet]) -> list[list[int]]:
    """Positions of the data sets, those that share a sweep together.

    A run's sweep is the folder in which its own lies. Data sets to which several sweeps contributed join them: what is
    printed as one table is of one family.
    """
    found: list[tuple[set[Path], list[int]]] = []
    for index, data_set in enumerate(data_sets):
        sweeps = {run.folder.parent for row in data_set.rows for run in row.runs}
        joined = [each for each in found if each[0] & sweeps]
        members = sorted([index, *(member for _, others in joined for member in others)])
        found = [each for each in found if each not in joined]
        found.append((sweeps.union(*(folders for folders, _ in joined)), members))
    return [members for _, members in found]

"""The comparison of many runs: records -> statistics -> table and verdict.

The way through the package: `runs` reads records, `grouping` sorts them into data sets and rows,
`selection` picks settings on validation scores, `pairs` and `statistics` test, `verdict` says it in words,
`section` is one data set's result, `report` and `pictures` write it out, `comparison` holds it together.
"""

from seqexp.compare.comparison import Comparison, compare
from seqexp.compare.runs import CompareError

__all__ = ["CompareError", "Comparison", "compare"]

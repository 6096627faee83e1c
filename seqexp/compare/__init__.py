"""The comparison of many runs: records -> statistics -> table and verdict.

The way through the package, each step returning values: `runs` reads records, `data_sets` sorts them into `rows`, with
`keys` to say what is compared and `swept` what differs; `choice` picks settings on validation scores, `pairs` and
`statistics` test, `verdict` says it in words; `section` is one data set's result, `table` prints it, and `report`,
`export`, `pictures` and `board` write it out; `comparison` holds it together.
"""

from seqexp.compare.comparison import Comparison, compare
from seqexp.compare.keys import CompareError

__all__ = ["CompareError", "Comparison", "compare"]

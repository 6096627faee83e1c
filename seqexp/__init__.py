"""seqexp: comparisons of recurrent networks that can be believed.

    from seqexp.run import run, sweep, load         # one run; a sweep; the trained model of a run's folder
    from seqexp.compare import compare              # tables, verdicts and figures of any folders of runs
    from seqexp.evaluate import evaluate            # a finished run elsewhere than where it was trained
    from seqexp.record.record import Record         # what a run's `result.json` holds

`seqexp.run`, `seqexp.sweep`, `seqexp.compare` and `seqexp.evaluate` by themselves are the modules.
"""

from __future__ import annotations

__version__ = "0.2.0.dev0"


def __getattr__(name: str) -> object:
    """Says of what is looked for here where it is."""
    if name == "load":
        raise ImportError("seqexp has no load of its own: from seqexp.run import run, sweep, load")
    if name == "Record":
        raise ImportError("seqexp has no Record of its own: from seqexp.record.record import Record")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""One configuration becomes one folder and one record; several, from Python, a comparison."""

from seqexp.run.execute import run
from seqexp.run.load import kept_steps, load
from seqexp.run.many import sweep

__all__ = ["kept_steps", "load", "run", "sweep"]

"""One configuration becomes one folder and one record."""

from seqexp.run.execute import run
from seqexp.run.load import load

__all__ = ["load", "run"]

"""seqexp: comparisons of recurrent networks that can be believed."""

__version__ = "0.2.0.dev0"

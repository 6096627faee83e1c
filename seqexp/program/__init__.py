"""The program `seqexp`, also `python -m seqexp`: a verb first, or settings alone for a run or a sweep.

The way through the package: `verbs` knows what the first word may be and starts it, `run` has Hydra do a run or a
sweep, `listing` is the verb `list`, `page` is what `--help` shows.
"""

"""Tasks: what is to be learnt, one per file."""

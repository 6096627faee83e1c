"""Published numbers, run again: what is trained, what is measured, and whether it agrees."""

"""The parts of scripts/fuzz.py: what is thrown, what throws it, and what is held against the promises."""

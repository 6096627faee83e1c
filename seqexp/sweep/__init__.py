"""A multirun: its jobs, what is missing of them, and what happens around them."""

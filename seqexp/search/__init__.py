"""Hyper-parameter search: Hydra's overrides give the space, Optuna draws from it, an ordinary comparison ends it.

The way through the package: `space` reads the command line, `study` asks and tells Optuna and remembers, `trial` trains
once, `final` runs the best settings with fresh seeds, `search` holds it together. Needs the extra `search`.
"""

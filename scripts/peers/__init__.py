"""The programs that `scripts/bench.py` times, each a process of its own: `cd scripts; python -m peers.loop --help`.

Rivals: `loop`, `vmap`, `jax_scan`, `jax_cells`. Parts of seqexp itself: `bare` (its scan without Lightning),
`threaded` (seqexp with every thread that it can get), `growth`, `limit`,
`streamed` (batches drawn anew); and `stepped`, in turns with `plain_cells`.
What all share is in `work`, what `bench.py` calls in `sides` and `cells`; how times are taken is in `measure`, how they
are told in `report`.
"""

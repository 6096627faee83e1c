"""`python -m seqexp` with all the threads that it is given, however small the work.

cd scripts; OMP_NUM_THREADS=2 OMP_WAIT_POLICY=PASSIVE python -m peers.threaded experiment=lab_sine cell=lstm
"""

from __future__ import annotations

import sys

import seqexp.run  # noqa: F401 - what it loads is changed below
from seqexp.__main__ import main

if __name__ == "__main__":
    # The size of work below which seqexp takes one thread: none is too small.
    holders = [module for name, module in sys.modules.items() if name.startswith("seqexp.")]
    holders = [module for module in holders if hasattr(module, "THREADED_STATE")]
    if not holders:
        raise AttributeError("seqexp has no THREADED_STATE any more: say here how to make it take all threads")
    for module in holders:
        module.__dict__["THREADED_STATE"] = 0
    main()

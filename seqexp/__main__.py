"""python -m seqexp: the program, which `seqexp.program` holds."""

from __future__ import annotations

from seqexp.program.verbs import main

__all__ = ["main"]

if __name__ == "__main__":
    main()

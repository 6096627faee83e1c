"""python -m seqexp: the program, which `seqexp.program` holds."""

from __future__ import annotations

import sys

try:
    from seqexp import startup
except KeyboardInterrupt:  # Python's own start comes before; from here on there is no traceback
    sys.stderr.write("seqexp: interrupted\n")
    sys.exit(130)


def main() -> None:
    """Runs the command line."""
    with startup.interruptible():
        from seqexp.program import verbs
    verbs.main()


def compare() -> None:
    """Runs the verb `compare` for the command `seqexp-compare`."""
    with startup.interruptible():
        from seqexp.program import verbs
    verbs.start("compare", sys.argv[1:])


if __name__ == "__main__":
    main()

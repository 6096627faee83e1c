"""A sweep for another program: `python -m seqexp.program.piped FILE ...` writes the sweep's folder into the file.

Lines of finished runs are printed as always; the comparison is not, as the other program reads it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from seqexp.program.run import run
from seqexp.show.console import prepare_output


def main() -> None:
    """Runs the sweep of the command line behind the file's name."""
    told = Path(sys.argv.pop(1))
    prepare_output()
    run(told)


if __name__ == "__main__":
    main()

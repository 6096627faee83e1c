"""The verb `reproduce`: published numbers, run again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from seqexp.config import options
from seqexp.config.mistakes import ConfigError, current_folder, refuse, refusing_paths
from seqexp.program.page import columns
from seqexp.record.files import write_atomically
from seqexp.reproduce import published, report
from seqexp.reproduce.reproduce import reproduce
from seqexp.show.console import prepare_output, say

USAGE = """\
Trains what a published table is about, and says of each number whether ours agrees with it.

  {program}                          the tables that there are, and how long each takes
  {program} hs1997/table1            one of them; what was trained before is not trained again
  {program} hs1997/table1 --short    its shorter form, with fewer seeds or steps"""

PAGE = "reproduced.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a table, and prints and writes what came out.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status, 0.

    Raises:
        SystemExit: with status 2, where there is no such table or a run cannot be done.
    """
    prepare_output()
    parser = options.parser("reproduce", USAGE.format(program=options.called("reproduce")))
    parser.add_argument("name", metavar="TABLE", nargs="?", help="such as hs1997/table1; none lists them")
    parser.add_argument("--short", action="store_true", help="fewer seeds or steps, as the table's file says")
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="where runs and page go (default: outputs/reproduce/TABLE)"
    )
    given = options.strict(parser).parse_args(arguments)
    if given.name is None:
        if given.short or given.out:
            parser.error("--short and --out go with a TABLE")
        sys.stdout.write(columns([(name, _summary(name)) for name in published.names()]) + "\n")
        return 0
    try:
        current_folder()
        table = published.load(given.name)
        folder = given.out or Path("outputs", "reproduce", *given.name.split("/"), *(["short"] if given.short else []))
        found = []
        say(sys.stdout, f"{_summary(given.name)} Rows: {len(table.rows)}.")
        with refusing_paths():
            for each in reproduce(given.name, folder, given.short):
                found.append(each)
                say(sys.stdout, report.line(each))
            for note in report.notes(found, given.short):
                say(sys.stdout, note)
            command = options.typed("reproduce", given.name, *(["--short"] if given.short else []))
            text = report.page(given.name, published.title(given.name), table, found, command, given.short)
            write_atomically(folder / PAGE, text.encode())
    except ConfigError as error:
        refuse(error)
    say(sys.stdout, f"\N{RIGHTWARDS ARROW} {folder / PAGE}")
    return 0


def _summary(name: str) -> str:
    """What a table is about, and how long it takes; of one that cannot be read, why."""
    try:
        table = published.load(name)
    except ConfigError as error:  # which hides no other
        return str(error)
    minutes = f" Minutes of one core: {table.minutes:g}." if table.minutes else ""
    return published.title(name) + minutes

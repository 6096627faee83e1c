"""The verb `lab`: what the lab sheet states, put to the test."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from seqexp.config import options
from seqexp.config.mistakes import ConfigError, current_folder, refuse, refusing_paths
from seqexp.lab import report
from seqexp.lab.lab import lab
from seqexp.lab.questions import QUESTIONS
from seqexp.program.page import columns
from seqexp.record.files import write_atomically
from seqexp.show.console import prepare_output, say

USAGE = """\
Trains what answers the questions of a lab sheet on recurrent networks, and says of each statement whether it holds.

  {program}                  all questions, in some seven minutes; what was trained before is not trained again
  {program} gradients long   some of them
  {program} --short          next to no training: shows what comes, and answers nothing

Questions, each of which is an experiment by itself (experiment=lab/NAME):

"""

PAGE = "lab.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Answers questions, and prints and writes what came out.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status, 0.

    Raises:
        SystemExit: with status 2, where there is no such question or a run cannot be done.
    """
    prepare_output()
    listed = columns([(name, each.asks) for name, each in QUESTIONS.items()])
    parser = options.parser("lab", USAGE.format(program=options.called("lab")) + listed)
    parser.add_argument("names", metavar="QUESTION", nargs="*", help="none answers all")
    parser.add_argument("--short", action="store_true", help="next to no training")
    parser.add_argument("--out", metavar="FOLDER", type=Path, help="where runs and page go (default: outputs/lab)")
    given = options.strict(parser).parse_intermixed_args(arguments)
    names = list(dict.fromkeys(given.names or QUESTIONS))
    try:
        current_folder()
        folder = given.out or Path("outputs", "lab", *(["short"] if given.short else []))
        answers = []
        with refusing_paths():
            for answer in lab(names, folder, given.short):
                answers.append(answer)
                say(sys.stdout, f"{answer.question.asks} ({len(answers)} of {len(names)})")
                for line in report.lines(answer):
                    say(sys.stdout, f"- {line}")
            if given.short:
                say(sys.stdout, report.SHORT)
            command = options.typed("lab", *given.names, *(["--short"] if given.short else []))
            write_atomically(folder / PAGE, report.page(answers, command, given.short).encode())
    except ConfigError as error:
        refuse(error)
    say(sys.stdout, f"\N{RIGHTWARDS ARROW} {folder / PAGE}")
    return 0

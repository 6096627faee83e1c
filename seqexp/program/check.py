"""The verb `check`: what makes a task's scores easier than they look, told in a second, without training."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from seqexp import baselines, leaks
from seqexp.config import options
from seqexp.config.compose import compose_config, known_keys
from seqexp.config.folders import check_config_dir
from seqexp.config.mistakes import ConfigError, current_folder, explain, refuse
from seqexp.data.described import described
from seqexp.data.evaluations import TEST
from seqexp.run.build import prepare
from seqexp.show.console import prepare_output, say

USAGE = """\
Looks at a task's data for leaks, and for what makes its scores mean less than they seem. Nothing is trained.

  {program} data=sine
  {program} data=csv data.path=mine.csv data.target=price

It shifts and shuffles inputs, takes them one by one, looks for test sequences in training, and fits guesses.
With --strict the exit status is 1 where there is a fault."""

WORDS = {"fault": "FAULT", "doubt": "doubt", "note": "note"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what was found, a line each.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status: 1 with --strict where there is a fault, else 0.

    Raises:
        SystemExit: with status 2, where there is no such task or it cannot be made.
    """
    prepare_output()
    parser = options.parser("check", USAGE.format(program=options.called("check")))
    parser.add_argument(options.SETTINGS, metavar="KEY=VALUE", nargs="*", help="settings, as those of a run")
    parser.add_argument("--strict", action="store_true", help="exit with status 1 where there is a fault")
    options.add_config_dir(parser)
    given = options.strict(parser).parse_intermixed_args(arguments)
    try:
        current_folder()
        what, found = looked(getattr(given, options.SETTINGS), given.config_dir)
    except ConfigError as error:
        refuse(error)
    say(sys.stdout, what)
    for each in found:
        say(sys.stdout, f"{WORDS[each.weight]}: {each.text}")
    if all(each.weight == "note" for each in found):
        say(sys.stdout, "No leak was found; that none is there cannot be shown.")
    return int(given.strict and any(each.weight == "fault" for each in found))


def looked(settings: Sequence[str], config_dir: str | None) -> tuple[str, list[leaks.Finding]]:
    """What the task of a configuration is, in a line, and what is found of its data.

    Raises:
        ConfigError: it cannot be made.
    """
    if config_dir is not None:
        check_config_dir(config_dir)
    try:
        config = compose_config(list(settings), config_dir)
    except Exception as error:
        raise explain(error, known_keys) or error from None
    parts, guesses = prepare(config)
    data, score = parts.data, parts.training.score
    scored = baselines.score(guesses[TEST], data.splits[TEST], score)
    found = leaks.findings(data)
    best = leaks.best_guess(score, scored)
    what = described(
        data.task,
        data.first(),
        score,
        [name for name, row in scored.items() if row is not None and name != baselines.NOISE],
        len({*map(data.folds.shift, data.seeds)}),
    )
    gone = [
        leaks.Finding("note", f"There is no guess {name}: {reason}.")
        for name, reason in baselines.left_out(guesses[TEST]).items()
    ]
    return what, [*found, *gone, *([] if best is None else [best])]

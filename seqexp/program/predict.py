"""The verb `predict`: the classes of new sequences, by a trained run."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from seqexp.config import options
from seqexp.config.mistakes import ConfigError, current_folder, refuse, refusing_paths
from seqexp.predict import Prediction, predict
from seqexp.program.evaluate import TRUST, name_of, settings
from seqexp.record.record import RecordError
from seqexp.record.tidy import PREDICTED
from seqexp.show.console import prepare_output, say

USAGE = """\
Says which class new sequences have, with a run that was trained on such ones (data.label); nothing is trained.

  {program} outputs/walks/cell=gru --data 'new/*.csv'
  {program} outputs/walks/cell=gru --data new.csv data.decimal=comma    which is written otherwise

The column of classes need not be there; where it is, how many were right is said."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Predicts, writes a table, and says in a line what it holds.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status, 0.

    Raises:
        SystemExit: with status 2, where the run cannot predict so.
    """
    prepare_output()
    parser = options.parser("predict", USAGE.format(program=options.called("predict")))
    parser.add_argument("folder", metavar="RUN", type=Path, help="a run's folder")
    parser.add_argument("--data", metavar="FILE", nargs="+", required=True, help="the files, or a pattern")
    told = f"how the files are written, such as data.decimal=comma; {' and '.join(TRUST)}, as of a run"
    parser.add_argument(options.SETTINGS, metavar="KEY=VALUE", nargs="*", help=told)
    given = options.strict(parser).parse_intermixed_args(arguments)
    try:
        current_folder()
        # Behind --data stand files, such as data.csv, and settings, too, where they come last.
        paths = [each for each in given.data if not re.match(rf"(data\.\w+|{'|'.join(TRUST)})=", each)]
        more = [each for each in given.data if each not in paths]
        changes, trusted = settings([*getattr(given, options.SETTINGS), *more])
        if not paths:
            raise ConfigError("--data must name a file, or a pattern such as 'new/*.csv'")
        data = paths[0] if len(paths) == 1 else paths
        with refusing_paths():
            found = predict(given.folder, data, changes, **trusted)
            place = given.folder / PREDICTED / f"{name_of({'data': ','.join(paths)} | changes)}.csv"
            found.write(place)
    except (ConfigError, RecordError) as error:
        refuse(ConfigError(str(error)))
    say(sys.stdout, said(found, place))
    return 0


def said(found: Prediction, place: Path) -> str:
    """What was predicted, and how much of it is right where that is known."""
    count, seeds = len(found.pieces), len(found.seeds)
    counts = [int((found.chosen == index).sum()) for index in range(len(found.classes))]
    shown = [f"{name} {each}" for name, each in zip(found.classes, counts, strict=True) if each][:5]
    more = f" and {sum(map(bool, counts)) - 5} more classes" if sum(map(bool, counts)) > 5 else ""
    lost = sorted({*found.record.seeds} - {*found.seeds})
    without = f", without seed{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}, which diverged" if lost else ""
    parts = [
        f"{found.record.cell} on {found.record.data}",
        f"{count} sequence{'s' * (count != 1)}: {', '.join(shown)}{more}",
        f"mean of {seeds} seed{'s' * (seeds != 1)}{without}",
        f"all seeds agree on {int((found.agreement == 1).sum())} of them",
    ]
    if found.right is not None:
        parts.append(f"{found.right} of {count} are as the files name them")
    return " · ".join(parts) + f" → {place}"

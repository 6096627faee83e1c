"""The verb `forecast`: what comes after the end of a series, by a trained run."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqexp.config import options
from seqexp.config.mistakes import ConfigError, current_folder, refuse, refusing_paths
from seqexp.forecast import forecast
from seqexp.forecasts import Forecast
from seqexp.program.evaluate import TRUST, name_of, settings
from seqexp.record.record import RecordError
from seqexp.record.tidy import FUTURES
from seqexp.show.console import prepare_output, say
from seqexp.statistics import Array

USAGE = """\
Forecasts what comes after the end of a series, with a run that was trained on it; nothing is trained.

  {program} outputs/mine/cell=lstm --steps 50                 after the last row of its data
  {program} outputs/mine/cell=lstm --steps 12 --data new.csv  after the last row of another file

  {program} outputs/mine/cell=lstm --steps 12 --data new.csv data.fill=forward     which lacks some values

Beside the mean of the seeds stands an interval: as wide as the mean was wrong on validation, at the same step."""

SETTINGS = f"how the other file is written, such as data.decimal=comma; {' and '.join(TRUST)}, as of a run"


def main(arguments: Sequence[str] | None = None) -> int:
    """Forecasts, writes the files, and says in a line what they hold.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status, 0.

    Raises:
        SystemExit: with status 2, where the run cannot forecast so.
    """
    prepare_output()
    parser = options.parser("forecast", USAGE.format(program=options.called("forecast")))
    parser.add_argument("folder", metavar="RUN", type=Path, help="a run's folder")
    parser.add_argument("--steps", type=int, required=True, help="how many")
    parser.add_argument("--data", metavar="FILE", help="another file to go on from, of a task that reads one")
    parser.add_argument("--level", type=float, default=0.9, help="of the interval (default: 0.9)")
    parser.add_argument(options.SETTINGS, metavar="KEY=VALUE", nargs="*", help=SETTINGS)
    given = options.strict(parser).parse_intermixed_args(arguments)
    try:
        current_folder()
        changes, trusted = settings(getattr(given, options.SETTINGS))
        if "path" in changes:
            raise ConfigError("data.path: --data FILE names another file to go on from")
        with refusing_paths():
            found = forecast(given.folder, given.steps, given.data, given.level, **trusted, settings=changes)
            name = {"steps": given.steps, "level": given.level} | ({"data": given.data} if given.data else {}) | changes
            place = given.folder / FUTURES / name_of(name)
            found.write(place)
    except (ConfigError, RecordError) as error:
        refuse(ConfigError(str(error)))
    say(sys.stdout, said(found, place))
    return 0


def said(found: Forecast, place: Path) -> str:
    """What was forecast, and how often such intervals held what came."""
    how = "closed loop, predictions are fed back" if found.is_closed else "direct"
    parts = [f"{found.record.cell} on {found.record.data}", f"{found.steps_text} after row {found.rows:,} ({how})"]
    count = len(found.seeds)
    parts.append(f"mean of {count} seed{'s' * (count > 1)}{_which(found)}")
    held = found.coverage[np.isfinite(found.coverage).all(1)]  # (K, O)
    if found.no_interval is not None:
        parts.append(f"no interval, which is made of errors on validation: {found.no_interval}")
    elif len(held):
        said = [_held(held[:, place], f" of {name}" * (len(found.names) > 1)) for place, name in enumerate(found.names)]
        parts.append(f"the {found.level:.0%} interval held {' and '.join(said)}")
    else:
        parts.append(f"{found.level:.0%} interval; the test split is too short to see what it holds")
    return " · ".join(parts) + f" → {place}"


def _held(shares: Array, whose: str) -> str:
    """What share of one target's test values an interval held, (K,) by step."""
    ends = [f"{end:.0%}" for end in (shares.min(), shares.max())]
    each = "" if ends[0] == ends[1] else f", from {ends[0]} to {ends[1]} by step"
    return f"{shares.mean():.0%} of the test values{whose}{each}"


def _which(found: Forecast) -> str:
    """Which seeds these are where they are not all: those of the latest fold, and none without a path."""
    which = ""
    if len(found.seeds) + len(found.left_out) < len(found.record.seeds):
        which += f" of the latest fold, trained on rows up to {found.trained_rows:,}"
    diverged = [seed for seed in found.left_out if seed in found.record.diverged]
    endless = [seed for seed in found.left_out if seed not in diverged]
    for lost, why in ((diverged, "which diverged"), (endless, "whose path is no number")):
        if lost:
            which += f", without seed{'s' * (len(lost) > 1)} {', '.join(map(str, lost))}, {why}"
    return which

"""The verb `evaluate`: a trained run on other lengths, other noise, another file."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqexp.config import options
from seqexp.config.compose import value_of
from seqexp.config.mistakes import ConfigError, current_folder, refuse, refusing_paths
from seqexp.evaluate import evaluate
from seqexp.record import evaluations as files
from seqexp.record.record import Record, RecordError, find
from seqexp.run.report import report_evaluation
from seqexp.show.console import prepare_output, say

USAGE = """\
Scores a trained run elsewhere than where it was tested, and keeps that beside it; nothing is trained.

  {program} outputs/mine/cell=lstm data.noise=0.3       on a noisier series
  {program} outputs/mine data.length=200                each run of a sweep, on longer sequences
  {program} outputs/mine data.path=new.csv --name new   on another file, under a name of your own

A series is scored on its test windows; another file, or another number of windows, on all whose target lies in no row
that was trained or selected on. So are sequences with a class of other files: on all that were not learnt from.
`compare` shows what was evaluated beside the test score."""

TRUST = ("allowed_packages", "allowed_environment")
"""Settings that are no data's: what a run's own code may be."""

LONGEST = 40
"""Letters in the name of an evaluation."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluates the runs of a folder, and says a line for each.

    Args:
        arguments: the command line without the program's name and the verb, None for that of this process.

    Returns:
        The exit status, 0.

    Raises:
        SystemExit: with status 2, where there is no finished run or the settings cannot be.
    """
    prepare_output()
    parser = options.parser("evaluate", USAGE.format(program=options.called("evaluate")))
    parser.add_argument("folder", metavar="RUN", type=Path, help="a run's folder, or a sweep's")
    parser.add_argument(
        options.SETTINGS, metavar="KEY=VALUE", nargs="*", help="settings of the data that are to be others"
    )
    parser.add_argument("--name", help="what the evaluation is called (default: after its settings)")
    given = options.strict(parser).parse_intermixed_args(arguments)
    try:
        current_folder()
        changes, trusted = settings(getattr(given, options.SETTINGS))
        if not changes:
            raise ConfigError("evaluate needs a setting of the data that is to be another one, such as data.noise=0.3")
        name = given.name or name_of(changes)
        with refusing_paths():
            folders = finished(given.folder)
        for folder in folders:
            known = files.known(files.joined(Record.read(folder), folder), folder)
            same = [each for each, meaning in known.items() if meaning == changes and given.name is None]
            asked = {} if same else {name: changes}
            record = evaluate(folder, evaluations=asked, **trusted)
            say(sys.stdout, report_evaluation(record, same[0] if same else f"test@{name}", folder))
    except (ConfigError, RecordError) as error:
        refuse(ConfigError(re.sub(r"^data: evaluations\.\S+: ", "", str(error))))
    return 0


def finished(folder: Path) -> list[Path]:
    """The folders of the finished runs in a folder, or the folder itself.

    Raises:
        ConfigError: there is none.
    """
    if not folder.exists():
        raise ConfigError(f"{folder}: there is no such folder")
    done = [each for each in find(folder) if Record.read(each).status == "done"]
    if not done:
        raise ConfigError(f"{folder}: holds no finished run")
    return done


def settings(given: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a command line asks for: settings of the task that are to be others, and what is trusted.

    Raises:
        ConfigError: one is no setting, or not of the data, or stands twice.
    """
    changes: dict[str, Any] = {}
    trusted: dict[str, Any] = {}
    for each in given:
        key, equals, text = each.partition("=")
        group, _, name = key.partition(".")
        if not equals or not (key in TRUST or (group == "data" and name)):
            raise ConfigError(f"{each}: takes settings of the data, such as data.noise=0.3, and {' and '.join(TRUST)}")
        place, name = (trusted, key) if key in TRUST else (changes, key.partition(".")[2])
        if "${" in text:
            raise ConfigError(f"{each}: takes a value, and no interpolation")
        if name in place:
            raise ConfigError(f"{each}: {key} is given twice")
        place[name] = value_of(each)
    return changes, trusted


def name_of(changes: Mapping[str, Any]) -> str:
    """What an evaluation is called after its settings, such as `length=200,noise=0.3`; shortened by a digest."""
    text = ",".join(f"{key}={value}" for key, value in sorted(changes.items()))
    name = re.sub(r"[^A-Za-z0-9_.,=-]+", "-", text)
    if name == text and len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{name[: LONGEST - 7]}-{digest}"

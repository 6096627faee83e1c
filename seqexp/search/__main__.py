"""The verb `search`: `seqexp search KEY=VALUE...`, also `python -m seqexp.search`."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Sequence

from seqexp import startup
from seqexp.config import CONF, options
from seqexp.config.mistakes import ConfigError, current_folder, refuse, say_error, trouble
from seqexp.show.console import prepare_output
from seqexp.signals import Ending, Terminated

USAGE = """
Searches for the best settings of each cell on each task, runs them with fresh seeds, and compares the cells.

  {program} cell=rnn,lstm \\
      'optimizer.lr=tag(log, interval(1e-4,1e-1))' \\
      'cell.hidden_size=range(8,64)' search.name=mine search.trials=50

A list for a group, such as cell or data, is compared: a study for each, all with the same number of trials.
Ranges, intervals and lists for other settings are searched. The same command again goes on with the search.

Settings of the search itself:

{settings}"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Searches as the command line says.

    Args:
        arguments: the command line without the program's name, None for that of this process.

    Returns:
        The exit status: 0; 1 where something failed on the way; 130 for Ctrl-C.

    Raises:
        SystemExit: with status 2, for a wrong input.
        Terminated: a signal told the program to end; the line is written.
    """
    prepare_output()
    lines = (CONF / "search.yaml").read_text(encoding="utf-8").splitlines()
    settings_help = "\n".join(f"  search.{line}" for line in lines if not line.startswith("#"))
    parser = options.parser("search", USAGE.format(program=options.called("search"), settings=settings_help))
    parser.add_argument(options.SETTINGS, metavar="KEY=VALUE", nargs="*", help="settings, as a run takes them")
    options.add_config_dir(parser)
    given = options.strict(parser).parse_intermixed_args(arguments)
    if importlib.util.find_spec("optuna") is None:
        refuse(ConfigError("a search needs the package optuna, which is not installed: pip install 'seqexp[search]'"))
    from seqexp.config.foreign import changed

    with changed(), Ending(at_once=True):
        return _search(given.overrides, given.config_dir)


def _search(overrides: list[str], config_dir: str | None) -> int:
    again = [*options.called("search").split(), *overrides, *(["--config-dir", config_dir] if config_dir else [])]
    broken: tuple[type[Exception], ...] = (OSError,)
    try:
        startup.prepare(current_folder())
        from seqexp.config.compose import configuration_folders
        from seqexp.search.space import read_settings

        with configuration_folders(config_dir):
            settings, others = read_settings(overrides)
            if not any(each.startswith("search.name=") for each in overrides):
                again.append(f"search.name={settings.name}")
            from seqexp.search.search import search
            from seqexp.search.storage import SearchError

            broken = (OSError, SearchError)
            return search(settings, others)
    except ConfigError as error:
        refuse(error)
    except KeyboardInterrupt:
        say_error(f"interrupted. {_go_on(again)}")
        return 130
    except Terminated as end:
        say_error(f"{end}. {_go_on(again)}")
        raise
    except broken as error:
        say_error(f"{trouble(error) or error}. {_go_on(again)}")
        return 1


def _go_on(again: list[str]) -> str:
    return f"Every trial that had finished stays; to go on with the search: {shlex.join(again)}"


if __name__ == "__main__":
    sys.exit(main())

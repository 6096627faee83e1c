"""A command line without a verb: a run, or with --multirun a sweep, which Hydra is made to do."""

from __future__ import annotations

import argparse
import functools
import os
import shlex
import sys
from pathlib import Path

from hydra import version
from hydra._internal.utils import _run_hydra, get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

import seqexp
from seqexp import startup, terminal
from seqexp.config import foreign
from seqexp.config.compose import CONF, known_keys
from seqexp.config.folders import check_config_dir, say_replaced
from seqexp.config.mistakes import ConfigError, current_folder, exit_if_trouble, explain, refuse, say_error
from seqexp.config.options import called, strict
from seqexp.program.page import page
from seqexp.program.verbs import VERBS, check_words, start
from seqexp.show.console import say
from seqexp.signals import Ending, Terminated
from seqexp.sweep.again import RESOLVERS
from seqexp.sweep.sweep import Sweep, run_job

UNFINISHED = "no result was written for the run that was going on"


def _job(config: DictConfig) -> None:
    startup.load()
    from seqexp.run.execute import run_in_hydra
    from seqexp.run.report import report

    if HydraConfig.get().mode is RunMode.MULTIRUN:
        run_job(config)
    else:
        folder = Path(os.path.relpath(HydraConfig.get().runtime.output_dir))
        say(sys.stdout, report(run_in_hydra(config, Sweep.take()), folder))


def _what_stays() -> str:
    """What a program that was broken off leaves, and how to go on."""
    if Sweep.folder is None:
        return UNFINISHED
    folder = shlex.quote(str(Sweep.folder))
    return (
        f"{UNFINISHED}. What had finished stays: {called('compare')} {folder}. The same command goes on, with "
        f"hydra.sweep.dir={folder} where it has no sweep.name"
    )


def _parser() -> argparse.ArgumentParser:
    """Hydra's, which says what it refuses as all of seqexp does."""
    parser = strict(get_args_parser())
    parser.prog = called()
    for action in parser._actions:
        if isinstance(action, argparse._VersionAction):
            action.version = f"seqexp {seqexp.__version__}"
    return parser


def _flags(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Hydra's flags and the settings, in any order; refused are those that take another configuration for seqexp's own.

    Raises:
        ConfigError: a flag that is none, or may not be given.
    """
    for text in sys.argv:
        if any("\ud800" <= each <= "\udfff" for each in text):
            raise ConfigError(f"{text}: is no text in UTF-8")
    flags = parser.parse_intermixed_args()
    if flags.help and (verb := next((each for each in flags.overrides if each in VERBS), None)):
        start(verb, ["--help"])
    check_words(flags.overrides, sys.argv[1:])
    for name in ("config_path", "config_name", "experimental_rerun"):
        if getattr(flags, name) is not None:
            raise ConfigError(f"--{name.replace('_', '-')}: seqexp has a configuration; --config-dir adds groups to it")
    if flags.multirun and (flags.cfg or flags.info):
        raise ConfigError("--cfg and --info tell of one run: leave out --multirun, and give each setting one value")
    if flags.hydra_help:
        # That page knows nothing of seqexp's settings, and leaves the logging of this process alone.
        flags.overrides = ["hydra/job_logging=none", "hydra/hydra_logging=none"]
    if flags.resolve and not (flags.cfg or flags.help):
        raise ConfigError("--resolve: belongs to --cfg job, which shows the configuration")
    if flags.config_dir is not None:
        check_config_dir(flags.config_dir)
        say_replaced(flags.config_dir)
    return flags


def run(told: Path | None = None) -> None:
    """Does what a command line without a verb says.

    Args:
        told: a file that gets the folder of a multirun, whose comparison is not printed then.

    Raises:
        SystemExit: with status 2 for a wrong input, 1 for trouble of the machine, 130 for Ctrl-C, 128 + a signal.
    """
    Sweep.folder = Sweep.ready = None
    Sweep.told = told
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands its errors on instead of printing them
    try:
        with foreign.changed(RESOLVERS), Ending(at_once=True) as ending:
            _ask_hydra(ending)
    except Terminated as end:
        say_error(f"{end}; {_what_stays()}")
        sys.exit(end.code)
    except KeyboardInterrupt:
        say_error(f"interrupted; {_what_stays()}")
        sys.exit(130)


def _ask_hydra(ending: Ending) -> None:
    """Has Hydra do everything; words what is wrong with the command line or the machine."""
    folder = None
    try:
        startup.prepare(current_folder())
        parser = _parser()
        flags = _flags(parser)
        folder = flags.config_dir
        if flags.help:
            sys.stdout.write(terminal.hang(page(flags.config_dir), terminal.columns(sys.stdout)))
            return
        version.setbase("1.3")
        try:
            _run_hydra(flags, parser, _job, config_path=str(CONF), config_name="config")
        except SystemExit as end:
            if flags.package and end.code == 1:  # Hydra has said that there is no such package
                sys.exit(2)
            raise
    except Exception as error:
        ending.check()  # what broke after a signal broke over it, such as the pool of a launcher's workers
        wrong = explain(error, functools.partial(known_keys, sys.argv[1:], folder))
        if wrong is None:
            exit_if_trouble(error)
            raise
        refuse(wrong)

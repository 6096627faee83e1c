"""The first word of a command line: the verbs that there are, and what is said of any other word."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import sys
from collections.abc import Sequence
from typing import NamedTuple

from seqexp import startup
from seqexp.config.mistakes import ConfigError, closest, say_error
from seqexp.config.options import called
from seqexp.show.console import end_start, prepare_output, show_start


class Verb(NamedTuple):
    """A part of the program that has a command line of its own.

    Attributes:
        module: has `main(arguments)`, which gives the exit status.
        says: what it does, for the program's help.
        words: how others call it, divided by spaces.
        slow: it needs torch, so that seconds pass before it has something to say.
    """

    module: str
    says: str
    words: str
    slow: bool = False


VERBS = {
    "board": Verb("seqexp.program.board", "runs and comparisons in TensorBoard", "tensorboard tb view open"),
    "check": Verb("seqexp.program.check", "leaks in a task's data, before anything is trained", "leak lint", True),
    "compare": Verb("seqexp.compare.__main__", "tables and verdicts of any folders of runs", "diff report results"),
    "evaluate": Verb(
        "seqexp.program.evaluate", "a trained run on other lengths, noise or files", "eval test score", True
    ),
    "forecast": Verb(
        "seqexp.program.forecast", "what comes after a series, by a trained run", "future extrapolate", True
    ),
    "lab": Verb("seqexp.program.lab", "what a lab sheet states, put to the test", "exercise worksheet course", True),
    "list": Verb(
        "seqexp.program.listing", "what can be chosen: groups, their files, each file's keys", "ls show choices"
    ),
    "predict": Verb(
        "seqexp.program.predict", "the classes of new sequences, by a trained run", "classify label infer", True
    ),
    "reproduce": Verb("seqexp.program.reproduce", "published numbers, run again", "replicate paper published", True),
    "search": Verb(
        "seqexp.search.__main__", "the best settings of each cell on each task", "tune optimize hpo optuna", True
    ),
}
"""A verb is a line here."""

OTHERS = {
    **dict.fromkeys(("run", "train", "fit"), "a run needs no verb"),
    **dict.fromkeys(("sweep", "multirun"), "a sweep needs no verb, but --multirun"),
    **dict.fromkeys(("help", "usage"), "did you mean {program} --help?"),
    "version": "did you mean {program} --version?",
}
"""Words that are no verbs, and what to do instead."""


def main() -> None:
    """Runs the command line."""
    try:
        prepare_output()
        first, rest = sys.argv[1:2], sys.argv[2:]
        if first and first[0] in VERBS:
            if VERBS[first[0]].slow and not _asks(rest):
                show_start()
            start(first[0], rest)
        if not _asks(first + rest):
            show_start()
        with startup.interruptible(end_start):
            from seqexp.program.run import run  # a comparison starts without Hydra
        run()
    except KeyboardInterrupt:  # while that was imported
        say_error("interrupted")
        sys.exit(130)
    finally:
        end_start()


def _asks(arguments: Sequence[str]) -> bool:
    """Whether a command line only asks for what is quickly shown, by an option such as --help or --cfg."""
    works = ("-m", "--multirun", "-cd", "--config-dir")
    return any(each.startswith("-") and each.partition("=")[0] not in works for each in arguments)


def start(verb: str, arguments: Sequence[str]) -> None:
    """Runs a verb, and ends the program with its status.

    Raises:
        SystemExit: always.
    """
    try:
        with startup.interruptible(end_start):
            if VERBS[verb].slow:
                startup.load()
            module = importlib.import_module(VERBS[verb].module)
        status = module.main(arguments)
    except KeyboardInterrupt:
        say_error("interrupted")
        status = 130
    sys.exit(status)


def check_words(words: Sequence[str], arguments: Sequence[str]) -> None:
    """Refuses a word among the settings that looks like a verb.

    Args:
        words: the settings, and whatever else is no option.
        arguments: the whole command line.

    Raises:
        ConfigError: a verb that is not the first word, or a first word that is no setting.
    """
    for word in words:
        if word in VERBS:
            rest = list(arguments)
            rest.remove(word)
            raise ConfigError(f"{word}: a verb comes first: {shlex.join([*called(word).split(), *rest])}")
    if words and re.fullmatch(r"[^=~,+\\-]([^=]*[^=,])?", words[0]):
        raise _no_verb(words[0])


def _no_verb(word: str) -> ConfigError:
    from seqexp.config.choices import groups

    program = called()
    others = [
        name for name, verb in VERBS.items() if name.startswith(word.lower()) or word.lower() in verb.words.split()
    ]
    chosen = [choice.title for files in groups().values() for choice in files.values() if choice.name == word]
    if word.lower() in OTHERS:
        hint = OTHERS[word.lower()].format(program=program)
    elif chosen:
        hint = f"did you mean {' or '.join(chosen)}?"
    elif os.path.isdir(word):
        hint = f"to compare the runs in this folder: {shlex.join([*program.split(), 'compare', word])}"
    elif near := others or closest(word, list(VERBS)):
        hint = f"did you mean {' or '.join(f'{program} {each}' for each in near)}?"
    else:
        hint = "a setting is given as key=value, such as cell=lstm"
    ends = "" if hint.endswith("?") else "."
    return ConfigError(
        f"{word}: is no verb and no setting; {hint}{ends} Verbs: {', '.join(VERBS)}; {program} --help says more"
    )

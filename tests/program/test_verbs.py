"""The first word of a command line."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import seqexp
from seqexp.program.verbs import VERBS

Command = Callable[..., Any]

WRONG = {
    # a verb that is misspelt, shortened or called otherwise
    "comapre outputs": "comapre: is no verb and no setting; did you mean seqexp compare? Verbs: board, check, compare,",
    "COMPARE": "did you mean seqexp compare?",
    "sear cell=rnn": "did you mean seqexp search?",
    "tensorboard": "did you mean seqexp board?",
    "ls": "did you mean seqexp list?",
    "tune": "did you mean seqexp search?",
    "--multirun comapre": "comapre: is no verb",
    "--help comapre": "comapre: is no verb",
    "run cell=lstm": "run: is no verb and no setting; a run needs no verb.",
    "help": "did you mean seqexp --help?",
    # what is no verb at all
    "lstm": "did you mean cell=lstm?",
    "rnn_vs_lstm": "did you mean experiment=rnn_vs_lstm?",
    "here": "to compare the runs in this folder: seqexp compare here.",
    "xyzzy": "xyzzy: is no verb and no setting; a setting is given as key=value, such as cell=lstm.",
    # a verb that does not come first
    "cell=rnn,lstm search search.trials=3": "search: a verb comes first: seqexp search cell=rnn,lstm search.trials=3\n",
    "--multirun compare": "compare: a verb comes first: seqexp compare --multirun\n",
}


@pytest.mark.parametrize("line", WRONG)
def test_a_word_that_is_out_of_place_is_answered(command: Command, line: str) -> None:
    Path("here").mkdir()
    done = command(*line.split())
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(r"seqexp: [^\n]+\n", done.err)
    assert WRONG[line] in done.err


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("line", ["VERB --help", "--help VERB", "-h cell=lstm VERB", "--he VERB"])
def test_a_verb_has_help_of_its_own_wherever_it_stands(command: Command, verb: str, line: str) -> None:
    done = command(*line.replace("VERB", verb).split())
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"usage: seqexp {verb} [-h] [--version] ")


@pytest.mark.parametrize("line", ["--version", *(f"{verb} --version" for verb in VERBS)])
def test_the_version_is_that_of_seqexp(command: Command, line: str) -> None:
    assert command(*line.split()) == (0, f"seqexp {seqexp.__version__}\n", "")


def test_a_verb_gets_what_follows_it_and_gives_its_status(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def main(arguments: Sequence[str]) -> int:
        asked.append(list(arguments))
        if arguments:
            raise KeyboardInterrupt
        return 7

    monkeypatch.setattr(importlib.import_module(VERBS["compare"].module), "main", main)
    Path("compare").mkdir()  # a folder of this name is meant only behind the verb
    assert command("compare", "compare", "--out", "list") == (130, "", "seqexp: interrupted\n")
    assert command("compare").status == 7
    assert asked == [["compare", "--out", "list"], []]


def test_a_value_of_an_option_is_no_verb(command: Command) -> None:
    Path("list/cell").mkdir(parents=True)
    done = command("--config-dir", "list", "--cfg", "job", "--package", "cell")
    assert (done.status, done.err) == (0, "")
    assert "seqexp.cell.rnn.RNN" in done.out


def test_every_verb_has_a_program_and_says_what_it_does(command: Command) -> None:
    done = command("--help")
    for name, verb in VERBS.items():
        assert callable(importlib.import_module(verb.module).main)
        assert re.search(rf"^  {name} +{re.escape(verb.says)}$", done.out, re.MULTILINE)

"""lab(): trains what answers the lab sheet's questions, and judges what it states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from seqexp.config.mistakes import ConfigError, closest
from seqexp.lab.questions import QUESTIONS, Question
from seqexp.lab.runs import Runs, train
from seqexp.lab.statement import Statement
from seqexp.record.files import write_atomically
from seqexp.show.figures import encode


class Answer(NamedTuple):
    """A question, answered.

    Attributes:
        question: what was asked.
        runs: what was trained for it.
        statements: with what was measured.
        picture: where it lies.
    """

    question: Question
    runs: Runs
    statements: list[Statement]
    picture: Path


def check(names: Sequence[str]) -> None:
    """Refuses a question that there is not.

    Raises:
        ConfigError: see there.
    """
    for name in names:
        if name not in QUESTIONS:
            hint = "".join(f" Did you mean {near}?" for near in closest(name, list(QUESTIONS))[:1])
            raise ConfigError(f"{name}: there is no such question.{hint} Allowed: {', '.join(QUESTIONS)}")


def lab(names: Sequence[str], folder: Path, short: bool = False) -> Iterator[Answer]:
    """Answers questions one after the other; what is there already is not trained again.

    Args:
        names: of questions.
        folder: where runs and pictures go.
        short: takes the shorter form, in which next to nothing is learnt.

    Yields:
        Each answer, as soon as it is there.

    Raises:
        ConfigError: there is no such question, or a run cannot be done.
    """
    check(names)
    for name in names:
        question = QUESTIONS[name]
        runs = Runs()
        for preset in question.presets:
            runs.update(train(preset, folder, short))
        picture = folder / f"{name}.png"
        write_atomically(picture, encode(question.draw(runs), "png"))
        yield Answer(question, runs, question.judge(runs), picture)

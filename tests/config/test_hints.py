"""The words of other programs lead to keys that there are, and are no keys themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from omegaconf import OmegaConf

from seqexp.config import CONF
from seqexp.config.compose import known_keys
from seqexp.config.hints import HINTS, TABLE, Hint, find
from seqexp.config.mistakes import unknown_key

Command = Callable[..., Any]

KEYS = [*known_keys(), *known_keys(["data=csv"]), *(f"search.{key}" for key in OmegaConf.load(CONF / "search.yaml"))]

MEANT = {
    "seeds": "num_seeds? num_seeds is how many there are; seed is the first of them.",
    "n_seeds": "num_seeds?",
    "epochs": "trainer.max_epochs?",
    "model": "cell? The model is chosen by its cell, such as cell=lstm.",
    "hidden": "cell.hidden_size?",
    "units": "cell.hidden_size?",
    "layers": "cell.num_layers?",
    "lr": "optimizer.lr?",
    "Learning-Rate": "optimizer.lr?",
    "task": "data?",
    "dataset": "data?",
    "loss": "data.score? It is what is minimised and compared.",
    "batch_size": "data.batch_size?",
    "patience": "early_stopping.patience?",
    "device": "trainer.accelerator? trainer=gpu and trainer=cpu set it.",
    "gpu": "trainer=gpu?",
    "verbose": "trainer.enable_progress_bar?",
    "name": "sweep.name?",
    "train.epochs": "trainer.max_epochs?",
    "optimizer.learning_rate": "optimizer.lr?",
}


@pytest.mark.parametrize("hint", HINTS, ids=lambda hint: str(hint.meant))
def test_what_is_meant_is_there(hint: Hint) -> None:
    group, chosen, file = hint.meant.partition("=")
    if chosen:
        assert (CONF / group / f"{file}.yaml").is_file()
    elif hint.meant == "hydra.run.dir":
        assert "dir:" in (CONF / "hydra/output/seqexp.yaml").read_text(encoding="utf-8")
    else:
        assert hint.meant in KEYS or (CONF / hint.meant).is_dir()


def test_a_word_has_one_meaning_and_is_no_key_at_the_top() -> None:
    words = [word for hint in HINTS for word in hint.words.split()]
    assert sorted(words) == sorted(set(words))
    assert not set(words) & {key for key in KEYS if "." not in key}
    assert {word for word in TABLE if word != word.lower() or "-" in word} == set()


@pytest.mark.parametrize("key", MEANT)
def test_a_word_of_the_field_gets_the_hint_that_a_person_needs(key: str) -> None:
    assert f"{key}: there is no such key. Did you mean {MEANT[key]}" in str(unknown_key(key, ["seed", "cell"], KEYS))
    assert f" Did you mean {MEANT[key]}" in str(unknown_key(key, ["seed", "cell"]))  # all keys are not always known


def test_a_hint_to_a_key_that_the_chosen_files_lack_is_not_given() -> None:
    assert find("lookback", known_keys(["data=sine", "lookback=3"])) is not None
    assert find("lookback", known_keys(["data=sum", "lookback=3"])) is None
    assert find("nosuch") is None


@pytest.mark.parametrize("given", [["epochs=3"], ["+epochs=3"], ["-m", "cell=rnn,lstm", "epochs=1,2"]], ids=str)
def test_the_command_line_gives_it(command: Command, given: list[str]) -> None:
    done = command(*given)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "epochs: there is no such key. Did you mean trainer.max_epochs?" in done.err

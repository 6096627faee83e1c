"""Text: which characters, in which order, and what the guesses score."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from seqexp import baselines
from seqexp.data.evaluations import elsewhere
from seqexp.data.module import PopulationData
from seqexp.data.text import Text
from seqexp.record.own import digest
from seqexp.seeding import generator

WRITTEN = "to be or not to be, that is the question: whether 'tis nobler in the mind to suffer\n" * 12


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "hamlet.txt").write_bytes(WRITTEN.encode())
    return tmp_path / "hamlet.txt"


def made(path: Path | None, **changes: Any) -> Text:
    return Text(**{"path": path and str(path), "encoding": "utf-8", "characters": None, "length": 10, **changes})


def test_the_next_character_is_to_be_said_and_nothing_is_left_out(file: Path) -> None:
    task = made(file, length=7)
    inputs, targets, *rest = task.sample(generator(0, "data"), task.num_sequences, None)
    assert rest == [None] * len(rest)
    alphabet = task.inputs.alphabet
    assert alphabet == "".join(sorted(set(WRITTEN)))
    text = ["".join(alphabet[each] for each in row) for row in inputs.tolist()]
    following = ["".join(alphabet[each] for each in row) for row in targets.tolist()]
    assert "".join(text) == WRITTEN[: len(inputs) * 7]
    assert "".join(following) == WRITTEN[1 : len(inputs) * 7 + 1]
    assert len(inputs) == (len(WRITTEN) - 1) // 7


def test_the_docstrings_example_holds(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("to be or not")
    task = made(tmp_path / "a.txt", length=4)
    made_of = task.sample(generator(0, "data"), 2, None)
    lines = (Text.__doc__ or "").splitlines()
    for row in range(2):
        letters = [[task.inputs.alphabet[i].replace(" ", "_") for i in each[row]] for each in made_of[:2]]
        assert f"        inputs   {' '.join(letters[0])}     targets  {' '.join(letters[1])}" in lines


def test_the_split_is_contiguous_and_all_seeds_have_one_text(file: Path) -> None:
    task = made(file)
    data = PopulationData(lambda changes: made(file, **changes), range(3), None, 0.6, 0.2, 0.2)
    data.make()
    whole = torch.cat([data.splits[name].inputs for name in ("train", "val", "test")], 1)
    for each in whole:
        assert torch.equal(each, task.sample(generator(0, "data"), task.num_sequences, None).inputs)
    assert len({tuple(each) for each in data.data_hash}) == 1
    assert data.notes == [
        f"The text is {len(WRITTEN):,} characters of hamlet.txt, {len(set(WRITTEN))} different; "
        f"SHA-256 {hashlib.sha256(WRITTEN.encode()).hexdigest()[:16]}."
    ]


def test_guesses_are_made_once_and_score_what_counting_gives(file: Path) -> None:
    data = PopulationData(lambda changes: made(file), range(3), None, 0.6, 0.2, 0.2)
    data.make()
    train, test = data.splits["train"], data.splits["test"]
    guesses = baselines.guess(data.task, train, test)
    assert list(guesses) == ["constant", "order_1", "order_2", "order_5", "noise"]
    for name in ("order_1", "order_5"):
        each = guesses[name]
        assert isinstance(each, torch.Tensor)
        assert each.shape == (3, *test.targets.shape[1:], len(set(WRITTEN)))
        assert each.untyped_storage().nbytes() == each[0].numel() * 4
    bits = baselines.score(guesses, test, data.task.score)
    tokens, following = train.targets[0].flatten().tolist(), test.targets[0].flatten().tolist()
    C = data.task.inputs.count  # type: ignore[union-attr]
    wanted = sum(-math.log2((tokens.count(each) + 1) / (len(tokens) + C)) for each in following) / len(following)
    assert bits["constant"] is not None
    assert bits["constant"].tolist() == pytest.approx([wanted] * 3)
    assert bits["order_5"] is not None
    assert bits["order_5"].max() < 1.5 < 3 < wanted  # a text that repeats itself
    alone = data.task.guesses(train.of(slice(1)), test.of(slice(1)))["order_5"]
    assert isinstance(alone, torch.Tensor)
    assert isinstance(guesses["order_5"], torch.Tensor)
    assert torch.equal(alone[0], guesses["order_5"][2])


def test_pythons_own_help_is_there_and_the_note_says_which() -> None:
    task = made(None, characters=5_000)
    (note,) = task.notes({})
    assert note.startswith("The text is 5,000 of 4")
    assert "Python 3." in note
    assert 40 < task.inputs.count < 100
    assert digest({"allowed_packages": [], "data": {"_target_": "seqexp.data.text.Text", "path": None}})


def test_another_file_is_other_data(file: Path) -> None:
    settings = {"allowed_packages": [], "data": {"_target_": "seqexp.data.text.Text", "path": str(file)}}
    before = digest(settings)
    assert before
    assert digest({**settings, "data": {**settings["data"], "score": str(file)}}) == before  # type: ignore[dict-item]
    file.write_bytes(WRITTEN.replace("suffer", "suffre").encode())
    assert digest(settings) != before


def test_another_alphabet_of_the_same_size_is_no_test(file: Path, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text(WRITTEN.replace("q", "x"))
    (tmp_path / "same.txt").write_text(WRITTEN.replace("the", "het"))
    make: Callable[..., Text] = lambda changes: made(Path(changes.get("path", file)))  # noqa: E731
    assert set(elsewhere(make({}), [], {"a": {"path": str(tmp_path / "same.txt")}}, make)) == {"test@a"}
    with pytest.raises(ValueError, match=r"^evaluations\.a: other\.txt, line 1: the character 'x' does not occur in"):
        elsewhere(make({}), [], {"a": {"path": str(tmp_path / "other.txt")}}, make)


@pytest.mark.parametrize(
    ("content", "changes", "message"),
    [
        (b"one line\nna\xefve \xff", {}, r"^encoding utf-8 does not fit a.txt: byte 0xef at position 11 .*line 2"),
        (b"abc" * 50, {"encoding": "zip"}, r"^encoding must be one that Python knows, .* got 'zip'"),
        (b"abc" * 50, {"encoding": "nothing"}, r"^encoding must be one that Python knows"),
        (b"abc" * 50, {"length": 0}, r"^length must be >= 1, got 0"),
        (b"abc" * 50, {"characters": 10}, r"^characters must be > length \(10\), or null for all, got 10"),
        (b"abcdefg", {}, r"at least 11 characters .* a.txt has 7, and 7 different"),
        (b"", {}, r"a.txt has 0, and 0 different"),
        (b"a" * 100, {}, r"a.txt has 100, and 1 different"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, changes: dict[str, Any], message: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        made(tmp_path / "a.txt", **changes)


def test_other_encodings_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    for encoding, content in (("latin-1", "naïve " * 9), ("utf-16", "naïve " * 9), ("utf-8", "\ufeff" + "naïve " * 9)):
        (tmp_path / "a.txt").write_bytes(content.encode(encoding))
        assert made(tmp_path / "a.txt", encoding=encoding).inputs.alphabet == " aenv\xefv".replace("v\xefv", "v\xef")

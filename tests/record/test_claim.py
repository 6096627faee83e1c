"""What of a sweep is there, what is missing, and where it belongs: by what defines a run, wherever it lies."""

from __future__ import annotations

import fcntl
import itertools
import os
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st

from seqexp.config.compose import CONF
from seqexp.config.mistakes import ConfigError
from seqexp.record import claim as claims
from seqexp.record.claim import CLAIM, Claim, missing, parts, place
from seqexp.record.lock import LOCK
from seqexp.record.record import RESULT, Record
from seqexp.run.build import claim_of


def composed(*overrides: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(overrides))


def finish(path: Path, claim: Claim, status: Any = "done", seeds: list[int] | None = None) -> None:
    """Makes the folder of a run."""
    path.mkdir(parents=True, exist_ok=True)
    claim.write(path)
    seeds = list(claim.seeds) if seeds is None else seeds
    scores = {part: {"mse": [0.5] * len(seeds)} for part in ("train", "test")}
    Record(status=status, data="sine", cell="rnn", seeds=seeds, scores=scores).write(path)


def begin(path: Path, claim: Claim) -> None:
    """Makes the folder of a run that was broken off."""
    path.mkdir(parents=True, exist_ok=True)
    claim.write(path)


def test_a_claim_is_of_everything_but_the_seeds() -> None:
    first = claim_of(composed("seed=3", "num_seeds=2"))
    assert list(first.seeds) == [3, 4]
    assert first.family == claim_of(composed("num_seeds=7", "sweep.name=x", "checkpoint.every_seconds=1")).family
    for other in ("cell.hidden_size=3", "data.noise=0.5", "optimizer.lr=0.1", "trainer.max_epochs=3", "cell=lstm"):
        assert claim_of(composed(other)).family != first.family


def test_a_claim_is_of_the_size_and_not_of_its_spelling() -> None:
    first = claim_of(composed("cell=rnn", "cell.hidden_size=9"))
    for size in ("match:lstm-4", "match:rnn-9", "match:118"):
        assert claim_of(composed("cell=rnn", f"cell.hidden_size={size}")) == first
    for other in (("cell=rnn", "cell.hidden_size=match:lstm-5"), ("cell=gru", "cell.hidden_size=match:lstm-4")):
        assert claim_of(composed(*other)).family != first.family


FORMER = "77cf1848a6a47c9def71b3bdb98e1d13"
"""The family that 0.1 wrote for the settings below."""
SPELT = ("cell=rnn", "cell.hidden_size=match:lstm-4", "num_seeds=2", "data.length=60", "trainer.max_epochs=4")


def test_a_family_is_known_by_its_former_name(tmp_path: Path) -> None:
    wanted = claim_of(composed(*SPELT))
    assert wanted.family != FORMER
    finish(tmp_path / "old", Claim(FORMER, 0, 1))
    begin(tmp_path / "begun", Claim(FORMER, 1, 1))
    assert missing(tmp_path, wanted) == [range(1, 2)]
    assert place(tmp_path, "new", wanted.part(range(1, 2))) == "begun"
    finish(tmp_path / "anew", Claim(f"{FORMER}-old", 1, 1))
    assert claims.outdated(tmp_path, wanted) == tmp_path / "anew"
    wanted.write(tmp_path / "begun")
    assert FORMER not in (tmp_path / "begun" / CLAIM).read_text()
    assert missing(tmp_path, claim_of(composed(*SPELT, "cell.hidden_size=match:lstm-5"))) == [range(2)]


def test_a_claim_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert Claim.read(tmp_path) is None
    claim = Claim("abc", 3, 2)
    claim.write(tmp_path)
    assert Claim.read(tmp_path) == claim
    (tmp_path / CLAIM).write_text('{"family": "abc", "seed": true, "num_seeds": 2}')
    assert Claim.read(tmp_path) is None


# What is missing


def test_missing_are_the_seeds_that_no_finished_run_of_the_family_has(tmp_path: Path) -> None:
    wanted = Claim("abc", 0, 5)
    assert missing(tmp_path / "nowhere", wanted) == [range(5)]
    finish(tmp_path / "first", Claim("abc", 0, 2))
    finish(tmp_path / "other", Claim("xyz", 0, 5))
    finish(tmp_path / "failed", Claim("abc", 2, 3), status="failed")
    finish(tmp_path / "not what was claimed", Claim("abc", 2, 3), seeds=[7, 8, 9])
    assert missing(tmp_path, wanted) == [range(2, 5)]
    finish(tmp_path / "deep" / "below" / "second", Claim("abc", 2, 9))
    assert missing(tmp_path, wanted) == []


def test_a_claim_to_more_seeds_than_can_be_counted_is_none(tmp_path: Path) -> None:
    finish(tmp_path / "run", Claim("abc", 0, 10**30), seeds=[0, 1])
    assert missing(tmp_path, Claim("abc", 0, 2)) == [range(2)]
    begin(tmp_path / "begun", Claim("abc", 0, 10**30))
    assert place(tmp_path, "new", Claim("abc", 0, 2)) == "new"


def test_a_linked_folder_is_no_run_of_the_sweep(tmp_path: Path) -> None:
    finish(tmp_path / "elsewhere" / "run", Claim("abc", 0, 2))
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "run").symlink_to(tmp_path / "elsewhere" / "run")
    assert missing(tmp_path / "sweep", Claim("abc", 0, 2)) == [range(2)]


FOLDERS = st.lists(st.sampled_from(["a", "b", "c=1"]), min_size=1, max_size=3).map("/".join)
RUNS = st.lists(
    st.tuples(FOLDERS, st.sampled_from(["abc", "xyz"]), st.integers(0, 6), st.integers(1, 4), st.booleans()), max_size=6
)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(runs=RUNS, name=FOLDERS, first=st.integers(0, 6), count=st.integers(1, 8))
def test_every_missing_seed_gets_one_place_and_no_finished_run_is_touched(
    tmp_path_factory: pytest.TempPathFactory, runs: list[Any], name: str, first: int, count: int
) -> None:
    sweep, finished, taken = tmp_path_factory.mktemp("sweep"), {}, set()
    for folder, family, seed, number, is_done in runs:
        if folder not in taken:
            (finish if is_done else begin)(sweep / folder, Claim(family, seed, number))
            taken.add(folder)
            if is_done:
                finished[sweep / folder] = Claim(family, seed, number)
    wanted = Claim("abc", first, count)
    there = {seed for claim in finished.values() if claim.family == "abc" for seed in claim.seeds}
    trained = []
    for folder, part in parts(sweep, name, wanted):
        assert folder not in finished
        assert folder.is_relative_to(sweep)
        assert not {*folder.parents} & {*finished} or folder.relative_to(sweep).as_posix() in taken
        other = Claim.read(folder)
        assert other is None or other.family == "abc"
        trained += part.seeds
        finish(folder, part)
        finished[folder] = part
    assert trained == sorted(set(wanted.seeds) - there)
    assert list(parts(sweep, name, wanted)) == []
    for folder, claim in finished.items():
        assert Claim.read(folder) == claim
        assert Record.read(folder).seeds == list(claim.seeds)


# Where it belongs


def test_a_place_is_free_or_of_the_same_training(tmp_path: Path) -> None:
    mine, other = Claim("abcdefghij", 0, 2), Claim("xyz", 0, 2)
    assert place(tmp_path, "run", mine) == "run"
    finish(tmp_path / "run", other)
    assert place(tmp_path, "run", mine) == "run-abcdefgh"
    finish(tmp_path / "run-abcdefgh", mine)
    assert place(tmp_path, "run", mine.part(range(2, 4))) == "run-abcdefgh-3"  # a finished run keeps its folder
    assert len(place(tmp_path, "x" * 99, mine)) < 100


def test_a_family_with_code_of_its_own_has_a_folder_that_tells_it_apart(tmp_path: Path) -> None:
    finish(tmp_path / "run", Claim("abcdefghij-0123456789", 0, 2))
    finish(tmp_path / "run-99999999", Claim("abcdefghij-9999999999", 0, 2))
    assert place(tmp_path, "run", Claim("abcdefghij-8888888888", 0, 2)) == "run-88888888"


@pytest.mark.parametrize("folder", ["run", "named otherwise", "deep/er/run"])
def test_what_was_begun_is_gone_on_with_wherever_it_is(tmp_path: Path, folder: str) -> None:
    begin(tmp_path / folder, Claim("abc", 0, 2))
    assert place(tmp_path, "run", Claim("abc", 0, 2)) == folder
    assert place(tmp_path, "run", Claim("abc", 0, 4)) == folder  # all of its seeds are wanted
    assert place(tmp_path, "new", Claim("abc", 1, 4)) == "new"
    finish(tmp_path / "first", Claim("abc", 0, 1))
    assert place(tmp_path, "new", Claim("abc", 1, 4)) == folder  # all of its seeds are wanted or there
    assert place(tmp_path, "new", Claim("xyz", 0, 2)) == "new"


def test_where_somebody_is_at_work_nobody_else_begins_anew(tmp_path: Path) -> None:
    begin(tmp_path / "begun", Claim("abc", 0, 2))
    with (tmp_path / "begun" / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert place(tmp_path, "new", Claim("abc", 0, 4)) == "new"
    assert place(tmp_path, "new", Claim("abc", 0, 4)) == "begun"


@pytest.mark.parametrize(
    ("names", "is_free"),
    [
        *(([], True), ([".hydra"], True), ([LOCK], True), ([CLAIM, "curves.csv"], True), (["seqexp.log"], True)),
        *((["thesis.txt"], False), ([RESULT], False), ([RESULT, CLAIM], False), ([RESULT, ".hydra", LOCK], False)),
    ],
)
def test_what_is_no_attempt_or_may_have_finished_is_left_alone(tmp_path: Path, names: list[str], is_free: bool) -> None:
    (tmp_path / "run").mkdir()
    for name in names:
        (tmp_path / "run" / name).write_text("cannot be read")
    assert (place(tmp_path, "run", Claim("abc", 0, 2)) == "run") is is_free
    (tmp_path / "file").write_text("precious")
    assert place(tmp_path, "file", Claim("abc", 0, 2)) != "file"


def test_places_do_not_run_out_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "_is_free", lambda folder: False)
    with pytest.raises(ConfigError, match="too many folders"):
        place(tmp_path, "run", Claim("abc", 0, 1))


def test_claims_are_read_once_while_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        finish(tmp_path / str(number), Claim(f"family{number}", 0, 2))
    right, count = Claim.read, itertools.count()

    def read(folder: Path) -> Claim | None:
        next(count)
        return right(folder)

    monkeypatch.setattr(Claim, "read", read)
    with claims.at_rest(tmp_path):
        for number in range(5):
            assert missing(tmp_path, Claim(f"family{number}", 0, 3)) == [range(2, 3)]
    assert next(count) == 5
    finish(tmp_path / "more", Claim("family0", 2, 1))
    assert missing(tmp_path, Claim("family0", 0, 3)) == []


# A run whose claim is lost


@pytest.mark.parametrize("size", ["3", "match:lstm-4", "match:100"])
def test_a_record_speaks_for_a_claim_that_is_lost(tmp_path: Path, size: str) -> None:
    from seqexp.run.execute import run

    record = run(
        ["num_seeds=2", "trainer.max_epochs=1", "data.length=60", f"cell.hidden_size={size}"], tmp_path / "run"
    )
    claim = Claim.read(tmp_path / "run")
    assert claim is not None
    for damage in (None, b"", b"{", os.urandom(20)):
        (tmp_path / "run" / CLAIM).unlink(missing_ok=True)
        if damage is not None:
            (tmp_path / "run" / CLAIM).write_bytes(damage)
        assert Claim.find(tmp_path / "run") == claim
        assert missing(tmp_path, claim) == []
    for changed in ("fingerprint", "seeds", "config"):
        other = {"fingerprint": "ab" * 16, "seeds": [5, 6], "config": {**record.config, "num_seeds": 3}}[changed]
        Record(**{**vars(record), changed: other}).write(tmp_path / "run")
        assert Claim.find(tmp_path / "run") is None

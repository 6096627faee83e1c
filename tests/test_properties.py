"""Whatever is typed or damaged: one clear error, never a traceback, never a number that nobody trained."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from omegaconf import open_dict

from seqexp.compare import compare
from seqexp.compare.runs import CompareError
from seqexp.config.compose import CONF, known_keys
from seqexp.config.mistakes import ConfigError, explain
from seqexp.record import claim
from seqexp.record.claim import CLAIM, Claim
from seqexp.record.record import RESULT, Record, RecordError
from seqexp.run.build import build, claim_of
from seqexp.run.execute import execute, run
from seqexp.training.checkpoints import Checkpoints

TINY = ("num_seeds=2", "data.length=120", "trainer.max_epochs=3", "trainer.enable_progress_bar=false")
KEYS = sorted(known_keys(["cell=lstm"]))


def examples(count: int) -> settings:
    """The same so many examples each time, however long one takes."""
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(deadline=None, derandomize=True, max_examples=count, suppress_health_check=slow)


# What is typed

NUMBERS = st.one_of(
    st.integers(-3, 40), st.sampled_from(["0.0", "-1.5", "1e400", "nan", ".inf", "1e-12", "0x10", "1_0"])
)
WORDS = st.sampled_from(
    [
        *(
            "null",
            "true",
            "false",
            "''",
            "[]",
            "[1,2]",
            "{}",
            "{a: 1}",
            "${seed}",
            "${nowhere}",
            "${oc.env:HOME}",
            "???",
        ),
        *("rnn", "lstm", "sine", "tanh", "cpu", "32-true", "'a b'", "a=b", "../../etc", "os.system", "torch.nn.GRU"),
        *("é", "\\\\", "1,2", "range(3)", "choice(1,2)", "seqexp.cell.lstm.LSTM", "@", "~", "%", "a:b", "[", '"'),
    ]
)
TEXTS = st.text(max_size=8)
VALUES = st.one_of(NUMBERS.map(str), WORDS, TEXTS)
NAMES = st.one_of(
    st.sampled_from(KEYS),
    st.sampled_from(["cell", "data", "optimizer", "trainer", "experiment", "cell._target_", "data._target_"]),
    st.sampled_from(["optimizer._target_", "trainer._target_", "sede", "cell.hiddensize", "a.b.c", "allowed_packages"]),
    TEXTS,
)
OVERRIDES = st.lists(
    st.builds(
        lambda sign, name, value: f"{sign}{name}={value}", st.sampled_from(["", "", "", "+", "++", "~"]), NAMES, VALUES
    ),
    min_size=1,
    max_size=3,
)


def attempt(overrides: list[str]) -> ConfigError | None:
    """What seqexp says of a command line; None where it could be run."""
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            try:
                config = compose("config", [*TINY, *overrides])
            except Exception as error:
                wrong = explain(error, known_keys)
                if wrong is None:
                    raise
                raise wrong from None
            build(config)
            claim_of(config)
    except ConfigError as error:
        return error
    return None


@examples(30)
@example(["~cell=0"])
@given(OVERRIDES)
def test_any_command_line_builds_or_is_refused_in_one_paragraph(overrides: list[str]) -> None:
    wrong = attempt(overrides)
    if wrong is not None:
        text = str(wrong)
        assert text.strip() == text != ""
        assert "Traceback" not in text
        assert "\n\n" not in text


@examples(30)
@given(st.sampled_from(KEYS), st.one_of(NUMBERS.map(str), WORDS))
def test_any_value_of_any_key_builds_or_is_refused_in_one_paragraph(key: str, value: str) -> None:
    wrong = attempt([f"{key}={value}"])
    if wrong is not None:
        assert str(wrong).strip()
        assert "\n\n" not in str(wrong)


# What is damaged


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two finished runs."""
    top = tmp_path_factory.mktemp("two")
    for cell in ("rnn", "lstm"):
        run([f"cell={cell}", *TINY], top / cell)
    return top


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(), st.text(max_size=5), st.just(10**400)),
    lambda children: st.one_of(
        st.lists(children, max_size=3), st.dictionaries(st.text(max_size=4), children, max_size=3)
    ),
    max_leaves=5,
)
FIELDS = sorted(Record.__dataclass_fields__)


@st.composite
def damages(draw: st.DrawFn) -> Callable[[dict[str, Any]], Any]:
    """Drops, replaces or mutates fields of a record, also inside of its lists and mappings."""
    kinds = st.sampled_from(["drop", "replace", "inside", "add"])
    steps = draw(st.lists(st.tuples(kinds, st.sampled_from(FIELDS), JSON, st.integers(0, 9)), min_size=1, max_size=2))

    def damage(record: dict[str, Any]) -> dict[str, Any]:
        for kind, name, value, index in steps:
            inside = record.get(name)
            if kind == "drop":
                record.pop(name, None)
            elif kind == "inside" and isinstance(inside, list) and inside:
                inside[index % len(inside)] = value
            elif kind == "inside" and isinstance(inside, dict) and inside:
                inside[sorted(inside)[index % len(inside)]] = value
            elif kind == "add":
                record[f"{name}{index}"] = value
            else:
                record[name] = value
        return record

    return damage


def rows_of(folder: Path, cell: str) -> list[Any]:
    return [(row["seed"], row["test_mse"], row["train_mse"], row["val_mse"]) for row in compare(folder).rows()
            if Path(row["folder"]).name == cell]  # fmt: skip


def judge(two_runs: Path, content: bytes) -> None:
    """Puts a damaged record beside a whole one."""
    before = rows_of(two_runs, "rnn")
    assert before
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        for cell in ("rnn", "lstm"):
            (top / cell).mkdir()
            for file in (RESULT, "curves.csv"):
                shutil.copy(two_runs / cell / file, top / cell)
        (top / "lstm" / RESULT).write_bytes(content)
        with contextlib.suppress(RecordError):
            assert isinstance(Record.read(top / "lstm"), Record)
        list(claim.parts(top, "lstm", Claim("abc", 0, 2)))
        Claim("abc", 0, 2).write(top / "lstm")
        list(claim.parts(top, "lstm", Claim("abc", 0, 2)))
        try:
            comparison = compare(top)
            comparison.to_markdown()
            json.dumps(comparison.to_dict(), allow_nan=False)
        except CompareError:
            return
        assert rows_of(top, "rnn") == before


@examples(30)
@given(damage=damages())
def test_a_damaged_record_is_refused_and_changes_no_other_number(two_runs: Path, damage: Any) -> None:
    record = json.loads((two_runs / "lstm" / RESULT).read_text())
    judge(two_runs, json.dumps(damage(record)).encode())


@examples(30)
@given(data=st.data())
def test_damaged_bytes_of_a_record_change_no_other_number(two_runs: Path, data: st.DataObject) -> None:
    judge(two_runs, data.draw(damaged_bytes((two_runs / "lstm" / RESULT).read_bytes())))


def damaged_bytes(whole: bytes) -> st.SearchStrategy[bytes]:
    """Cut, overwritten somewhere, lengthened, or something else altogether."""
    places = st.integers(0, len(whole) - 1)
    return st.one_of(
        places.map(lambda at: whole[:at]),
        st.builds(
            lambda at, noise: whole[:at] + noise + whole[at + len(noise) :], places, st.binary(min_size=1, max_size=64)
        ),
        st.binary(min_size=1, max_size=64).map(lambda noise: whole + noise),
        st.binary(max_size=64),
    )


DAMAGES: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: None,
    "folder": Path.mkdir,
    "pipe": os.mkfifo,
    "link": lambda path: path.symlink_to("/dev/zero"),
    "loop": lambda path: path.symlink_to(path.name),
    "sparse": lambda path: (path.touch(), os.truncate(path, 20 * 2**30)),
}


@examples(25)
@given(data=st.data())
def test_no_damaged_file_of_a_run_stops_a_comparison_or_changes_another_row(
    two_runs: Path, data: st.DataObject
) -> None:
    before = rows_of(two_runs, "rnn")
    with tempfile.TemporaryDirectory() as name:
        top = Path(name) / "two"
        shutil.copytree(two_runs, top)
        files = sorted(path for path in (top / "lstm").rglob("*") if path.is_file())
        chosen = data.draw(st.sampled_from(files), label="file")
        whole = chosen.read_bytes()
        chosen.unlink()
        kind = data.draw(st.sampled_from(["bytes", "bytes", *DAMAGES]))
        if kind == "bytes":
            chosen.write_bytes(data.draw(damaged_bytes(whole)))
        else:
            DAMAGES[kind](chosen)
        comparison = compare(top)
        comparison.to_markdown()
        comparison.figure("curves")
        json.dumps(comparison.to_dict(), allow_nan=False)
        assert rows_of(top, "rnn") == before
        assert rows_of(top, "lstm") in (rows_of(two_runs, "lstm"), []) or chosen.name == RESULT


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Record]:
    """A run that was interrupted after its second epoch, and the record of one that was not."""
    top = tmp_path_factory.mktemp("unfinished")
    original = run(["cell=lstm", *TINY, "trainer.max_epochs=4"], top / "whole")
    right, count = Checkpoints._save, iter(range(1, 9))

    def save(self: Checkpoints, trainer: Any, name: str, weights_only: bool = False) -> None:
        right(self, trainer, name, weights_only)
        if next(count) == 2:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoints, "_save", save)
        with pytest.raises(KeyboardInterrupt):
            run(["cell=lstm", *TINY, "trainer.max_epochs=4", "checkpoint.every_seconds=0"], top / "begun")
    assert (top / "begun" / "checkpoints" / "last.ckpt").exists()
    return top / "begun", original


def go_on(folder: Path) -> Record:
    """Goes on with the run, as a sweep would."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", ["cell=lstm", *TINY, "trainer.max_epochs=4"], return_hydra_config=True)
    plain = config.copy()
    with open_dict(plain):
        del plain["hydra"]
    return execute(plain, config.hydra, folder, go_on=True)


@examples(10)
@given(data=st.data())
def test_a_damaged_checkpoint_ends_in_the_right_numbers(unfinished: tuple[Path, Record], data: st.DataObject) -> None:
    begun, original = unfinished
    whole = (begun / "checkpoints" / "last.ckpt").read_bytes()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        shutil.copytree(begun, folder)
        (folder / "checkpoints" / "last.ckpt").write_bytes(data.draw(damaged_bytes(whole)))
        record = go_on(folder)
    assert record.test_mse == original.test_mse
    assert (record.train_mse, record.val_mse) == (original.train_mse, original.val_mse)
    assert (record.best_epoch, record.epochs, record.steps) == (original.best_epoch, original.epochs, original.steps)


CLAIMS = st.one_of(JSON, st.dictionaries(st.sampled_from(["family", "seed", "num_seeds", "more"]), JSON))


@examples(30)
@given(content=st.one_of(st.binary(max_size=80), CLAIMS.map(lambda value: json.dumps(value).encode())))
def test_a_damaged_claim_is_none_or_a_claim(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run").mkdir(exist_ok=True)
    (tmp_path / "run" / CLAIM).write_bytes(content)
    found = Claim.read(tmp_path / "run")
    assert found is None or (isinstance(found.family, str) and type(found.seed) is type(found.num_seeds) is int)
    assert claim.missing(tmp_path, Claim("abc", 0, 3)) == [range(3)]
    assert claim.place(tmp_path, "run", Claim("abc", 0, 3)).startswith("run")

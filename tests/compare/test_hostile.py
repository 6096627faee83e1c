"""What a stranger's folder may hold: it is listed as broken or compared, and no other row knows of it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from seqexp.compare import Comparison, compare
from seqexp.record.record import RESULT

CURVES = "epoch,seed,train_mse,val_mse\n" + "".join(f"{epoch},{seed},1,1\n" for epoch in range(3) for seed in range(8))


def raw(cell: str, /, **changes: Any) -> dict[str, Any]:
    """The fields of an ordinary record of eight seeds."""
    scores = np.random.default_rng(len(cell)).lognormal(0, 0.1, 8).tolist()
    return {
        "status": "done",
        "data": "sine",
        "cell": cell,
        "seeds": list(range(8)),
        "data_hash": [[f"train {seed}", f"test {seed}"] for seed in range(8)],
        "train_mse": scores,
        "val_mse": scores,
        "test_mse": scores,
        "baselines": {"constant": [10.0 + seed for seed in range(8)]},
        "config": {"data": {"_target_": "tasks.Sine"}, "cell": {"_target_": f"cells.{cell.upper()}"}},
        **changes,
    }


def put(folder: Path, record: Any, curves: str | None = CURVES) -> Path:
    folder.mkdir()
    (folder / RESULT).write_text(record if isinstance(record, str) else json.dumps(record))
    if curves is not None:
        (folder / "curves.csv").write_text(curves)
    return folder


def text_of(**changes: Any) -> str:
    """A record's text in which `"!…!"` stands for the bare …, such as numbers that no writer of JSON writes."""
    return json.dumps(raw("gru", **changes)).replace('"!', "").replace('!"', "")


def nested(depth: int) -> Any:
    inner: Any = 1
    for _ in range(depth):
        inner = {"a": inner}
    return inner


EIGHT = list(range(8))
REFUSED: dict[str, tuple[str, str]] = {
    "a number beyond float": (text_of(test_mse=["!1e400!", *EIGHT[1:]]), "beyond what a number holds"),
    "a whole number beyond float": (text_of(test_mse=[f"!1{'0' * 400}!", *EIGHT[1:]]), "beyond what a number holds"),
    "a number of 5,000 digits": (text_of(epochs=f"!{'7' * 5000}!"), "beyond what a number holds"),
    "beyond float in a setting": (text_of(config={"optimizer": {"lr": "!-1e999!"}}), "beyond what a number holds"),
    "nan": (text_of(val_mse=["!NaN!", *EIGHT[1:]]), "NaN is beyond"),
    "infinity": (text_of(train_seconds="!-Infinity!"), "beyond what a number holds"),
    "half a character": (text_of(cell="l\ud800m"), "half of a character"),
    "half a character in a key": (text_of(config={"\udfff": 1}), "half of a character"),
    "long name": (text_of(data="s" * 200_000), "data must be a name"),
    "empty name": (text_of(cell=" "), "cell must be a name"),
    "name of two lines": (text_of(cell="gru\n\nrnn beats lstm"), "cell must be a name"),
    "long baseline": (text_of(baselines={"b" * 999: EIGHT}), "baselines must be a name"),
    "many baselines": (text_of(baselines={str(n): EIGHT for n in range(99)}), "baselines must be 50 at most"),
    "absurd seed": (text_of(seeds=[*EIGHT[1:], 10**30]), "seeds must lie between"),
    "negative seed": (text_of(seeds=[*EIGHT[1:], -1]), "seeds must lie between"),
    "seed twice": (text_of(seeds=[*EIGHT[1:], 1]), "a seed twice"),
    "seeds of the wrong kind": (text_of(seeds=[*EIGHT[1:], [8]]), "whole numbers"),
    "many seeds": (
        text_of(seeds=[*range(100_001)], data_hash=None, baselines={},
                **{f"{split}_mse": [1] * 100_001 for split in ("train", "val", "test")}),
        "100,000 seeds",
    ),
    "diverged of the wrong kind": (text_of(diverged=[[0]]), "diverged must be"),
    "digests of the wrong kind": (text_of(data_hash=[["a", 1]] * 8), "two texts"),
    "solved after the end": (text_of(steps=9, solved=[10, *[None] * 7]), "solved must hold a step from 0 to 9"),
    "solved before the start": (text_of(steps=9, solved=[-1, *[None] * 7]), "solved must hold a step"),
    "solved of the wrong kind": (text_of(steps=9, solved=["4", True, *[None] * 6]), "solved must hold a step"),
    "solved by too few": (text_of(steps=9, solved=[4]), "for each of the seeds"),
    "too few digests": (text_of(data_hash=[["a", "b"]] * 7), "two digests for each of the 8 seeds"),
    "one digest each": (text_of(data_hash=[["a"]] * 8), "two texts"),
    "deep nesting": ('{"a":' * 100_000, "not readable as JSON"),
    "deep configuration": (text_of(config=nested(500)), "config"),
    "many settings": (text_of(config={str(n): n for n in range(2_000)}), "1,000 keys"),
    "long key": (text_of(config={"k" * 10_000: 1}), "no name"),
    "key of two lines": (text_of(config={"a\nb": 1}), "no name"),
    "long setting": (text_of(config={"a": "v" * 200_000}), "letters"),
    "best epoch of some seeds only": (text_of(epochs=9, best_epoch=[1]), "one of the 9 epochs"),
    "best epoch beyond the last": (text_of(epochs=7, best_epoch=EIGHT), "one of the 7 epochs"),
    "best epoch before the first": (text_of(epochs=9, best_epoch=[-1, *EIGHT[1:]]), "one of the 9 epochs"),
    "best epoch of the wrong kind": (text_of(epochs=9, best_epoch=["0", *EIGHT[1:]]), "one of the 9 epochs"),
    "negative time": (text_of(train_seconds=-1), "between 0 and"),
    "endless time": (text_of(train_seconds=1e300), "between 0 and"),
    "not UTF-8": ("\xff", "not readable as JSON"),
}  # fmt: skip
"""Content of a record -> a part of the reason."""

STRANGE: dict[str, dict[str, Any]] = {
    "formula": {"cell": r"$\frac{$"},
    "formula that is one": {"cell": r"$\alpha$"},
    "escaped dollar": {"cell": r"\$a$"},
    "html": {"cell": "<img src=x onerror=alert(1)>"},
    "markdown": {"cell": "[here](http://evil.example) **`x`** | y"},
    "heading": {"cell": "# rnn beats lstm"},
    "spreadsheet": {"cell": '=HYPERLINK("http://evil.example")'},
    "rich": {"cell": "[bold red]loud[/] :smile:"},
    "escape": {"cell": "e\x1b[2Jnd"},
    "bidi": {"cell": "abc\u202edef"},
    "letters no font has": {"cell": "模型 \U0001f600"},
    "a column's name": {"cell": "own", "baselines": dict.fromkeys(("test_mse", "cell", "seed", "@x"), EIGHT)},
    "settings that are no groups": {"cell": "flat", "config": {"cell": [1], "data": {"_target_": "tasks.Sine"}}},
    "settings with strange names": {"cell": "named", "config": {"data": {"_target_": "tasks.Sine"}, "a b": "\n=1"}},
    "large scores": {"cell": "large", "test_mse": [1.7e308] * 7 + [1e-320], "val_mse": [1e300] * 8},
    "zeros": {"cell": "zeros", "test_mse": [0] * 8, "train_mse": [-0.0] * 8},
    "large seeds": {"cell": "far", "seeds": [2**63 - 1 - seed for seed in EIGHT]},
    "large steps": {"cell": "late", "steps": 2**63 - 1, "solved": [2**63 - 1, 0, *[None] * 6]},
    "large whole numbers": {"cell": "huge", "test_mse": [10**200] * 8},
}
"""What is compared all the same, each under a name of its own."""

DAMAGED: dict[str, Callable[[Path], Any]] = {
    "long field": lambda path: path.write_text(CURVES + "3,0," + "9" * 200_000 + ",1\n"),
    "short line": lambda path: path.write_text(CURVES + "3,0\n"),
    "words": lambda path: path.write_text(CURVES + "3,0,one,two\n"),
    "seed of 5,000 digits": lambda path: path.write_text(CURVES + f"3,{'7' * 5000},1,1\n"),
    "not UTF-8": lambda path: path.write_bytes(CURVES.encode() + b"\xff\n"),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "link": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
    "sparse": lambda path: os.truncate(path, 20 * 2**30),
}
"""What becomes of a `curves.csv`: the run is compared, and has no curve."""


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two ordinary runs, and all that is hostile beside them."""
    top = tmp_path_factory.mktemp("top")
    for name, (text, _) in REFUSED.items():
        put(top / name, "" if name == "not UTF-8" else text)
    (top / "not UTF-8" / RESULT).write_bytes(b'{"status": "\xff"}')
    for name, changes in STRANGE.items():
        put(top / name, raw("strange", **changes))
    for name, change in DAMAGED.items():
        change(put(top / f"curves, {name}", raw(f"curves {name}")) / "curves.csv")
    os.truncate(put(top / "sparse", {}) / RESULT, 20 * 2**30)
    for name in ("pipe", "link"):
        (put(top / name, {}) / RESULT).unlink()
    os.mkfifo(top / "pipe" / RESULT)
    (top / "link" / RESULT).symlink_to("/dev/zero")
    put(Path(os.fsdecode(os.fsencode(top) + b"/name \xff\xfe\x1b[2J")), raw("nameless"))
    for cell in ("rnn", "lstm"):
        put(top / cell, raw(cell))
    return top


@pytest.fixture(scope="module")
def found(top: Path) -> Comparison:
    return compare(top)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_listed_as_broken_with_its_reason(found: Comparison, name: str) -> None:
    (reason,) = [problem.reason for problem in found.broken if problem.folder == name]
    assert REFUSED[name][1] in reason
    assert len(reason) < 2_500


@pytest.mark.parametrize(("name", "word"), [("sparse", "larger than"), ("pipe", "no ordinary"), ("link", "is a link")])
def test_what_is_no_record_at_all_is_not_read(found: Comparison, name: str, word: str) -> None:
    assert [word in problem.reason for problem in found.broken if problem.folder == name] == [True]


def test_all_others_are_compared(found: Comparison) -> None:
    folders = {row["folder"] for row in found.rows()}
    assert folders >= {"rnn", "lstm", *STRANGE, *(f"curves, {name}" for name in DAMAGED)}
    assert any(name.startswith("name \ufffd\ufffd") and name.isprintable() for name in folders)
    assert len(found.broken) == len(REFUSED) + 3


def test_the_rows_of_ordinary_runs_do_not_change(found: Comparison, tmp_path: Path) -> None:
    for cell in ("rnn", "lstm"):
        put(tmp_path / cell, raw(cell))
    alone = {(row["folder"], row["seed"]): row for row in compare(tmp_path).rows()}
    beside = {(row["folder"], row["seed"]): row for row in found.rows() if row["folder"] in ("rnn", "lstm")}
    assert alone.keys() == beside.keys()
    for key, row in alone.items():
        assert {name: beside[key][name] for name in row} == row


def test_everything_is_written_and_commands_nobody(found: Comparison, tmp_path: Path) -> None:
    console = Console(width=100, file=io.StringIO(), record=True)
    found.render(console)
    found.write(tmp_path)
    markdown = (tmp_path / "comparison.md").read_text(encoding="utf-8")
    table = (tmp_path / "comparison.csv").read_text(encoding="utf-8")
    for text in (console.export_text(), markdown, table, (tmp_path / "comparison.json").read_text()):
        assert not set(text) & {"\x1b", "\u202e", "\x00", "\ud800"}
    assert "<img" not in markdown
    assert not re.search(r"(?<!\\)\]\(", markdown)
    assert "http://" not in markdown
    assert not [line for line in markdown.splitlines() if line.startswith("# ") and line != "# Comparison"]
    columns = {line.count("|") for line in markdown.splitlines() if line.startswith("| ")}
    assert columns == {5, 9}  # bars of the scores, and of what is solved
    for row in csv.reader(io.StringIO(table)):
        assert not [cell for cell in row if re.match(r"[=@\t\r]|[+-](?!\d)", cell)]
    assert "[bold red]loud[/] :smile:" in table
    problems = json.loads((tmp_path / "comparison.json").read_text())["not_readable"]
    damaged = {item["folder"] for item in problems if "curves.csv, so it has no curve: " in item["reason"]}
    assert damaged == {f"curves, {name}" for name in DAMAGED}

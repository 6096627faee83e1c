"""What the documents name is there, and the code that they show runs."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqexp.record.record import Record

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "seqexp"
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/*.md"), REPOSITORY / "conf/README.md"])

ARCHITECTURE = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")
MIGRATING = (REPOSITORY / "docs/migrating.md").read_text(encoding="utf-8")
CONTRIBUTING = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")

SHORT = ("num_seeds=2", "trainer.max_epochs=1", "trainer.enable_progress_bar=false")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        assert "://" in link or (path.parent / link).exists(), link


# ---------------------------------------------------------------- architecture


def names(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """The functions, classes, methods and constants of a file."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield prefix + node.name
        if isinstance(node, ast.ClassDef):
            yield from names(node.body, f"{prefix}{node.name}.")
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (prefix + each.id for each in targets if isinstance(each, ast.Name))


STATIONS = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", ARCHITECTURE)))


def test_the_walks_have_stations() -> None:
    assert {("run/execute.py", "execute"), ("record/record.py", "Record.write")} < set(STATIONS)
    assert len(STATIONS) > 40


@pytest.mark.parametrize(("file", "name"), STATIONS)
def test_a_station_of_the_walks_is_there(file: str, name: str) -> None:
    source = (PACKAGE / file).read_text(encoding="utf-8")
    assert name in set(names(ast.parse(source).body))


def test_the_tree_has_every_file_and_no_other() -> None:
    folder, named = "", set()
    for line in ARCHITECTURE.partition("    seqexp/\n")[2].partition("\n\n")[0].splitlines():
        if found := re.match(r" {6}(\w+/) ", line):
            folder = found[1]
        elif re.match(r" {6}\w", line):
            folder = ""
        named |= {folder + each for each in re.findall(r"\w+\.py\b", line)}
    files = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    assert named == files


# ---------------------------------------------------------------- from 0.1


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The task of docs/migrating.md, as it was (`walk_before`) and as it becomes (`walk_after`); the flag for it."""
    (diff,) = re.findall(r"```diff\n(.*?)```", MIGRATING, re.DOTALL)
    fractions = "batch_size: 32\ntrain_fraction: 0.6\nval_fraction: 0.2\ntest_fraction: 0.2\n"
    (tmp_path / "conf/data").mkdir(parents=True)
    for name, left_out in (("walk_before", "+"), ("walk_after", "-")):
        lines = [line[1:] for line in diff.splitlines() if not line.startswith(left_out)]
        (tmp_path / f"{name}.py").write_text("\n".join(lines))
        (tmp_path / f"conf/data/{name}.yaml").write_text(
            f"# own\n_target_: {name}.Walk\nlength: 90\nwindow: 5\n{fractions}"
        )
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"--config-dir={tmp_path / 'conf'}"


def test_a_task_of_0_1_is_refused_in_one_paragraph(command: Callable[..., Any], walk: str) -> None:
    done = command(walk, "allowed_packages=[walk_before]", "data=walk_before", *SHORT)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert "Sample is Sequences by now: docs/migrating.md says what a task of 0.1 needs" in done.err
    assert not Path("outputs").exists()


def test_and_runs_when_it_is_written_as_the_document_says(command: Callable[..., Any], walk: str) -> None:
    done = command(walk, "allowed_packages=[walk_after]", "data=walk_after", *SHORT)
    assert (done.status, done.err) == (0, "")
    (folder,) = Path("outputs").iterdir()
    guesses = Record.read(folder).baselines
    # Nobody can do better than to say the last value of a walk, in its first column.
    assert guesses["persistence"] == pytest.approx(guesses["noise"])


def test_records_of_both_versions_are_read_as_the_document_says(tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", MIGRATING, re.DOTALL)
    space: dict[str, Any] = {}
    exec(code, space)
    old = REPOSITORY / "tests/fixtures/sweep_0_1/rnn"
    assert space["test_scores"](json.loads((old / "result.json").read_text())) == Record.read(old).score("test")
    scores = {part: {"mae": [0.5, 0.25]} for part in ("train", "test")}
    new = Record(status="done", data="sine", cell="rnn", seeds=[0, 1], metric="mae", scores=scores)
    new.write(tmp_path)
    assert space["test_scores"](json.loads((tmp_path / "result.json").read_text())) == [0.5, 0.25]


# ---------------------------------------------------------------- contributing


def test_the_score_of_contributing_is_trained_for(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,) = re.findall(r"\n((?: {4}import torch\n)(?: {4}.*\n|\n)+)", CONTRIBUTING)
    (tmp_path / "scores_shown.py").write_text(textwrap.dedent(code))
    monkeypatch.syspath_prepend(str(tmp_path))
    done = command("data.score=scores_shown.Pinball", "allowed_packages=[scores_shown]", "data.length=120", *SHORT)
    assert (done.status, done.err) == (0, "")
    assert " · test pinball loss at 0.9 " in done.out
    (folder,) = Path("outputs").iterdir()
    record = Record.read(folder)
    assert (record.metric, record.metric_unit) == ("pinball", "units of the data")
    assert all(0 < value < 1 for value in record.score("test") or [])


def test_the_table_of_reproduced_numbers_has_the_rows_of_its_pages() -> None:
    folder = REPOSITORY / "docs" / "reproduced"
    whole = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    rows = [
        row
        for page in pages
        for row in page.read_text(encoding="utf-8").splitlines()
        if row.startswith("| ") and not row.startswith(("|  |", "| ---"))
    ]
    assert rows
    assert [row for row in rows if row not in whole] == []
    assert whole.count("](") == len(pages)

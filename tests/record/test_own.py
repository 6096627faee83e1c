"""The digest of the user's own code and files: what changes it, and what does not."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seqexp.record.own import digest

FILES = {
    "own_pack/__init__.py": "",
    "own_pack/tasks.py": "from .deep import tools\nimport own_beside\nfrom own_space.part import thing\n",
    "own_pack/cells.py": "",
    "own_pack/deep/__init__.py": "from ..shared import *\n",
    "own_pack/deep/tools.py": "import numpy, torch, json, missing_package\n",
    "own_pack/shared.py": "def late():\n    from own_pack import later\n",
    "own_pack/later.py": "",
    "own_pack/unrelated.py": "",
    "own_beside.py": "",
    "own_space/part.py": "thing = 1\n",
    "own_space/other.py": "",
    "table.csv": "1,2\n",
    "texts/a.txt": "a",
    "texts/deep/b.txt": "b",
    "texts/.hidden": "c",
    "texts/run/claim.json": "{}",
    "texts/run/curves.csv": "d",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    assert not [name for name in sys.modules if name.startswith(("own_pack", "own_beside", "own_space"))]


def settings(**groups: Any) -> dict[str, Any]:
    return {"allowed_packages": ["own_pack"], "data": {}, "cell": {}, "optimizer": {}, **groups}


def changing(names: list[str], made: Callable[[], dict[str, Any]]) -> set[str]:
    """Which of the files change the digest."""
    found = set()
    for name in names:
        before, text = digest(made()), Path(name).read_text()
        Path(name).write_text(text + "\n# changed\n")
        if digest(made()) != before:
            found.add(name)
        Path(name).write_text(text)
    return found


@pytest.mark.parametrize("where", ["data", "cell", "optimizer", "trainer"])
def test_code_is_the_module_with_all_that_it_imports_of_ones_own(where: str) -> None:
    made = lambda: settings(**{where: {"_target_": "own_pack.tasks.Mine"}})  # noqa: E731
    assert changing(list(FILES), made) == {
        *("own_pack/__init__.py", "own_pack/tasks.py", "own_pack/deep/__init__.py", "own_pack/deep/tools.py"),
        *("own_pack/shared.py", "own_pack/later.py", "own_beside.py", "own_space/part.py"),
    }


def test_a_new_file_beside_it_changes_nothing() -> None:
    made = settings(data={"_target_": "own_pack.tasks.Mine"})
    before = digest(made)
    Path("own_pack/newer.py").write_text("")
    assert digest(made) == before
    Path("own_pack/cells.py").write_text("def broken(:\n")  # nobody imports it
    assert digest(made) == before


def test_any_dotted_path_into_an_allowed_package_counts() -> None:
    for node in ({"score": "own_pack.cells.score"}, {"deep": [{"module": "own_pack.cells.Net"}]}):
        assert changing(["own_pack/cells.py", "own_pack/tasks.py"], lambda node=node: settings(data=node)) == {  # type: ignore[misc]
            "own_pack/cells.py"
        }


def test_seqexps_own_and_what_is_not_allowed_have_no_digest() -> None:
    for target in ("seqexp.data.sine.Sine", "torch.optim.Adam", "lightning.pytorch.Trainer", "own_beside.X"):
        made = settings(data={"_target_": target, "kind": "tanh"}, allowed_packages=["seqexp", "torch", "own_pack"])
        assert digest(made) == ""


@pytest.mark.parametrize(
    ("group", "target"), [("data", "seqexp.data.sum.Sum"), ("data", "seqexp.data.sine.Sine"), ("cell", "seqexp.cell.X")]
)
def test_a_word_of_what_is_shipped_is_no_file(group: str, target: str) -> None:
    for word in ("texts", "table.csv", "texts/*.txt"):
        node = {"_target_": target, "distribution": word, "more": [word]}
        assert digest(settings(**{group: node})) == ""
        assert digest(settings(**{group: {**node, "_target_": target.replace("seqexp", "seqexp_like")}})) != ""


def test_an_installed_package_counts_by_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(cell={"_target_": "hypothesis.Net"}, allowed_packages=["hypothesis"])
    before = digest(made)
    assert before
    right = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "999" if name == "hypothesis" else right(name))
    assert digest(made) != before


@pytest.mark.parametrize("place", ["lib/python3/dist-packages", ".local/lib/python3.11/site-packages"])
@pytest.mark.parametrize("file", ["own_outer/__init__.py", "own_outer.py", "own_outer/part.py"])
def test_what_is_installed_elsewhere_is_not_ones_own(
    home: Path, monkeypatch: pytest.MonkeyPatch, place: str, file: str
) -> None:
    outer = home / place / file
    outer.parent.mkdir(parents=True)
    outer.write_text("")
    monkeypatch.syspath_prepend(str(home / place))
    Path("own_pack/tasks.py").write_text("import own_outer.part\nimport own_beside\n")
    mine = lambda: settings(data={"_target_": "own_pack.tasks.Mine"})  # noqa: E731
    assert changing([str(outer), "own_beside.py"], mine) == {"own_beside.py"}
    version = settings(data={"_target_": "own_outer.part.Net"}, allowed_packages=["own_outer"])
    assert digest(version)
    assert changing([str(outer)], lambda: version) == set()


@pytest.mark.parametrize(
    ("value", "counts"),
    [
        ("table.csv", {"table.csv"}),
        ("texts", {"texts/a.txt", "texts/deep/b.txt", "texts/.hidden"}),
        ("texts/*.txt", {"texts/a.txt"}),
        (["table.csv", {"more": "texts/a.txt"}], {"table.csv", "texts/a.txt"}),
        *(("tanh", set()), ("", set()), ("nul\0l", set()), ("nowhere/*", set()), ("x" * 5000, set()), ("[", set())),
    ],
)
@pytest.mark.parametrize("group", ["data", "cell", "optimizer"])
def test_files_are_those_that_a_text_below_data_or_cell_names(group: str, value: Any, counts: set[str]) -> None:
    names = ["table.csv", *(name for name in FILES if name.startswith("texts"))]
    found = changing(names, lambda: settings(**{group: {"path": value}}))
    assert found == (set() if group == "optimizer" else counts)


def test_a_files_content_counts_and_not_its_age() -> None:
    made = settings(data={"path": "table.csv"})
    before = digest(made)
    Path("table.csv").unlink()
    assert digest(made) == ""
    Path("table.csv").write_text("1,3\n")
    assert digest(made) != before
    Path("table.csv").write_text("1,2\n")
    assert digest(made) == before


def test_a_new_file_in_a_folder_of_data_counts() -> None:
    made = settings(data={"path": "texts"})
    before = digest(made)
    Path("texts/new.txt").write_text("")
    assert digest(made) != before


def test_code_that_cannot_be_read_is_left_to_whoever_imports_it() -> None:
    Path("own_pack/tasks.py").write_bytes(b"\xff\xfe def")
    assert digest(settings(data={"_target_": "own_pack.tasks.Mine"}))
    for target in ("own_pack", "own_pack.", "own_pack..x", "own_pack.nowhere.X", "own_pack.\0"):
        digest(settings(data={"_target_": target}))
    assert digest(settings(data={"_target_": "missing_package.X"}, allowed_packages=["missing_package"])) == ""

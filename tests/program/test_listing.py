"""What `seqexp list` shows is what the files say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from seqexp.config import CONF
from seqexp.config.choices import Setting, groups, settings
from seqexp.config.compose import known_keys
from seqexp.program import listing

Command = Callable[..., Any]

FILES = [choice for files in groups().values() for choice in files.values() if choice.path is not None]

MINE = """\
# Mine, in a file whose
# comment has two lines.
_target_: mine.Cell
hidden_size: 8  # how many # there are
sizes:  # of all layers
  - 1
  - two
# About the next one.
inner:  # a group
  name: "a: b"  # quoted
  empty:
"""


@pytest.fixture
def mine() -> Path:
    folder = Path("mine")
    for place in ("cell", "own"):
        (folder / place).mkdir(parents=True)
        (folder / place / "mine.yaml").write_text(MINE)
    (folder / "cell" / "lstm.yaml").write_text("_target_: mine.LSTM\n")
    return folder


@pytest.mark.parametrize("choice", FILES, ids=lambda choice: str(choice.title))
def test_every_key_of_every_file_is_shown_with_its_value(choice: Any) -> None:
    """YAML's own reading of the file is the oracle."""
    found = {each.key: each.value for each in settings(choice) if isinstance(each, Setting)}
    whole: Any = yaml.safe_load(choice.path.read_text(encoding="utf-8")) or {}
    inherits = whole.pop("defaults", [])

    def leaves(node: dict[str, Any], prefix: str) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in node.items():
            inner = leaves(value, f"{prefix}{key}.") if isinstance(value, dict) and value else {f"{prefix}{key}": value}
            out |= inner if key != "_target_" else {}
        return out

    wanted = {key.removeprefix("hydra.sweeper.params."): value for key, value in leaves(whole, choice.prefix).items()}
    chosen = {key.split("/")[-1]: name for each in inherits if isinstance(each, dict) for key, name in each.items()}
    wanted = {**chosen, **wanted}
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert yaml.safe_load(found[key]) == value, key


def test_all_groups_and_the_settings_at_the_top_are_shown(command: Command) -> None:
    done = command("list")
    assert (done.status, done.err) == (0, "")
    for group, files in groups().items():
        assert f"\n\n{group}\n" in done.out
        for name in files:
            assert re.search(rf"^  {name}( \*)? +\S", done.out, re.MULTILINE), name
    assert re.search(r"^  rnn \* +The simple recurrent cell of Elman\.", done.out, re.MULTILINE)
    for key in known_keys():
        if key.split(".")[0] not in groups() and not any(other.startswith(f"{key}.") for other in known_keys()):
            assert re.search(rf"^  {re.escape(key)}=", done.out, re.MULTILINE), key


def test_a_group_and_a_file_are_shown_with_their_comments(command: Command) -> None:
    done = command("list", "data")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"\n  sine \*  +Windows of a noisy sine predict a later value;", done.out)
    done = command("list", "cell/lstm")
    assert done.out.startswith(
        "cell=lstm\n  The long short-term memory. Builds seqexp/cell/lstm.py.\n\n  cell.hidden_size=16 "
    )
    assert re.search(r"^  cell\.dropout=0\.0 +between layers; needs more than one$", done.out, re.MULTILINE)
    assert command("list", "cell=lstm").out == command("list", "cell/lstm.yaml").out == done.out
    assert "\n  All that is not said here is as in trainer=default.\n" in command("list", "trainer/gpu").out
    assert "\n  cell=rnn,lstm,gru\n" in command("list", "experiment/rnn_vs_lstm").out
    assert command("list", "experiment/lab/gates").out.startswith("experiment=lab/gates\n  What does a gate do")
    assert "Did you mean experiment/lab/gates?" in command("list", "experiment/lab/gate").err
    assert "  search.trials=20 " in command("list", "search").out
    assert command("list", "data", "cell").out == command("list", "data").out + "\n" + command("list", "cell").out


def test_a_task_that_lacks_a_setting_says_which(command: Command) -> None:
    out = command("list", "data/csv").out
    assert "\n  What its data are is not known yet: data.path must name a CSV file, such as data.path=prices.csv" in out


def test_a_tasks_page_that_waits_for_torch_says_so(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(listing, "show_start", lambda: shown.append("starting"))
    assert command("list", "cell/lstm").status == 0
    assert not shown
    assert command("list", "data/sine").status == 0
    assert shown == ["starting"]


def test_groups_and_files_of_ones_own_are_shown(command: Command, mine: Path) -> None:
    done = command("list", "--config-dir", str(mine))
    assert re.search(r"\n  mine +Mine, in a file whose …\n", done.out)
    assert "\n\nown\n  mine  Mine," in done.out
    assert re.search(r"^  lstm +Builds mine\.LSTM\.$", done.out, re.MULTILINE)  # it stands before the shipped one
    assert "mine" in command("--help", "--config-dir", str(mine)).out
    done = command("list", "cell/mine", "--config-dir", str(mine))
    assert done.status == 0
    assert done.out == (
        "cell=mine\n  mine/cell/mine.yaml\n  Mine, in a file whose\n  comment has two lines.\n\n"
        "  cell.hidden_size=8      how many # there are\n"
        "  cell.sizes=[1, two]     of all layers\n\n"
        "  About the next one.\n\n  cell.inner: a group\n"
        '  cell.inner.name="a: b"  quoted\n'
        "  cell.inner.empty=null\n"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: [1", "cannot be read as YAML"),
        (b"- 1\n", "must hold keys with values"),
        (b"a: \xff\n", "cannot be read as YAML in UTF-8"),
        (b"a: &a\n  b: *a\n", "refers to itself"),
        (b"#" * 100_001, "is no configuration: it has 100,001 bytes"),
        (b"a0: &a0\n  x: 1\n" + b"".join(
            b"a%d: &a%d\n" % (i, i) + b"".join(b"  x%d: *a%d\n" % (k, i - 1) for k in range(10)) for i in range(1, 9)
        ), "stand for more than any configuration"),
    ],
    ids=["broken", "list", "bytes", "circle", "large", "aliases"],
)  # fmt: skip
def test_a_file_that_cannot_be_shown_is_named_and_hides_no_other(
    command: Command, mine: Path, text: bytes, said: str
) -> None:
    (mine / "cell" / "bad.yaml").write_bytes(text)
    done = command("list", "cell/bad", "--config-dir", "mine")
    assert (done.status, done.out) == (2, "")
    assert re.search(rf"^seqexp: mine/cell/bad\.yaml: [^\n]*{said}[^\n]*\n", done.err, re.MULTILINE)
    assert "  gru " in command("list", "cell", "--config-dir", "mine").out


def test_a_strangers_comment_commands_no_terminal(command: Command, mine: Path) -> None:
    (mine / "cell" / "bad.yaml").write_text("# \x1b[2J clears \u202e\na: 1  # \x9b\n")
    for line in ("list cell", "list cell/bad", "--help"):
        done = command(*line.split(), "--config-dir", "mine")
        assert not {"\x1b", "\x9b", "\u202e"} & set(done.out + done.err)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cel", "seqexp list cel: there is no such group or file. Did you mean cell? Allowed: callback, cell, data, "),
        ("lstm", "Did you mean cell/lstm?"),
        ("model", "Did you mean cell?"),
        (
            "cell/lstmm",
            "seqexp list cell/lstmm: there is no such cell. Did you mean cell/lstm? Allowed: cifg, esn, ",
        ),
        ("sell/lstm", "Did you mean cell/lstm?"),
        ("cell.hidden_size", "Did you mean cell?"),
        ("../conf", "there is no such group or file."),
        ("hydra/output", "there is no such group or file."),
        ("", "seqexp list '': there is no such group or file."),
    ],
)
def test_what_is_not_there_gets_the_nearest_name(command: Command, name: str, said: str) -> None:
    done = command("list", name)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert said in done.err


def test_every_shipped_file_says_what_it_is() -> None:
    assert {each.path for each in FILES} >= set(CONF.glob("cell/*.yaml"))
    for choice in FILES:
        assert choice.lines, choice.title
        assert choice.summary, choice.title

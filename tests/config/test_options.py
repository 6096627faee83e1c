"""How the program was called, and what is said of an option that is none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from seqexp.compare.__main__ import main as compare
from seqexp.config.options import called
from seqexp.search.__main__ import main as search

Command = Callable[..., Any]

CALLED = {
    # where the program lies -> without a verb, with one
    "/venv/bin/seqexp": ("seqexp", "seqexp compare"),
    r"seqexp.exe": ("seqexp", "seqexp compare"),
    "/venv/bin/seqexp-compare": ("python -m seqexp", "seqexp-compare"),
    "/src/seqexp/__main__.py": ("python -m seqexp", "python -m seqexp compare"),
    "/src/seqexp/compare/__main__.py": ("python -m seqexp", "python -m seqexp.compare"),
    "/lib/pytest/__main__.py": ("python -m seqexp", "python -m seqexp compare"),
    "/src/compare/__main__.py": ("python -m seqexp", "python -m seqexp compare"),
    "-c": ("python -m seqexp", "python -m seqexp compare"),
}


@pytest.mark.parametrize("path", CALLED)
def test_how_the_program_was_called(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [path])
    assert (called(), called("compare")) == CALLED[path]


@pytest.mark.parametrize("main", [compare, search])
def test_usage_says_how_it_was_called(
    main: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    verb = "compare" if main is compare else "search"
    for path, name in (
        ("/bin/seqexp", f"seqexp {verb}"),
        (f"/src/seqexp/{verb}/__main__.py", f"python -m seqexp.{verb}"),
    ):
        monkeypatch.setattr(sys, "argv", [path])
        with pytest.raises(SystemExit, match="0"):
            main(["--help"])
        assert capsys.readouterr().out.startswith(f"usage: {name} [-h] ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--epochs 5", "arguments: --epochs; a setting stands without dashes: did you mean trainer.max_epochs=...?; "),
        ("--lr=0.1 cell=lstm", "--lr=0.1; a setting stands without dashes: did you mean optimizer.lr=...?; "),
        ("--gpu", "--gpu; a setting stands without dashes: did you mean trainer=gpu?; seqexp --help "),
        ("--nosuch=1", "--nosuch=1; a setting stands without dashes, as in cell=lstm; seqexp --help "),
        ("--multrun cell=rnn,lstm", "--multrun; did you mean --multirun?; seqexp --help "),
        ("search --epochs=5", "--epochs=5; a setting stands without dashes: did you mean trainer.max_epochs=...?; "),
        ("search --conf=x", "--conf=x; did you mean --config-dir?; seqexp search --help "),
        ("compare --ou=x y", "--ou=x; did you mean --out?; seqexp compare --help shows what there is"),
        ("compare --epochs=5 y", "--epochs=5; seqexp compare --help shows what there is"),
    ],
)
def test_an_option_that_is_none_gets_a_hint(command: Command, line: str, said: str) -> None:
    done = command(*line.split())
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("seqexp: unrecognized arguments: ")
    assert said in done.err

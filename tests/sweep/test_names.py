"""Names of runs in a sweep: what varies, and nothing else, whatever the folder has already."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from seqexp.record.record import Record, find

BAR = "trainer.enable_progress_bar=false"
TINY = (
    "num_seeds=2",
    "data.length=60",
    "trainer.max_epochs=1",
    "cell.hidden_size=3",
    "trainer.enable_progress_bar=false",
)


def test_a_sweep_that_grows_has_names_that_differ_and_trains_nothing_twice(sweep: Callable[..., Any]) -> None:
    """Nothing varies; then a cell; then a key that was alike; then seeds; then a key for new runs alone."""
    top, ever = Path("outputs/mine"), dict[str, bytes]()

    def grown(*overrides: str, there: int) -> set[str]:
        done = sweep(*overrides)
        assert (done.status, done.out.count("there already: ")) == (0, there), done
        found = {path.relative_to(top).as_posix(): (path / "result.json").read_bytes() for path in find(top)}
        assert {name: found[name] for name in ever} == ever
        new = found.keys() - ever.keys()
        ever.update(found)
        return new

    assert grown("cell=rnn", *TINY, there=0) == {"rnn_sine"}
    assert grown("cell=rnn,gru", *TINY, there=1) == {"cell=gru"}
    assert grown("cell=rnn,gru", *TINY, "optimizer.lr=0.002", there=0) == {
        "cell=rnn,optimizer.lr=0.002",
        "cell=gru,optimizer.lr=0.002",
    }
    assert grown("cell=rnn,gru", *TINY[1:], "num_seeds=4", there=0) == {"cell=rnn", "cell=gru,seeds=2-3"}
    assert grown("cell=mgu", *TINY, there=0) == {"cell=mgu"}
    assert grown("cell=mgu,rnn", *TINY, "print_every=1", there=2) == set()
    assert grown("cell=mgu", *TINY, "sweep.fail_fast=true", "trainer.max_epochs=2", there=0) == {
        "cell=mgu,trainer.max_epochs=2"
    }
    pairs = [(Record.read(path).fingerprint, seed) for path in find(top) for seed in Record.read(path).seeds]
    assert len(pairs) == len({*pairs}) == 16


def test_a_sweep_without_a_name_has_one_that_says_what_it_compares(command: Callable[..., Any]) -> None:
    assert command("--multirun", "cell=gru", "optimizer.lr=0.01,0.02", "sweep.fresh_seeds=true", *TINY).status == 0
    (top,) = Path("outputs").iterdir()
    assert top.name.startswith("gru_lr=0.01-0.02_sine_20")
    names = sorted(path.name for path in find(top))
    assert names[:2] == ["optimizer.lr=0.01", names[1]]
    assert [name for name in names if name.endswith(",seeds=2-3")], names

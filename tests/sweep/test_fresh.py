"""`sweep.fresh_seeds`: what is trained again, when, under which names; what is refused; and what a kill leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from seqexp.compare import compare
from seqexp.config.mistakes import ConfigError
from seqexp.record.claim import Claim
from seqexp.record.record import Record, find
from seqexp.sweep import fresh

Command = Callable[..., Any]

GRID = ("cell=rnn", "optimizer.lr=0.01,0.1", "sweep.fresh_seeds=true")
TINY = ("num_seeds=2", "trainer.max_epochs=2", "data.length=60", "trainer.enable_progress_bar=false")


def test_what_was_picked_is_trained_once_more_and_goes_on_after_a_kill(sweep: Command) -> None:
    folder = Path("outputs/mine")
    done = sweep(*GRID, *TINY)
    assert done.status == 0, done.err
    assert "what was picked is trained once more, on seeds 2 to 3, which judge:" in done.out
    runs = {path: Record.read(path) for path in find(folder)}
    grid = [record for record in runs.values() if record.seeds == [0, 1]]
    assert len(grid) == 2
    ((path, judge),) = [each for each in runs.items() if each[1].seeds == [2, 3]]
    best = min(grid, key=lambda record: sum(record.val_mse or ()))
    assert judge.config["optimizer"] == best.config["optimizer"]
    assert [record.config["sweep"]["judges"] for record in (*grid, judge)] == [None, None, 2]
    told = json.loads((folder / "comparison.json").read_text())["data"][0]
    assert told["first_seed_that_judges"] == 2
    assert told["baseline_pairs"][0]["num_seeds"] == [2, 2]
    later = compare(folder).to_dict()["data"][0]
    assert (later["notes"], later["baseline_pairs"]) == (told["notes"], told["baseline_pairs"])

    shutil.rmtree(path)  # as a kill before it would have it: the same command trains it, and nothing else
    again = sweep(*GRID, *TINY)
    assert again.out.count("there already: ") == 2
    assert Record.read(path).score("test") == judge.score("test")
    assert json.loads((folder / "comparison.json").read_text())["data"][0]["baseline_pairs"] == told["baseline_pairs"]


def test_a_dry_run_tells_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    fresh.tell_more(config, [job(5, 3, lr=0.1), job(5, 3, lr=0.2)], ())
    assert "then what is picked is trained once more, on seeds 8 to 10, which judge" in capsys.readouterr().out


def job(seed: int = 0, num_seeds: int = 2, cell: str = "rnn", lr: float = 0.1, **more: Any) -> Any:
    """What a check of `sweep.fresh_seeds` looks at of a sweep's job."""
    config = {
        "sweep": {"fresh_seeds": True, "judges": None} | more.pop("sweep", {}),
        "data": {"_target_": "seqexp.data.sine.Sine", "val_fraction": 0.2, "length": 120} | more,
        "cell": {"_target_": f"seqexp.cell.{cell}.{cell.upper()}"},
        "optimizer": {"lr": lr},
        "hydra": {"runtime": {"choices": {"data": "sine", "cell": cell}}},
    }
    hashes = [[f"{number} train", f"{number} test"] for number in range(seed, seed + num_seeds)]
    claim = Claim(f"{cell}{lr}", seed, num_seeds)
    return SimpleNamespace(
        name=f"{cell}{lr}", config=OmegaConf.create(config), claim=claim, data_hash=hashes, overrides=[]
    )


@pytest.mark.parametrize(
    ("jobs", "message"),
    [
        ([job(cell="rnn"), job(cell="lstm")], "there is nothing to pick, as each of what is compared has one setting"),
        ([job(lr=0.1, val_fraction=0), job(lr=0.2, val_fraction=0)], "data.val_fraction is 0"),
        ([job(lr=0.1, sweep={"judges": 3}), job(lr=0.2)], "sweep.judges: is what sweep.fresh_seeds=true writes"),
        ([job(lr=0.1, sweep={"fresh_seeds": False}), job(lr=0.2)], "must be the same for all runs"),
        ([job(2**63 - 4, lr=0.1), job(2**63 - 4, lr=0.2)], "the 2 fresh seeds must be <= "),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(jobs: list[Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        fresh.check(jobs, (), tmp_path)


@pytest.mark.parametrize(
    "jobs",
    [[job(lr=0.1), job(lr=0.2)], [job(sweep={"fresh_seeds": False}), job(cell="lstm", sweep={"fresh_seeds": False})]],
)
def test_what_can_be_is_not(jobs: list[Any], tmp_path: Path) -> None:
    fresh.check(jobs, (), tmp_path)


def test_a_grid_may_lie_in_the_folder_already(tmp_path: Path) -> None:
    (tmp_path / "a run").mkdir()
    fresh.check([job(cell="rnn"), job(cell="lstm")], (), tmp_path)


def test_compared_by_the_only_swept_key_nothing_is_picked(tmp_path: Path) -> None:
    jobs = [job(lr=0.1), job(lr=0.2)]
    with pytest.raises(ConfigError, match="nothing to pick"):
        fresh.check(jobs, ("optimizer.lr",), tmp_path)


def test_the_fresh_seeds_begin_behind_all_that_pick_and_stay_where_they_were() -> None:
    def run(last: int, judges: int | None = None) -> Any:
        return SimpleNamespace(seeds=[last - 1, last], judges=judges)

    assert fresh._first([job(0, 2), job(5, 3)], []) == 8
    assert fresh._first([job(0, 2)], [run(9)]) == 10
    assert fresh._first([job(0, 2)], [run(1), run(3, judges=2)]) == 2  # resumed: the judges are not counted
    assert fresh._first([job(0, 2)], [run(1), run(12, judges=11)]) == 11

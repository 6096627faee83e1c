"""Which seeds pick and which judge: no test score picks, and no seed that picked is in a verdict with fresh seeds."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from seqexp.compare.comparison import Comparison
from seqexp.compare.data_sets import group
from seqexp.compare.judges import NOT_FRESH, first_judge
from seqexp.compare.runs import Metric, Run
from seqexp.compare.section import Section, build
from seqexp.compare.success import with_success
from seqexp.compare.table import tables
from seqexp.compare.trained import noted

NOISE = np.exp(np.random.default_rng(3).normal(0, 0.1, (8, 40)))


def run(cell: str, lr: float, seeds: range, level: float, **changes: Any) -> Run:
    """A run whose seeds share their data with every other run's seeds of the same number; `sweep` fills the rest."""
    noise = level * NOISE[int(lr * 1000) % 4 + 4 * (cell == "lstm"), seeds.start : seeds.stop]
    return Run(
        **{
            **{"folder": Path(f"{cell}{lr}{seeds.start}"), "name": f"{cell}{lr}{seeds.start}", "data": "sine"},
            **{"cell": cell, "settings": {"optimizer.lr": lr}, "seeds": list(seeds)},
            **{"data_hash": [[f"train {seed}", f"test {seed}"] for seed in seeds]},
            **{
                "metric": Metric("mse", "MSE", "squared units of the data"),
                "train": noise,
                "val": noise,
                "test": noise,
            },
            **{"baselines": {"constant": np.ones(len(seeds))}, "diverged": frozenset(), "num_parameters": 1},
            **{"epochs": 1, "steps": 1, "train_seconds": 1.0},
            **changes,
        }
    )


def sweep(**fresh: Any) -> list[Run]:
    """Two cells with two learning rates each; 0.01 is picked of the rnn and 0.02 of the lstm, on seeds 0 to 9."""
    levels = {("rnn", 0.01): 0.2, ("rnn", 0.02): 0.4, ("lstm", 0.01): 0.4, ("lstm", 0.02): 0.2}
    return [run(cell, lr, range(10), level, **fresh) for (cell, lr), level in levels.items()]


def judges(rnn: float = 0.3, lstm: float = 0.1, **changes: Any) -> list[Run]:
    """The picked settings on seeds 10 to 19."""
    more = {"judges": 10, "fresh_seeds": True, **changes}
    return [run("rnn", 0.01, range(10, 20), rnn, **more), run("lstm", 0.02, range(10, 20), lstm, **more)]


def section(*runs: Run, by: tuple[str, ...] = ()) -> Section:
    (found,) = build(group(runs, by))
    return found


def names(found: Section) -> set[str]:
    return {found.data_set.rows[index].label for index in found.picked}


def test_the_verdict_stands_on_the_fresh_seeds_alone() -> None:
    found, alone = section(*sweep(), *judges()), section(*judges())
    assert names(found) == {"rnn optimizer.lr=0.01", "lstm optimizer.lr=0.02"}
    assert found.pairs[0].winner == "lstm"
    assert section(*sweep()).pairs[0].winner is None  # as it would be on the seeds that picked
    assert [pair.difference for pair in found.pairs] == [pair.difference for pair in alone.pairs]
    assert [pair.difference for pair in found.baseline_pairs] == [pair.difference for pair in alone.baseline_pairs]
    for label, row in found.shown:
        assert row.test.seeds.tolist() == list(range(10, 20)), label
        assert row.val is not None
        assert row.val.seeds.tolist() == list(range(10)), label
        assert [(source.seeds[at]) for source, at in row.sources] == list(range(10, 20)), label
    assert found.data_set.baselines["constant"].seeds.tolist() == list(range(10, 20))
    (said,) = [note for note in found.notes if "which had no part in that" in note]
    assert "validation scores of seeds 0 to 9" in said
    assert "all test scores here are of seeds 10 to 19" in said


@pytest.mark.parametrize("moved", ["test of those that picked", "test of those that judge", "validation of the judges"])
def test_neither_a_test_score_nor_a_seed_that_judges_can_pick(moved: str) -> None:
    wild = {"test of those that picked": 1e-6 * NOISE[0, :10]}
    old = sweep(**({"test": wild[moved]} if moved in wild else {}))
    part = "val" if moved.startswith("validation") else "test"
    new = judges(**({part: 1e6 * NOISE[1, :10]} if moved not in wild else {}))
    found = section(*old, *new)
    assert names(found) == {"rnn optimizer.lr=0.01", "lstm optimizer.lr=0.02"}
    if moved in wild or part == "val":
        assert [pair.difference for pair in found.pairs] == [pair.difference for pair in section(*judges()).pairs]


def test_the_table_has_validation_of_the_picking_seeds_and_test_of_the_fresh_ones() -> None:
    runs = [*sweep(), *judges()]
    found = section(*runs)
    table, *_ = tables(found)
    at = {name: table.columns.index(name) for name in ("validation MSE", "test MSE", "seeds")}
    lines = {tuple(line.texts[:2]): line for line in table.lines}
    picked = next(line for key, line in lines.items() if key[0].startswith("rnn") and line.picked)
    assert float(picked.texts[at["validation MSE"]]) == pytest.approx(runs[0].test.mean(), rel=0.01)
    assert float(picked.texts[at["test MSE"]].split()[0]) == pytest.approx(judges()[0].test.mean(), rel=0.02)
    assert picked.texts[at["seeds"]] == "10"
    other = lines["rnn", "0.02"]
    assert not other.picked
    assert [other.texts[at[name]] for name in ("test MSE", "seeds")] == ["\N{EN DASH}"] * 2


def test_the_files_keep_every_seed_and_say_which_judge() -> None:
    found = Comparison([noted(section(*sweep(), *judges()))], [], [])
    rows = list(found.rows())
    assert len(rows) == 60
    assert {row["seed"] for row in rows if row["judges"]} == set(range(10, 20))
    assert {row["test_mse"] for row in rows} == {
        float(score) for each in (*sweep(), *judges()) for score in each.test.tolist()
    }
    assert "judges" not in next(iter(Comparison([section(*sweep())], [], []).rows()))
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["data"][0]["first_seed_that_judges"] == 10
    found.render(Console(file=io.StringIO(), width=80))
    assert "which had no part in that" in found.to_markdown()
    assert found.figure() is not None


@pytest.mark.parametrize("missing", ["rnn", "lstm"])
def test_a_pick_without_its_fresh_run_has_no_verdict_and_that_is_said(missing: str) -> None:
    found = section(*sweep(), *[each for each in judges() if each.cell != missing])
    assert found.pairs[0].winner is None
    assert "one of them has no score" in found.sentences[0]
    assert [pair.first for pair in found.baseline_pairs if pair.winner] == [{"rnn": "lstm", "lstm": "rnn"}[missing]]
    (said,) = [note for note in found.notes if "has no run on a seed from 10 on" in note]
    assert said.startswith(f"{missing}: ")
    comparison = Comparison([noted(found)], [], [])
    comparison.render(Console(file=io.StringIO(), width=80))
    comparison.to_dict()
    comparison.figure()


def test_where_no_fresh_run_is_there_the_seeds_that_picked_judge_and_that_is_said() -> None:
    wanted = section(*sweep(fresh_seeds=True))
    assert NOT_FRESH in wanted.notes
    assert wanted.pairs == section(*sweep()).pairs
    assert NOT_FRESH not in section(*sweep()).notes
    (single, *_) = sweep(fresh_seeds=True)
    assert NOT_FRESH not in section(single).notes  # nothing was picked
    assert NOT_FRESH not in section(*sweep(fresh_seeds=True), *judges()).notes


def test_runs_on_fresh_seeds_alone_are_compared_as_any_others() -> None:
    found = section(*judges())
    assert found.data_set.judges is None
    assert found.pairs[0].num_seeds == (10, 10)


def test_a_wider_sweep_moves_the_judges_on() -> None:
    """What judged once picks with the others, as soon as later seeds judge."""
    more = [run(cell, lr, range(10, 20), 0.3) for cell, lr in (("rnn", 0.02), ("lstm", 0.01))]
    later = [run("rnn", 0.01, range(20, 40), 0.3, judges=20), run("lstm", 0.02, range(20, 40), 0.1, judges=20)]
    runs = [*sweep(), *more, *judges(), *later]
    assert first_judge(runs) == 20
    found = section(*runs)
    for _, row in found.shown:
        assert row.val is not None
        assert row.val.seeds.tolist() == list(range(20))
        assert row.test.seeds.tolist() == list(range(20, 40))


def test_other_keys_that_are_compared_need_picks_of_their_own() -> None:
    # By the learning rate, 0.01 is the rnn's and 0.02 the lstm's: what judges is there. By both nothing is picked.
    found = section(*sweep(), *judges(), by=("optimizer.lr",))
    assert found.data_set.judges == 10
    whole = section(*sweep(), *judges(), by=("cell", "optimizer.lr"))
    assert whole.data_set.judges is None
    assert {len(row.test.seeds) for _, row in whole.shown} == {10, 20}
    # Were the lstm picked for 0.01 as well, nothing would judge it there.
    other = [run("lstm", 0.01, range(10), 0.1) if (each.cell, each.settings["optimizer.lr"]) == ("lstm", 0.01) else each
             for each in sweep()]  # fmt: skip
    found = section(*other, *judges(), by=("optimizer.lr",))
    assert any(note.startswith("optimizer.lr=0.01: the setting that was picked has no run") for note in found.notes)


def test_success_is_counted_on_the_seeds_that_judge() -> None:
    old = sweep(solved=np.ones(10))
    new = [replace(each, solved=np.full(10, np.inf)) for each in judges()]
    (found,) = with_success([section(*old, *new)])
    assert found.success is not None
    assert [(rate.num_solved, rate.num_seeds) for rate in found.success.rates] == [(0, 10)] * 2
    assert not any("settings were picked on the validation data" in text for text in found.success.sentences)
    (before,) = with_success([section(*old)])
    assert before.success is not None
    assert [rate.num_solved for rate in before.success.rates] == [10, 10]

"""reproduce: what counts as agreement, what is measured, and a table from the command line to its page."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from seqexp.config.compose import CONF
from seqexp.record.record import Record
from seqexp.reproduce import published, report
from seqexp.reproduce.measure import Measured, best_guess, measured
from seqexp.reproduce.published import Row
from seqexp.reproduce.reproduce import settings
from seqexp.reproduce.verdict import verdict
from seqexp.run.build import build


def row(**values):
    return Row(**({"name": "it", "measure": "test", "published": 1.0, "margin": 0.1} | values))


def record(**values):
    known = {
        "status": "done",
        "data": "sine",
        "cell": "rnn",
        "seeds": [0, 1, 2, 3],
        "scores": {"test": {"mse": [1.0, 2.0, 3.0, 2.0], "accuracy": [0.5, 0.5, 0.5, 0.5]}},
        "baselines": {"constant": [4.0] * 4, "linear": [1.0] * 4, "noise": [0.1] * 4},
        "validation_baselines": {"constant": [0.5] * 4, "linear": [1.0] * 4, "noise": [0.1] * 4},
        "solved": [10, None, 20, 30],
    }
    return Record(**(known | values))


@pytest.mark.parametrize(
    ("low", "high", "more", "expected"),
    [
        (0.95, 1.05, {}, "agrees"),
        (0.99, 1.15, {}, "cannot be told apart"),
        (1.05, 1.15, {}, "worse"),
        (0.85, 0.95, {}, "better"),
        (0.85, 0.95, {"higher_is_better": True}, "worse"),
        (1.02, 1.05, {}, "agrees"),  # it differs, and by less than the margin
        (math.nan, math.nan, {}, "cannot be told apart"),  # one seed
    ],
)
def test_an_interval_decides(low, high, more, expected):
    assert verdict(row(**more), Measured((low + high) / 2, low, high, 5)) == expected


def test_of_two_shares_fishers_test_decides():
    """Of 9 trials 7 and of 10 seeds 3: their intervals leave the other's share out, and p is 0.07."""
    few = row(measure="solved", published=7 / 9, trials=9, higher_is_better=True)
    share = measured(few, record(seeds=list(range(10)), solved=[1, 2, 3, *[None] * 7]))
    assert share.high < 7 / 9
    assert verdict(few, share) == "cannot be told apart"
    none = measured(few, record(seeds=list(range(10)), solved=[None] * 10))
    assert verdict(few, none) == "worse"


def test_what_is_measured():
    assert measured(row(), record()).value == 2.0
    assert measured(row(measure="test/accuracy", scale=100), record()).value == 50.0
    assert measured(row(over="constant", root=True, scale=100), record()).value == pytest.approx(
        100 * (0.5 + math.sqrt(0.5) * 2 + math.sqrt(0.75)) / 4
    )
    share = measured(row(measure="solved"), record())
    assert (share.value, share.seeds) == (0.75, 4)
    assert share.low < 0.75 < share.high < 1


def test_the_guess_is_chosen_on_validation_and_the_noise_is_none():
    assert best_guess(row(), record()) == ("constant", 4.0)
    assert best_guess(row(), record(validation_baselines={})) == ("linear", 1.0)
    assert best_guess(row(measure="test/accuracy"), record()) is None
    assert best_guess(row(measure="solved"), record()) is None


@pytest.mark.parametrize(
    ("measure", "more", "message"),
    [
        ("test@40", {}, "there are test"),
        ("test", {"over": "ar"}, "there are constant, linear, noise"),
        ("solved", {}, "no criterion"),
    ],
)
def test_what_there_is_not_is_said(measure, more, message):
    with pytest.raises(ValueError, match=message):
        measured(row(measure=measure, **more), record(solved=None))


def test_a_guess_that_beats_what_is_published_is_said():
    table = row(published=5.0)
    found = report.Reproduced(table, record(), measured(table, record()), best_guess(table, record()), "better")
    assert report.notes([found], short=False) == [
        "constant, which needs no network, has 4 here: better than the 5 that is published for it."
    ]
    assert report.notes([found._replace(row=row(published=3.0))], short=True) == [report.SHORT]
    other = found._replace(row=row(published=5.0, held_against="chance"))
    assert report.notes([other, other], short=False) == [
        "constant, which needs no network, has 4 here: better than the 5 of chance."
    ]
    assert report.line(other).startswith("it: held against 5 (chance) · ours 2")


@pytest.mark.parametrize("name", published.names())
def test_a_shipped_table_can_be_run(name):
    table = published.load(name)
    assert table.paper.count('"') >= 2, "it names its paper"
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for each in table.rows:
            short = compose("config", settings(table, each, short=True))
            assert compose("config", settings(table, each, short=False)) != short
            build(compose("config", [*settings(table, each, short=True), "num_seeds=1"]))  # as far as before training
            part = each.measure.partition("/")[0]
            if part.startswith("test@"):
                named = OmegaConf.to_container(short.data)
                assert part[5:] in {*map(str, named["test_lengths"]), *(named["evaluations"] or {})}


TABLE = """\
# A lab sheet's claim.
paper: 'Nobody, "Nothing" (2000)'
read: nowhere
protocol: Two windows of a sine.
unit: mean squared errors
minutes: 12
run: [data=sine, data.length=100, trainer.max_epochs=1, trainer.limit_train_batches=1, num_seeds=2]
short: [data.length=80]
rows:
  - {name: RNN, run: [cell=rnn], measure: test, published: 1e9, margin: 1}
  - {name: GRU, run: [cell=gru], measure: test, published: 0, margin: 1e9}
  - {name: 'RNN, another number', run: [cell=rnn], measure: train, published: 0, margin: 1e9}
"""


def publish(text, tmp_path, monkeypatch):
    """Makes `nobody/nothing` the only table."""
    monkeypatch.setattr(published, "FOLDER", tmp_path / "published")
    (tmp_path / "published" / "nobody").mkdir(parents=True)
    (tmp_path / "published" / "nobody" / "nothing.yaml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("published: 0, margin: 1e9}\n  -", "published: .nan, margin: 1e9}\n  -", "published and scale of GRU"),
        ("margin: 1}", "margin: -1}", "margin of RNN: is above 0, got -1"),
        ("margin: 1}", "}", "margin"),
        ("margin: 1}", "margin: 1, trials: 3}", "trials of RNN: are 1 or more, of which published is the share"),
        ("margin: 1}", "margin: .inf}", "margin of RNN"),
        ("name: GRU", "name: ..", "name of ..: has a letter"),
        ("minutes: 12", "minutes: -1", "minutes: are above 0, got -1"),
        ("margin: 1}", "margin: 1, colour: red}", "colour"),
        ("measure: test,", "measure: tset,", "measure of RNN: is solved, test, test@40 or diagnostics"),
        ("name: GRU", "name: RNN", "two have one name"),
        ("published: 1e9", "published: many", "many"),
        ("rows:", "rows: [", "nothing.yaml: is no published table"),
        (TABLE, "", "missing mandatory value"),
        (TABLE[TABLE.index("rows:") :], "rows: []", "rows: there are none"),
    ],
)
def test_a_file_that_is_no_table_is_refused_before_training(tmp_path, monkeypatch, command, old, new, message):
    assert old in TABLE
    publish(TABLE.replace(old, new, 1), tmp_path, monkeypatch)
    done = command("reproduce", "nobody/nothing", "--out", str(tmp_path / "out"))
    assert (done.status, done.out) == (2, "")
    assert message in " ".join(done.err.split())
    assert "nothing.yaml" in done.err
    assert not (tmp_path / "out").exists()


def test_what_a_run_has_no_number_of_is_refused_by_its_row(tmp_path, monkeypatch, command):
    publish(TABLE.replace("measure: test,", "measure: solved,", 1), tmp_path, monkeypatch)
    done = command("reproduce", "nobody/nothing", "--short", "--out", str(tmp_path / "out"))
    assert done.status == 2
    assert "nobody/nothing: RNN: measure: sine has no criterion of success" in " ".join(done.err.split())


def test_seeds_without_a_number_are_told():
    table = row()
    lost = record(scores={"test": {"mse": [1.0, math.nan, 3.0, 2.0]}}, baselines={})
    found = report.Reproduced(table, lost, measured(table, lost), None, "worse")
    assert report.notes([found], short=False) == [
        "it: 1 of 4 seeds have no such number, and what is said of it is said of the others."
    ]


def test_from_the_command_line_to_the_page(tmp_path, monkeypatch, command):
    publish(TABLE, tmp_path, monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert "A lab sheet's claim. Minutes of one core: 12." in command("reproduce").out
    first = command("reproduce", "nobody/nothing", "--short")
    assert "RNN: published 1e+09 · ours" in first.out
    assert report.SHORT in first.out
    page = Path("outputs/reproduce/nobody/nothing/short/reproduced.md")
    text = page.read_text(encoding="utf-8")
    for part in (
        "| RNN | 1e+09 |",
        "| GRU | 0 |",
        "agrees",
        "reproduce nobody/nothing --short`",
        "cell=gru data.length=80",
    ):
        assert part in text
    results = {path: path.stat().st_mtime_ns for path in page.parent.glob("*/result.json")}
    assert len(results) == 2, "two rows are of one run"
    command("reproduce", "nobody/nothing", "--short")
    assert {path: path.stat().st_mtime_ns for path in page.parent.glob("*/result.json")} == results
    wrong = command("reproduce", "nobody/nothin")
    assert wrong.status == 2
    assert "Did you mean nobody/nothing?" in wrong.err

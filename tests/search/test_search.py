"""A search: what is asked, what a crash may cost (nothing), what a trial may see, and how it all ends."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import math
import re
import shlex
import sqlite3
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from seqexp.compare import compare
from seqexp.config.mistakes import ConfigError
from seqexp.data.module import PopulationData
from seqexp.record.record import Record, find
from seqexp.run.execute import run
from seqexp.search import __main__ as program
from tests.conftest import REPOSITORY, TINY_SINE, Done, environment_of_its_own
from tests.forked import Forked, Starter

optuna = pytest.importorskip("optuna")

from seqexp.config.compose import compose_run, configuration_folders  # noqa: E402
from seqexp.search import storage as storing  # noqa: E402
from seqexp.search import study as conducting  # noqa: E402
from seqexp.search.space import read_questions, read_settings  # noqa: E402
from seqexp.search.storage import DATABASE, storage  # noqa: E402
from seqexp.search.study import Study, conduct, define  # noqa: E402
from seqexp.search.trial import DivergedError, Outcome  # noqa: E402

LR = "optimizer.lr=tag(log, interval(1e-4,1e-1))"
SIZE = "cell.hidden_size=range(4,9)"
NAME = "search.name=mine"
MINE = Path("outputs/mine")
RANDOM_COLUMNS = ("seconds",)

Search = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def search(home: Path, capsys: pytest.CaptureFixture[str]) -> Search:
    """`python -m seqexp.search ...` in this process, from an empty folder, with little training."""

    def search(*arguments: str, tiny: tuple[str, ...] = TINY_SINE) -> Done:
        keys = {each.split("=")[0] for each in arguments}
        capsys.readouterr()
        try:
            status = program.main([*(each for each in tiny if each.split("=")[0] not in keys), *arguments])
        except SystemExit as end:
            status = cast(int, end.code)
        return Done(status, *capsys.readouterr())

    return search


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials have a score and no training, where a test is about what is written down of them."""
    monkeypatch.setattr(conducting, "train", lambda *_: Outcome([0.5], "mse", "MSE", 2, 0.1))


def trials(*arguments: str) -> dict[str, Study]:
    """Only the trials of a search, without what follows them."""
    with configuration_folders(None):
        settings, others = read_settings([NAME, *TINY_SINE, *arguments])
        with storage(settings.folder) as opened:
            studies = {}
            for question in read_questions(others):
                definition = define(question, settings)
                conducting.check(opened, question, definition)
                studies[question.name] = conduct(opened, question, definition, settings, lambda study: None)
            return studies


def table(folder: Path = MINE) -> list[dict[str, str]]:
    with (folder / "trials.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k not in RANDOM_COLUMNS} for row in csv.DictReader(file)]


def told(studies: dict[str, Study]) -> list[tuple[Any, ...]]:
    """All that a search remembers of its trials, but for times of day."""
    return [
        (name, trial.number, trial.state.name, trial.values, trial.params, trial.intermediate_values)
        for name, study in studies.items()
        for trial in study.trials
    ]


def questions(*arguments: str, config_dir: str | None = None) -> list[Any]:
    with configuration_folders(config_dir):
        return read_questions(arguments)


# ---------------------------------------------------------------- the whole way


class Whole:
    """One search from beginning to end, for the tests that only look at it."""

    def __init__(self, folder: Path, done: Done) -> None:
        self.folder, self.done = folder, done
        self.finals = {name: Record.read(folder / name) for name in ("rnn-sine", "lstm-sine")}


@pytest.fixture(scope="module")
def whole(starter: Starter, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    home = tmp_path_factory.mktemp("whole")
    arguments = [*TINY_SINE, "cell=rnn,lstm", "data=sine", LR, SIZE, NAME, "search.trials=4", "search.final_seeds=3"]
    done = starter.run("-m", "seqexp.search", *arguments, cwd=home, env=environment_of_its_own())
    return Whole(home / MINE, Done(done.returncode, done.stdout, done.stderr))


def test_all_is_well_and_nobody_else_talks(whole: Whole) -> None:
    assert (whole.done.status, whole.done.err) == (0, "")
    assert "Trial " not in whole.done.out  # as Optuna begins its own lines
    for name in ("rnn", "lstm"):
        assert re.search(rf"^{name}-sine +[\d.]+ +\d+ .* 4( +\d+){{3}}$", whole.done.out, re.MULTILINE)
        assert re.search(rf"^{name} on sine · test MSE .* → \S*outputs/mine/{name}-sine$", whole.done.out, re.MULTILINE)


def test_every_study_has_the_same_budget_and_begins_with_the_same_settings(whole: Whole) -> None:
    rows = table(whole.folder)
    settings = {
        name: [(row["optimizer.lr"], row["cell.hidden_size"]) for row in rows if row["study"] == name]
        for name in ("rnn-sine", "lstm-sine")
    }
    assert len(settings["rnn-sine"]) == len(settings["lstm-sine"]) == 4
    assert settings["rnn-sine"] == settings["lstm-sine"]  # as long as the sampler has learnt nothing
    assert len(set(settings["rnn-sine"])) == 4


def test_a_trial_scores_what_an_ordinary_run_validates(whole: Whole, tmp_path: Path) -> None:
    for row in (row for row in table(whole.folder) if row["trial"] == "2"):
        settings = [f"{key}={row[key]}" for key in ("optimizer.lr", "cell.hidden_size")]
        record = run([*TINY_SINE, f"cell={row['study'].split('-')[0]}", *settings], tmp_path / row["study"])
        assert record.val_mse is not None
        assert float(row["val_mse"]) == pytest.approx(statistics.fmean(record.val_mse), rel=1e-12)


def test_the_best_runs_again_with_seeds_that_no_trial_has_seen(whole: Whole, tmp_path: Path) -> None:
    for name, final in whole.finals.items():
        best = min((row for row in table(whole.folder) if row["study"] == name), key=lambda row: float(row["val_mse"]))
        assert final.config["optimizer"]["lr"] == float(best["optimizer.lr"])
        assert final.config["cell"]["hidden_size"] == int(best["cell.hidden_size"])
        assert final.seeds == [2, 3, 4]  # trials had 0 and 1
        again = run(final.overrides, tmp_path / name)
        assert (again.test_mse, again.fingerprint) == (final.test_mse, final.fingerprint)


def test_the_comparison_is_that_of_the_final_runs(whole: Whole) -> None:
    assert {path.name for path in find(whole.folder)} == {"rnn-sine", "lstm-sine"}
    assert (whole.folder / "comparison.md").read_text() == compare(whole.folder).to_markdown()
    found = compare(whole.folder)
    assert not found.failed
    assert not found.broken
    assert {row["seed"] for row in found.rows()} == {2, 3, 4}


# ---------------------------------------------------------------- what is found


def test_the_better_of_two_learning_rates_is_found(home: Path) -> None:
    study = trials("optimizer.lr=1e-6,0.03", "trainer.max_epochs=4", "search.trials=6")["rnn-sine"]
    assert {trial.params["optimizer.lr"] for trial in study.trials} == {"1e-06", "0.03"}
    assert study.best is not None
    assert study.best.params == {"optimizer.lr": "0.03"}


def test_settings_that_come_again_are_not_trained_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    def train(parts: Any, trial: Any, told: int) -> Outcome:
        calls.append(trial.params)
        return Outcome([float(trial.params["optimizer.lr"])], "mse", "MSE", 2, 0.1)

    monkeypatch.setattr(conducting, "train", train)
    study = trials("optimizer.lr=0.01,0.03", "search.trials=7")["rnn-sine"]
    assert [trial.values for trial in study.trials] == [[float(t.params["optimizer.lr"])] for t in study.trials]
    assert len(study.trials) == 7
    assert len(calls) == 2


def test_a_pruned_trial_is_recorded_and_counts(home: Path) -> None:
    study = trials(LR, "trainer.max_epochs=4", "search.trials=14", "search.sampler=random")["rnn-sine"]
    pruned = [trial for trial in study.trials if trial.state.name == "PRUNED"]
    finished = [trial for trial in study.trials if trial.state.name == "COMPLETE"]
    assert len(study.trials) == 14
    assert len(pruned) + len(finished) == 14
    assert pruned
    for trial in pruned:  # it was worse than the median of those before it
        step = trial.last_step
        others = [each.intermediate_values[step] for each in finished if each.number < trial.number]
        assert len(others) >= 5
        assert trial.intermediate_values[step] > statistics.median(others)
        assert step is not None
        assert 1 <= step < 3  # neither at once nor at the end
    for trial in finished:  # what the trial would be worth so far never rises
        values = list(trial.intermediate_values.values())
        assert values == sorted(values, reverse=True)
        assert values[-1] == pytest.approx(trial.values[0], rel=1e-6)
    assert study.best in finished


@pytest.mark.parametrize("pruner", ["none", "hyperband"])
def test_the_other_pruners(home: Path, pruner: str) -> None:
    study = trials(LR, "trainer.max_epochs=6", "search.trials=8", f"search.pruner={pruner}")["rnn-sine"]
    states = [trial.state.name for trial in study.trials]
    assert len(states) == 8
    assert set(states) == ({"COMPLETE"} if pruner == "none" else {"COMPLETE", "PRUNED"})


def test_a_seed_that_diverges_makes_its_trial_infinite(home: Path) -> None:
    wild = ["optimizer=sgd", "optimizer.lr=1e38,0.01", "trainer.gradient_clip_val=null", "cell.nonlinearity=relu"]
    study = trials(*wild, "search.trials=6")["rnn-sine"]
    by_lr = {trial.params["optimizer.lr"]: trial for trial in reversed(study.trials)}
    assert by_lr["1e+38"].values == [math.inf]
    assert re.fullmatch(r"seed 0, 1 diverged in epoch \d", by_lr["1e+38"].user_attrs["error"])
    assert study.best is not None
    assert study.best.params == {"optimizer.lr": "0.01"}


def test_no_score_at_all_is_status_1(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*arguments: Any) -> Outcome:
        raise DivergedError("seed 0 diverged in epoch 0")

    monkeypatch.setattr(conducting, "train", train)
    done = search(LR, NAME, "search.trials=2")
    assert done.status == 1
    assert re.fullmatch(r"failed: rnn-sine: no trial has a score[^\n]*search.log\n", done.err)
    assert [row["state"] for row in table()] == ["diverged", "diverged"]
    assert not list(find(MINE))


def test_a_failure_costs_one_trial(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = conducting.train

    def train(parts: Any, trial: Any, told: int) -> Outcome:
        if trial.number == 1:
            raise MemoryError("no room")
        return right(parts, trial, told)

    monkeypatch.setattr(conducting, "train", train)
    study = trials(LR, "search.trials=3")["rnn-sine"]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert study.trials[1].user_attrs["error"] == "MemoryError: no room"


def test_nobody_looks_at_the_test_split(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = (LR, "search.trials=2")
    honest = told(trials(*asked, "search.name=honest"))
    right = PopulationData.setup

    def poisoned(self: PopulationData, stage: str | None = None) -> None:
        right(self, stage)
        for tensor in (self.splits["test"].inputs, self.splits["test"].targets):
            tensor.fill_(torch.nan)

    monkeypatch.setattr(PopulationData, "setup", poisoned)
    monkeypatch.setattr(PopulationData, "test_dataloader", None)
    assert told(trials(*asked)) == honest


# ---------------------------------------------------------------- crashes, and going on


class KilledError(BaseException):
    """Stands for kill -9: nothing in the package may catch it."""


WRITES = ("create_new_trial", "set_trial_param", "set_trial_intermediate_value", "set_trial_user_attr",
          "set_trial_state_values")  # fmt: skip


def quick(parts: Any, trial: Any, told: int) -> Outcome:
    """As `train` speaks to Optuna, without training."""
    lr, size = trial.params["optimizer.lr"], trial.params["cell.hidden_size"]
    for epoch in range(3):
        value = lr * 10 + size / (epoch + 1)
        if epoch + 1 < told:
            continue
        if epoch + 1 > told:
            trial.report(value, epoch)
        if trial.should_prune():
            raise optuna.TrialPruned
    return Outcome([value], "mse", "MSE", 3, 0.1)


def test_a_crash_anywhere_loses_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with configuration_folders(None):
        parts = conducting.build(compose_run(TINY_SINE)[0])
    monkeypatch.setattr(conducting, "build", lambda config: parts)
    monkeypatch.setattr(conducting, "compose_run", lambda overrides: (None, None))
    monkeypatch.setattr(conducting, "train", quick)
    asked = (LR, SIZE, "search.trials=12")  # TPE draws at random until its eleventh
    undisturbed = told(trials(*asked, "search.name=undisturbed"))
    assert {"COMPLETE", "PRUNED"} <= {row[2] for row in undisturbed}
    right = {name: getattr(optuna.storages.RDBStorage, name) for name in WRITES}
    crashes = 0

    def crash_at(count: int, before: bool) -> None:
        left = [count]

        def wrapped(name: str) -> Callable[..., Any]:
            def method(*arguments: Any, **more: Any) -> Any:
                left[0] -= 1
                if before and left[0] == 0:
                    raise KilledError
                result = right[name](*arguments, **more)
                if left[0] == 0:
                    raise KilledError
                return result

            return method

        for name in WRITES:
            monkeypatch.setattr(optuna.storages.RDBStorage, name, wrapped(name))

    # One search that crashes again and again, each time a little further on, until it gets through.
    for attempt in range(40):
        crash_at(5 + attempt % 4, before=attempt % 2 == 0)
        try:
            found = trials(*asked)
        except KilledError:
            crashes += 1
        else:
            break
    assert crashes > 8
    assert told(found) == undisturbed


def finished(folder: Path) -> int:
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(folder / DATABASE)) as opened:
        return int(opened.execute("SELECT COUNT(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED')").fetchone()[0])
    return 0


def wait_for(process: Forked, condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 90
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_kill_9_and_the_same_command_again(home: Path, starter: Starter, environment: dict[str, str]) -> None:
    asked = [LR, "cell=rnn,gru", "search.trials=2"]
    undisturbed = told(trials(*asked, "search.name=undisturbed"))
    process = starter.start("-m", "seqexp.search", NAME, *TINY_SINE, *asked, cwd=home, env=environment)
    try:
        wait_for(process, lambda: finished(MINE) >= 2)  # in the second study, or about to begin it
    finally:
        process.kill()
        process.wait()
    assert not (MINE / "trials.csv").exists()
    with contextlib.closing(sqlite3.connect(MINE / DATABASE)) as opened:
        ended = "SELECT trial_id, state, datetime_complete FROM trials WHERE state IN ('COMPLETE', 'PRUNED')"
        before = opened.execute(ended).fetchall()
        found = told(trials(*asked))
        assert set(before) < set(opened.execute(ended))  # what had finished stays, untouched
    assert found == undisturbed


def test_ctrl_c_ends_with_one_line_that_says_how_to_go_on(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*arguments: Any) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(conducting, "train", train)
    done = search(NAME, "num_seeds=3", LR, tiny=())
    assert (done.status, done.out) == (130, "")
    found = re.fullmatch(r"seqexp: interrupted\. [^\n]*: python -m seqexp search ([^\n]*)\n", done.err)
    assert found, done.err
    assert shlex.split(found[1]) == [NAME, "num_seeds=3", LR]


def test_a_search_without_a_name_gets_a_fresh_one_and_says_it(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*arguments: Any) -> Outcome:
        raise KeyboardInterrupt

    monkeypatch.setattr(conducting, "train", train)
    done = [search(LR, "search.trials=1") for _ in range(2)]
    assert [each.status for each in done] == [130, 130]
    names = [str(re.search(r"search\.name=(\S+)$", each.err.strip())[1]) for each in done]  # type: ignore[index]
    assert names[0] != names[1]
    assert sorted(path.name for path in Path("outputs").iterdir()) == sorted(names)


def test_more_trials_are_added_and_fewer_are_not_mixed_with_more(home: Path) -> None:
    three = told(trials(LR, "search.trials=3"))
    five = told(trials(LR, "search.trials=5"))
    assert (len(five), five[:3]) == (5, three)
    both = trials(LR, "search.trials=2", "cell=rnn,gru")
    assert [len(study.trials) for study in both.values()] == [2, 2]
    assert told({"rnn-sine": both["rnn-sine"]}) == three[:2]


def test_going_on_runs_nothing_twice_and_keeps_what_is_not_the_best_any_more(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("optimizer.lr=1e-6,0.03", NAME, "search.sampler=random")
    assert search(*command, "search.trials=1", "seed=3").status == 0  # which happens to draw the worse one first
    first = Record.read(MINE / "rnn-sine")
    when = (MINE / "rnn-sine" / "result.json").stat().st_mtime_ns
    assert search(*command, "search.trials=1", "seed=3").status == 0
    assert (MINE / "rnn-sine" / "result.json").stat().st_mtime_ns == when
    assert search(*command, "search.trials=4", "seed=3").status == 0
    assert (first.config["optimizer"]["lr"], first.seeds) == (1e-6, [5, 6])
    assert Record.read(MINE / "rnn-sine") == first
    assert (MINE / "rnn-sine" / "result.json").stat().st_mtime_ns == when
    (best,) = set(find(MINE)) - {MINE / "rnn-sine"}
    assert Record.read(best).config["optimizer"]["lr"] == 0.03
    assert (MINE / "comparison.md").read_text() == compare(best).to_markdown()  # and nothing of the other
    (best / "result.json").unlink()  # as if it had been broken off
    assert search(*command, "search.trials=4", "seed=3").status == 0
    assert Record.read(best).status == "done"
    assert f"→ {MINE / 'rnn-sine'}" in search(*command, "search.trials=1", "seed=3").out  # the best of one is known
    assert search(*command, "search.trials=4", "seed=3", "search.final_seeds=4").status == 0
    assert sorted(Record.read(path).seeds for path in find(MINE)) == [[5, 6], [5, 6], [7, 8]]


def test_a_final_run_that_was_broken_off_goes_on_from_its_checkpoint(
    search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seqexp.training.checkpoints import Checkpoints

    command = (LR, "search.trials=1", "checkpoint.every_seconds=0", "trainer.max_epochs=4")
    assert search(*command, "search.name=undisturbed").status == 0
    right, saved = Checkpoints._save, []

    def save(self: Checkpoints, trainer: Any, name: str, weights_only: bool = False) -> None:
        right(self, trainer, name, weights_only)
        saved.append(trainer.current_epoch)
        if len(saved) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "_save", save)
    assert search(*command, NAME).status == 130
    assert search(*command, NAME).status == 0
    assert saved[:4] == [0, 1, 2, 3]  # none is trained again
    whole, resumed = Record.read(Path("outputs/undisturbed/rnn-sine")), Record.read(MINE / "rnn-sine")
    assert resumed.test_mse == whole.test_mse


@pytest.mark.usefixtures("untrained")
def test_a_final_run_that_fails_is_told(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    import seqexp.search.final

    right = seqexp.search.final.execute

    def execute(config: Any, hydra: Any, folder: Path, go_on: bool) -> Record:
        if folder.name == "gru-sine":
            raise RuntimeError("the roof is on fire")
        return right(config, hydra, folder, go_on)

    monkeypatch.setattr(seqexp.search.final, "execute", execute)
    done = search(LR, NAME, "search.trials=1", "cell=rnn,gru")
    assert done.status == 1
    assert done.err == "failed: gru-sine: the roof is on fire → outputs/mine/gru-sine/seqexp.log\n"
    assert "rnn" in (MINE / "comparison.md").read_text()


def test_a_database_that_cannot_be_written_ends_with_one_line(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **more: Any) -> None:
        raise optuna.exceptions.StorageInternalError("a") from sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(optuna.storages.RDBStorage, "set_trial_state_values", full)
    done = search(LR, NAME, "search.trials=1")
    assert done.status == 1
    assert re.fullmatch(r"seqexp: outputs/mine/search\.db: [^\n]*disk is full[^\n]*search\.name=mine[^\n]*\n", done.err)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "nothing to search"),
        ([LR, "search.trails=3"], "search.trials"),
        ([LR, "search.trials=0"], ">= 1"),
        ([LR, "search.trials=many"], "search.trials"),
        ([LR, "search.trials=1,2"], "one value"),
        ([LR, "search.final_seeds=0"], "final_seeds"),
        ([LR, "search.pruner=chainsaw"], "none, median, hyperband"),
        ([LR, "search.sampler=grid"], "tpe, random"),
        ([LR, "search.name=../escape"], "search.name"),
        ([LR, "search.name=.hidden"], "search.name"),
        (["cell.hidden_size=interval(8,64)"], r"int\(interval\(8,64\)\)"),
        (["cell.hidden_size=range(0,64)"], "hidden_size must be >= 1"),
        (["optimizer.lr=interval(-1,1)"], "optimizer.lr must be > 0"),
        (["optimizer.lr=interval(1,0.1)"], "optimizer.lr"),
        (["optimizer.lr=interval(1"], "cannot be read"),
        (["optimizer.lr=tag(log, interval(0,1))"], "optimizer.lr"),
        (["optimizer.lr=tag(loga, interval(0.1,1))"], "loga"),
        (["optimizer.lr=tag(log, choice(0.1,1))"], "log"),
        (["optimizer.lr=range(1,1)"], "empty"),
        (["optimizer.lr=range(0.1,0.1,0.1)"], "empty"),
        (["optimizer.lrr=interval(0.1,1)"], "optimizer.lr"),
        (["data.noise=interval(0,1)"], "compared"),
        (["seed=range(0,5)"], "seed"),
        (["trainer.max_epochs=range(1,5)"], "max_epochs"),
        ([LR, "cell=rnn,rnm"], "cell=rnn"),
        ([LR, "cell=rnn,rnn"], "twice"),
        ([LR, "cell.nonlinearity=tanh,relu", "cell=rnn,lstm"], "in a trial of lstm-sine"),
        ([LR, "data.val_fraction=0"], "validation"),
        ([LR, "hydra.run.dir=here"], "hydra.run.dir"),
        ([LR, "--config-dir", "nowhere"], "nowhere"),
        ([LR, "--config-dir", "a", "--config-dir", "b"], "given twice"),
        ([LR, "--multirun"], "--multirun"),
        ([LR, "sweep.dry=true"], "sweep.dry"),
        ([LR, "sweep.name=mine"], "search.name"),
    ],
)
def test_a_wrong_input_is_one_paragraph_and_writes_nothing(search: Search, arguments: list[str], word: str) -> None:
    done = search(*arguments)
    assert (done.status, done.out) == (2, "")
    assert re.fullmatch(rf"seqexp: [^\n]*{word}[^\n]*\n", done.err)
    assert not list(Path.cwd().iterdir())


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ("optimizer.lr=tag(log, interval(1e-4,1e-2))", r"optimizer\.lr was .*0\.1\)\) and is .*0\.01\)\)"),
        ("optimizer.lr=interval(1e-4,1e-1)", r"optimizer\.lr was tag"),
        ("cell.hidden_size=range(8,12)", r"cell\.hidden_size was 16 and is range\(8,12\)"),
        ("num_seeds=3", "num_seeds was 2 and is 3"),
        ("search.pruner=none", r"search\.pruner"),
    ],
)
@pytest.mark.usefixtures("untrained")
def test_another_question_under_the_same_name_is_refused(search: Search, changed: str, word: str) -> None:
    trials(LR, "search.trials=1")
    before = {path: path.read_bytes() for path in MINE.rglob("*")}
    done = search(*([] if changed.startswith("optimizer.lr") else [LR]), changed, NAME, "search.trials=2")
    assert done.status == 2
    assert re.fullmatch(rf"seqexp: rnn-sine: [^\n]*{word}[^\n]*search\.name\n", done.err)
    assert {path: path.read_bytes() for path in MINE.rglob("*")} == before


def test_two_processes_do_not_share_a_search(search: Search) -> None:
    with storage(MINE):
        done = search(LR, NAME)
    assert done.status == 2
    assert re.fullmatch(r"seqexp: outputs/mine: another process [^\n]*\n", done.err)


def test_what_is_not_a_search_is_left_alone(search: Search) -> None:
    for name, content in (("thesis.txt", "precious"), (DATABASE, "not a database" * 100)):
        folder = Path("outputs") / name.partition(".")[0]
        folder.mkdir(parents=True)
        (folder / name).write_text(content)
        done = search(LR, f"search.name={folder.name}")
        assert done.status == 2
        assert re.fullmatch(rf"seqexp: {folder}[^\n]*\n", done.err)
        assert (folder / name).read_text() == content


@pytest.mark.usefixtures("untrained")
def test_a_folder_in_the_place_of_a_final_run_is_left_alone(search: Search) -> None:
    trials(LR, "search.trials=1")
    (MINE / "rnn-sine").mkdir()
    (MINE / "rnn-sine" / "thesis.txt").write_text("precious")
    assert search(LR, NAME, "search.trials=1").status == 0
    assert [path.name for path in (MINE / "rnn-sine").iterdir()] == ["thesis.txt"]
    assert [path.name[:9] for path in find(MINE)] == ["rnn-sine-"]


@pytest.mark.parametrize(
    "left",
    [
        *(
            [],
            ["search.lock"],
            ["search.lock", "search.log"],
            [".search.db.part"],
            ["search.lock", "search.lock-journal"],
        ),
        *([".search.db.part", ".search.db.part-journal", "search.lock"], [DATABASE]),
    ],
)
@pytest.mark.usefixtures("untrained")
def test_a_search_that_was_killed_at_once_begins_again(search: Search, left: list[str]) -> None:
    MINE.mkdir(parents=True)
    for name in left:
        (MINE / name).write_bytes(b"half a file" if name.endswith("part") else b"")
    studies = trials(LR, "search.trials=1")
    assert [trial.state.name for trial in studies["rnn-sine"].trials] == ["COMPLETE"]
    assert not list(MINE.glob(".search.db*"))


@pytest.mark.usefixtures("untrained")
def test_a_database_is_there_as_a_whole_or_not_at_all(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def put(part: Path, path: Path) -> None:
        with contextlib.closing(sqlite3.connect(part)) as whole:
            assert whole.execute("SELECT count(*) FROM alembic_version").fetchone() == (1,)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(storing, "put", put)
        with pytest.raises(KilledError):
            trials(LR, "search.trials=1")
    assert not (MINE / DATABASE).exists()
    assert len(trials(LR, "search.trials=1")["rnn-sine"].trials) == 1


@pytest.mark.usefixtures("untrained")
def test_a_search_of_0_1_goes_on_and_one_of_other_code_does_not(home: Path) -> None:
    with configuration_folders(None):
        settings, others = read_settings([NAME, *TINY_SINE, LR])
        (question,) = read_questions(others)
        definition = define(question, settings)
        assert definition["seqexp"] == "0.1.0"
        with storage(settings.folder) as opened:
            conduct(opened, question, definition, settings, lambda study: None)
            with pytest.raises(ConfigError, match="code and files was not set and is abc"):
                conducting.check(opened, question, {**definition, "its own code and files": "abc"})


def test_a_search_of_0_1_whose_settings_mean_other_numbers_now_does_not_go_on(home: Path) -> None:
    with configuration_folders(None):
        settings, others = read_settings([NAME, *TINY_SINE, LR, "trainer.limit_val_batches=1"])
        (question,) = read_questions(others)
        assert define(question, settings)["seqexp"] == "0.1.0 trainer.limit_val_batches"


@pytest.mark.parametrize("link", ["", "search.db", "search.lock", "search.log", "rnn-sine"])
def test_a_link_in_a_searchs_folder_is_refused(search: Search, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (MINE / link).parent.mkdir(parents=True, exist_ok=True)
    (MINE / link).symlink_to(outside if link in ("", "rnn-sine") else outside / "file")
    done = search(LR, NAME, "search.trials=1")
    assert (done.status, done.out) == (2, "")
    assert "is a symbolic link" in done.err
    assert list(outside.iterdir()) == []


def test_the_configuration_in_a_runs_folder_is_data(search: Search) -> None:
    Path("run/.hydra").mkdir(parents=True)
    Path("run/.hydra/config.yaml").write_text("allowed_packages: [strangers]")
    done = search(LR, "--config-dir=run/.hydra")
    assert (done.status, done.out) == (2, "")
    assert "no config.yaml" in done.err


def test_without_optuna_there_is_a_word_on_what_to_install(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = search(LR)
    assert done.status == 2
    assert re.fullmatch(r"seqexp: [^\n]*pip install 'seqexp\[search\]'\n", done.err)


# ---------------------------------------------------------------- Hydra's grammar


@pytest.mark.parametrize(
    ("override", "kind", "low", "high", "more"),
    [
        ("cell.hidden_size=range(8,64)", "Int", 8, 63, {"step": 1, "log": False}),  # as in Hydra: without its stop
        ("cell.hidden_size=range(8,64,8)", "Int", 8, 56, {"step": 8}),
        ("cell.hidden_size=range(64,8,-8)", "Int", 16, 64, {"step": 8}),
        ("cell.hidden_size=tag(log, range(8,64))", "Int", 8, 63, {"log": True}),
        ("cell.hidden_size=int(interval(8,64))", "Int", 8, 64, {"step": 1}),
        ("cell.hidden_size=tag(log, int(interval(8,64)))", "Int", 8, 64, {"log": True}),
        ("cell.dropout=interval(0,1)", "Float", 0.0, 1.0, {"step": None, "log": False}),
        ("optimizer.lr=tag(log, interval(1e-4,1e-1))", "Float", 1e-4, 1e-1, {"log": True}),
        ("cell.dropout=range(0,0.5,0.1)", "Float", 0.0, 0.4, {"step": 0.1}),
    ],
)
def test_what_a_range_means(override: str, kind: str, low: float, high: float, more: dict[str, Any]) -> None:
    (question,) = questions(override)
    (distribution,) = question.space.values()
    assert type(distribution).__name__ == f"{kind}Distribution"
    assert (distribution.low, distribution.high) == (pytest.approx(low), pytest.approx(high))
    assert {key: getattr(distribution, key) for key in more} == more


def test_choices_reach_the_run_as_they_were_typed() -> None:
    (question,) = questions("optimizer.betas=[0.9,0.999],[0.8,0.9]", "cell.hidden_size=8,match:lstm-4", "+x=a,null")
    assert list(question.space) == ["optimizer.betas", "cell.hidden_size", "+x"]
    found = []
    for index in range(2):
        values = {key: each.choices[index] for key, each in question.space.items()}
        with configuration_folders(None):
            config, _ = compose_run(question.overrides(values, seed=7))
        found.append((config.optimizer.betas, config.cell.hidden_size, config.x, config.seed))
    assert found == [([0.9, 0.999], 8, "a", 7), ([0.8, 0.9], "match:lstm-4", None, 7)]


def test_groups_and_tasks_are_compared_and_not_searched() -> None:
    found = questions("cell=rnn,lstm", "data=glob([sin*,sum*])", "data.batch_size=16,32", "optimizer=adam")
    assert [each.name for each in found] == ["rnn-sine", "rnn-sum", "lstm-sine", "lstm-sum"]
    assert all(list(each.space) == ["data.batch_size"] for each in found)
    names = [each.name for each in questions("data.noise=0.1,0.2", "optimizer=adam,sgd", LR)]
    assert len(names) == len(set(names)) == 4
    assert "rnn-sine-data.noise=0.1-optimizer=sgd" in names


def test_the_last_word_counts() -> None:
    (question,) = questions("optimizer.lr=1,2", "cell=rnn,lstm", SIZE, "optimizer.lr=0.1", "cell=gru")
    assert question.name == "gru-sine"
    assert list(question.space) == ["cell.hidden_size"]
    assert question.fixed["optimizer.lr"] == "optimizer.lr=0.1"


def test_what_an_experiment_sweeps_is_searched() -> None:
    found = questions("experiment=rnn_vs_lstm", "cell=rnn,gru")
    assert [each.name for each in found] == ["rnn-sine", "gru-sine", "rnn-sum", "gru-sum"]
    assert found[0].spelled_space() == {"optimizer.lr": "choice(0.0004,0.002,0.01,0.05)"}


def test_a_group_of_ones_own(home: Path) -> None:
    (home / "conf" / "cell").mkdir(parents=True)
    lines = (REPOSITORY / "conf" / "cell" / "rnn.yaml").read_text()
    (home / "conf" / "cell" / "mine.yaml").write_text(lines)
    assert [each.name for each in questions("cell=mine,rnn", LR, config_dir="conf")] == ["mine-sine", "rnn-sine"]
    with pytest.raises(ConfigError, match="there is no such cell"):
        questions("cell=mine,rnn", LR)


# ---------------------------------------------------------------- docs/search.md

GUIDE = (REPOSITORY / "docs" / "search.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    python -m seqexp search ((?:[^\n]*\\\n)*[^\n#]+)", GUIDE, re.MULTILINE)


def test_the_guide_has_commands() -> None:
    assert len(COMMANDS) >= 3


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_guide_can_be_searched(line: str) -> None:
    with configuration_folders(None):
        settings, others = read_settings(shlex.split(line.replace("\\\n", " ")))
        for question in read_questions(others):
            assert define(question, settings)


def test_the_guide_names_every_setting() -> None:
    for name in ("name", "dir", "trials", "sampler", "pruner", "final_seeds"):
        assert f"`search.{name}" in GUIDE

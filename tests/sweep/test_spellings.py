"""Whatever is typed: a finished run stays as it is, to the byte, and every seed that was asked for is there once."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import seqexp.compare.comparison
import seqexp.run.execute
from seqexp.compare import compare
from seqexp.record.claim import CLAIM
from seqexp.record.record import RESULT, Record, find
from seqexp.sweep.again import THERE

Command = Callable[..., Any]

SMALL = ("data.length=60", "trainer.max_epochs=1", "trainer.enable_progress_bar=false", "cell.hidden_size=2")
FIXTURE = Path(__file__).parent.parent / "fixtures" / "sweep_0_1"
OLD = ("num_seeds=2", "data.length=60", "trainer.max_epochs=4", "cell.hidden_size=4",
       "trainer.enable_progress_bar=false", "checkpoint.every_seconds=0")  # fmt: skip


class Killed(BaseException):
    """Ends the program as a signal would."""


class Outcomes:
    """Stands for training, which takes no time: each ends as the next outcome says."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.now: set[Path] = set()

    def fit(self, parts: Any, guesses: Any, record: Record, *rest: Any) -> Record:
        outcome = self.left.pop(0) if self.left else "done"
        if outcome == "killed":
            raise Killed
        if outcome == "failed":
            raise RuntimeError("the roof is on fire")
        scores = [seed + 0.5 for seed in record.seeds]
        parts = {part: {"mse": scores} for part in ("train", "test")}
        return replace(record, status="done", scores=parts)


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> Outcomes:
    found = Outcomes()

    class Nothing:
        failed = broken = ()

        def write(self, *_: Any) -> list[Path]:
            """Writes nothing, and `render` says nothing."""
            return []

        def render(self, console: Any) -> None:
            """See there."""

    monkeypatch.setattr(seqexp.run.execute, "fit", found.fit)

    def compare(*_: Any, now: set[Path], **__: Any) -> Nothing:
        found.now = now
        return Nothing()

    monkeypatch.setattr(seqexp.compare.comparison, "compare", compare)
    return found


def done(top: Path) -> Iterator[tuple[Path, Record]]:
    for folder in find(top):
        record = Record.read(folder)
        if record.status == "done":
            yield folder, record


def contents(top: Path) -> dict[Path, tuple[int, bytes]]:
    """Every file of the finished runs, hidden ones as well."""
    paths = [path for folder, _ in done(top) for path in folder.rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in paths}


def trained(top: Path) -> Counter[tuple[str, int]]:
    return Counter((record.cell, seed) for _, record in done(top) for seed in record.seeds)


SUBDIRS = [
    *(None, None, "${hydra.job.num}", "a/b/${hydra.job.num}", "run", "${hydra.job.override_dirname}", "'0'"),
    *("${hydra.job.num}/x", "a b/${hydra.job.num}", "${now:%Y}/${hydra.job.num}", '"${hydra.job.num}"'),
]
SAME = ["data=sine", "optimizer=adam", "data.noise=0.1", "++data.amplitude=1e0", "trainer=default"]


@st.composite
def commands(draw: st.DrawFn) -> tuple[dict[str, set[int]], list[str], list[str]]:
    """What is wanted (cell -> seeds), how that is typed, and how each training ends."""
    cells = draw(st.lists(st.sampled_from(["rnn", "lstm", "gru"]), min_size=1, max_size=2, unique=True))
    first, count = draw(st.integers(0, 4)), draw(st.integers(1, 5))
    typed = [f"cell={','.join(cells)}", f"seed={first}", f"num_seeds={count}"]
    size = [f"cell.hidden_size=match:{cells[0]}-2"] if len(cells) == 1 else []  # the size that it has anyway
    typed += draw(st.lists(st.sampled_from([*SAME, *size]), max_size=2, unique=True))
    subdir = draw(st.sampled_from(SUBDIRS))
    typed = [*draw(st.permutations(typed)), *([f"hydra.sweep.subdir={subdir}"] if subdir else [])]
    ends = draw(st.lists(st.sampled_from(["done", "done", "failed", "killed"]), max_size=3))
    return {cell: set(range(first, first + count)) for cell in cells}, typed, ends


numbers = iter(range(10_000))


@settings(
    deadline=None,
    derandomize=True,
    max_examples=3,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequence=st.lists(commands(), min_size=2, max_size=3))
def test_no_spelling_touches_a_finished_run_or_trains_a_seed_twice(
    sweep: Command, outcomes: Outcomes, sequence: list[Any]
) -> None:
    name = f"mine{next(numbers)}"
    top, ever = Path("outputs") / name, {}
    for wanted, typed, ends in sequence:
        for outcome_list in (ends, []):  # the second time nothing goes wrong
            outcomes.left = [*outcome_list]
            try:
                status = sweep(*SMALL, *typed, name=name).status
            except Killed:
                status = None
            now = contents(top)
            assert {path: now.get(path) for path in ever} == ever
            ever = now
            assert max(trained(top).values(), default=1) == 1
        if status == 2:  # two cells in one folder, before anything is written
            assert len(wanted) == 2
            continue
        assert {(cell, seed) for cell, seeds in wanted.items() for seed in seeds} <= set(trained(top))
        assert not (top / THERE).exists()


def test_yesterdays_numbers_of_jobs_are_not_todays(sweep: Command) -> None:
    subdir = "hydra.sweep.subdir=${hydra.job.num}"
    assert sweep("cell=rnn,lstm", "num_seeds=2", *SMALL, subdir).status == 0
    before = contents(Path("outputs/mine"))
    again = sweep("cell=gru,rnn,lstm", "num_seeds=2", *SMALL, subdir)
    assert (again.status, again.out.count("there already")) == (0, 2)
    now = contents(Path("outputs/mine"))
    assert {path: now[path] for path in before} == before
    assert {record.cell for _, record in done(Path("outputs/mine"))} == {"rnn", "lstm", "gru"}
    assert compare("outputs/mine").broken == []


def test_a_size_that_is_matched_is_one_run_with_its_number(sweep: Command, outcomes: Outcomes) -> None:
    settings = ("cell=rnn", "num_seeds=2", *SMALL[:-1])
    matched = "cell.hidden_size=match:lstm-4"
    assert sweep(*settings, matched).status == 0
    before = contents(Path("outputs/mine"))
    for size in (matched, "cell.hidden_size=9", "cell.hidden_size=match:rnn-9"):
        again = sweep(*settings, size)
        assert (again.status, again.out.count("there already")) == (0, 1)
    assert contents(Path("outputs/mine")) == before
    for path in Path("outputs/mine").rglob(CLAIM):
        path.unlink()
    assert sweep(*settings, matched).out.count("there already") == 1
    twice = sweep(*settings, "cell.hidden_size=9,match:lstm-4")
    assert twice.status == 2
    assert "the sweep names one run twice" in twice.err


def test_two_cells_in_one_folder_are_refused_before_anything_is_written(sweep: Command) -> None:
    refused = sweep("cell=rnn,lstm", *SMALL, "hydra.sweep.subdir=same")
    assert (refused.status, refused.out) == (2, "")
    assert "hydra.sweep.subdir=same: would be the folder of two runs" in refused.err
    assert not Path("outputs").exists()


def test_a_gap_is_filled_and_nothing_else(sweep: Command, outcomes: Outcomes) -> None:
    assert sweep("cell=rnn", *SMALL, "seed=3", "num_seeds=2").status == 0
    dry = sweep("cell=rnn", *SMALL, "num_seeds=8", "sweep.dry=true").out
    assert "seeds 0 to 2 and 5 to 7, about" in dry
    assert sweep("cell=rnn", *SMALL, "num_seeds=8").out.count(" · test MSE ") == 2
    seeds = sorted(record.seeds for _, record in done(Path("outputs/mine")))
    assert seeds == [[0, 1, 2], [3, 4], [5, 6, 7]]
    for folder, record in done(Path("outputs/mine")):
        assert (folder / ".hydra" / "config.yaml").exists()
        assert record.config["num_seeds"] == len(record.seeds)
    assert sweep("cell=rnn", *SMALL, "num_seeds=8").out.count("there already") == 1


def test_one_part_that_fails_stops_no_other(sweep: Command, outcomes: Outcomes) -> None:
    assert sweep("cell=rnn", *SMALL, "seed=3", "num_seeds=2").status == 0
    outcomes.left = ["failed"]
    assert "the roof is on fire" in sweep("cell=rnn", *SMALL, "num_seeds=8").err
    assert trained(Path("outputs/mine")) == Counter(("rnn", seed) for seed in range(3, 8))
    assert sweep("cell=rnn", *SMALL, "num_seeds=8").status == 0
    assert trained(Path("outputs/mine")) == Counter(("rnn", seed) for seed in range(8))
    assert {Record.read(folder).status for folder in find(Path("outputs/mine"))} == {"done"}


@pytest.mark.parametrize("hidden", [True, False])
def test_a_sweep_is_one_without_its_hidden_files(sweep: Command, outcomes: Outcomes, hidden: bool) -> None:
    assert sweep("cell=rnn", "num_seeds=2", *SMALL).status == 0
    top = Path("outputs/mine")
    for path in [*top.rglob(".*"), *([top / "multirun.yaml"] if hidden else [])]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    before = contents(top)
    again = sweep("cell=rnn,lstm", "num_seeds=2", *SMALL)
    assert (again.status, again.out.count("there already")) == (0, 1)
    assert {path: contents(top)[path] for path in before} == before


# Code and files of the user's own

TASK = """
from pathlib import Path
from seqexp.data.sine import Sine
import own_helper

class Mine(Sine):
    def __init__(self, path: str) -> None:
        scale = float(Path(path).read_text())
        super().__init__(60, 3.0, 1.0, scale, own_helper.NOISE, 20, 1)
"""


@pytest.fixture
def own(sweep: Command, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A sweep over a task of one's own; today's code, as in a new process."""
    monkeypatch.syspath_prepend(str(Path.cwd()))
    for name, text in {
        "own_task.py": TASK, "own_helper.py": "NOISE = 0.1\n", "scale.txt": "1.0", "other.py": "",
        "own_conf/data/mine.yaml": "_target_: own_task.Mine\npath: scale.txt\nbatch_size: 8\ntrain_fraction: 0.7\n"
                                   "val_fraction: 0.15\ntest_fraction: 0.15\n",
    }.items():  # fmt: skip
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)

    def run(*arguments: str) -> Any:
        for name in ("own_task", "own_helper"):
            sys.modules.pop(name, None)
        folder = f"hydra.searchpath=[file://{Path('own_conf').absolute()}]"
        settings = ("allowed_packages=[own_task]", "data=mine", "cell=rnn", "num_seeds=2", *SMALL[1:])
        return sweep(folder, *settings, *arguments)

    return run


def test_changed_code_or_files_of_ones_own_are_another_run(own: Command, outcomes: Outcomes) -> None:
    top = Path("outputs/mine")
    assert own().status == 0
    assert own().out.count("there already") == 1
    Path("other.py").write_text("unrelated")
    assert own().out.count("there already") == 1
    ((first_folder, first),) = done(top)
    assert "code" not in json.dumps(first.config)
    for number, changed in enumerate(("own_task.py", "own_helper.py", "scale.txt"), start=1):
        before = contents(top)
        text = Path(changed).read_text()
        Path(changed).write_text(text.replace("NOISE = 0.1", "NOISE = 0.2").replace("1.0", "2.0"))
        names = "|".join(re.escape(str(run)) for run, _ in done(top))  # after the first time, any of several
        anew = rf"anew, as its own code or files have changed since ({names})"
        assert re.search(f"{anew}, about", own("sweep.dry=true").out)
        again = own()
        assert (again.status, again.out.count("there already")) == (0, 0)
        assert re.search(f"{anew}: ", again.out)
        assert outcomes.now not in (set(), {first_folder})
        assert {path: contents(top)[path] for path in before} == before
        prints = {record.fingerprint for _, record in done(top)}
        assert len(prints) == number + 1
        assert len({each.partition("-")[0] for each in prints}) == 1
        Path(changed).write_text(text)  # back to what it was: the first run is known again
        assert own().out.count("there already") == 1
        assert outcomes.now == {first_folder}  # it counts in the comparison, though it was written first
        assert len(list(done(top))) == number + 1


# What 0.1 left


@pytest.fixture
def old() -> Path:
    folder = Path("outputs/mine")
    shutil.copytree(FIXTURE, folder)
    return folder


def test_a_sweep_of_0_1_is_gone_on_with(sweep: Command, old: Path) -> None:
    before = contents(old)
    dry = sweep("cell=rnn,gru,lstm", *OLD, "sweep.dry=true").out.splitlines()
    assert [line.split("  ")[0] for line in dry[:3]] == ["there already", "to run       ".strip(), "to go on with"]
    went = sweep("cell=rnn,gru,lstm", *OLD)
    assert (went.status, went.out.count("there already"), went.out.count(" · test MSE ")) == (0, 1, 2), went.err
    assert {path: contents(old)[path] for path in before} == before
    assert trained(old) == Counter((cell, seed) for cell in ("rnn", "gru", "lstm") for seed in range(2))
    assert {folder.name for folder in find(old)} == {"rnn", "gru", "lstm"}
    found = compare(old)
    assert (found.failed, found.broken) == ([], [])
    # The same numbers as of a sweep that nobody disturbed; lstm, whose checkpoint is 0.1's, has begun anew.
    assert sweep("cell=rnn,gru,lstm", *OLD, name="new").status == 0
    new = {record.cell: (folder, record) for folder, record in done(Path("outputs/new"))}
    for folder, record in done(old):
        other, fresh = new[record.cell]
        for name in ("test_mse", "val_mse", "train_mse", "best_epoch", "fingerprint"):
            assert getattr(record, name) == getattr(fresh, name)
        rows = [(each / "curves.csv").read_text().splitlines()[1:] for each in (folder, other)]  # 0.1 has another head
        seeds = [[row for row in each if ",mean," not in row] for each in rows]  # and no means
        assert seeds[0] == seeds[1]
    assert "so training begins anew" in (old / "lstm" / "seqexp.log").read_text()
    assert len((old / "lstm" / "curves.csv").read_text().splitlines()) == (2 + 1) * 4 + 1


def test_runs_of_0_1_get_more_seeds_and_are_compared_with_them(sweep: Command, old: Path) -> None:
    for name in ("gru", "lstm"):
        shutil.rmtree(old / name)
    assert sweep("cell=rnn", *OLD[1:], "num_seeds=4").status == 0
    assert sorted(record.seeds for _, record in done(old)) == [[0, 1], [2, 3]]
    assert [row["seed"] for row in compare(old).rows()] == [0, 1, 2, 3]
    (old / "rnn" / CLAIM).unlink()  # its record says the same
    assert sweep("cell=rnn", *OLD[1:], "num_seeds=4").out.count("there already") == 1
    assert (old / "rnn" / RESULT).read_bytes() == (FIXTURE / "rnn" / RESULT).read_bytes()


def test_what_is_masked_is_known_again_by_its_true_value(
    sweep: Command, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("own_conf/experiment").mkdir(parents=True)
    Path("own_conf/experiment/mine.yaml").write_text(
        "# @package _global_\ndata: {noise: '${oc.decode:${oc.env:MY_NOISE}}'}\n"
    )
    given = (f"hydra.searchpath=[file://{Path('own_conf').absolute()}]", "experiment=mine", "cell=rnn", *SMALL)
    for noise, there in (("0.2", 0), ("0.2", 1), ("0.3", 0), ("0.2", 1)):
        monkeypatch.setenv("MY_NOISE", noise)
        done = sweep(*given)
        assert (done.status, done.out.count("there already")) == (0, there)
    assert len(list(find(Path("outputs/mine")))) == 2

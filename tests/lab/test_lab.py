"""lab: what decides on a statement, that each can come out each way, and the way from the command line to the page."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from seqexp.config.compose import CONF
from seqexp.config.mistakes import ConfigError
from seqexp.diagnostic.kept import Kept, path_of
from seqexp.lab import pictures, report
from seqexp.lab.questions import QUESTIONS, STEPS
from seqexp.lab.runs import PRESETS, Runs, jobs
from seqexp.lab.statement import decide, mean, verdict
from seqexp.record.record import Record

SEEDS = 10

# ---------------------------------------------------------------- each statement, both ways


class Made(Runs):
    """Runs that were never trained."""

    def __init__(self) -> None:
        super().__init__()
        self.measured: dict[tuple[tuple[str, ...], str], dict[str, np.ndarray]] = {}

    def add(self, *key, test=1.0, train=1.0, guesses=(), solved=None, **measured):
        spread = np.linspace(0.98, 1.02, SEEDS)
        record = Record(
            status="done",
            data="made",
            cell="rnn",
            seeds=list(range(SEEDS)),
            scores={part: {"mse": list(value * spread)} for part, value in (("test", test), ("train", train))},
            baselines={name: [value] * SEEDS for name, value in dict(guesses).items()},
            solved=solved,
        )
        self[key] = record
        for name, arrays in measured.items():
            self.measured[key, name] = arrays

    def _kept(self, key, name):
        return Kept({}, list(range(SEEDS)), self.measured[key, name])

    def from_the_end(self, *key):
        return self.reads_from_the_end, self.reads_from_the_end


def spread(value, *shape):
    """About `value` in each seed."""
    return value * np.linspace(0.99, 1.01, SEEDS).reshape(-1, *[1] * len(shape)) * np.ones((SEEDS, *shape))


def sine(good):
    runs = Made()
    runs.add("sine", "rnn", test=1.0 if good else 3.0, guesses={"persistence": 2.0, "linear": 1.5})
    return runs


def sums(good):
    runs = Made()
    for cell, score in (("rnn", 2.0), ("lstm", 1.0 if good else 3.0)):
        runs.add("sum", cell, "20", "0.001", test=score)
    return runs


def memory(good):
    runs = Made()
    r2 = spread(0.8 if good else 0.2, 1, 40)
    runs.add("memory", "rnn", memory={"end_capacity": spread(5.0 if good else 0.9), "end_r2": r2})
    return runs


def gradients(good, rnn=0.5, lstm=0.95):
    runs = Made()
    rnn, lstm = (rnn, lstm) if good else (0.8, 0.5)
    for name, key, factor in (
        ("h", ("gradients", "rnn"), rnn),
        ("c", ("gradients", "lstm"), lstm),
        ("c", ("forget_bias", "lstm", "1"), lstm),
    ):
        norms = spread(1.0, 1) * (np.linspace(0.99, 1.01, SEEDS) * factor)[:, None] ** np.arange(STEPS + 5)
        runs.add(*key, gradient_lag={f"{time}_{name}": norms for time in ("start", "end")})
    return runs


def gates(good):
    runs = Made()
    pulse = np.zeros((SEEDS, 10, 1))
    pulse[:, ::5] = 1
    gate = spread(0.9 if good else 0.3, 10, 4) + pulse * (-0.5 if good else 0.5)
    runs.add("gates", "lstm", gates={"end_f": gate, "end_input": pulse})
    runs.add("gates", "gru", gates={"end_z": gate, "end_input": pulse})
    runs.add("gradients", "lstm", gates={"end_f": gate, "end_input": pulse})
    return runs


def long(good):
    runs = Made()
    yes, no = [100] * SEEDS, [None] * SEEDS
    for cell in ("rnn", "lstm", "gru"):
        for lag in ("20", "50"):
            runs.add("long", cell, lag, solved=yes if (cell == "rnn") != good else no)
    return runs


def noise(good):
    runs = Made()
    sizes = np.tile([0.0, 0.3], (SEEDS, 1))
    arrays = {"end_sizes": sizes, "end_score": spread(2.0 if good else 0.5, 2), "end_linear": spread(1.0, 2)}
    test = 1.0 if good else 1.6
    runs.add("noise", "rnn", "1.0", test=test, train=1.0, guesses={"linear": 0.5 if good else 4.0}, noise=arrays)
    return runs


def bidirectional(good):
    runs = Made()
    runs.add("bidirectional", "false", "3", test=0.6)
    runs.add("bidirectional", "true", "3", test=0.1 if good else 0.8)
    runs.reads_from_the_end = spread(1.0 if good else 0.0)
    return runs


def text(good):
    runs = Made()
    runs.add(
        "text",
        "rnn",
        test=1.0 if good else 9.0,
        guesses=dict.fromkeys(("constant", "order_1", "order_2", "order_5"), 3),
    )
    return runs


MAKERS = {each.__name__: each for each in (sine, memory, gradients, gates, long, noise, bidirectional, text)} | {
    "sum": sums
}


def test_every_question_is_made_up_here():
    assert set(MAKERS) == set(QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_each_statement_can_come_out_each_way(name):
    made = [MAKERS[name](True), MAKERS[name](False)]
    if name == "gradients":  # what shrinks less may shrink, too
        made.append(gradients(True, rnn=1.1, lstm=1.2))
    for statements in zip(*(QUESTIONS[name].judge(runs) for runs in made), strict=True):
        assert {"holds", "does not hold"} == {verdict(each) for each in statements}, statements[0].says


# ---------------------------------------------------------------- pictures and what they are drawn from


def is_drawn(figure, x, y):
    """Whether one of the figure's lines goes through these points."""
    lines = [line.get_xydata() for axes in figure.axes for line in axes.get_lines()]
    points = np.column_stack([x, y])
    return any(each.shape == points.shape and np.allclose(each, points) for each in lines)


def test_laws_are_drawn_where_they_lie():
    assert is_drawn(pictures.bidirectional(bidirectional(True)), [2], [0.5])
    lags = np.arange(STEPS + 5)
    assert is_drawn(pictures.gradients(gradients(True)), lags, (1 / (1 + math.exp(-1))) ** lags)
    steps = np.linspace(20, 50, 200)
    assert is_drawn(pictures.long(long(True)), steps, 0.5**steps)
    assert is_drawn(pictures.text(text(True)), [0, 1, 2, 5], [3] * 4)


def test_the_scan_from_the_end_has_read_one_input_at_the_last_step_and_all_at_the_first(train):
    done = train("data=sine", "cell=rnn", "cell.bidirectional=true", "trainer.max_epochs=1")
    runs = Runs({("made",): replace(done.record, folder=done.folder)})
    last, ends = runs.from_the_end("made")
    assert (last == 0).all()
    assert (ends > 0.01).all()


def test_a_measurement_that_cannot_be_read_is_named(train):
    done = train("data=sine", "trainer.max_epochs=1")
    runs = Runs({("made",): replace(done.record, folder=done.folder)})
    path = path_of(done.folder, "memory")
    path.parent.mkdir()
    path.write_bytes(b"PK")
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))}: is not a diagnostic's"):
        runs.arrays("made", name="memory")


# ---------------------------------------------------------------- presets and the page


@pytest.mark.parametrize("preset", [each for question in QUESTIONS.values() for each in question.presets])
def test_a_preset_can_be_run_in_both_forms(preset):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        whole, short = list(jobs(preset)), list(jobs(preset, short=True))
        assert {key for key, _ in short} <= {key for key, _ in whole}
        for _, settings in short:
            config = compose("config", settings)
            assert config.trainer.max_epochs == 1
    assert (CONF / "experiment" / PRESETS / f"{preset}.yaml").is_file()


def test_from_the_command_line_to_the_page(tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    done = command("lab", "bidirectional", "--short")
    assert (done.status, done.err) == (0, "")
    assert "A bidirectional network predicts better than one that reads forward." in done.out
    assert report.SHORT in done.out
    page = Path("outputs/lab/short/lab.md")
    text = page.read_text(encoding="utf-8")
    for part in (
        "| statement | counts as true where | what was measured | verdict |",
        report.SHORT,
        "](bidirectional.png)",
        "seqexp lab bidirectional --short`",
    ):
        assert part in text
    assert (page.parent / "bidirectional.png").stat().st_size < 200_000
    results = {path: path.stat().st_mtime_ns for path in page.parent.glob("*/result.json")}
    assert len(results) == 2
    command("lab", "bidirectional", "--short")
    assert {path: path.stat().st_mtime_ns for path in page.parent.glob("*/result.json")} == results
    wrong = command("lab", "bidirectionl")
    assert wrong.status == 2
    assert "Did you mean bidirectional?" in wrong.err


def test_what_was_not_measured_is_not_shown_as_a_number():
    measured = [
        mean("here", np.array([math.nan, 1.0]), 0, True),
        mean("here", np.array([1.0, 2.0, 3.0]), 0, True),
        mean("here", np.array([1.0, 3.0] * 5), -1, True),
    ]
    unknown, few, known = decide("It is so.", "it is", measured).checks
    assert report.shown(unknown) == "not measured in all seeds"
    assert report.shown(few) == "2 (too few seeds for an interval)"
    assert report.shown(known).startswith("2 (1")

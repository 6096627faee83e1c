"""What is predicted is what a run really takes, and what cannot fit is refused before it starts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seqexp.config.compose import compose_config as composed
from seqexp.config.mistakes import ConfigError
from seqexp.data.sine import Sine
from seqexp.data.sum import Sum
from seqexp.run import memory
from seqexp.run.build import build
from seqexp.run.execute import run
from seqexp.seeding import generator

MEASURE = """
import json, re, sys
import psutil
from seqexp.run import memory
from seqexp.run.execute import run
predictions = []
predict = memory.predict
memory.predict = lambda *given: predictions.append(predict(*given)) or predictions[-1]
before = psutil.Process().memory_info().rss
run(sys.argv[2:], sys.argv[1])
peak = 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])  # of no parent, unlike ru_maxrss
print(json.dumps([predictions[-1], peak - before]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no /proc")
@pytest.mark.parametrize(
    "overrides",
    [
        ["experiment=lab_sine", "num_seeds=200", "cell=lstm"],
        ["data=sum", "num_seeds=100", "cell=gru", "cell.num_layers=2"],
    ],
    ids=" ".join,
)
def test_the_prediction_is_near_what_a_run_takes(overrides: list[str], tmp_path: Path) -> None:
    short = [*overrides, "trainer.max_epochs=1"]
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tmp_path / "run"), *short], capture_output=True, text=True, check=True
    )
    predicted, taken = json.loads(done.stdout)
    assert 0.8 * taken < predicted < 4 * taken  # rather too much than too little


def test_what_cannot_fit_is_refused_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda device: 10 * 2**20)
    with pytest.raises(ConfigError, match=r"needs about .* MiB of memory and 10 MiB are free: num_seeds \(10\)"):
        run([], tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "overrides",
    [["data.length=1000000000"], ["data=sum", "data.length=1000000000"], ["num_seeds=100000", "cell.hidden_size=1000"]],
    ids=str,
)
def test_data_that_cannot_fit_are_refused_before_any_are_made(
    overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sample(*arguments: object) -> None:
        raise AssertionError("sampled")

    monkeypatch.setattr(Sine, "sample", sample)
    monkeypatch.setattr(Sum, "sample", sample)
    with pytest.raises(ConfigError, match=r"needs about .* are free"):
        run(overrides)


@pytest.mark.parametrize("name", ["sine", "sum"])
def test_a_task_tells_no_more_numbers_than_it_makes(name: str) -> None:
    data = build(composed([f"data={name}"])).data
    inputs, targets, *_ = data.task.sample(generator(0, "data"), data.task.num_sequences, None)
    assert 0.9 * (inputs.numel() + targets.numel()) <= data.task.numbers <= inputs.numel() + targets.numel()


def test_a_population_of_a_hundred_thousand_large_nets_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="GiB of memory"):
        run(["num_seeds=100000", "cell.hidden_size=3000"])


@pytest.mark.parametrize(
    "overrides",
    [
        ["data.length=100000000000"],
        ["data.length=1000000000000000000"],
        ["data=sum", "data.num_sequences=100000000000"],
        ["data=sum", "data.length=100000000000000"],
    ],
    ids=" ".join,
)
def test_data_that_no_machine_holds_are_refused_at_once(overrides: list[str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"memory"):
        run([*overrides, "num_seeds=1"], tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "max").write_text("3000\n")
    (tmp_path / "current").write_text("1000\n")
    monkeypatch.setattr(memory, "LIMITS", (str(tmp_path / "max"),))
    monkeypatch.setattr(memory, "USES", (str(tmp_path / "current"),))
    assert memory.available(torch.device("cpu")) == 2000
    (tmp_path / "max").write_text("max\n")
    assert memory.available(torch.device("cpu")) > 2**20


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (1000, "1e+03 bytes"), (1536, "1.5 KiB"), (3 * 2**30, "3 GiB")]
)
def test_bytes_are_readable(count: int, text: str) -> None:
    assert memory.readable(count) == text


def test_runs_that_differ_in_no_size_are_predicted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    right = memory.predict
    monkeypatch.setattr(memory, "predict", lambda *given: asked.append(1) or right(*given))
    monkeypatch.setattr("seqexp.run.build._predicted", {})
    for overrides, count in (
        (["optimizer.lr=0.1"], 1),
        (["optimizer.lr=0.2", "seed=7"], 1),
        (["optimizer=sgd"], 1),
        (["cell.hidden_size=17"], 2),
        (["num_seeds=11"], 3),
        (["data.batch_size=7"], 4),
        (["trainer.precision=64-true"], 5),
        (["cell=gru"], 6),
    ):
        build(composed(overrides))
        assert len(asked) == count, overrides


def test_what_is_evaluated_elsewhere_counts() -> None:
    with pytest.raises(ConfigError, match=r"needs about .* TiB of memory"):
        run(["data=sum", "num_seeds=2", "data.test_lengths=[1000000000]"])


@pytest.mark.parametrize(
    "overrides",
    [["data=adding", "data.length=131"], ["data=copy", "data.pause=101", "cell=gru", "cell.num_layers=2"]],
    ids=" ".join,
)
def test_three_short_sequences_tell_what_a_long_one_needs(
    overrides: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted: list[int] = []
    right = memory.predict
    monkeypatch.setattr(memory, "predict", lambda *given: predicted.append(right(*given)) or predicted[-1])
    lengths: list[int] = []
    one_pass = memory._written_by
    monkeypatch.setattr(
        memory, "_written_by", lambda m, batch, t: lengths.append(batch.shape[2]) or one_pass(m, batch, t)
    )
    for short in (memory.SHORT, 1000):
        monkeypatch.setattr(memory, "SHORT", short)
        monkeypatch.setattr("seqexp.run.build._predicted", {})
        build(composed(overrides))
    assert predicted[0] == predicted[1]
    assert set(lengths) == {16, 32, 48, max(lengths)}
    assert max(lengths) > 100

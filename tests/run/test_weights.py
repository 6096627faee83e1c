"""Weights to start from: nets set by hand that solve a task exactly, a trained run's seeds, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.config.mistakes import ConfigError
from seqexp.run.load import load

SCORED = ("optimizer.lr=0", "trainer.max_epochs=1", "num_seeds=2", "trainer.enable_progress_bar=false")
RELU = ("cell=rnn", "cell.hidden_size=2", "cell.nonlinearity=relu")


def parts(
    by_input: list[list[float]],
    by_state: list[list[float]],
    bias: list[float],
    read: list[list[float]],
    to: list[float],
) -> dict[str, Any]:
    """A rectified net of two units, by the names of torch's parameters."""
    return {
        "cell.weight_ih_l0": by_input, "cell.weight_hh_l0": by_state, "cell.bias_ih_l0": bias,
        "cell.bias_hh_l0": [0.0, 0.0], "readout.weight": read, "readout.bias": to,
    }  # fmt: skip


NETS = {
    # The positive and the negative part of the sum so far.
    "sum": parts([[1], [-1]], [[1, -1], [-1, 1]], [0, 0], [[1, -1]], [0]),
    # v + m - 1 is the value of a marked step and below 0 elsewhere; the second unit adds up what was one step ago.
    "adding": parts([[1, 1], [0, 0]], [[0, 0], [1, 1]], [-1, 0], [[1, 1]], [0]),
    # With s = u - 2 w, the parity so far: u = s + x and w = relu(s + x - 1).
    "parity": parts([[1], [1]], [[1, -2], [1, -2]], [0, -1], [[0, 0], [200, -400]], [0, -100]),
}  # fmt: skip
SMALL = {
    "sum": ["data.num_sequences=60"],
    "adding": ["data.num_sequences=60", "data.steps_per_epoch=2", "data.length=30"],
    "parity": ["data.num_sequences=60", "data.steps_per_epoch=2", "data.test_lengths=[100]"],
}


def written(path: Path, arrays: dict[str, Any]) -> Path:
    np.savez(path, **{name: np.asarray(values) + np.float64(0) for name, values in arrays.items()})
    return path


@pytest.mark.parametrize("task", NETS)
def test_a_net_set_by_hand_that_solves_a_task_scores_nothing(
    train: Callable[..., Any], tmp_path: Path, task: str
) -> None:
    file = written(tmp_path / "net.npz", NETS[task])
    record, folder = train(f"data={task}", *RELU, f"cell.weights={file}", *SMALL[task], *SCORED, tiny=())
    for part, scores in record.scores.items():
        assert max(scores[record.metric]) < 1e-11, part
    if task == "parity":
        assert record.scores["test@100"]["accuracy"] == [1.0, 1.0]
    if task != "sum":
        assert None not in record.solved
    file.unlink()  # a finished run does not need it any more
    member = load(folder).to_torch(1)
    for name, values in member.state_dict().items():
        assert values.tolist() == NETS[task][name]


def test_each_seed_starts_from_its_own_seed_of_a_run(train: Callable[..., Any]) -> None:
    same = ("cell.hidden_size=3", "seed=4")
    first, folder = train(*same, "num_seeds=3")
    ask = (f"cell.weights={folder}", "optimizer.lr=0", "trainer.max_epochs=1")
    again, place = train("cell.hidden_size=3", "seed=5", "num_seeds=2", *ask)
    assert again.score("test") == first.score("test")[1:]
    assert again.fingerprint != first.fingerprint
    kept, started = (list(load(each).parameters()) for each in (folder, place))
    for one, other in zip(kept, started, strict=True):
        assert torch.equal(one[1:], other)
    with pytest.raises(ConfigError, match=r"cell.weights=.*: each seed .* the run has 4 to 6, and not 7$"):
        train("cell.hidden_size=3", "seed=5", "num_seeds=3", *ask)
    with pytest.raises(
        ConfigError, match=r"readout.weight must have the shape \(1, 5\) or \(3, 1, 5\), got \(3, 1, 3\)"
    ):
        train("cell.hidden_size=5", "seed=4", "num_seeds=3", *ask)
    with pytest.raises(ConfigError, match=r"is not of this model: it lacks cell.bias_hh_l1"):
        train("cell.hidden_size=3", "cell.num_layers=2", "seed=4", "num_seeds=3", *ask)


def test_what_the_file_holds_is_part_of_the_fingerprint(train: Callable[..., Any], tmp_path: Path) -> None:
    prints = []
    for bias in (0.0, 1.0):
        written(tmp_path / "net.npz", NETS["sum"] | {"readout.bias": [bias]})
        record, _ = train("data=sum", *RELU, f"cell.weights={tmp_path / 'net.npz'}", *SMALL["sum"], *SCORED, tiny=())
        prints.append(record.fingerprint)
        assert record.score("test") == pytest.approx([bias**2] * 2, abs=1e-5)
    assert prints[0] != prints[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (None, "there is no such file"),
        ("text", r"must be a \.npz file, of arrays with names"),
        ({"readout.bias": [1j]}, "readout.bias must hold real numbers, and holds complex numbers"),
        ({"readout.bias": [[0.0], [0.0], [0.0]]}, r"readout.bias must have the shape \(1,\) or \(2, 1\), got \(3, 1\)"),
        ({"readout.bias": [float("nan")]}, "readout.bias must be finite"),
        ({"readout.bais": [0.0]}, "is not of this model: it has also readout.bais"),
    ],
)
def test_other_weights_are_refused(train: Callable[..., Any], tmp_path: Path, change: Any, said: str) -> None:
    file = tmp_path / "net.npz"
    if change == "text":
        file.write_text("no arrays")
    elif change is not None:
        written(file, NETS["sum"] | change)
    with pytest.raises(ConfigError, match=rf"^cell\.weights=.*{said}"):
        train("data=sum", *RELU, f"cell.weights={file}", *SMALL["sum"], *SCORED, tiny=())

"""The diagnostic closed_loop: an exact model is valid throughout, what is cut from the data, and what is drawn."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from seqexp.compare.comparison import compare
from seqexp.data.fitzhugh_nagumo import FitzHughNagumo
from seqexp.data.lorenz import Lorenz
from seqexp.data.narma import Narma
from seqexp.data.sine import Sine
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.diagnostic import kept
from seqexp.diagnostic.closed_loop import ClosedLoop
from seqexp.score import SquaredError

W, LENGTH = 4, 90


class Known(nn.Module):
    """Stands for a model of two seeds: y_{t+1} = a y_t - y_{t-1}, exact for the first seed."""

    num_tokens, output_size, num_seeds = 0, 1, 2

    def __init__(self, reads: str) -> None:
        super().__init__()
        self.reads = reads
        self.cell = type("Cell", (), {"input_size": 1})()
        self.weight = nn.Parameter(torch.tensor([2 * math.cos(0.5), 2 * math.cos(0.55)], dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        before = torch.nn.functional.pad(x, (0, 0, 1, 0))[:, :, :-1]
        found = self.weight[:, None, None, None] * x - before
        return found[:, :, -1] if self.reads == "last" else found


def wave() -> Tensor:
    return torch.arange(LENGTH, dtype=torch.float64).mul(0.5).sin()[None, :, None].expand(2, -1, 1)


def windows() -> Split:
    values = wave().unfold(1, W, 1).transpose(2, 3)  # (S, N, W, 1)
    return Split(values[:, :-1], wave()[:, W:])


def sequences() -> Split:
    values = wave().unfold(1, 41, 10).transpose(2, 3)  # (S, N, 41, 1)
    return Split(values[:, :, :-1], values[:, :, 1:])


@pytest.mark.parametrize(("reads", "split"), [("last", windows()), ("steps", sequences())])
def test_an_exact_model_is_valid_throughout(reads: str, split: Split) -> None:
    model: Any = Known(reads)
    found = ClosedLoop(20, 5, 8 if reads == "steps" else None, 0.4).measure(model, SquaredError(), split)
    assert found["path"].shape == found["truth"].shape == (2, 20, 1)
    assert found["error"].shape == (2, 20)
    np.testing.assert_allclose(found["path"][0], found["truth"][0], atol=1e-9)
    assert found["valid"][0].tolist() == [20] * 5
    assert found["whole"][0].all()
    assert (found["valid"][1] < 20).all()  # of another frequency
    assert not found["whole"][1].any()
    assert (found["resting"] < found["valid"].min()).all()
    assert math.isnan(found["lyapunov"])
    begun = wave()[0, W : W + 20] if reads == "last" else wave()[0, 8:28]
    np.testing.assert_array_equal(found["truth"][0], begun)


def test_the_error_is_the_median_over_starts_and_the_last_value_is_that_of_the_context() -> None:
    model: Any = Known("steps")
    found = ClosedLoop(20, 5, 8, 0.4).measure(model, SquaredError(), sequences())
    whole = wave()[0, :, 0].unfold(0, 41, 10).numpy()  # (starts, 41)
    deviation = whole[:, :-1].std()
    path = whole[:, 6:8]
    for _ in range(20):
        path = np.c_[path, 2 * math.cos(0.55) * path[:, -1] - path[:, -2]]
    errors = np.abs(path[:, 2:] - whole[:, 8:28]) / deviation
    np.testing.assert_allclose(found["error"][1], np.median(errors, 0), rtol=1e-9)
    rests = np.abs(whole[:, 7:8] - whole[:, 8:28]) / deviation
    np.testing.assert_array_equal(found["resting"][1], (rests > 0.4).argmax(1))


def test_no_path_crosses_a_place_where_windows_do_not_follow() -> None:
    whole = windows()
    broken = whole.map(lambda each: torch.cat([each[:, :30], each[:, 45:]], 1))
    context, truth = ClosedLoop(25, 100, None, 0.4)._series(broken)
    assert truth.shape[2] == 25
    following = (
        torch.cat([context, truth], 2).diff(n=2, dim=2)
        + (2 - 2 * math.cos(0.5)) * torch.cat([context, truth], 2)[:, :, 1:-1]
    )
    assert following.abs().max() < 1e-9
    assert truth.shape[1] == (30 - 25 + 1) + (broken.num_sequences - 30 - 25 + 1)
    assert ClosedLoop(60, 100, None, 0.4)._series(windows())[1].shape[2] == windows().num_sequences // 2
    with pytest.raises(ValueError, match="no 60 windows of the split follow each other"):
        ClosedLoop(60, 1, None, 0.4)._series(broken)


def test_what_cannot_be_fed_back_is_refused_and_the_exponent_is_taken_from_the_task() -> None:
    plain = ClosedLoop(20, 5, None, 0.4)
    for task, expected in (
        (Lorenz(100, 0.02, 0.0, 0.0, 5, 1, "standard"), pytest.approx(0.9056 * 0.02)),
        (Sine(100, 40.0, 1.0, 1.0, 0.1, 20, 1), None),
    ):
        assert plain.of(task).known_task.lyapunov == expected
    assert plain.task is None
    for task in (Narma(5, 50, 10, 5), Sum(20, 5, "normal")):
        with pytest.raises(ValueError, match="something else"):
            plain.of(task)
    with pytest.raises(ValueError, match="context must be <= 30, the steps of a sequence, got 31"):
        ClosedLoop(20, 5, 31, 0.4).of(FitzHughNagumo(5, 30, 1, 0, 0.4))
    with pytest.raises(ValueError, match="context must be <= 40, the steps of a sequence, got 41"):
        ClosedLoop(20, 5, 41, 0.4).measure(Known("steps"), SquaredError(), sequences())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 1, None, 0.4), "steps must be >= 1, got 0"),
        ((1, 0, None, 0.4), "starts must be >= 1, got 0"),
        ((1, 1, 0, 0.4), "context must be >= 1, got 0"),
        ((1, 1, None, 0.0), "threshold must be > 0, got 0"),
    ],
)
def test_wrong_settings_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ClosedLoop(*values)


@pytest.mark.drawn
def test_a_run_keeps_what_it_measured_and_draws_it(train: Callable[..., Any], command: Callable[..., Any]) -> None:
    tiny = (
        "num_seeds=2", "data=lorenz", "data.length=150", "trainer.max_epochs=1", "cell.hidden_size=3",
        "trainer.enable_progress_bar=false", "diagnostic.closed_loop.starts=3",
    )  # fmt: skip
    done = train("diagnostic=[closed_loop]", tiny=tiny)
    found = kept.read(kept.path_of(done.folder, "closed_loop")).arrays
    steps = found["end_truth"].shape[1]
    assert found["end_valid"].shape == (2, 3)
    assert (done.folder / "diagnostics" / "closed_loop.png").stat().st_size > 10_000
    (measured,) = compare(done.folder).sections[0].measured
    (row,) = measured.rows.values()
    np.testing.assert_array_equal(row["valid steps"], found["end_valid"].mean(1))
    times = row["valid Lyapunov times"] / found["end_lyapunov"]
    np.testing.assert_allclose(times, found["end_valid"].mean(1))
    np.testing.assert_array_equal(measured.guesses["the last value"]["valid steps"], found["end_resting"].mean(1))
    drawn = ClosedLoop(steps, 3, None, 0.4).draw({"lstm": found, "gru": found})
    (legend,) = drawn.legends
    texts = [each.get_text() for each in legend.get_texts()]
    assert [each.partition(":")[0] for each in texts] == [
        "truth", "lstm", "gru", "threshold 0.4", "the last value, repeated", "law of a chaotic system",
    ]  # fmt: skip
    mean = found["end_valid"].mean()
    assert f"lstm: valid for {mean:.3g} steps" in texts[1].replace("at least ", "")
    assert texts[1].endswith(f"{mean * 0.9056 * 0.02:.2g} Lyapunov times")
    assert {axes.get_yscale() for axes in drawn.axes} == {"linear", "log"}
    refused = command("data=narma", "diagnostic=[closed_loop]")
    assert refused.status == 2
    assert "diagnostic.closed_loop: predictions can be fed back only where" in refused.err

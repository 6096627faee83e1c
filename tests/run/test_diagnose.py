"""Diagnostics of a run change no bit of it, also after it has finished, and are drawn where they belong."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from seqexp.config.compose import compose_config
from seqexp.config.mistakes import ConfigError
from seqexp.diagnostic import kept
from seqexp.diagnostic.gates import Gates
from seqexp.diagnostic.gradient_lag import GradientLag
from seqexp.diagnostic.states import States
from seqexp.run.build import build
from seqexp.run.diagnose import measure_later

pytestmark = pytest.mark.drawn

SMALL = (
    "num_seeds=2", "data.length=80", "data.window=8", "trainer.max_epochs=2", "cell.hidden_size=3", "cell=lstm",
    "trainer.enable_progress_bar=false",
)  # fmt: skip
WANTED = "diagnostic=[gradient_lag]"
PNG = b"\x89PNG"


def images(folder: Path) -> list[str]:
    board = EventAccumulator(str(folder))
    board.Reload()
    return list(board.Tags()["images"])


def weights(folder: Path) -> dict[str, bytes]:
    saved = torch.load(folder / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    return {name: value.numpy().tobytes() for name, value in saved.items()}


def test_a_run_measures_draws_and_changes_no_bit(train: Callable[..., Any]) -> None:
    without, measured = train(tiny=SMALL), train(WANTED, tiny=SMALL)
    assert measured.record.test_mse == without.record.test_mse
    assert measured.record.fingerprint == without.record.fingerprint
    assert weights(measured.folder) == weights(without.folder)
    assert "view/gradient_lag" in images(measured.folder)
    assert not (without.folder / "diagnostics").exists()
    assert (measured.folder / "diagnostics" / "gradient_lag.png").read_bytes().startswith(PNG)
    found = kept.read(kept.path_of(measured.folder, "gradient_lag"))
    assert found.seeds == [0, 1]
    assert set(found.seconds) == {"start", "end"}
    assert measured.record.diagnostic_seconds == {"gradient_lag": pytest.approx(sum(found.seconds.values()))}
    assert without.record.diagnostic_seconds == {}
    assert {name: values.shape for name, values in found.arrays.items()} == {
        **{f"{time}_{state}": (2, 8) for time in ("start", "end") for state in ("h", "c")},
        **{f"{time}_singular_{state}": (2, 8, 3) for time in ("start", "end") for state in ("h", "c")},
        "start_lags": (2, 8), "end_lags": (2, 8),
        "start_radius": (2,), "end_radius": (2,),
    }  # fmt: skip
    assert not np.allclose(found.arrays["start_h"], found.arrays["end_h"])

    # What is asked for later is the same, and touches nothing.
    before = {path: path.read_bytes() for path in without.folder.rglob("*") if path.is_file()}
    config = compose_config([*SMALL, WANTED])
    assert measure_later(config, "lstm", without.folder) == {"gradient_lag": ["start", "end"]}
    assert "view/gradient_lag" in images(without.folder)
    later = kept.read(kept.path_of(without.folder, "gradient_lag"))
    assert later.settings == found.settings
    for name, values in found.arrays.items():
        np.testing.assert_array_equal(later.arrays[name], values)
    assert all(path.read_bytes() == content for path, content in before.items())
    assert measure_later(config, "lstm", without.folder) == {}


INSTRUMENTS = {
    ("data=parity", "data.length=8"): (
        *("gradient_lag", "memory", "spectrum", "states", "gates", "lengths", "noise", "attribution", "fixed_points"),
        "automaton",
    ),
    ("data=sine", "data.length=80", "data.window=8"): ("lag", "closed_loop"),
}


def test_every_instrument_is_in_one_of_these() -> None:
    there = {path.stem for path in (Path(__file__).parents[2] / "conf/diagnostic").glob("*.yaml")}
    assert there == {name for names in INSTRUMENTS.values() for name in names}


@pytest.mark.parametrize("data", INSTRUMENTS, ids=lambda data: data[0])
def test_all_of_them_together_change_no_bit_and_each_says_what_it_cost(
    train: Callable[..., Any], data: tuple[str, ...]
) -> None:
    names = INSTRUMENTS[data]
    small = (
        *data,
        "num_seeds=2",
        "trainer.max_epochs=1",
        "cell=gru",
        "cell.hidden_size=3",
        "trainer.enable_progress_bar=false",
    )
    short = ("diagnostic.fixed_points.starts=6", "diagnostic.memory.max_lag=9", "diagnostic.lengths.sequences=9")
    keys = tuple(each for each in short if each.split(".")[1] in names)
    without, measured = train(tiny=small), train(f"diagnostic=[{','.join(names)}]", *keys, tiny=small)
    assert measured.record.scores == without.record.scores
    assert weights(measured.folder) == weights(without.folder)
    assert set(measured.record.diagnostic_seconds) == set(names)
    assert all(seconds > 0 for seconds in measured.record.diagnostic_seconds.values())
    shown = images(measured.folder)
    for name in names:
        found = kept.read(kept.path_of(measured.folder, name))
        assert found.seeds == [0, 1]
        assert found.seconds
        assert (measured.folder / "diagnostics" / f"{name}.png").read_bytes().startswith(PNG)
        assert f"view/{name}" in shown


def test_guesses_beside_a_model_are_fitted_to_what_it_was_trained_on(train: Callable[..., Any]) -> None:
    made = train("diagnostic=[noise]", tiny=SMALL)
    parts = build(config := compose_config([*SMALL, "diagnostic=[noise]"]))
    parts.make_data(guessed=False)
    learnt, scored = (parts.data.splits[name].targets.double() for name in ("train", "val"))
    expected = (learnt.mean(1, keepdim=True) - scored).square().mean((1, 2))
    path = kept.path_of(made.folder, "noise")
    before = kept.read(path).arrays
    np.testing.assert_allclose(before["end_constant"][:, 0], expected, rtol=1e-6)
    path.unlink()
    assert measure_later(config, "lstm", made.folder) == {"noise": ["end"]}
    for name, values in kept.read(path).arrays.items():
        np.testing.assert_array_equal(values, before[name])


OWN = """
from seqexp.diagnostic.diagnostic import Diagnostic
from seqexp.diagnostic.gradient_lag import GradientLag

class Mean(Diagnostic):
    def __init__(self, scale: float) -> None:
        self.scale = scale

    def measure(self, model, score, split):
        return {"mean": self.scale * split.targets.mean((1, 2)).numpy()}

    def draw(self, by_label):
        from seqexp.show.lines import draw_lines
        return draw_lines({label: [] for label in by_label}, "x", "y")

class Tested(Mean):
    reads = "test"
"""


def test_one_of_ones_own_is_no_part_of_what_defines_the_run(
    train: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_instruments.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    given = ("+diagnostic.mine._target_=own_instruments.Mean", "+diagnostic.mine.scale=2.0")
    with pytest.raises(ConfigError, match="only classes from seqexp"):
        train(*given, tiny=SMALL)
    made = train(*given, "allowed_packages=[own_instruments]", tiny=SMALL)
    assert made.record.fingerprint == train(tiny=SMALL).record.fingerprint
    assert set(validated := kept.read(kept.path_of(made.folder, "mine")).arrays) == {"end_mean"}
    assert {States.reads, Gates.reads} == {"test"}
    given = (given[0].replace("Mean", "Tested"), given[1])
    tested = train(*given, "allowed_packages=[own_instruments]", tiny=SMALL)
    found = kept.read(kept.path_of(tested.folder, "mine")).arrays["end_mean"]
    with np.load(tested.folder / "predictions.npz") as file:
        np.testing.assert_allclose(found, 2 * file["targets"].mean((1, 2)), rtol=1e-6)
    assert not np.allclose(found, validated["end_mean"])


def test_what_fails_after_training_does_not_lose_the_run(
    train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(GradientLag, "when", ("end",))
    monkeypatch.setattr(GradientLag, "measure", lambda *args: 1 / 0)
    with caplog.at_level(logging.WARNING):
        made = train(WANTED, tiny=SMALL)
    assert made.record.status == "done"
    assert "diagnostic gradient_lag: could not measure" in caplog.text
    monkeypatch.setattr(GradientLag, "when", ("start", "end"))
    with pytest.raises(ZeroDivisionError):
        train(WANTED, tiny=SMALL)


def test_a_model_that_cannot_be_measured_is_refused(train: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqexp.diagnostic.gradient_lag.Recurrent", type(None))
    with pytest.raises(ConfigError, match=r"diagnostic\.gradient_lag: needs a recurrent cell"):
        train(WANTED, tiny=SMALL)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("diagnostic=[gradient_lags]", "Did you mean diagnostic=gradient_lag?"),
        ("diagnostic.gradient_lag.max_lag=3", "It is a key of diagnostic=[gradient_lag]"),
        (f"{WANTED} diagnostic.gradient_lag.max_lag=0", "diagnostic.gradient_lag.max_lag must be >= 1"),
        ("diagnostic=[noise] diagnostic.noise.sizes=[a]", "noise.sizes must be a list of numbers, got ['a']"),
        (
            "data=parity diagnostic=[lengths] diagnostic.lengths.lengths=[2.5]",
            "lengths must be null or a list of whole numbers, got [2.5]",
        ),
        (f"{WANTED} diagnostic.gradient_lag.maxlag=1", "Did you mean diagnostic.gradient_lag.max_lag?"),
        ("+diagnostic.k=3", "a file of diagnostic/ begins with the line '# @package diagnostic.NAME'"),
        (f"{WANTED} diagnostic.gradient_lag._target_=torch.nn.RNN", "must be a class derived from seqexp.diagnostic"),
        (f"{WANTED} diagnostic.gradient_lag._target_=os.path.join", "only classes from seqexp, torch, lightning"),
    ],
)
def test_wrong_settings_are_one_paragraph(command: Callable[..., Any], given: str, said: str) -> None:
    done = command(*given.split(), "num_seeds=1")
    assert done.status == 2
    assert said in done.err
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    "setting",
    [
        *("memory.sequences", "memory.steps", "memory.max_lag", "lengths.sequences", "lengths.lengths"),
        *("fixed_points.starts", "automaton.max_clusters"),
    ],
)
def test_settings_that_no_memory_holds_are_refused_before_anything_is_trained(setting: str) -> None:
    name, key = setting.split(".")
    many = 10**12
    value = f"[{many}]" if key == "lengths" else many
    config = compose_config([f"diagnostic=[{name}]", f"diagnostic.{name}.{key}={value}", "data=parity", "cell=gru"])
    words = rf"^diagnostic\.{name} needs at least .* TiB of memory and .* are free: .*{key} \(\[?{many}"
    with pytest.raises(ConfigError, match=words):
        build(config)


def test_what_the_data_cut_asks_for_no_memory() -> None:
    keys = [f"diagnostic.{each}={10**12}" for each in ("gates.max_sequences", "noise.max_sequences", "lag.max_lag")]
    assert build(compose_config([*SMALL, "diagnostic=[gates,noise,lag]", *keys])).diagnostics.keys() == {
        *("gates", "noise", "lag")
    }

"""What load() gives, called as a user calls it: against torch.nn, and against the predictions that were stored."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.config import CONF
from seqexp.config.mistakes import ConfigError
from seqexp.run import load, run
from seqexp.run.load import load_run
from seqexp.run.trained import Trained

CELLS = sorted(path.stem for path in (CONF / "cell").glob("*.yaml") if "\nbidirectional:" in path.read_text())
TINY = ["num_seeds=2", "trainer.max_epochs=1", "data.length=120", "trainer.enable_progress_bar=false"]


OWN = """
import csv

import torch

from seqexp.data.shape import Values
from seqexp.data.task import Sequences, Task


class Columns(Task):
    inputs, targets, num_sequences = Values(3), Values(2), 50

    def __init__(self, path: str) -> None:
        with open(path, encoding="utf-8") as file:
            rows = [[float(each) for each in row] for row in list(csv.reader(file))[1:]]
        table = torch.tensor(rows)
        self.table = (table - table.mean(0)) / table.std(0)

    def sample(self, generator, count, length):
        return Sequences(self.table.unfold(0, 5, 1)[:count].transpose(1, 2), self.table[5 : 5 + count, :2])
"""
"""A task that reads a file and scales what it holds."""

FRACTIONS = "batch_size: null\ntrain_fraction: 0.6\nval_fraction: 0.2\ntest_fraction: 0.2\n"


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "lstm"
    run([*TINY, "cell=lstm"], folder)
    return folder


def population(cell: str, *overrides: str, data: str = "sine") -> Trained:
    """A model that is drawn and not trained."""
    from seqexp.config.compose import compose_config
    from seqexp.run.build import build

    config = compose_config([f"cell={cell}", f"data={data}", "num_seeds=2", "model_seed=3", *overrides])
    return Trained(build(config).training.model)


def test_predictions_are_those_that_were_scored(lstm: Path) -> None:
    model = load(lstm)
    _, parts = load_run(lstm, (), (), {})
    parts.make_data()
    x = parts.data.splits["test"].inputs  # (S, N, T, I)
    with np.load(lstm / "predictions.npz") as arrays:
        expected = arrays["predictions"]
    found = model(x.numpy())
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(model(x[1].numpy())[1], expected[1], atol=1e-6)
    np.testing.assert_allclose(model(x[0, 4].numpy())[0], expected[0, 4], atol=1e-6)
    assert not model.training


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("shape", [(), ("cell.bidirectional=true", "cell.num_layers=2")], ids=["plain", "deep"])
def test_one_member_as_torch_predicts_the_same(cell: str, shape: tuple[str, ...]) -> None:
    model, x = population(cell, *shape), torch.randn(3, 20, 1)
    for index in range(2):
        torch.testing.assert_close(model.to_torch(index)(x), model(x)[index], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="index must be >= 0 and < 2"):
        model.to_torch(2)


def test_tokens_and_every_step() -> None:
    model = population("gru", data="copy")
    x = torch.randint(0, model.num_tokens, (3, 12))
    torch.testing.assert_close(model.to_torch(1)(x), model(x)[1], rtol=1e-5, atol=1e-6)
    assert model(x[0].numpy()).shape == (2, 12, model.output_size)
    with pytest.raises(ValueError, match=f"whole numbers from 0 to {model.num_tokens - 1}"):
        model(x + model.num_tokens)


def test_states_and_gates_are_those_of_the_equations(lstm: Path) -> None:
    model, x = load(lstm), torch.randn(3, 20, 1)
    states, gates = model.states(x), model.gates(x)
    assert list(states) == ["h_l0", "c_l0"]
    assert list(gates) == ["i_l0", "f_l0", "g_l0", "o_l0"]
    member: Any = model.to_torch(0)["cell"]
    torch.testing.assert_close(states["h_l0"][0], member(x)[0].detach(), rtol=1e-5, atol=1e-6)
    c, f, i, g, o = (values[0] for values in (states["c_l0"], *(gates[f"{name}_l0"] for name in "figo")))
    torch.testing.assert_close(c[:, 1:], f[:, 1:] * c[:, :-1] + i[:, 1:] * g[:, 1:], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(states["h_l0"][0], o * c.tanh(), rtol=1e-5, atol=1e-6)
    assert isinstance(model.gates(x[0].numpy())["f_l0"], np.ndarray)


Values = dict[str, np.ndarray[Any, Any]]


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def lstm_step(a: Any, b: Any, before: Values) -> Values:
    i, f, g, o = np.split(a + b, 4, axis=-1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c = f * before["c"] + i * g
    return {"h": o * np.tanh(c), "c": c, "i": i, "f": f, "g": g, "o": o}


def gru_step(a: Any, b: Any, before: Values) -> Values:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = np.split(a, 3, axis=-1), np.split(b, 3, axis=-1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = np.tanh(x_n + r * h_n)
    return {"h": (1 - z) * n + z * before["h"], "r": r, "z": z, "n": n}


def mgu_step(a: Any, b: Any, before: Values) -> Values:
    (x_f, x_n), (h_f, h_n) = np.split(a, 2, axis=-1), np.split(b, 2, axis=-1)
    f = sigmoid(x_f + h_f)
    n = np.tanh(x_n + f * h_n)
    return {"h": (1 - f) * before["h"] + f * n, "f": f, "n": n}


STEPS: dict[str, tuple[set[str], Callable[[Any, Any, Values], Values]]] = {
    "rnn": ({"h"}, lambda a, b, before: {"h": np.tanh(a + b)}),
    "lstm": ({"h", "c"}, lstm_step),
    "gru": ({"h"}, gru_step),
    "mgu": ({"h"}, mgu_step),
}
"""The states of each cell, and its equations, of W x + b and U h + b."""


def traced(cell: Any, step: Callable[[Any, Any, Values], Values], x: Any, k: int) -> Values:
    """Everything inside of one member, by NumPy: (B, T, I) to (B, T, H) by name."""
    found: Values = {}
    for layer in range(cell.num_layers):
        outputs = []
        for suffix in (f"_l{layer}", f"_l{layer}_reverse") if cell.bidirectional else (f"_l{layer}",):
            names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            w, u, b, c = (getattr(cell, name + suffix)[k].detach().numpy() for name in names)
            steps = range(x.shape[1])[:: -1 if suffix.endswith("_reverse") else 1]
            after: Values = {name: np.zeros((len(x), cell.hidden_size)) for name in ("h", "c")}
            rows: list[Values] = [{}] * x.shape[1]
            for t in steps:
                rows[t] = after = step(x[:, t] @ w.T + b, after["h"] @ u.T + c, after)
            found |= {name + suffix: np.stack([row[name] for row in rows], 1) for name in after}
            outputs.append(found["h" + suffix])
        x = np.concatenate(outputs, 2)
    return found


@pytest.mark.parametrize("cell", STEPS)  # the others: in tests/cell/test_cell.py
@pytest.mark.parametrize("shape", [(), ("cell.bidirectional=true", "cell.num_layers=3")], ids=["plain", "deep"])
def test_states_and_gates_are_those_of_the_equations_in_every_layer(cell: str, shape: tuple[str, ...]) -> None:
    model, x = population(cell, "cell.hidden_size=5", *shape).double(), torch.randn(2, 3, 7, 1, dtype=torch.float64)
    own, step = STEPS[cell]
    states = model.states(x.numpy())
    gates = model.gates(x.numpy()) if cell != "rnn" else {}
    for k in range(2):
        expected = traced(model.cell, step, x[k].numpy(), k)
        assert {*states, *gates} == {*expected}
        assert {name for name in expected if name.partition("_")[0] in own} == {*states}
        for name, values in expected.items():
            np.testing.assert_allclose((states | gates)[name][k], values, rtol=1e-10, atol=1e-12, err_msg=name)


def test_neither_the_data_nor_the_code_of_the_task_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{0.1 * n},{np.sin(0.3 * n)},{n % 3}" for n in range(60)]
    table = tmp_path / "table.csv"
    table.write_text("\n".join(["a,b,c", *rows]) + "\n")
    (tmp_path / "mine.py").write_text(OWN)
    (tmp_path / "conf" / "data").mkdir(parents=True)
    (tmp_path / "conf" / "data" / "mine.yaml").write_text(f"# own\n_target_: mine.Columns\npath: {table}\n{FRACTIONS}")
    monkeypatch.syspath_prepend(tmp_path)
    own = ["data=mine", "allowed_packages=[mine]", f"hydra.searchpath=[file://{tmp_path / 'conf'}]"]
    folder = tmp_path / "run"
    record = run([*TINY[:2], *own, "cell=gru", "cell.num_layers=2"], folder)
    x = torch.randn(4, 5, 3)
    whole = load(folder, ["mine"])(x)
    table.unlink()
    sys.modules.pop("mine")
    (tmp_path / "mine.py").unlink()
    model = load(folder)
    torch.testing.assert_close(model(x), whole, rtol=0, atol=0)
    assert model.gates(x)["z_l1"].shape == (2, 4, 5, 16)
    replace(record, sizes=None).write(folder)  # as older versions recorded it
    with pytest.raises(ConfigError, match="an older version, does not say what the model reads") as refused:
        load(folder)
    assert "\n" not in str(refused.value)


def test_what_a_cell_has_not_is_refused() -> None:
    model = population("rnn")
    with pytest.raises(ValueError, match="RNN has no gates"):
        model.gates(np.zeros((20, 1)))
    with pytest.raises(ValueError, match=r"inputs must have shape \(T, I=1\), \(B, T, I=1\) or .*, got \(20, 2\)"):
        model(np.zeros((20, 2)))

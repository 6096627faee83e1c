"""What load() gives, called as a user calls it: against torch.nn, and against the predictions that were stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqexp.config import CONF
from seqexp.run import load, run
from seqexp.run.load import load_run
from seqexp.run.trained import Trained

CELLS = sorted(path.stem for path in (CONF / "cell").glob("*.yaml"))
TINY = ["num_seeds=2", "trainer.max_epochs=1", "data.length=120", "trainer.enable_progress_bar=false"]


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


def test_what_a_cell_has_not_is_refused() -> None:
    model = population("rnn")
    with pytest.raises(ValueError, match="RNN has no gates"):
        model.gates(np.zeros((20, 1)))
    with pytest.raises(ValueError, match=r"inputs must have shape \(T, I=1\), \(B, T, I=1\) or .*, got \(20, 2\)"):
        model(np.zeros((20, 2)))

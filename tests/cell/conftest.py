"""What the tests of all cells share: a way to make one, and the tolerances of the contract."""

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from seqexp.cell.cell import Cell
from seqexp.cell.gru import GRU
from seqexp.cell.lstm import LSTM
from seqexp.cell.lstm1997 import LSTM1997
from seqexp.cell.recurrent import Recurrent
from seqexp.cell.rnn import RNN

CELLS: dict[str, tuple[type[Recurrent], dict[str, Any]]] = {
    "rnn_tanh": (RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (RNN, {"nonlinearity": "relu"}),
    "lstm": (LSTM, {"forget_bias": None}),
    "gru": (GRU, {}),
    "gru_before": (GRU, {"reset": "before"}),
    "lstm1997": (
        LSTM1997,  # with the gradient of its equations, and a block of more than one cell
        {"block_size": 2, "gates_feed_back": True, "truncated": False, "weight_max": 0.2, "output_gate_bias": None},
    ),
}
OTHERS: dict[str, tuple[type[Cell], dict[str, Any]]] = {}
"""Cells of shipped files that are no `Recurrent`, each with its file's settings."""

SIZES: dict[str, Any] = {
    "input_size": 2,
    "num_seeds": 3,
    "hidden_size": 4,
    "num_layers": 1,
    "dropout": 0.0,
    "bidirectional": False,
    "residual": False,
}

for path in sorted((Path(__file__).parents[2] / "conf" / "cell").glob("*.yaml")):
    settings = yaml.safe_load(path.read_text(encoding="utf-8"))
    module, _, name = settings.pop("_target_").rpartition(".")
    settings.pop("weights", None)  # read when the model is there
    kind = getattr(importlib.import_module(module), name)
    if not issubclass(kind, Recurrent):
        OTHERS[path.stem] = (kind, settings)
    elif kind not in [
        known for known, _ in CELLS.values()
    ]:  # a new cell is held to the contract without writing a test
        CELLS[path.stem] = (kind, {key: value for key, value in settings.items() if key not in SIZES})


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


@pytest.fixture
def make_cell() -> Callable[..., Any]:
    """Builds a cell by name, with weights drawn from seeds 0, 1, … or from those given."""

    def make(
        name: str, seeds: Sequence[int] | None = None, dtype: torch.dtype = torch.float64, **changes: Any
    ) -> Recurrent:
        kind, own = CELLS[name]
        if seeds is not None:
            changes["num_seeds"] = len(seeds)
        cell = kind(**{**SIZES, **own, **changes}).to(dtype)
        cell.reset_parameters(generators(range(cell.num_seeds) if seeds is None else seeds))
        return cell

    return make


@pytest.fixture
def rng() -> torch.Generator:
    """Randomness for the test's own data."""
    return torch.Generator().manual_seed(1234)

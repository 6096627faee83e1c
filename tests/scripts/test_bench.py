"""scripts/bench.py: that its sides do the same work, and that what it tells is what was measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import bench
from peers import bare, limit, measure, plain_cells, report, stepped, vmap, work

NUMBERS = ("w_x", "w_h", "b_x", "b_h")


def torch_cell(cell: str) -> tuple[nn.Module, dict[str, torch.Tensor]]:
    """A torch.nn cell and its weights as the peers lay them out."""
    torch.manual_seed(0)
    module = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[cell](1, work.HIDDEN, batch_first=True)
    weights = [each.detach().T if each.dim() == 2 else each.detach() for each in module.parameters()]
    return module, dict(zip(NUMBERS, weights, strict=True))


@pytest.mark.parametrize("name", work.WORKS)
def test_seqexp_trains_and_tests_on_as_many_windows_as_its_rivals(name: str) -> None:
    parts = bare.build(bare.compose_config([*work.overrides(name), "num_seeds=1"]))
    x, y, x_test, y_test = work.make_data(0, work.WORKS[name].train)
    assert parts.data.bounds == {"train": (0, len(x)), "val": (len(x), 882), "test": (882, 882 + len(x_test))}
    assert parts.data.num_batches("train") == len(x) / (work.WORKS[name].batch_size or len(x))
    assert len(y) == len(x)
    assert len(y_test) == len(x_test)


@pytest.mark.parametrize("cell", work.CELLS)
def test_vmaps_cell_is_torchs(cell: str) -> None:
    module, weights = torch_cell(cell)
    x = torch.randn(5, 7, 1)
    torch.testing.assert_close(vmap.run_cell(cell, weights, x), module(x)[0][:, -1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", work.CELLS)
def test_jax_cell_is_torchs(cell: str) -> None:
    pytest.importorskip("jax")
    from peers import jax_scan

    module, weights = torch_cell(cell)
    x = torch.randn(5, 7, 1)
    states = (np.zeros((5, work.HIDDEN), np.float32),) * 2
    for x_t in x.unbind(1):
        states = jax_scan.step(cell, {name: value.numpy() for name, value in weights.items()}, states, x_t.numpy())
    np.testing.assert_allclose(states[0], module(x)[0][:, -1].detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", work.ALL_CELLS)
def test_a_cell_by_hand_is_ours(cell: str) -> None:
    population, batch = stepped.population(cell, steps=12, hidden=8, seeds=2, reads="steps")
    ours = population.training.model.cell
    plain = plain_cells.like(ours, cell, index=1)
    with torch.no_grad():
        torch.testing.assert_close(plain(batch.inputs[1]), ours(batch.inputs)[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", work.JAX_CELLS)
def test_jax_has_as_many_parameters(cell: str) -> None:
    pytest.importorskip("jax")
    from peers import jax_cells

    shapes = jax_cells.shapes(cell, hidden=8, inputs=2, outputs=2).values()
    model = stepped.population(cell, steps=12, hidden=8, seeds=1, reads="steps")[0].training.model
    assert sum(np.prod(each) for each in shapes) == sum(each.numel() for each in model.parameters())


def test_ratios_are_of_the_same_round() -> None:
    slow, fast = ([{"seconds": value} for value in values] for values in ((2, 30, 400), (1, 10, 200)))
    assert measure.ratio(slow, fast) == 2
    assert measure.median(slow) == 30


def test_rounds_take_turns() -> None:
    order: list[str] = []
    sides = {name: lambda name=name: order.append(name) or {"seconds": 1.0} for name in "ab"}
    found = measure.interleave(sides, 2, measure.Noise())
    assert order == ["a", "b", "a", "b"]
    assert len(found["a"]) == 2


def test_a_child_is_told_its_threads_and_cores() -> None:
    told = "import os, json; print(json.dumps({'threads': os.environ.get('OMP_NUM_THREADS'), 'cores': os.cpu_count(), "
    command = [sys.executable, "-c", told + "'allowed': len(os.sched_getaffinity(0))}))"]
    assert measure.run(command, threads=3).answer["threads"] == "3"
    assert measure.run(command).answer["threads"] is None
    assert measure.run(command, cores=1).answer["allowed"] == 1
    with pytest.raises(RuntimeError, match="no such thing"):
        measure.run([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_the_exponent_of_a_power_is_found() -> None:
    points = [{"value": n, "milliseconds": 0.1 * n**1.5, "S": n, "N": 1, "T": 1} for n in (1, 10, 100)]
    *_, slope, worst = bench._growth_row(points)
    assert slope == "1.50"
    assert worst.startswith("1.50")


def test_the_products_of_a_step_are_caught_and_counted() -> None:
    a, b = torch.ones(2, 3, 5), torch.ones(2, 5, 7)
    with limit.Catch() as catch:
        torch.bmm(a, b).sigmoid().sum()
    assert [limit.flop(call) for call in catch.calls] == [2 * 2 * 3 * 5 * 7]


def test_a_report_is_written(tmp_path: Path) -> None:
    noise = measure.Noise()
    noise.sample()
    told = report.Report("Title", [[["what", "s"], ["this", "1.0"]]], ["A note."], {"this": [{"seconds": 1.0}]})
    told.curves = {"S": {"rnn": [(1, 1.0), (10, 3.0)]}}
    told.write(tmp_path / "out" / "peers", {"date": "today", "torch": "2"}, noise)
    assert "| this | 1.0 |" in (tmp_path / "out" / "peers.md").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "out" / "peers.json").read_text(encoding="utf-8"))["measured"] == told.raw
    assert (tmp_path / "out" / "peers.png").stat().st_size > 0


def test_the_short_form_is_short_and_an_interpreter_without_jax_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    options = bench.parse(["peers", "--short"])
    assert (options.rounds, options.seeds, options.rows) == (1, 10, [("full", "rnn")])
    assert bench.parse(["peers", "--cells", "gru", "--rounds", "2"]).rows == [("full", "gru"), ("mini", "gru")]
    assert bench.parse(["cells"]).cells == list(plain_cells.PLAIN)
    with pytest.raises(SystemExit):
        bench.parse(["peers", "--cells", "mgu"])
    assert "only rnn, lstm, gru" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        bench.parse(["peers", "--python-jax", "/bin/false"])
    assert "has no jax" in capsys.readouterr().err

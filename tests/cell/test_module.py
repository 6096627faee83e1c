"""Plain modules as a population: numbers, bits in any company, what is found out about them, and what is refused."""

import copy
import functools
import json

import numpy as np
import pytest
import torch
from torch import nn

from seqexp.cell.module import Module
from seqexp.cell.recipe import Recipe
from seqexp.cell.slots import SLOTS
from seqexp.config.mistakes import ConfigError
from seqexp.run import load, run
from seqexp.run.weights import start_from
from seqexp.training.groups import bounds_of
from tests.cell import nets
from tests.cell.conftest import generators

WIDTH = {"width": "hidden_size"}
CHANNELS = {"channels_in": "input_size", "width": "hidden_size"}
MODULES = {
    "lstm": (nn.LSTM, None),
    "gru": (nn.GRU, {"num_layers": 2, "dropout": 0.3}),
    "linears": (nets.LinearLSTM, None),
    "convolutions": (nets.Convolutions, CHANNELS),
    "dropout": (nets.Convolutions, {**CHANNELS, "dropout": 0.3}),
    "transformer": (nets.Transformer, WIDTH),
    "branching": (nets.Branching, None),
    "pooled": (nets.Pooled, None),
}
IN_SLOTS = {"linears", "convolutions", "dropout", "pooled"}
every_module = pytest.mark.parametrize("name", MODULES)


def make(kind, arguments=None, seeds=range(3), dtype=torch.float64, hidden_size=4, input_size=2, **changes):
    settings = {"causal": None, "vectorised": True, "tried_steps": 8} | changes
    cell = Module(input_size, len(seeds), kind, hidden_size, arguments, **settings).to(dtype)
    cell.reset_parameters(generators(seeds))
    cell.first_seed = seeds[0]
    return cell


def named(name, **changes):
    kind, arguments = MODULES[name]
    return make(kind, arguments, **changes)


def sequences(seeds, B=5, T=6, dtype=torch.float64, size=2):
    """Each seed's own, whoever stands beside it."""
    return torch.stack(
        [torch.randn(B, T, size, generator=torch.Generator().manual_seed(k), dtype=dtype) for k in seeds]
    )


def passed(cell, x, last, times=1):
    """States, dL/dx and gradients of some passes in training, one after another."""
    for _ in range(times):
        states, back = cell.pull(x, last, True)
        dx, gradients = back(
            torch.linspace(-1, 2, states[0].numel(), dtype=x.dtype).view(states[0].shape).expand_as(states)
        )
    return [states, dx, *gradients]


@every_module
def test_a_member_is_the_module_itself(name):
    """Outputs and gradients are those of an ordinary module with the same weights."""
    cell, x = named(name).eval(), sequences(range(3))
    assert cell.vectorised == (name in IN_SLOTS)
    states, dx, *gradients = passed(cell, x, True)
    for k in range(3):
        module, own = cell.to_module(k), x[k].clone().requires_grad_()
        output = module(own)
        output = output if isinstance(output, torch.Tensor) else output[0]
        output = output[:, -1] if output.dim() == 3 else output
        torch.testing.assert_close(states[k], output.detach().T, rtol=1e-10, atol=1e-12)
        leaves = [each for each in module.parameters() if each.requires_grad]
        slope = torch.linspace(-1, 2, output.numel(), dtype=x.dtype).view(output.T.shape).T
        wanted = torch.autograd.grad(output, [own, *leaves], slope)
        for mine, theirs in zip([dx, *gradients], wanted, strict=True):
            torch.testing.assert_close(mine[k], theirs, rtol=1e-9, atol=1e-11)
    with pytest.raises(ValueError, match="index must be >= 0 and < 3"):
        cell.to_module(3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
@every_module
def test_a_member_has_the_bits_that_it_has_alone(name, dtype):
    """In any population, group and number of threads, in training with dropout as well."""
    seeds, every = range(3, 12), name != "pooled"
    for B, T in ((1, 3), (33, 7)):
        together = named(name, seeds=seeds, dtype=dtype)
        parts = bounds_of(together, B, T, 1, "cpu", 100)
        if together.vectorised:
            assert [(part.start, part.stop) for part in parts] == [(0, 2), (2, 7), (7, 9)]
        x = sequences(seeds, B, T, dtype)
        for last in (True, False) if every else (True,):
            whole = passed(together, x, last, times=2)
            pieces = [passed(named(name, seeds=seeds[part], dtype=dtype), x[part], last, times=2) for part in parts]
            grouped = [torch.cat(each) for each in zip(*pieces, strict=True)]
            together = named(name, seeds=seeds, dtype=dtype)
            assert all(torch.equal(mine, theirs) for mine, theirs in zip(whole, grouped, strict=True))
            before = torch.get_num_threads()
            for k in (0, 4, 8):
                torch.set_num_threads(2 if k == 4 else 1)
                alone = passed(named(name, seeds=seeds[k : k + 1], dtype=dtype), x[k : k + 1], last, times=2)
                torch.set_num_threads(before)
                assert all(torch.equal(mine[k], own[0]) for mine, own in zip(whole, alone, strict=True))


def test_torchs_lstm_is_our_lstm(make_cell):
    """The same weights to the bit from the same seeds; the same numbers but for rounding."""
    theirs = named("lstm", dtype=torch.float32)
    mine = make_cell("lstm", dtype=torch.float32)
    for own, other in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(own, other)
    x = sequences(range(3), dtype=torch.float32)
    for own, other in zip(passed(mine, x, True), passed(theirs, x, True), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)
    both = {"bidirectional": True}
    theirs = make(nn.LSTM, both, dtype=torch.float32)
    mine = make_cell("lstm", dtype=torch.float32, bidirectional=True)
    torch.testing.assert_close(mine.last(x), theirs.last(x), rtol=1e-5, atol=1e-6)
    assert not theirs.causal


def test_both_roads_give_the_same_numbers():
    for name in IN_SLOTS:
        x = sequences(range(3))
        slots, loop = (passed(named(name, vectorised=each).eval(), x, True) for each in (True, False))
        for mine, theirs in zip(slots, loop, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", ["dropout", "gru"])
def test_dropout_is_drawn_from_each_seeds_generator_and_goes_on_from_its_state(name):
    cell, x = named(name), sequences(range(3))
    assert cell.vectorised == (name == "dropout")
    state = torch.get_rng_state()
    saved = [each.clone() for each in cell.generator_states()]
    first, second = passed(cell, x, True), passed(cell, x, True)
    assert not torch.equal(first[0], second[0])
    cell.set_generator_states(saved)
    assert torch.equal(passed(cell, x, True)[0], first[0])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(cell.eval()(x), cell(x))


class Dropping(nn.Sequential):
    def __init__(self, input_size, hidden_size):
        super().__init__(nn.Linear(input_size, hidden_size), nn.Dropout(0.25))


def test_dropout_in_slots_is_torchs_dropout():
    """A quarter of the numbers is 0 and the others are a third larger; gradients likewise; no two seeds alike."""
    cell, x = make(Dropping), sequences(range(3), B=50, T=40)
    assert cell.vectorised
    factor = (cell(x) / cell.eval()(x)).detach()
    kept = factor > 0.5
    torch.testing.assert_close(factor, kept.double() * (4 / 3), rtol=1e-12, atol=0)
    assert abs(kept.double().mean() - 0.75) < 0.01
    assert not torch.equal(kept[0], kept[1])
    states, back = cell.train().pull(x, False, False)  # the next numbers of the generators
    _, (_, bias) = back(torch.ones_like(states))
    share = bias * 0.75 / 2000  # of kept numbers, for each unit of each seed
    assert 0.7 < share.min() <= share.max() < 0.8


@pytest.mark.parametrize(
    ("name", "causal"),
    [("linears", True), ("convolutions", True), ("transformer", True), ("branching", True), ("pooled", False)],
)
def test_causality_is_found_out(name, causal):
    assert named(name).causal == causal


def test_what_reads_ahead_is_not_causal():
    kind = functools.partial(nn.Conv1d, kernel_size=3, padding=1)

    class Ahead(nn.Module):
        def __init__(self, input_size, hidden_size):
            super().__init__()
            self.layer = kind(input_size, hidden_size)

        def forward(self, x):
            return self.layer(x.transpose(1, 2)).transpose(1, 2)

    assert not make(Ahead).causal
    assert not make(nets.LinearLSTM, causal=False).causal
    with pytest.raises(ValueError, match="causal must be false or null for Ahead: an output changes with a later step"):
        make(Ahead, causal=True)
    with pytest.raises(ValueError, match="lengths must all be 6"):
        make(Ahead)(sequences(range(3)), torch.tensor([[6, 5, 4, 3, 2]] * 3))


def test_padded_sequences_of_a_causal_module():
    cell, x = named("convolutions"), sequences(range(3))
    lengths = torch.tensor([[6, 1, 4, 6, 2]] * 3)
    state = cell.last(x, lengths)
    torch.testing.assert_close(state[:, 2], cell.last(x[:, 2:3, :4])[:, 0], rtol=1e-12, atol=1e-13)


def test_one_state_for_a_sequence():
    """No steps to look at; what is random and not trained is each seed's own, and is kept with its weights."""
    cell, x = named("pooled"), sequences(range(3))
    assert [*dict(cell.named_buffers())] == ["module/features", "module/frozen"]
    assert cell.last(x).shape == (3, 5, 4)
    assert cell.members(slice(1, 3)).get_buffer("module/features").shape == (2, 2, 6)
    with pytest.raises(ValueError, match="states of every step are asked for, and Pooled gives one for a sequence"):
        cell(x)


def test_constants_are_kept_and_follow_the_precision():
    cell = named("transformer")
    assert not dict(cell.named_buffers())
    module = nets.Transformer(2, 4)
    assert torch.equal(cell.to_module(0).positions, module.double().positions)


def test_a_population_can_be_copied_and_tells_its_states():
    cell, x = named("linears", seeds=range(2)), sequences(range(2))
    cell._generators = ()
    assert torch.equal(copy.deepcopy(cell)(x), cell(x))
    assert torch.equal(cell.traces(x)["h"], cell.eval()(x))
    assert "LinearLSTM" in repr(cell)
    assert cell.cost(5, 6).state == 5 * 6 * 4
    assert cell.slots == SLOTS


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("attribute", "shift of Refused is an ordinary attribute, which is not kept with the weights"),
        ("numpy", "Refused draws from another source than torch's generator for layer.weight"),
        ("shape", "picked of Refused varies in shape"),
        ("frozen", "parameters that are trained, and Refused has none"),
        ("lazy", "lazy.weight has not"),
        ("complex", "layer.weight of Refused is torch.complex64"),
        ("steps", r"maps \(B=3, T=8, I=2\) to \(B, T, H\) or \(B, H\), and Refused gives \(3, 4, 4\)"),
        ("seed", "whose seed decides on its weights; Refused sets torch's seed as it is made"),
        ("shared", "parameters of its own, and all Refused share gain"),
        ("precision", "of one precision, trainer.precision; layer.weight of Refused is torch.bfloat16"),
        ("in place", "leaves its input as it is; Refused changes it in place"),
        ("dictionary", "Refused gives no tensor but dict"),
        ("integers", "in real numbers, and Refused gives torch.int64"),
        ("noise", "draws nothing in evaluation; Refused draws random numbers there"),
        ("calls", "Refused keeps something between calls"),
        ("batch", "no sequence depends on another of its batch; in Refused they do"),
        ("forward", r"Refused raises KeyError: 'nothing' \(nets.py, line \d+\)"),
        ("constructor", r"what Refused takes; it raises AssertionError: width must be even \(nets.py, line \d+\)"),
    ],
)
def test_what_cannot_be_a_population_is_refused(mistake, message):
    with pytest.raises(ValueError, match=message):
        make(nets.Refused, {"mistake": mistake})


def test_batch_statistics_are_refused():
    with pytest.raises(ValueError, match=r"changes its buffer norm\.running_mean, as batch statistics do"):
        make(nets.Normed)
    with pytest.raises(ValueError, match="no sequence depends on another of its batch; in Normed they do: batch stat"):
        make(nets.Normed, {"tracked": False})


def test_arguments():
    sizes = {"input_size": 2, "hidden_size": 4, "num_layers": 8, "batch_first": True}
    assert make(nn.GRU, {"num_layers": "2 * hidden_size"}).recipe.arguments == sizes
    listed = Recipe.of(nets.Convolutions, {"width": ["4*hidden_size", "hidden_size x"]}, 2, 3)
    assert listed.arguments == {"width": [12, "hidden_size x"]}
    for kind, arguments, message in (
        (nn.LSTM, {"batch_first": False}, "arguments must leave batch_first true"),
        (nn.LSTM, {"layers": 2}, r"arguments must be what LSTM takes; it raises TypeError: .*'layers'"),
        (nets.Convolutions, None, "hidden_size must be null, for no argument of Convolutions is called so"),
        ("torch.nn.LSTM", None, "path must be a class derived from torch.nn.Module"),
    ):
        with pytest.raises(ValueError, match=message):
            make(kind, arguments)
    with pytest.raises(ValueError, match="tried_steps must be >= 2, got 1"):
        make(nn.LSTM, tried_steps=1)


# ---------------------------------------------------------------- as a run


OWN = ["cell=module", "cell.path=tests.cell.nets.Convolutions", "allowed_packages=[tests]", "data.length=80"]
OWN += [f"cell.arguments={json.dumps({**CHANNELS, 'dropout': 0.2})}".replace('"', ""), "cell.hidden_size=match:lstm-2"]
OWN += ["trainer.max_epochs=2", "trainer.enable_progress_bar=false"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("module") / "run"
    return folder, run([*OWN, "num_seeds=3"], folder)


def test_a_run_is_loaded_exported_and_gone_on_from(trained, tmp_path, capfd):
    folder, record = trained
    assert (record.status, record.config["cell"]["hidden_size"]) == ("done", 2)
    assert "Convolutions: its seeds are computed in slots of 5" in (folder / "seqexp.log").read_text()
    assert "-" in record.fingerprint  # the digest of the module's code
    model = load(folder, allowed_packages=["tests"])
    x = torch.randn(4, 20, 1)
    torch.testing.assert_close(model.to_torch(1)(x), model(x)[1], rtol=1e-5, atol=1e-6)
    assert model.states(x)["h"].shape == (3, 4, 20, 2)
    names = [*model.to_torch(1).state_dict()]
    assert "cell.layers.0.weight" in names
    alone = run([*OWN, "num_seeds=1", "seed=2"], tmp_path / "alone")
    assert alone.score("test")[0] == record.score("test")[2]
    assert "in slots" not in capfd.readouterr().err  # said once in a process
    state = {name: values.numpy() for name, values in model.to_torch(1).state_dict().items() if "scaling" not in name}
    np.savez(tmp_path / "weights.npz", **state)
    start_from(str(tmp_path / "weights.npz"), model, range(3))
    assert torch.equal(model.to_torch(2)(x), model.to_torch(1)(x))
    started = run([*OWN, "num_seeds=2", "seed=1", f"cell.weights={folder}"], tmp_path / "started")
    assert started.status == "done"


def test_a_task_that_needs_every_step_and_paths_that_are_not_trusted(tmp_path):
    for changes, message in (
        (["data=delay", "cell.path=tests.cell.nets.Pooled", "allowed_packages=[tests]"], "reads every step"),
        (["cell.path=tests.cell.nets.Pooled"], r"cell\.path=tests.*only classes from seqexp, torch, lightning may"),
        (["cell.path=torch.nn.Nothing"], r"cell\.path=torch\.nn\.Nothing: cannot be imported"),
        (["cell.path=torch.optim.Adam"], r"must be a class derived from torch\.nn\.modules\.module\.Module"),
        (["cell.path=torch.nn.LSTM", "cell.arguments={layers: 2}"], r"cell\.arguments must be what LSTM takes"),
        (["cell.path=torch.nn.LSTM", "cell.hidden_size=99999999999"], "cell"),
    ):
        with pytest.raises(ConfigError, match=message):
            run(["cell=module", *changes, "trainer.enable_progress_bar=false"], tmp_path / "refused")


# ---------------------------------------------------------------- packages


TCN = {
    "num_inputs": "input_size",
    "num_channels": ["hidden_size", "hidden_size"],
    "kernel_size": 3,
    "input_shape": "NLC",
}


def test_pytorch_tcn():
    tcn = pytest.importorskip("pytorch_tcn").TCN
    for changes in ({"dropout": 0.0}, {"dropout": 0.2}):
        cell, x = make(tcn, TCN | changes).eval(), sequences(range(3))
        assert cell.causal
        assert cell.vectorised
        torch.testing.assert_close(cell(x)[1], cell.to_module(1)(x[1]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["MGU", "PeepholeLSTM", "LEM"])
def test_torchrecurrent(name):
    cell, x = make(getattr(pytest.importorskip("torchrecurrent"), name)).eval(), sequences(range(3))
    assert cell.vectorised
    assert cell.causal
    torch.testing.assert_close(cell(x)[1], cell.to_module(1)(x[1])[0], rtol=1e-10, atol=1e-12)

"""The contract that a model builds on: states and the way back for every read, lengths, members, traces, sizes."""

import copy
from pathlib import Path

import pytest
import torch
import yaml

from seqexp.cell.cell import Cell, Cost, members
from seqexp.cell.lstm import LSTM
from seqexp.config.mistakes import ConfigError
from seqexp.data.sum import Sum
from seqexp.run.execute import run
from seqexp.run.size import Sizes, count_parameters, make_model, match_size
from tests.cell.conftest import CELLS, OTHERS, generators

RNN_FILE = Path(__file__).parents[2] / "conf" / "cell" / "rnn.yaml"

every_cell = pytest.mark.parametrize("name", CELLS)
dtypes = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
last_or_every = pytest.mark.parametrize("last", [True, False], ids=["last", "every"])


class Mean(Cell):
    """No recurrence: at every step the running mean of tanh(w x). Its size is called width."""

    size_key = "width"

    def __init__(self, input_size: int, num_seeds: int, width: int) -> None:
        super().__init__(input_size, num_seeds, width, causal=True)
        self.weight = torch.nn.Parameter(torch.empty(num_seeds, input_size, width))

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        self.check(x, lengths)
        values = (x @ self.weight[:, None]).tanh()  # (S, B, T, I) @ (S, 1, I, H) -> (S, B, T, H)
        return values.cumsum(2) / torch.arange(1, x.shape[2] + 1, dtype=x.dtype)[:, None]

    def draw(self, index: int, generator: torch.Generator) -> None:
        self.weight[index].normal_(generator=generator)


class Looking(Mean):
    """Looks at values, which a tensor on the meta device does not have."""

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        scale = 1.0 if x.sum().item() > 0 else 2.0
        return super().forward(scale * x, lengths)


def by_equations(cell):
    """The same cell, its `step` instead of the hand-written road, and autograd's way back."""
    twin = copy.deepcopy(cell)
    twin.__class__ = type("ByEquations", (type(cell),), {"workspace": None, "pull": Cell.pull})
    return twin


def uneven(shape, dtype):
    """A gradient that is another number everywhere."""
    return torch.linspace(-1, 2, shape.numel(), dtype=dtype).view(shape)


def pulled(cell, x, last, with_input, lengths=None, gradient=None):
    """States, dL/dx and the parameters' gradients, none of which is a view of a work space."""
    states, back = cell.pull(x, last, with_input, lengths)
    states = states.clone()
    dx, gradients = back(uneven(states.shape, x.dtype) if gradient is None else gradient)
    return states, dx, list(gradients)


@pytest.mark.parametrize("lengths", [None, [[6, 1, 4, 6, 2]] * 3], ids=["full", "unequal"])
@pytest.mark.parametrize("with_input", [False, True], ids=["", "dx"])
@last_or_every
@pytest.mark.parametrize("layers", [1, 2])
@every_cell
def test_pull_equals_autograd_through_the_equations(name, layers, last, with_input, lengths, make_cell, rng):
    cell = make_cell(name, num_layers=layers)
    lengths = None if lengths is None else torch.tensor(lengths)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    states, dx, gradients = pulled(cell, x, last, with_input, lengths)
    twin, x = by_equations(cell), x.requires_grad_()
    expected = twin(x)  # (S, B, T, H)
    if last:
        ends = torch.full((3, 5), 6) if lengths is None else lengths
        rows = [torch.stack([expected[s, b, ends[s, b] - 1] for b in range(5)]) for s in range(3)]
        expected = torch.stack(rows).transpose(1, 2)  # (S, B, H) -> (S, H, B)
    else:
        expected = expected.permute(0, 3, 2, 1)  # -> (S, H, T, B)
    wanted = torch.autograd.grad((expected * uneven(states.shape, x.dtype)).sum(), [*twin.parameters(), x])
    torch.testing.assert_close(states, expected.detach(), rtol=1e-10, atol=1e-12)
    for mine, theirs in zip(gradients, wanted[:-1], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)
    if with_input:
        torch.testing.assert_close(dx, wanted[-1], rtol=1e-10, atol=1e-10)
    else:
        assert dx is None


@dtypes
@last_or_every
@pytest.mark.parametrize(
    ("B", "T", "sizes"),
    [
        (1, 6, {}),
        (33, 3, {"input_size": 1}),
        (5, 1, {"hidden_size": 16}),
        (5, 4, {"num_layers": 2, "bidirectional": True}),
    ],
    ids=str,
)
@every_cell
def test_a_member_has_the_bits_that_it_has_alone(name, B, T, sizes, last, dtype, make_cell, rng):
    together = make_cell(name, seeds=range(7), dtype=dtype, **sizes)
    x = torch.randn(7, B, T, together.input_size, generator=rng, dtype=dtype)
    for with_input in (False, True):
        states, dx, gradients = pulled(together, x, last, with_input)
        for k in (0, 3, 6):
            alone = make_cell(name, seeds=[k], dtype=dtype, **sizes)
            gradient = uneven(states.shape, dtype)[k : k + 1]
            own_states, own_dx, own_gradients = pulled(alone, x[k : k + 1], last, with_input, gradient=gradient)
            assert torch.equal(states[k], own_states[0])
            assert all(torch.equal(mine[k], own[0]) for mine, own in zip(gradients, own_gradients, strict=True))
            assert not with_input or torch.equal(dx[k], own_dx[0])


@dtypes
@pytest.mark.parametrize("B", [4, 33])
@pytest.mark.parametrize("layers", [1, 2])
@last_or_every
@every_cell
def test_a_padded_sequence_has_the_bits_that_it_has_alone(name, last, layers, B, dtype, make_cell, rng):
    H = 16 if name == "indrnn" else 4  # whose matrices have too few rows else; see "Bits" in seqexp.cell.scan
    cell = make_cell(name, dtype=dtype, num_layers=layers, hidden_size=H)
    lengths = torch.randint(1, 8, (3, B), generator=rng)
    lengths[:, :2] = torch.tensor([1, 7])
    x = torch.randn(3, B, 7, 2, generator=rng, dtype=dtype)
    x = torch.where((torch.arange(7) < lengths[..., None])[..., None], x, 0)
    for n in (0, 1, B - 1):  # each time the loss looks at one sequence of the batch
        length = int(lengths[1, n])
        shape = torch.Size((3, H, B) if last else (3, H, 7, B))
        gradient = uneven(shape, dtype)
        seen = torch.zeros(shape, dtype=torch.bool)
        seen[(1, slice(None), n) if last else (1, slice(None), slice(length), n)] = True
        states, dx, gradients = pulled(cell, x, last, True, lengths, torch.where(seen, gradient, 0))
        alone, own = cell.members(slice(1, 2)), x[1:2, n : n + 1, :length]
        own_gradient = gradient[1:2, :, n : n + 1] if last else gradient[1:2, :, :length, n : n + 1]
        own_states, own_dx, own_gradients = pulled(alone, own, last, True, None, own_gradient)
        assert torch.equal(states[1:2, :, n : n + 1] if last else states[1:2, :, :length, n : n + 1], own_states)
        assert torch.equal(dx[1:2, n : n + 1, :length], own_dx)
        assert all(torch.equal(mine[1:2], theirs) for mine, theirs in zip(gradients, own_gradients, strict=True))


@pytest.mark.parametrize("name", ["rnn_tanh", "lstm", "mgu"])
def test_a_pass_that_reads_beyond_the_end_is_noticed(name, make_cell, rng):
    """The comparison above can fail: an end one step too late gives other numbers."""
    cell = make_cell(name)
    x = torch.randn(3, 2, 7, 2, generator=rng, dtype=torch.float64)
    lengths = torch.tensor([[3, 7]] * 3)
    states = cell.last(x, lengths)
    torch.testing.assert_close(states[:, 0], cell.last(x[:, :, :3])[:, 0], rtol=1e-12, atol=1e-13)
    assert not torch.allclose(states[:, 0], cell.last(x[:, :, :4])[:, 0])


@pytest.mark.parametrize("road", ["forward", "last", "pull"])
@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([[1, 2], [2, 3], [1, 5]], "lengths must be >= 1 and <= 4 (T), got 1 to 5"),
        ([[0, 2], [2, 3], [1, 4]], "lengths must be >= 1 and <= 4 (T), got 0 to 4"),
        ([[2, 2]], "lengths must be int64 of shape (S=3, B=2), got torch.int64 of shape (1, 2)"),
        ([[1.0, 2.0]] * 3, "lengths must be int64 of shape (S=3, B=2), got torch.float32 of shape (3, 2)"),
    ],
)
def test_wrong_lengths(lengths, message, road, make_cell):
    cell, x = make_cell("lstm"), torch.zeros(3, 2, 4, 2, dtype=torch.float64)
    arguments = (True, False) if road == "pull" else ()
    with pytest.raises(ValueError, match="lengths") as error:
        getattr(cell, road)(x, *arguments, lengths=torch.tensor(lengths))
    assert str(error.value) == message


@pytest.mark.parametrize("name", ["lstm", "mgu"])
def test_what_reads_from_the_end_takes_equal_lengths_only(name, make_cell, rng):
    cell = make_cell(name, bidirectional=True)
    assert not cell.causal
    x = torch.randn(3, 2, 4, 2, generator=rng, dtype=torch.float64)
    assert torch.equal(cell.last(x, torch.full((3, 2), 4)), cell.last(x))
    shorter = torch.tensor([[4, 3]] * 3)
    for ask in (lambda: cell.last(x, shorter), lambda: cell(x, shorter), lambda: cell.pull(x, False, False, shorter)):
        with pytest.raises(ValueError, match=r"lengths must all be 4 \(T\) for a cell that also reads .*, got 3 to 4"):
            ask()


GATES = {
    "rnn_tanh": lambda v: v,
    "lstm": lambda v: {"h": v["o"] * v["c"].tanh(), "c": v["f"] * before(v["c"]) + v["i"] * v["g"]},
    "gru": lambda v: {"h": (1 - v["z"]) * v["n"] + v["z"] * before(v["h"])},
    "gru_before": lambda v: {"h": (1 - v["z"]) * v["n"] + v["z"] * before(v["h"])},
    "mgu": lambda v: {"h": (1 - v["f"]) * before(v["h"]) + v["f"] * v["n"]},
    "peephole": lambda v: {"h": v["o"] * v["c"].tanh(), "c": v["f"] * before(v["c"]) + v["i"] * v["g"]},
    "layer_norm_lstm": lambda v: {"c": v["f"] * before(v["c"]) + v["i"] * v["g"]},
    "layer_norm_gru": lambda v: {"h": (1 - v["z"]) * v["n"] + v["z"] * before(v["h"])},
    "janet": lambda v: {"h": v["f"] * before(v["h"]) + v["i"] * v["g"]},
    "cifg": lambda v: {"h": v["o"] * v["c"].tanh(), "c": v["f"] * before(v["c"]) + (1 - v["f"]) * v["g"]},
    "slstm": lambda v: {
        "h": v["o"] * v["c"] / v["n"],
        "c": v["f"] * before(v["c"]) + v["i"] * v["g"],
        "n": v["f"] * before(v["n"]) + v["i"],
    },
    "lstm1997": lambda v: {"h": v["o"] * (v["s"] / 2).tanh(), "s": before(v["s"]) + v["i"] * v["g"]},
}


def before(states):
    """(S, B, T, H), one step earlier."""
    return torch.nn.functional.pad(states, (0, 0, 1, -1))


@pytest.mark.parametrize("name", GATES)
def test_traces_are_states_and_gates_of_the_same_pass(name, make_cell, rng):
    """Every state follows from the gates by the equation in the docstring, in either direction of either layer."""
    cell = make_cell(name, num_layers=2, bidirectional=True, dropout=0.5)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    states = cell.generator_states()
    traces = cell.traces(x)
    assert all(torch.equal(old, new) for old, new in zip(states, cell.generator_states(), strict=True))
    top = torch.cat([traces["h_l1"], traces["h_l1_reverse"]], dim=3)
    torch.testing.assert_close(top, cell.eval()(x).detach(), rtol=1e-12, atol=1e-13)
    for suffix in ("_l0", "_l0_reverse", "_l1", "_l1_reverse"):
        values = {key.removesuffix(suffix): value for key, value in traces.items() if key.endswith(suffix)}
        if suffix.endswith("reverse"):
            values = {key: value.flip(2) for key, value in values.items()}
        for key, expected in GATES[name](values).items():
            torch.testing.assert_close(values[key], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("name", "gates"), [("lstm", "ifgo"), ("gru", "rzn"), ("mgu", "fn"), ("rnn_relu", "")])
def test_traces_name_the_gates_of_the_docstring(name, gates, make_cell):
    x = torch.zeros(3, 1, 2, 2, dtype=torch.float64)
    traces = make_cell(name).traces(x)
    assert set(traces) == {f"{each}_l0" for each in [*gates, *make_cell(name).states]}


class HalvedOutput(LSTM):
    """A user's change of the equations."""

    def step(self, x, state, weights):
        h, c = super().step(x, state, weights)
        return h / 2, c


def test_equations_that_a_user_changes_count(make_cell, rng):
    cell = make_cell("lstm")
    x = torch.randn(3, 2, 1, 2, generator=rng, dtype=torch.float64)  # one step: h / 2 is not fed back
    whole = pulled(cell, x, True, False)
    cell.__class__ = HalvedOutput
    torch.testing.assert_close(cell.last(x), whole[0].transpose(1, 2) / 2, rtol=1e-12, atol=1e-13)
    half = pulled(cell, x, True, False)
    for mine, theirs in zip(half[2], whole[2], strict=True):
        torch.testing.assert_close(mine, theirs / 2, rtol=1e-10, atol=1e-12)


# ---------------------------------------------------------------- what a cell gets that only says forward and draw


def make_mean(dtype=torch.float64):
    cell = Mean(2, 3, 4).to(dtype)
    cell.reset_parameters(generators(range(3)))
    return cell


@last_or_every
def test_the_defaults_of_a_cell(last, rng):
    cell, lengths = make_mean(), torch.tensor([[6, 2], [1, 5], [3, 3]])
    x = torch.randn(3, 2, 6, 2, generator=rng, dtype=torch.float64)
    states, dx, (gradient,) = pulled(cell, x, last, True, lengths)
    x.requires_grad_()
    values = (x @ cell.weight[:, None]).tanh()
    means = torch.stack([values[:, :, : t + 1].mean(2) for t in range(6)], dim=3).permute(0, 2, 3, 1)  # (S, H, T, B)
    if last:
        columns = [[means[s, :, lengths[s, b] - 1, b] for b in range(2)] for s in range(3)]
        means = torch.stack([torch.stack(each, dim=1) for each in columns])  # (S, H, B)
    torch.testing.assert_close(states, means.detach(), rtol=1e-12, atol=1e-13)
    wanted = torch.autograd.grad((means * uneven(means.shape, x.dtype)).sum(), [cell.weight, x])
    torch.testing.assert_close((gradient, dx), wanted, rtol=1e-10, atol=1e-12)
    assert torch.equal(cell.traces(x)["h"], cell(x))
    assert cell.work_space() == 0
    with pytest.raises(NotImplementedError, match="Mean"):
        cell.to_module(0)


def test_members_are_views(rng):
    cell = make_mean()
    x = torch.randn(3, 2, 6, 2, generator=rng, dtype=torch.float64)
    part = members(torch.nn.Sequential(cell), slice(1, 3))[0]
    assert part.num_seeds == 2
    assert [state.tolist() for state in part.generator_states()] == [s.tolist() for s in cell.generator_states()[1:]]
    torch.testing.assert_close(part(x[1:]), cell(x)[1:], rtol=1e-12, atol=1e-13)
    with torch.no_grad():
        cell.weight.zero_()
    assert not part.weight.any()


@every_cell
def test_cost(name, make_cell):
    cell = make_cell(name, bidirectional=True)
    assert cell.cost(rows=5, steps=6) == Cost(state=5 * 8, kept=5 * 8 * 6)


def test_match_varies_the_key_that_the_cell_names():
    """With one input and a readout of one number, a width of H makes H + (H + 1) parameters."""
    task = Sizes.of(Sum(length=3, num_sequences=4, distribution="normal"), embedding_size=1)
    node = {"_target_": "tests.cell.test_cell.Mean", "width": "match:gru-2"}
    target = match_size(node, ["tests"], task)
    gru = {"_target_": "seqexp.cell.gru.GRU", "hidden_size": 2, "num_layers": 1, "dropout": 0.0, "bidirectional": False}
    assert target == count_parameters(gru, [], task, 2) == 3 * (2 + 4 + 4) + 3
    assert node["width"] == 16
    assert make_model(node, ["tests"], task, range(2), steps=3).num_parameters == 33


def test_match_counts_what_is_carried():
    task = Sizes.of(Sum(length=3, num_sequences=4, distribution="normal"), embedding_size=1)
    gru = {"_target_": "seqexp.cell.gru.GRU", "num_layers": 2, "dropout": 0.0, "bidirectional": False}
    for asked, size in (("match:state-40", 20), ("match:state-lstm-15", 15), ("match:state-1", 1)):
        node = {**gru, "hidden_size": asked}
        assert match_size(node, [], task) is None
        assert node["hidden_size"] == size
    for asked in ("match:state", "match:state-", "match:"):
        with pytest.raises(ConfigError, match="match:state-128"):
            match_size({**gru, "hidden_size": asked}, [], task)
    with pytest.raises(ConfigError, match=r"cell\.width=match:state-5: Mean has no state of a known size"):
        match_size({"_target_": "tests.cell.test_cell.Mean", "width": "match:state-5"}, ["tests"], task)
    kind, own = OTHERS["mlp"]
    node = {**own, "_target_": f"{kind.__module__}.MLP", "hidden_size": "match:state-5"}
    with pytest.raises(
        ConfigError, match=r"MLP carries as many numbers from step to step whatever cell\.hidden_size is"
    ):
        match_size(node, [], task)


@pytest.mark.parametrize("kind", ["Mean", "Looking"])
def test_a_cell_that_is_no_recurrence_trains(kind, tmp_path):
    """Groups, threads, memory, the record and its line take what they need from the contract."""
    own = [f"~cell.{key}" for key in yaml.safe_load(RNN_FILE.read_text()) if key not in ("_target_", "weights")]
    own += [f"cell._target_=tests.cell.test_cell.{kind}", "allowed_packages=[tests]", "data.length=60", "num_seeds=2"]
    own += ["trainer.max_epochs=2", "trainer.enable_progress_bar=false"]
    record = run([*own, "+cell.width=match:gru-2"], tmp_path / "run")
    assert (record.status, record.config["cell"]["width"], record.num_parameters) == ("done", 16, 33)
    with pytest.raises(ConfigError, match=r"needs about .* of memory .* or cell\.width \(1000000000\) must be smaller"):
        run([*own, "+cell.width=1000000000", "num_seeds=9000"], tmp_path / "large")

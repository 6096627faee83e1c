"""The contract that every cell keeps: oracle, initialisation, seeds apart, dropout, export, errors."""

import copy
import pickle
import re

import pytest
import torch

from seqexp.cell.history import history
from seqexp.cell.recurrent import Recurrent
from seqexp.cell.rnn import RNN
from seqexp.cell.workspace import Workspace
from tests.cell.conftest import CELLS

EVERY_CELL = list(CELLS)
TORCH_CELLS = ["rnn_tanh", "rnn_relu", "lstm", "gru"]
OWN_DRAW = ("indrnn", "layer_norm_gru", "layer_norm_lstm", "lstm1997")  # their files hold it
every_cell = pytest.mark.parametrize("name", EVERY_CELL)
torch_cells = pytest.mark.parametrize("name", TORCH_CELLS)
shapes = pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"num_layers": 3},
        {"bidirectional": True},
        {"num_layers": 2, "bidirectional": True},
        {"num_seeds": 1, "hidden_size": 1, "input_size": 1},
    ],
    ids=["plain", "layers", "bidirectional", "layers and bidirectional", "ones"],
)


def gradients(output, cell, *others):
    """Of a fixed, uneven function of the output, with respect to all parameters and `others`."""
    weight = torch.linspace(-1, 2, output.numel(), dtype=output.dtype).view(output.shape)
    return torch.autograd.grad((weight * output).sum(), [*cell.parameters(), *others])


def torch_final(module, x):
    """The final states of the top layer, as `Recurrent.last` defines them."""
    state = module(x)[1]
    h = state[0] if isinstance(state, tuple) else state
    return torch.cat(list(h[-2 if module.bidirectional else -1 :]), dim=-1)


def assert_equals_torch(cell, x, last, tolerance):
    """Outputs and every gradient of the population against torch.nn, one member at a time."""
    x = x.requires_grad_()
    output = cell.last(x) if last else cell(x)
    weight = torch.linspace(-1, 2, output.numel(), dtype=output.dtype).view(output.shape)
    found = gradients(output, cell, x)
    for k in range(cell.num_seeds):
        module = cell.to_module(k)
        x_k = x[k].detach().requires_grad_()
        expected = torch_final(module, x_k) if last else module(x_k)[0]
        torch.testing.assert_close(output[k], expected, rtol=tolerance, atol=tolerance)
        names, parameters = zip(*module.named_parameters(), strict=True)
        wanted = torch.autograd.grad((weight[k] * expected).sum(), [*parameters, x_k])
        assert list(names) == [name for name, _ in cell.named_parameters()]
        for name, mine, theirs in zip([*names, "x"], found, wanted, strict=True):
            torch.testing.assert_close(
                mine[k], theirs, rtol=tolerance, atol=tolerance, msg=lambda m, n=name: f"{n}: {m}"
            )


@pytest.mark.parametrize("last", [False, True], ids=["full", "last"])
@shapes
@torch_cells
def test_equals_torch(name, sizes, last, make_cell, rng):
    cell = make_cell(name, **sizes)
    for B, T in [(5, 6), (1, 6), (5, 1), (1, 1)]:
        x = torch.randn(cell.num_seeds, B, T, cell.input_size, generator=rng, dtype=torch.float64)
        assert_equals_torch(cell, x, last, 1e-10)


@pytest.mark.parametrize("last", [False, True], ids=["full", "last"])
@torch_cells
def test_equals_torch_in_float32(name, last, make_cell, rng):
    cell = make_cell(name, dtype=torch.float32, hidden_size=16, num_layers=2, bidirectional=True)
    assert_equals_torch(cell, torch.randn(3, 4, 20, 2, generator=rng), last, 1e-5)


@torch_cells
def test_recurrent_gradient_is_held_by_the_oracle(name, make_cell, rng, monkeypatch):
    """With dL/dh_{t-1} zeroed in the backward pass, the comparison with torch.nn must fail."""
    cell = make_cell(name)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    load_backward = Workspace.load_backward

    def broken(self, *weights):
        load_backward(self, *weights)
        self.weight_back[:, : self.sizes.hidden_size] = 0

    monkeypatch.setattr(Workspace, "load_backward", broken)
    with pytest.raises(AssertionError, match="weight_"):
        assert_equals_torch(cell, x, True, 1e-5)
    monkeypatch.undo()
    assert_equals_torch(cell, x, True, 1e-10)


@every_cell
def test_non_contiguous_inputs_and_gradients(name, make_cell, rng):
    cell = make_cell(name)
    wide = torch.randn(6, 4, 3, 10, dtype=torch.float64, generator=rng)
    x = wide.permute(2, 1, 0, 3)[:, :, :, 1:9:4].requires_grad_()  # (3, 4, 6, 2)
    assert not x.is_contiguous()
    expected = gradients(cell(x.detach().contiguous()), cell)
    torch.testing.assert_close(gradients(cell(x.detach()), cell), expected, rtol=0, atol=0)
    torch.testing.assert_close(gradients(cell(x), cell), expected, rtol=1e-12, atol=1e-12)  # the road with dx
    expanded = torch.autograd.grad(cell(x).sum(), list(cell.parameters()))  # a gradient with strides 0
    dense = torch.autograd.grad(cell(x), list(cell.parameters()), torch.ones(3, 4, 6, 4, dtype=torch.float64))
    torch.testing.assert_close(expanded, dense, rtol=1e-12, atol=1e-12)


@every_cell
def test_last_is_the_end_of_forward(name, make_cell, rng):
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    cell = make_cell(name, num_layers=2)
    torch.testing.assert_close(cell.last(x), cell(x)[:, :, -1], rtol=0, atol=0)
    cell = make_cell(name, bidirectional=True)
    output = cell(x)
    assert output.shape == (3, 5, 6, 8)
    assert cell.output_size == 8
    ends = torch.cat([output[:, :, -1, :4], output[:, :, 0, 4:]], dim=-1)
    torch.testing.assert_close(cell.last(x), ends, rtol=0, atol=0)


@pytest.mark.parametrize("last", [False, True], ids=["full", "last"])
@torch_cells  # the gradients of all others are autograd's
def test_gradcheck(name, last, make_cell, rng):
    cell = make_cell(name, num_seeds=2, hidden_size=2, num_layers=2, bidirectional=True)
    x = torch.randn(2, 2, 3, 2, generator=rng, dtype=torch.float64).requires_grad_()
    run = cell.last if last else cell.forward
    # gradcheck moves the parameters in place, so that the cell sees them moved
    assert torch.autograd.gradcheck(lambda x, *_: run(x), (x, *cell.parameters()))


@every_cell
def test_member_equals_solo(name, make_cell, rng):
    """Initial weights, output, gradients and dropout masks of a seed do not depend on how many ride along."""
    together = make_cell(name, seeds=[7, 0, 3], num_layers=3, dropout=0.4, bidirectional=True)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64).requires_grad_()
    for method in ("forward", "last", "forward"):  # the masks of later calls agree too, below
        output = getattr(together, method)(x)
    found = torch.autograd.grad(output.square().sum(), [*together.parameters(), x])
    for k, seed in enumerate([7, 0, 3]):
        alone = make_cell(name, seeds=[seed], num_layers=3, dropout=0.4, bidirectional=True)
        for mine, theirs in zip(together.parameters(), alone.parameters(), strict=True):
            assert torch.equal(mine[k], theirs[0])
        x_k = x[k : k + 1].detach().requires_grad_()
        for method in ("forward", "last", "forward"):
            expected = getattr(alone, method)(x_k)
        torch.testing.assert_close(output[k], expected[0], rtol=1e-12, atol=1e-12)
        wanted = torch.autograd.grad(expected.square().sum(), [*alone.parameters(), x_k])
        for mine, theirs in zip(found, wanted, strict=True):
            torch.testing.assert_close(mine[k], theirs[0], rtol=1e-10, atol=1e-12)


@torch_cells
def test_initial_values_are_those_of_torch(name, make_cell):
    cell = make_cell(name, seeds=[11, 5], dtype=torch.float32, num_layers=2, bidirectional=True)
    for k, seed in enumerate([11, 5]):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            expected = cell.empty_torch().state_dict()
        found = cell.to_module(k).state_dict()
        assert list(found) == list(expected)
        assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.mark.parametrize("name", [name for name in EVERY_CELL if name not in OWN_DRAW])
def test_initial_values_fill_torchs_interval(name, make_cell):
    cell = make_cell(name, seeds=range(20), hidden_size=16)
    values = torch.cat([p.detach().flatten() for p in cell.parameters()])
    assert values.abs().max() <= 0.25  # 1 / sqrt(16)
    assert values.std() == pytest.approx(0.25 / 3**0.5, rel=0.03)
    assert abs(values.mean()) < 0.01


@every_cell
def test_dropout_acts_between_layers_in_training_only(name, make_cell, rng):
    cell = make_cell(name, num_layers=2, dropout=0.5)
    x = torch.randn(3, 40, 6, 2, generator=rng, dtype=torch.float64)
    masks = []
    cell.register_forward_pre_hook(lambda *_: masks.clear())
    draw = cell.dropout_mask
    cell.dropout_mask = lambda *asked: masks.append(draw(*asked)) or masks[-1]
    first, second = cell(x), cell(x)
    assert len(masks) == 1
    assert not torch.equal(first, second)
    assert masks[0].unique().tolist() == [0.0, 2.0]
    assert masks[0].mean() == pytest.approx(1, abs=0.06)
    cell.eval()
    assert torch.equal(cell(x), cell(x))
    assert len(masks) == 0
    plain = make_cell(name, num_layers=2)
    assert torch.equal(cell(x), plain(x))
    assert not torch.equal(first, plain(x))


@pytest.mark.parametrize("bidirectional", [False, True])
@every_cell
def test_residual_adds_a_layers_input_from_the_second_layer_on(name, bidirectional, make_cell, rng):
    cell = make_cell(name, num_layers=3, bidirectional=bidirectional, residual=True)
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    expected = x
    for layer in range(3):
        own = cell._run_layer(expected.permute(2, 0, 3, 1), layer, False).permute(1, 3, 0, 2)
        expected = own + expected if layer else own
    torch.testing.assert_close(cell(x), expected, rtol=1e-12, atol=1e-12)
    H = cell.hidden_size
    last = torch.cat([expected[:, :, -1, :H], expected[:, :, 0, H:]], dim=2)  # what each direction reads last
    torch.testing.assert_close(cell.last(x), last, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(history(cell, x, None).output.transpose(1, 2), last, rtol=1e-10, atol=1e-12)
    with pytest.raises(NotImplementedError, match="residual"):
        cell.to_module(0)


def test_dropout_without_generators(make_cell):
    made = make_cell("rnn_tanh", num_layers=2, dropout=0.5)
    cell = type(made)(2, 3, 4, 2, 0.5, False, nonlinearity="tanh").double()
    cell.load_state_dict(made.state_dict())
    x = torch.zeros(3, 1, 5, 2, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="reset_parameters"):
        cell(x)
    cell.eval()
    made.eval()
    assert torch.equal(cell(x), made(x))


@pytest.mark.parametrize("where", ["weights", "inputs"])
@pytest.mark.parametrize("last", [False, True], ids=["full", "last"])
@every_cell
def test_nan_stays_in_its_seed(name, last, where, make_cell, rng):
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float32)
    cell = make_cell(name, dtype=torch.float32, num_layers=2)

    def run():
        y = x.clone().requires_grad_()
        output = cell.last(y) if last else cell(y)
        return output, *torch.autograd.grad(output.square().sum(), [*cell.parameters(), y])

    before = run()
    with torch.no_grad():
        if where == "weights":
            for parameter in cell.parameters():
                parameter[1] = torch.nan
        else:
            x[1, 2, 3, 0] = torch.nan
    dirty = run()
    assert dirty[0][1].isnan().any()
    for clean, found in zip(before, dirty, strict=True):
        assert torch.equal(clean[[0, 2]], found[[0, 2]])
    cell.reset_parameters([torch.Generator().manual_seed(k) for k in range(3)])
    x = torch.nan_to_num(x)
    assert all(result.isfinite().all() for result in run())  # nothing is left in the work space


@every_cell
def test_copies(name, make_cell, rng):
    x = torch.randn(3, 5, 6, 2, generator=rng, dtype=torch.float64)
    cell = make_cell(name, num_layers=2, dropout=0.3)
    waiting = cell(x)
    for duplicate in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))):
        assert len(duplicate._pool._idle) == 0
        duplicate.eval()
        assert torch.equal(duplicate(x), copy.deepcopy(cell).eval()(x))
        with torch.no_grad():
            next(duplicate.parameters()).zero_()
        assert not torch.equal(duplicate(x), copy.deepcopy(cell).eval()(x))
    waiting.sum().backward()


@torch_cells
def test_to_module_is_a_copy(name, make_cell):
    cell = make_cell(name, num_layers=2, dropout=0.25, bidirectional=True).eval()
    module = cell.to_module(1)
    assert type(module) in (torch.nn.RNN, torch.nn.LSTM, torch.nn.GRU)
    assert (module.batch_first, module.dropout, module.training) == (True, 0.25, False)
    before = cell.weight_ih_l0[1].clone()
    with torch.no_grad():
        module.weight_ih_l0.zero_()
    assert torch.equal(cell.weight_ih_l0[1], before)
    for index in (-1, 3):
        with pytest.raises(ValueError, match=f"index must be >= 0 and < 3 .*got {index}"):
            cell.to_module(index)


def test_to_module_without_counterpart(make_cell):
    with pytest.raises(NotImplementedError, match=r"torch\.nn has no counterpart of MGU"):
        make_cell("mgu").to_module(0)


@every_cell
def test_double_follows_the_parameters(name, make_cell, rng):
    x = torch.randn(3, 5, 6, 2, generator=rng)
    cell = make_cell(name, dtype=torch.float32)
    single = cell(x)
    cell.double()
    assert (single.dtype, cell(x.double()).dtype) == (torch.float32, torch.float64)
    torch.testing.assert_close(single.double(), cell(x.double()), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"x must be torch.float64 on cpu, .*got torch.float32"):
        cell(x)


@pytest.mark.parametrize("shape", [(3, 5, 2), (2, 5, 6, 2), (3, 5, 6, 1), (3, 5, 0, 2), (3, 0, 6, 2)])
def test_wrong_shape(shape, make_cell):
    cell = make_cell("lstm")
    for method in (cell.forward, cell.last):
        with pytest.raises(ValueError, match=r"x must have shape \(S=3, B, T, I=2\)"):
            method(torch.zeros(shape, dtype=torch.float64))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_size": 0}, "input_size must be >= 1, got 0"),
        ({"num_seeds": 0}, "num_seeds must be >= 1, got 0"),
        ({"hidden_size": 0}, "hidden_size must be >= 1, got 0"),
        ({"num_layers": -1}, "num_layers must be >= 1, got -1"),
        ({"num_layers": 2, "dropout": 1.0}, "dropout must be >= 0 and < 1, got 1.0"),
        ({"num_layers": 2, "dropout": -0.1}, "dropout must be >= 0 and < 1, got -0.1"),
        ({"num_layers": 2, "dropout": float("nan")}, "dropout must be >= 0 and < 1, got nan"),
        ({"dropout": 0.5}, "dropout must be 0 where num_layers is 1 (it acts between layers), got 0.5"),
    ],
)
@every_cell
def test_wrong_arguments(name, changes, message, make_cell):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        make_cell(name, **changes)


def test_wrong_number_of_generators(make_cell):
    with pytest.raises(ValueError, match="generators must be 3, one per seed, got 2"):
        make_cell("gru").reset_parameters([torch.Generator(), torch.Generator()])


def test_a_cell_without_equations():
    class Nothing(Recurrent):
        gates = 1

    with pytest.raises(TypeError, match=r"abstract method '?step"):
        Nothing(2, 1, 4, 1, 0.0, False)  # type: ignore[abstract]


def test_a_cell_of_0_1_with_two_states_is_told_what_to_write():
    with pytest.raises(TypeError, match="num_states must be replaced by states"):
        type("Old", (Recurrent,), {"num_states": 2})


def test_a_cell_with_two_states():
    """One tensor for each of `states` goes from step to step; the first is the output."""

    class Delay(Recurrent):
        gates = 1
        states = ("h", "next")

        def step(self, x, state, weights):
            return state[1], x

    cell = Delay(2, 3, 2, 1, 0.0, False)
    x = torch.arange(24.0).view(3, 1, 4, 2)
    expected = torch.cat([torch.zeros(3, 1, 1, 2), x[:, :, :-1]], dim=2)
    assert torch.equal(cell(x), expected)


class Begun(Recurrent):
    """An Elman cell whose state before the first step is learnt."""

    gates = 1

    def shapes(self, fan_in):
        return super().shapes(fan_in) | {"start": (self.hidden_size,)}

    def initial_state(self, weights, columns):
        return (weights.start[..., None].expand(-1, -1, columns),)

    def step(self, x, state, weights):
        return ((weights.from_input(x) + weights.from_state(state[0])).tanh(),)


def test_a_cell_with_an_initial_state_of_its_own(rng):
    """Learnt, in every layer and direction; training, traces and instruments begin with it."""
    cell = Begun(2, 3, 4, 2, 0.0, True)
    cell.reset_parameters([torch.Generator().manual_seed(seed) for seed in range(3)])
    x = torch.randn(3, 5, 1, 2, generator=rng)
    y = x.transpose(2, 3)  # (S, B, 1, I) -> (S, B, I, 1)
    for layer in range(2):
        ways = [f"_l{layer}", f"_l{layer}_reverse"]
        y = torch.cat([_one_step(cell, y, suffix) for suffix in ways], 2)
    torch.testing.assert_close(cell(x), y.transpose(2, 3))
    torch.testing.assert_close(history(cell, x, None).output.transpose(1, 2), y[..., 0])
    torch.testing.assert_close(cell.traces(x)["h_l1"], y[:, :, :4].transpose(2, 3))
    slopes = gradients(cell(x), cell)
    assert all(slope.abs().sum() > 0 for slope in slopes)


def _one_step(cell, y, suffix):
    own = {name: getattr(cell, name + suffix) for name in cell.shapes(1)}
    sums = own["weight_ih"][:, None] @ y + (own["weight_hh"] @ own["start"][..., None])[:, None]
    return (sums + (own["bias_ih"] + own["bias_hh"])[:, None, :, None]).tanh()


def test_a_start_of_its_own_leaves_no_hand_written_road():
    class Begins(RNN):
        def initial_state(self, weights, columns):
            return (torch.ones(self.num_seeds, self.hidden_size, columns),)

    cell = Begins(2, 1, 1, 1, 0.0, False, nonlinearity="relu")
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.zero_()
        cell.weight_hh_l0.fill_(0.5)
    assert torch.equal(cell(torch.zeros(1, 1, 3, 2)).flatten(), torch.tensor([0.5, 0.25, 0.125]))


def test_representation_shows_the_sizes(make_cell):
    assert "num_seeds=3" in repr(make_cell("gru"))
    assert "hidden_size=4" in repr(make_cell("gru"))

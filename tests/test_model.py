"""The model against torch.nn: every member is what plain PyTorch would compute with its weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import nn

from seqexp.cell.gru import GRU
from seqexp.cell.lstm import LSTM
from seqexp.cell.rnn import RNN
from seqexp.data.split import Split
from seqexp.model import Model
from seqexp.score import CrossEntropy, SquaredError
from seqexp.seeding import generator

CELLS: dict[str, tuple[type, dict[str, Any], int]] = {
    "rnn": (RNN, {"nonlinearity": "tanh"}, 1),
    "lstm": (LSTM, {"forget_bias": None}, 4),
    "gru": (GRU, {}, 3),
}
SIZES: dict[str, Any] = {"input_size": 2, "hidden_size": 5, "num_layers": 1, "dropout": 0.0, "bidirectional": False}

each_cell = pytest.mark.parametrize("name", CELLS)
each_shape = pytest.mark.parametrize("changes", [{}, {"num_layers": 2, "bidirectional": True}])


def make(name: str, seeds: Sequence[int] = (0, 1, 2), output_size: int = 3, **changes: Any) -> Model:
    kind, own, _ = CELLS[name]
    model = Model(kind(**{**SIZES, **own, **changes}, num_seeds=len(seeds)), output_size, "last", 0)
    model.reset_parameters([generator(seed, "model") for seed in seeds])
    return model


def plain(module: nn.ModuleDict, inputs: torch.Tensor) -> torch.Tensor:
    """What a user of torch would write: the final state of the top layer, then the readout."""
    _, state = module["cell"](inputs)
    hidden = state[0] if isinstance(state, tuple) else state  # (layers * directions, B, H)
    directions = 2 if module["cell"].bidirectional else 1
    final: torch.Tensor = module["readout"](torch.cat(list(hidden[-directions:]), dim=-1))
    return final


def batch(seeds: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    shape = {"generator": rng, "dtype": torch.float64}
    return torch.randn(seeds, 4, 6, 2, **shape), torch.randn(seeds, 4, 3, **shape)  # type: ignore[call-overload]


@each_cell
@each_shape
def test_differentiate_equals_autograd(name: str, changes: dict[str, Any]) -> None:
    model = make(name, **changes).double()
    inputs, targets = batch()
    mse, gradients = model.differentiate(Split(inputs, targets), SquaredError())
    assert not mse.requires_grad
    expected = (model(inputs) - targets).square().mean((1, 2))
    expected.sum().backward()
    torch.testing.assert_close(mse, expected.detach(), rtol=0, atol=1e-12)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=0, atol=1e-12)


class HalvedScan(LSTM):
    def scan(self, x: torch.Tensor, weights: Any, last: bool) -> torch.Tensor:
        return super().scan(x, weights, last) / 2


class MeanState(LSTM):
    def last(self, x: torch.Tensor, lengths: torch.Tensor | None = None) -> torch.Tensor:
        return self.forward(x, lengths).mean(2)


@pytest.mark.parametrize("kind", [HalvedScan, MeanState])
def test_differentiate_follows_what_a_users_cell_overrides(kind: type[LSTM]) -> None:
    model = make("lstm").double()
    model.cell.__class__ = kind
    inputs, targets = batch()
    mse, gradients = model.differentiate(Split(inputs, targets), SquaredError())
    expected = (model(inputs) - targets).square().mean((1, 2))
    expected.sum().backward()
    torch.testing.assert_close(mse, expected.detach(), rtol=0, atol=1e-12)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(gradient, parameter.grad, rtol=0, atol=1e-12)


@each_cell
@pytest.mark.filterwarnings("ignore:Error detected")
def test_torch_can_say_where_a_nan_arises(name: str) -> None:
    model = make(name).double()
    inputs, targets = batch()
    inputs[0, 0, 0] = math.nan
    with torch.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="nan values"):
        model.differentiate(Split(inputs, targets), SquaredError())


@each_cell
@each_shape
def test_what_is_not_kept_for_a_backward_pass_changes_no_bit(name: str, changes: dict[str, Any]) -> None:
    model = make(name, **changes)
    inputs = batch()[0].float()
    expected, every = model(inputs).detach(), model.cell(inputs).detach()
    with torch.no_grad():
        for _ in range(2):  # the second time, the steps' memory holds what the first has left
            assert torch.equal(model(inputs), expected)
            assert torch.equal(model.cell(inputs), every)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_a_pass_without_backward_keeps_one_step_of_the_gates(name: str) -> None:
    def numbers(steps: int) -> int:
        model = make(name, input_size=1, hidden_size=16)
        with torch.no_grad():
            model(torch.zeros(3, 32, steps, 1))
        return model.cell.work_space()

    inputs_and_state = 3 * (16 + 1 + 2) * 32  # what grows with every step
    assert numbers(20) - numbers(10) == 10 * inputs_and_state


@each_cell
@each_shape
def test_outputs_and_gradients_equal_plain_torch(name: str, changes: dict[str, Any]) -> None:
    model = make(name, **changes).double()
    inputs, targets = batch()
    outputs = model(inputs)
    (outputs - targets).square().mean((1, 2)).sum().backward()
    for index in range(3):
        module = model.to_torch(index)
        expected = plain(module, inputs[index])
        torch.testing.assert_close(outputs[index], expected, rtol=0, atol=1e-12)
        (expected - targets[index]).square().mean().backward()
        assert model.weight.grad is not None
        assert model.bias.grad is not None
        torch.testing.assert_close(model.weight.grad[index], module["readout"].weight.grad, rtol=0, atol=1e-12)
        torch.testing.assert_close(model.bias.grad[index], module["readout"].bias.grad, rtol=0, atol=1e-12)
        own = dict(model.cell.named_parameters())
        for key, parameter in module["cell"].named_parameters():
            gradient = own[key].grad
            assert gradient is not None
            torch.testing.assert_close(gradient[index], parameter.grad, rtol=0, atol=1e-12)


@each_cell
@each_shape
def test_the_exported_state_loads_into_torchs_modules(name: str, changes: dict[str, Any]) -> None:
    model = make(name, **changes)
    state = model.to_torch(1).state_dict()
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[name]
    cell = kind(**{**SIZES, **changes}, batch_first=True)
    target = nn.ModuleDict({"cell": cell, "readout": nn.Linear(model.cell.output_size, 3)})
    target.load_state_dict(state, strict=True)
    inputs = torch.randn(3, 4, 6, 2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(plain(target, inputs[1]), model(inputs)[1], rtol=0, atol=1e-5)


@each_cell
def test_an_export_is_a_copy(name: str) -> None:
    model = make(name)
    before = model.weight.detach().clone()
    with torch.no_grad():
        model.to_torch(0)["readout"].weight.zero_()
    assert torch.equal(model.weight, before)


@each_cell
@pytest.mark.parametrize("index", [-1, 3, 7, "a", 1.0, None, True])
def test_an_export_of_no_member_is_refused(name: str, index: Any) -> None:
    with pytest.raises(ValueError, match=f"index must be >= 0 and < 3 .*got {index!r}"):
        make(name).to_torch(index)


def test_an_export_takes_numpys_numbers() -> None:
    x = torch.zeros(1, 4, make("lstm").cell.input_size)
    model = make("lstm")
    assert torch.equal(model.to_torch(np.int64(1))(x), model.to_torch(1)(x))


@each_cell
def test_a_members_weights_are_those_that_torch_draws_from_its_seed(name: str) -> None:
    model = make(name, seeds=(7, 8))
    kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[name]
    before = torch.get_rng_state()
    torch.manual_seed(generator(8, "model").initial_seed())
    cell, readout = kind(2, 5, batch_first=True), nn.Linear(5, 3)
    torch.set_rng_state(before)
    for key, parameter in cell.named_parameters():
        torch.testing.assert_close(dict(model.cell.named_parameters())[key][1], parameter, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(model.weight[1], readout.weight, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(model.bias[1], readout.bias, rtol=1e-6, atol=1e-7)


@each_cell
def test_a_members_weights_do_not_depend_on_the_others(name: str) -> None:
    together, alone = make(name, seeds=(3, 4, 5)), make(name, seeds=(4,))
    for one, other in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(one[1:2], other)
        assert not torch.equal(one[0], one[2])


@each_cell
@pytest.mark.parametrize("hidden_size", [5, 16])
def test_the_number_of_parameters_is_torchs(name: str, hidden_size: int) -> None:
    gates, n, d, o = CELLS[name][2], hidden_size, 2, 3
    assert make(name, hidden_size=hidden_size).num_parameters == gates * (n * d + n * n + 2 * n) + (n + 1) * o


@pytest.mark.parametrize(("name", "width", "count"), [("lstm", 64, 17_217), ("gru", 74, 17_169), ("rnn", 129, 17_158)])
def test_the_counts_of_the_literature(name: str, width: int, count: int) -> None:
    assert make(name, seeds=(0,), output_size=1, input_size=1, hidden_size=width).num_parameters == count


def test_a_population_of_another_size_says_so() -> None:
    model = make("rnn")
    inputs = torch.zeros(2, 4, 6, 2)
    run: Callable[[], Any] = lambda: model(inputs)  # noqa: E731
    with pytest.raises(ValueError, match="S=3"):
        run()


# ---------------------------------------------------------------- tokens, every step, lengths and weights

TOKENS, CLASSES, STEPS = 7, 3, 6
LENGTHS = torch.tensor([[6, 1, 4, 3], [2, 6, 6, 5], [1, 1, 3, 2]])

each_read = pytest.mark.parametrize("reads", ["last", "steps"])


def token_model(name: str, reads: Literal["last", "steps"], **changes: Any) -> Model:
    kind, own, _ = CELLS[name]
    cell = kind(**{**SIZES, **own, "input_size": 4, **changes}, num_seeds=3)
    model = Model(cell, CLASSES, reads, TOKENS)
    model.reset_parameters([generator(seed, "model") for seed in range(3)])
    return model.double()


def token_batch(reads: str) -> Split:
    """Tokens and classes; sequences of unequal lengths, with weights at every step."""
    rng = torch.Generator().manual_seed(0)
    inside = torch.arange(STEPS) < LENGTHS[..., None]  # (S, B, T)
    tokens = torch.randint(TOKENS, inside.shape, generator=rng) * inside
    weight = torch.rand(inside.shape, generator=rng, dtype=torch.float64) * inside
    classes = torch.randint(CLASSES, inside.shape if reads == "steps" else LENGTHS.shape, generator=rng)
    return Split(tokens, classes, weight if reads == "steps" else None, LENGTHS)


def plain_loss(module: nn.ModuleDict, batch: Split, index: int) -> torch.Tensor:
    """One seed's cross-entropy, one unpadded sequence after another, by torch's own modules."""
    losses, weights = [], []
    for row, length in enumerate(LENGTHS[index].tolist()):
        tokens = batch.inputs[index, row, :length]
        logits = module["readout"](module["cell"](module["embedding"](tokens)[None])[0][0])  # (T, C)
        classes = batch.targets[index, row]
        if batch.weight is None:
            logits, classes = logits[-1:], classes[None]
        losses.append(nn.functional.cross_entropy(logits, classes[: len(logits)], reduction="none"))
        weights.append(torch.ones(1) if batch.weight is None else batch.weight[index, row, :length])
    return (torch.cat(losses) * torch.cat(weights)).sum() / torch.cat(weights).sum()


@each_cell
@each_read
@pytest.mark.parametrize("changes", [{}, {"num_layers": 2}], ids=str)
def test_tokens_at_every_step_of_unequal_sequences_are_what_plain_torch_makes_of_each_alone(
    name: str, reads: Literal["last", "steps"], changes: dict[str, Any]
) -> None:
    model, batch = token_model(name, reads, **changes), token_batch(reads)
    score = CrossEntropy("nats")
    value, gradients = model.differentiate(batch, score)
    own = dict(zip((key for key, _ in model.named_parameters()), gradients, strict=True))
    predicted = score.value(model(batch.inputs, batch.lengths), batch.targets, batch.weight)
    torch.testing.assert_close(value, predicted.detach(), rtol=0, atol=1e-12)
    predicted.sum().backward()  # torch's graph instead of the way back
    for key, parameter in model.named_parameters():
        torch.testing.assert_close(own[key], parameter.grad, rtol=0, atol=1e-10)
    for index in range(3):
        module = model.to_torch(index)
        expected = plain_loss(module, batch, index)
        torch.testing.assert_close(value[index], expected.detach(), rtol=0, atol=1e-10)
        expected.backward()
        names = {"embedding.weight": "embedding", "readout.weight": "weight", "readout.bias": "bias"}
        for key, parameter in module.named_parameters():
            mine = own[names.get(key, key)][index]
            torch.testing.assert_close(mine, parameter.grad, rtol=0, atol=1e-10)
    assert own["embedding"].any()


@each_cell
@each_read
def test_a_padded_batch_has_the_predictions_of_its_sequences_alone(name: str, reads: Literal["last", "steps"]) -> None:
    model, batch = token_model(name, reads).float(), token_batch(reads)
    with torch.no_grad():
        together = model(batch.inputs, batch.lengths)
        longer = model(nn.functional.pad(batch.inputs, (0, 3)), batch.lengths)  # more padding
        for row in range(4):
            for index in range(3):
                length = int(LENGTHS[index, row])
                tokens = batch.inputs[index : index + 1, row : row + 1, :length]
                alone = model.members(slice(index, index + 1))(tokens, torch.tensor([[length]]))
                found, expected = together[index, row], alone[0, 0]
                assert torch.equal(found[:length] if reads == "steps" else found, expected)
    assert torch.equal(longer[:, :, :STEPS] if reads == "steps" else longer, together)


@each_cell
def test_weights_of_0_are_padding(name: str) -> None:
    """A masked batch, and the same batch cut where the mask begins, are one: predictions exactly, gradients too."""
    model = token_model(name, "steps")
    rng = torch.Generator().manual_seed(1)
    tokens = torch.randint(TOKENS, (3, 4, STEPS), generator=rng)
    classes = torch.randint(CLASSES, (3, 4, STEPS), generator=rng)
    masked = (torch.arange(STEPS) < 4).double().expand(3, 4, -1)
    with torch.no_grad():
        assert torch.equal(model(tokens)[:, :, :4], model(tokens[:, :, :4]))
    whole = model.differentiate(Split(tokens, classes, masked), CrossEntropy("nats"))
    short = model.differentiate(Split(tokens[:, :, :4], classes[:, :, :4]), CrossEntropy("nats"))
    torch.testing.assert_close(whole[0], short[0], rtol=0, atol=1e-12)
    for one, other in zip(whole[1], short[1], strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_every_seed_has_its_own_embedding() -> None:
    model = token_model("rnn", "last")
    before = torch.get_rng_state()
    assert not torch.equal(model.embedding[0], model.embedding[1])
    tokens = torch.full((3, 1, 1), 5)
    with torch.no_grad():
        first = model(tokens)
        model.embedding[1, 5] += 1
        changed = (model(tokens) != first).flatten(1).any(1)
    assert changed.tolist() == [False, True, False]
    assert torch.equal(torch.get_rng_state(), before)
    _, gradients = model.differentiate(Split(tokens, torch.zeros(3, 1, dtype=torch.long)), CrossEntropy("nats"))
    by_token = dict(zip((key for key, _ in model.named_parameters()), gradients, strict=True))["embedding"]
    assert by_token[:, 5].flatten(1).any(1).all()
    assert not by_token[:, [0, 1, 2, 3, 4, 6]].any()

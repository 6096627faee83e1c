"""Automata: a hand-set parity network has two states, what is wrong is seen, and k-means and Moore on what is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from seqexp.cell.rnn import RNN
from seqexp.data.flip_flop import FlipFlop
from seqexp.data.parity import Parity
from seqexp.data.reber import Reber
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.data.task import Task
from seqexp.diagnostic.automaton import Automaton
from seqexp.diagnostic.clusters import extract, k_means, minimised
from seqexp.model import Model
from seqexp.score import CrossEntropy
from seqexp.seeding import generator

PARITY = Parity(60, 3, 9)


def split(task: Task) -> Split:
    drawn = [task.sample(generator(seed, "data"), 60, None) for seed in range(2)]
    stacked = [None if parts[0] is None else torch.stack(parts) for parts in zip(*drawn, strict=True)]
    return Split._make(stacked).to(torch.device("cpu"), torch.float64)


@torch.no_grad()
def parity_net() -> Model:
    """Two units, on if at least one, or two, of the last parity and the bit are 1; the parity is on and not on.

    So an even number rests in two places, (-1, -1) and (1, 1), and an odd one in (1, -1).
    """
    cell = RNN(
        input_size=1, hidden_size=2, num_seeds=2, num_layers=1, dropout=0.0, bidirectional=False, nonlinearity="tanh"
    )
    model = Model(cell, 2, "last", 0).double().eval()
    for parameter in model.parameters():
        parameter.zero_()
    cell.weight_ih_l0.fill_(20.0)
    cell.weight_hh_l0.copy_(torch.tensor([[10.0, -10.0], [10.0, -10.0]]))
    cell.bias_ih_l0.copy_(torch.tensor([-10.0, -30.0]))
    return model


def test_a_parity_network_is_the_automaton_of_two_states() -> None:
    found = Automaton(8, 60).of(PARITY).measure(parity_net(), CrossEntropy("nats"), split(PARITY))
    assert found["size"].tolist() == [2, 2]
    assert found["transitions"].tolist() == [1, 1]
    assert found["strings"].tolist() == [1, 1]
    for seed in range(2):
        even, odd = (found["name"][seed, :2].tolist().index(parity) for parity in (0, 1))
        assert found["leads"][seed, even].tolist() == [even, odd]
        assert found["leads"][seed, odd].tolist() == [odd, even]
        assert found["name"][seed, 2:].tolist() == [-1] * 6
    assert found["counts"].sum() == (split(PARITY).lengths - 1).sum()  # type: ignore[operator]
    alone = (
        Automaton(8, 60)
        .of(PARITY)
        .measure(parity_net().members(slice(1, 2)), CrossEntropy("nats"), split(PARITY).of(slice(1, 2)))
    )
    np.testing.assert_array_equal(alone["leads"], found["leads"][1:])


def test_a_network_that_forgets_is_none() -> None:
    model = parity_net()
    with torch.no_grad():
        model.cell.weight_hh_l0.zero_()  # the state is the last bit
    found = Automaton(8, 60).of(PARITY).measure(model, CrossEntropy("nats"), split(PARITY))
    assert (found["transitions"] < 0.8).all()
    assert (found["strings"] < 0.8).all()


@pytest.mark.parametrize("task", [FlipFlop(60, 12, 2, 0.4), Reber(60, 12)])
def test_who_holds_the_tasks_states_has_its_automaton(task: Any) -> None:
    batch = split(task)
    truth = task.variables(batch)[task.automaton].long()
    there = torch.ones_like(truth, dtype=torch.bool)
    if batch.lengths is not None:
        there = torch.arange(batch.steps) < batch.lengths[..., None]
    letters = torch.tensor(list(task.alphabet().values()), dtype=torch.float64)
    symbols = torch.cdist(batch.inputs.flatten(1, 2), letters.expand(2, -1, -1)).argmin(2).view(truth.shape)
    held = torch.nn.functional.one_hot(truth).double()
    found = extract(held[0], symbols[0], truth[0], there[0], len(letters), 12)
    assert sorted(found.name.tolist()) == truth[0][there[0]].unique().tolist()
    assert found.transitions == found.strings == 1
    wrong = truth.clone()
    wrong[0, :, ::3] = wrong[0, :, ::3].roll(1, 0)  # the task says other states than those that are held
    assert extract(held[0], symbols[0], wrong[0], there[0], len(letters), 12).transitions < 0.95


def test_clusters_are_those_that_are_far_apart() -> None:
    chance = torch.Generator().manual_seed(0)
    centres = 10 * torch.eye(4, dtype=torch.float64)
    kind = torch.arange(200) % 4
    points = centres[kind] + torch.randn(200, 4, generator=chance, dtype=torch.float64)
    found = k_means(points, 4)
    pairs = {(int(one), int(other)) for one, other in zip(kind, found, strict=True)}
    assert len(pairs) == 4
    assert len(k_means(points[:4], 9).unique()) == 4  # no more clusters than places


def test_clusters_that_nothing_tells_apart_are_one_state() -> None:
    """A counter to three, held in six clusters: twice each number."""
    chance = torch.Generator().manual_seed(0)
    symbols = torch.randint(2, (40, 30), generator=chance)
    truth = symbols.cumsum(1) % 3
    twice = truth * 2 + torch.randint(2, truth.shape, generator=chance)
    found = minimised(twice, symbols, truth, torch.ones_like(truth, dtype=torch.bool), 2)
    assert found.name.tolist() == [0, 1, 2]
    assert found.leads.tolist() == [[0, 1], [1, 2], [2, 0]]
    assert found.transitions == found.strings == 1


def test_a_transition_that_ends_elsewhere_than_most_is_wrong() -> None:
    """Symbol 0 leads to state 1 twice and to state 2 once; symbol 1 stays where it is."""
    truth = torch.tensor([[0, 1], [0, 1], [0, 2], [0, 0]])
    symbols = torch.tensor([[0, 0], [0, 0], [0, 0], [0, 1]])
    found = minimised(truth, symbols, truth, torch.ones_like(truth, dtype=torch.bool), 2)
    assert found.leads[0].tolist() == [1, 0]
    assert found.right[0].tolist() == [2, 1]
    assert found.counts[0].tolist() == [3, 1]
    assert found.transitions == found.strings == 3 / 4


def test_clusters_of_one_name_that_lead_elsewhere_are_two_states() -> None:
    """A ring of four, held in eight clusters, called 0, 0, 1, 1: where each leads tells them apart."""
    chance = torch.Generator().manual_seed(0)
    place = torch.arange(40).repeat(30, 1) % 4
    twice = place * 2 + torch.randint(2, place.shape, generator=chance)
    found = minimised(twice, torch.zeros_like(place), place // 2, torch.ones_like(place, dtype=torch.bool), 1)
    assert sorted(found.name.tolist()) == [0, 0, 1, 1]
    walked = [0]
    for _ in range(4):
        walked.append(int(found.leads[walked[-1], 0]))
    assert walked[4] == 0
    assert len(set(walked)) == 4
    assert found.transitions == found.strings == 1


def test_a_seed_that_diverged_and_the_picture() -> None:
    model = parity_net()
    with torch.no_grad():
        model.cell.weight_hh_l0[1] = torch.nan
    instrument = Automaton(8, 60).of(PARITY)
    found = instrument.measure(model, CrossEntropy("nats"), split(PARITY))
    assert np.isnan(found["transitions"][1])
    assert found["size"].tolist() == [2, 0]
    arrays = {f"end_{name}": values for name, values in found.items()}
    figure = instrument.draw({"rnn": arrays})
    assert figure.axes[0].get_title() == "rnn, first seed: 2 states,\n100.0% of transitions right"
    words = [each.get_text() for each in figure.axes[0].texts]
    # two states, two symbols from each, two that come first
    assert sorted(word for word in words if word) == sorted("01" * 4)
    assert found["first"][0].tolist() == [list(found["name"][0]).index(each) for each in (0, 1)]
    assert instrument.table(arrays)[""]["states"].tolist() == [2, 0]
    assert instrument.kinds == ("png", "svg")


@pytest.mark.parametrize(
    ("values", "said"), [((0, 1), "max_clusters must be >= 1"), ((1, 0), "max_sequences must be >= 1")]
)
def test_wrong_settings_are_refused(values: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Automaton(*values)


def test_a_task_without_an_automaton_is_refused() -> None:
    with pytest.raises(ValueError, match="a finite automaton solves, and Sum names none"):
        Automaton(8, 60).of(Sum(9, 4, "normal"))
    with pytest.raises(ValueError, match="at most 64 symbols, got 81"):
        Automaton(8, 60).of(FlipFlop(60, 12, 4, 0.4))

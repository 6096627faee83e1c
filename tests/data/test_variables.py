"""What a task says of the past that matters, against what its sequences are made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from seqexp.data.adding import Adding
from seqexp.data.anbn import AnBn
from seqexp.data.first_last import FirstLast
from seqexp.data.flip_flop import FlipFlop
from seqexp.data.parity import Parity
from seqexp.data.reber import Reber
from seqexp.data.split import Split
from seqexp.data.sum import Sum
from seqexp.data.task import Task
from seqexp.seeding import generator

TASKS: list[Task] = [
    Parity(20, 2, 9), FlipFlop(20, 9, 2, 0.4), Adding(20, 10, "halves"), Sum(20, 6, "normal"), AnBn(20, 5),
    FirstLast(20, 5, "fixed"), Reber(20, 12),
]  # fmt: skip


def split(task: Task) -> Any:
    return Split._make(None if each is None else each[None] for each in task.sample(generator(0, "data"), 20, None))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_names_and_shapes_agree(task: Task) -> None:
    batch = split(task)
    found = task.variables(batch)
    assert list(found) == list(task.variable_names)
    assert {each.shape for each in found.values()} == {batch.inputs.shape[:3]}
    assert task.automaton is None or task.automaton in found


def test_at_the_end_they_are_the_target() -> None:
    parity, adding, summed = (next(each for each in TASKS if isinstance(each, kind)) for kind in (Parity, Adding, Sum))
    batch = split(parity)
    last = parity.variables(batch)["parity"].gather(2, batch.lengths[..., None] - 1)[..., 0]
    assert torch.equal(last.long(), batch.targets)
    for task, name in ((adding, "marked so far"), (summed, "sum so far")):
        batch = split(task)
        torch.testing.assert_close(task.variables(batch)[name][..., -1:], batch.targets)
    batch = split(adding)
    since = adding.variables(batch)["steps since a marker"]
    assert (since[batch.inputs[..., 1] > 0] == 0).all()
    assert since.diff(dim=2).max() == 1


def test_states_decide_with_a_symbol_on_the_next_state() -> None:
    for task in TASKS:
        if task.automaton is None:
            continue
        batch = split(task)
        state = task.variables(batch)[task.automaton]
        seen: dict[Any, float] = {}
        for row in range(batch.num_sequences):
            steps = batch.steps if batch.lengths is None else int(batch.lengths[0, row])
            for step in range(1, steps):
                key = (float(state[0, row, step - 1]), tuple(batch.inputs[0, row, step].tolist()))
                assert seen.setdefault(key, float(state[0, row, step])) == float(state[0, row, step])
        assert len(seen) > 3


def test_what_is_open_is_counted_and_the_first_symbol_is_the_last() -> None:
    anbn, first_last = (next(each for each in TASKS if isinstance(each, kind)) for kind in (AnBn, FirstLast))
    batch = split(anbn)
    open_ = anbn.variables(batch)["a less b"]
    assert (open_.gather(2, batch.lengths[..., None] - 1) == 0).all()
    batch = split(first_last)
    first = first_last.variables(batch)["first symbol"]
    assert torch.equal(first[..., -1].long() + 4, batch.targets[..., -1])

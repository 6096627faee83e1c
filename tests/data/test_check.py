"""What a task hands over is looked at before anything learns from it, for every seed and every part."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqexp.data.check import check_sample, digest
from seqexp.data.module import PopulationData
from seqexp.data.shape import Classes, Tokens, Values
from seqexp.data.sum import Sum
from seqexp.data.task import Sequences, Task

sys.path.insert(0, str(Path(__file__).parent))
from own_tasks import CHANCE, COUNT, WRONG, Chancy, Drawing, Lacks, Ragged, Raises, Remembering, Reusing, Wrong


def population(task: Task, seeds: Any = range(3)) -> PopulationData:
    return PopulationData(lambda changes: task, seeds, None, 0.6, 0.2, 0.2)


def refusal(task: Task, seeds: Any = range(3)) -> str:
    """The one paragraph in which a population of a task is refused."""
    data = population(task, seeds)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        data.make()
    assert data.splits == {}
    assert data.data_hash == []
    assert "\n" not in str(error.value)
    return str(error.value)


# ---------------------------------------------------------------- samples


@pytest.mark.parametrize("seed", [0, 2])
@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_sample_is_refused_with_its_seed_whichever_that_is(how: str, seed: int) -> None:
    said = refusal(Wrong(how, seed))
    expected = WRONG[how][1] if seed else WRONG[how][1].replace("(40, 5, 1)", "(40, T, 1)")
    assert expected in said
    assert f"the sample of seed {seed} by own_tasks.Wrong" in said


def test_the_same_sample_is_taken_where_it_is_right() -> None:
    data = population(Wrong("nan at first", seed=99))
    data.make()
    assert data.splits["train"].inputs.shape == (3, 24, 5, 1)


def test_seeds_must_fit_each_other() -> None:
    assert "(N, T, I) = (40, 5, 1), got (40, 4, 1)" in refusal(Ragged("steps", 2))
    assert "the sample of seed 2 by own_tasks.Ragged: best must be given for all seeds" in refusal(Ragged("", 2))
    assert "best must be given for all seeds" in refusal(Ragged("", 0))


SIZES = st.integers(1, 4)


@given(*[SIZES] * 4, st.sampled_from(["inputs", "targets", "best"]), st.lists(SIZES, max_size=4))
def test_no_other_shape_passes(N: int, T: int, inputs: int, outputs: int, name: str, shape: list[int]) -> None:
    right = Sequences(torch.zeros(N, T, inputs), torch.zeros(N, outputs), best=torch.zeros(N, outputs))
    task = Sum(N, T, "normal")
    task.inputs, task.targets = Values(inputs), Values(outputs)  # type: ignore[misc]
    check_sample(task, "it", right, N)
    changed = right._replace(**{name: torch.zeros(shape)})
    fits = [N, shape[1] if len(shape) == 3 else T, inputs] if name == "inputs" else [N, outputs]
    if shape == fits:
        check_sample(task, "it", changed, N)
    else:
        with pytest.raises(ValueError, match=re.escape(f"got {tuple(shape)}")):
            check_sample(task, "it", changed, N)


@given(st.integers(0, 39), st.integers(0, 4), st.sampled_from([torch.nan, torch.inf, -torch.inf]))
def test_one_bad_number_is_found_wherever_it_is(sequence: int, step: int, value: float) -> None:
    x = torch.zeros(COUNT, 5, 1)
    x[sequence, step] = value
    with pytest.raises(ValueError, match=rf"sequence {sequence} \(step {step}, feature 0; counted from 0\)$"):
        check_sample(Sum(COUNT, 5, "normal"), "it", Sequences(x, torch.zeros(COUNT, 1)), COUNT)


def test_a_task_may_use_its_memory_again() -> None:
    data = population(Reusing())
    data.make()
    for index, seed in enumerate(range(3)):
        alone = population(Reusing(), [seed])
        alone.make()
        for name, split in data.splits.items():
            assert torch.equal(split.inputs[index], alone.splits[name].inputs[0])
    assert len({str(pair) for pair in data.data_hash}) == 3


# ---------------------------------------------------------------- attributes


@pytest.mark.parametrize("name", ["num_sequences"])
@pytest.mark.parametrize("value", [None, 0, -3, 2.0, "5", True, np.int64(5)])
def test_a_size_must_be_a_whole_number(name: str, value: Any) -> None:
    got = "and there is none" if value is None else f"got {value!r}"
    with pytest.raises(
        ValueError, match=re.escape(f"own_tasks.Lacks: {name} must be a whole number >= 1 (int), {got}")
    ):
        population(Lacks(name, value))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("inputs", 1, "inputs must be Values(...) or Tokens(...) of seqexp.data.shape, got 1"),
        ("inputs", Classes(2), "inputs must be Values(...) or Tokens(...)"),
        ("targets", Tokens(2), "targets must be Values(...) or Classes(...)"),
        ("targets", None, "and there is none"),
        ("reads", "all", "reads must be 'last' or 'steps', got 'all'"),
        ("chronological", 1, "chronological must be True or False, got 1"),
        ("chooses_length", "yes", "chooses_length must be True or False, got 'yes'"),
    ],
)
def test_a_task_must_say_what_it_is(name: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^own_tasks.Lacks: .*{re.escape(said)}"):
        population(Lacks(name, value))


# ---------------------------------------------------------------- chance


def global_states() -> list[Any]:
    numpy = np.random.get_state()
    return [torch.get_rng_state().tolist(), [*map(str, numpy), numpy[1].tolist()], random.getstate()]  # type: ignore[index]


@pytest.mark.parametrize("how", CHANCE)
def test_a_sample_that_no_generator_gives_again_is_refused(how: str) -> None:
    said = refusal(Chancy(how, 0), seeds=[4, 5])
    assert said.startswith(
        "own_tasks.Chancy.sample must draw from the generator that it is given and from nothing else"
    )
    assert "seed 4" in said


@pytest.mark.parametrize("kind", [Drawing, Remembering])
@pytest.mark.parametrize("how", CHANCE)
def test_neither_may_a_constructor_draw_nor_a_task_remember_what_it_drew(how: str, kind: type[Wrong]) -> None:
    data = PopulationData(lambda changes: kind(how, 0), [4, 5], None, 0.6, 0.2, 0.2)
    data.first()
    before = global_states()
    said = rf"^own_tasks.{kind.__name__}.sample must draw .* and its constructor must draw nothing: .* seed 4 differs"
    with pytest.raises(ValueError, match=said):
        data.make()
    assert global_states() == before


def test_the_check_leaves_the_global_generators_as_they_were() -> None:
    before = global_states()
    population(Sum(COUNT, 5, "normal")).make()
    assert global_states() == before
    with pytest.raises(KeyError):
        population(Raises("breaks", 0)).make()
    assert global_states() == before


def test_the_global_generators_are_others_meanwhile() -> None:
    seen: list[list[Any]] = []

    class Looking(Sum):
        def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
            seen.append(global_states())
            return super().sample(generator, count, length)

    population(Looking(COUNT, 5, "normal"), seeds=[0]).make()
    first, again = seen
    assert all(one != other for one, other in zip(first, again, strict=True))


# ---------------------------------------------------------------- digests


def test_a_digest_tells_values_shapes_kinds_and_order_apart() -> None:
    values = torch.arange(6.0)
    other = values.clone()
    other[5] = torch.nextafter(other[5], torch.tensor(9.0))  # the last bit
    distinct = [(values,), (other,), (values.view(2, 3),), (values.view(3, 2),), (values.int(),), (values, None)]
    distinct += [(values, other), (other, values), (), (None,)]
    assert len({digest(*each) for each in distinct}) == len(distinct)
    assert digest(values.view(2, 3).t()) == digest(values.view(2, 3).t().contiguous())
    assert re.fullmatch(r"[0-9a-f]{32}", digest(values))

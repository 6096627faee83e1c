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

from seqexp.data.chance import digest
from seqexp.data.check import check_sample
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


# ---------------------------------------------------------------- tokens, classes, weights, lengths

N, T = 6, 5


class Words(Task):
    """Any tokens, classes, weights and lengths."""

    inputs = Tokens(4)
    targets = Classes(3)
    reads = "steps"
    num_sequences = N
    made: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, reads: Any = "steps", values: bool = False, **made: Any) -> None:
        self.reads = reads
        self.targets = Values(2) if values else Classes(3)
        rng = torch.Generator().manual_seed(0)
        shape = (N,) if reads == "last" else (N, T)
        right = {
            "inputs": torch.randint(4, (N, T), generator=rng),
            "targets": torch.randn(*shape, 2, generator=rng) if values else torch.randint(3, shape, generator=rng),
            "weight": torch.rand(N, T, generator=rng) + 0.1 if reads == "steps" else None,
            "lengths": torch.tensor([5, 1, 2, 3, 4, 5]),
            "best": torch.randn(*shape, 2 if values else 3, generator=rng),
        }
        self.sequences = Sequences(**{**right, **made})

    def sample(self, generator: torch.Generator, count: int, length: int | None) -> Sequences:
        return self.sequences


def at(value: float, *place: int, like: str = "inputs", **task: Any) -> torch.Tensor:
    """One part of the right sequences, with another value at a place."""
    changed = getattr(Words(**task).sequences, like).clone()
    changed[place] = value
    return changed  # type: ignore[no-any-return]


STEPS: dict[str, tuple[dict[str, Any], str]] = {
    "a token too much": ({"inputs": at(4, 2, 3)}, "inputs must be >= 0 and <= 3, got 4 in sequence 2 (step 3; counted"),
    "a token below 0": ({"inputs": at(-1, 0, 0)}, "inputs must be >= 0 and <= 3, got -1 in sequence 0 (step 0"),
    "int32 tokens": (
        {"inputs": at(0, 0).int()},
        "an ordinary torch.int64 tensor on the CPU, got torch.int32",
    ),
    "float tokens": ({"inputs": at(0, 0).float()}, "inputs must be an ordinary torch.int64 tensor on the CPU, got"),
    "one-hot tokens": (
        {"inputs": torch.zeros(N, T, 4).long()},
        "must have the shape (N, T) = (6, T), got (6, 5, 4)",
    ),
    "a class too much": (
        {"targets": at(3, 5, 1, like="targets")},
        "targets must be >= 0 and <= 2, got 3 in sequence 5 (step 1",
    ),
    "float classes": ({"targets": at(0, 0).float()}, "targets must be an ordinary torch.int64 tensor on the CPU, got"),
    "classes of the last step": (
        {"targets": torch.zeros(N).long()},
        "must have the shape (N, T) = (6, 5), got (6,)",
    ),
    "classes of too few steps": ({"targets": torch.zeros(N, T - 1).long()}, "(N, T) = (6, 5), got (6, 4)"),
    "one-hot classes": ({"targets": torch.zeros(N, T, 3)}, "targets must be an ordinary torch.int64 tensor"),
    "values of the last step": (
        {"values": True, "targets": torch.zeros(N, 2)},
        "targets must have the shape (N, T, O) = (6, 5, 2), got (6, 2)",
    ),
    "a negative weight": (
        {"weight": at(-0.5, 3, 2, like="weight")},
        "must be >= 0, got -0.5 in sequence 3 (step 2",
    ),
    "no weight": ({"weight": torch.zeros(N, T)}, "weight must be > 0 somewhere, and is 0 everywhere"),
    "an infinite weight": (
        {"weight": at(torch.inf, 1, 1, like="weight")},
        "must be finite, got inf in sequence 1",
    ),
    "weights of sequences": ({"weight": torch.ones(N)}, "weight must have the shape (N, T) = (6, 5), got (6,)"),
    "bool weights": ({"weight": torch.ones(N, T).bool()}, "weight must be an ordinary torch.float32 tensor"),
    "no length": ({"lengths": at(0, 4, like="lengths")}, "lengths must be >= 1 and <= 5, got 0 in sequence 4 (counted"),
    "a length beyond T": ({"lengths": at(6, 4, like="lengths")}, "lengths must be >= 1 and <= 5, got 6 in sequence 4"),
    "int32 lengths": ({"lengths": torch.ones(N).int()}, "lengths must be an ordinary torch.int64 tensor"),
    "lengths of steps": ({"lengths": torch.ones(N, T).long()}, "lengths must have the shape (N,) = (6,), got (6, 5)"),
    "best classes": ({"best": torch.zeros(N, T).long()}, "best must be an ordinary torch.float32 tensor"),
    "best of the last step": (
        {"best": torch.zeros(N, 3)},
        "the shape (N, T, C) = (6, 5, 3), got (6, 3)",
    ),
    "weight of the last": (
        {"reads": "last", "weight": torch.ones(N, T)},
        "weight is for targets of every step (reads='steps'), and this task reads the last",
    ),
    "classes of every step": (
        {"reads": "last", "targets": torch.zeros(N, T).long()},
        "targets must have the shape (N,) = (6,), got (6, 5)",
    ),
}


@pytest.mark.parametrize("how", STEPS)
def test_wrong_tokens_classes_weights_and_lengths_are_refused(how: str) -> None:
    changes, said = STEPS[how]
    with pytest.raises(ValueError, match=re.escape(said)):
        check_sample(Words(**changes), "it", Words(**changes).sequences, N)


@pytest.mark.parametrize("reads", ["last", "steps"])
@pytest.mark.parametrize("values", [False, True])
def test_right_ones_are_taken_and_what_is_padded_has_no_weight(reads: Any, values: bool) -> None:
    for missing in ({}, {"lengths": None}, {"weight": None}, {"best": None}, {"lengths": None, "weight": None}):
        task = Words(reads, values, **missing)
        data = PopulationData(lambda changes, task=task: task, [0], None, 1 / 3, 1 / 3, 1 / 3)
        data.make()
        for split in data.splits.values():
            lengths = split.lengths
            if reads == "last" or (lengths is None and "weight" in missing):
                assert split.weight is None
                continue
            assert split.weight is not None
            inside = torch.ones(1, 2, T).bool() if lengths is None else torch.arange(T) < lengths[..., None]
            assert not split.weight[~inside].any()
            assert split.weight[inside].min() > 0.09
            assert ("weight" in missing) == bool((split.weight[inside] == 1).all())


def test_a_split_in_which_nothing_counts_is_refused() -> None:
    weight = torch.zeros(N, T)
    weight[0, 0] = 1  # one sequence, which is in one of the splits
    with pytest.raises(ValueError, match=r"Words: weight must be > 0 somewhere in the sequences for \w+, "):
        population(Words(weight=weight), seeds=[0]).make()
    weight[:] = torch.arange(T) >= Words().sequences.lengths[:, None]  # type: ignore[index]
    with pytest.raises(ValueError, match="within their lengths, and is 0 everywhere for seed 7"):
        population(Words(weight=weight), seeds=[7]).make()


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

"""The finite automaton that a trained network is, if it is one: states in clusters, and where symbols lead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch

from seqexp.data.split import Split
from seqexp.data.task import Task
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.clusters import Extracted, extract
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.diagnostic.memory import check_forward
from seqexp.diagnostic.states import beyond
from seqexp.model import Model
from seqexp.score import Score
from seqexp.show.diagrams import Arrow, Diagram
from seqexp.show.lines import Line, Other, Panel, draw_panels

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

MOST_SYMBOLS = 64

MOST_LABELS = 5
"""In one picture."""


class Automaton(Diagnostic):
    """Clusters of states, and the cluster in which each symbol leads from each: a diagram of transitions.

    The states of the top layer after every step are put into clusters by k-means, from centres that lie as far from
    each other as possible. A cluster is called after the state of the task's own automaton in which most of its steps
    are; its successor at a symbol is the cluster in which most steps end. A transition is right if the successor is
    called as the task's next state. The number of clusters grows from that of the task's states to `max_clusters`,
    until 99.9 % are right, or that with the largest share is taken. Clusters of one name from which all symbols lead to
    clusters of one name are then one state (Moore's minimisation).

    Sequences are followed by the automaton alone as well, from the cluster after their first symbol: `strings` is the
    share of those that it brings to the task's own last state. A network may solve the training lengths without being
    any automaton; then this share is small, or the clusters many.

    Source: C. L. Giles et al., "Learning and extracting finite state automata with second-order recurrent neural
    networks", Neural Computation 4 (1992).
    """

    when: ClassVar[tuple[When, ...]] = ("end",)
    along: ClassVar[bool] = True
    kinds: ClassVar[tuple[Literal["png", "svg"], ...]] = ("png", "svg")

    def __init__(self, max_clusters: int, max_sequences: int) -> None:
        """Sets how much is measured.

        Args:
            max_clusters: K, that are tried at most.
            max_sequences: of each seed's split, so many of the first.

        Raises:
            ValueError: one is out of range.
        """
        for name, value in (("max_clusters", max_clusters), ("max_sequences", max_sequences)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        self.max_clusters = max_clusters
        self.max_sequences = max_sequences

    def check(self, model: Model) -> None:
        """Refuses a cell without a state of every step, or that reads from the end.

        Raises:
            ValueError: see there.
        """
        check_forward(model)

    def check_task(self, task: Task) -> None:
        """Refuses a task without an automaton of its own.

        Raises:
            ValueError: it has none, or more symbols than a diagram holds.
        """
        if task.automaton is None:
            raise ValueError(f"needs a task that a finite automaton solves, and {type(task).__name__} names none")
        if len(task.alphabet()) > MOST_SYMBOLS:
            raise ValueError(f"needs a task of at most {MOST_SYMBOLS} symbols, got {len(task.alphabet())}")

    def numbers_made(self, model: Model, task: Task) -> tuple[int, tuple[str, ...]]:
        """Where each symbol leads from each cluster, how often it does, and how often that is right, of all seeds."""
        return 3 * model.num_seeds * self.max_clusters * len(task.alphabet()), ("max_clusters",)

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures.

        Returns:
            `size` (S,), states of the automaton; `name` (S, K), the task's state that each is called after, -1 where
            there is none; `leads` (S, K, A), where each symbol leads, -1 where it was never seen; `right` (S, K, A),
            how often that was the task's next state; `counts` (S, K, A) how often the symbol was seen; `first`
            (S, A), where each symbol leads at the first step, -1 where none begins with it; `transitions` and `strings`
            (S,), shares that are right; `symbols`, the A names, one a line.
        """
        task = self.known_task
        if task.automaton is None:
            raise ValueError(f"task must have an automaton, got {type(task).__name__}")
        batch = split.first(self.max_sequences)
        states = model.cell(model.embed(batch.inputs))  # (S, B, T, H)
        truth = task.variables(batch)[task.automaton].long()  # (S, B, T)
        alphabet = task.alphabet()
        letters = torch.tensor(list(alphabet.values()), dtype=batch.inputs.dtype)  # (A, I)
        symbols = (batch.inputs[..., None, :] - letters).abs().sum(-1).argmin(-1)  # (S, B, T)
        there = ~beyond(batch)
        found = [
            _arrays(extract(*each, len(alphabet), self.max_clusters), self.max_clusters)
            for each in zip(states, symbols, truth, there, strict=True)
        ]
        arrays = {name: np.stack([each[name] for each in found]) for name in found[0]}
        return arrays | {"symbols": np.array("\n".join(alphabet))}

    def table(self, arrays: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
        """How many states the automaton has, and what share of its transitions and strings is right."""
        columns = {"states": "size", "share of transitions right": "transitions", "share of strings right": "strings"}
        return {"": {column: arrays[f"end_{name}"].astype(float) for column, name in columns.items()}}

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """The share of transitions that are right."""
        return {"transitions": measured["transitions"]}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the first seed's automaton, and the share of right transitions for each seed."""
        panels: list[Panel | Other] = []
        shares = []
        for label, arrays in list(by_label.items())[:MOST_LABELS]:
            panels.append(_diagram(label, arrays))
            right = np.sort(arrays["end_transitions"])
            nothing = np.full(len(right), np.nan)
            ranks = np.arange(1.0, len(right) + 1)
            shares.append(Line(label=label, x=ranks, mean=right, low=nothing, high=nothing))
        panels.append(
            Panel(
                title="all seeds", xlabel="seeds, from low to high", ylabel="share of transitions that are right",
                lines=shares, limits=(0, 1.05),
            )
        )  # fmt: skip
        panels += over_steps(by_label, "transitions", "share of transitions that are right", limits=(0, 1.05))
        title = (
            "automata in the states: grey arrows are the task's own transitions, red ones are not; dots: first steps"
        )
        return draw_panels(panels, title=title)


def _arrays(found: Extracted, most: int) -> dict[str, Array]:
    """The same in arrays of one size for all seeds."""
    room = most - len(found.name)
    padded = {
        "name": torch.nn.functional.pad(found.name, (0, room), value=-1),
        "leads": torch.nn.functional.pad(found.leads, (0, 0, 0, room), value=-1),
        "right": torch.nn.functional.pad(found.right, (0, 0, 0, room)),
        "counts": torch.nn.functional.pad(found.counts, (0, 0, 0, room)),
        "first": found.first,
    }
    shares = {"size": len(found.name), "transitions": found.transitions, "strings": found.strings}
    return {name: values.numpy() for name, values in padded.items()} | {
        name: np.array(value) for name, value in shares.items()
    }


def _diagram(label: str, arrays: Mapping[str, Array]) -> Diagram:
    """The first seed's."""
    name, leads, right, counts = (arrays[f"end_{part}"][0] for part in ("name", "leads", "right", "counts"))
    symbols = str(arrays["end_symbols"]).split("\n")
    size = int(arrays["end_size"][0])
    order = sorted(range(size), key=lambda state: int(name[state]))
    place = {state: index for index, state in enumerate(order)}
    ways: dict[tuple[int, int, bool], list[str]] = {}
    for state in order:
        for symbol, end in enumerate(leads[state]):
            if end >= 0:
                fits = bool(2 * right[state, symbol] > counts[state, symbol])
                ways.setdefault((place[state], place[int(end)], fits), []).append(symbols[symbol])
    begins: list[list[str]] = [[] for _ in order]
    for symbol, end in enumerate(arrays["end_first"][0] if "end_first" in arrays else []):  # not in earlier files
        if end >= 0:
            begins[place[int(end)]].append(symbols[symbol])
    share = float(arrays["end_transitions"][0])
    return Diagram(
        title=f"{label}, first seed: {size} states,\n{share:.1%} of transitions right",
        of=label,
        states=[str(int(name[state])) for state in order],
        begins=begins,
        arrows=[Arrow(start, end, named, fits) for (start, end, fits), named in ways.items()],
    )

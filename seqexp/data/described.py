"""What a task is, in one line."""

from __future__ import annotations

from collections.abc import Iterable

from seqexp.data.shape import Classes, Values
from seqexp.data.task import Sequences, Task
from seqexp.score import Score


def described(task: Task, first: Sequences, score: Score, guesses: Iterable[str], splits: int) -> str:
    """Says what is read and predicted, how much of it there is, and by what it is judged.

    Args:
        task: what is described.
        first: one seed's sequences.
        score: by which it is judged.
        guesses: names of what needs no network.
        splits: in how many ways the seeds split the same data.
    """
    steps = first.inputs.shape[1]
    length = f"{steps:,} steps" if first.lengths is None else f"{int(first.lengths.min()):,} to {steps:,} steps"
    inputs = (
        _counted(task.inputs.size, "number")
        if isinstance(task.inputs, Values)
        else f"one of {task.inputs.count} tokens"
    )
    targets = (
        f"one of {task.targets.count} classes"
        if isinstance(task.targets, Classes)
        else _counted(task.targets.size, "number")
    )
    when = "after the last step" if task.reads == "last" else "at every step"
    kind = f"windows in the order of {task.ordered_by}" if task.chronological else "sequences"
    shared = "the same for every seed" if splits == 1 else f"one set for all seeds, split in {splits} ways"
    data = shared if task.fixed else f"another seed has {task.varies}"
    floor = "" if first.best is None else "; the noise is known"
    solved = "; it says when it is solved" if type(task).solved is not Task.solved else ""
    return (
        f"{task.num_sequences:,} {kind} of {length}; {inputs} at each; predicts {targets} {when}; {data}; "
        f"{score.label}; beside networks stand {', '.join(guesses)}{floor}{solved}."
    )


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"

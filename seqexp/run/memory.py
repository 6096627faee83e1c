"""What a run will need of memory, told before it starts, and what there is."""

from __future__ import annotations

import math
from pathlib import Path

import psutil
import torch

from seqexp.data.module import PopulationData
from seqexp.model import Model
from seqexp.training.groups import EVALUATION_STATE, GROUP_STATE, cut, threads

COPIES_OF_DATA = 4
"""The splits, one seed's sample, a shuffled training split, and what is between them for a moment."""

COPIES_OF_EVALUATIONS = 2
"""All seeds' and one seed's, as their sample is laid into its place."""

COPIES_OF_PARAMETERS = 9
"""Values, two gradients (packed, of the last batch), Adam's two, kept ones, and those on their way to a file."""

COPIES_OF_PREDICTIONS = 8
"""The batches', one piece of them, float64 errors, and the file's content."""

CURVE_BYTES = 200
"""For each epoch of a seed: its scores, and their line in `curves.csv`."""

PROGRAM_BYTES = 48 * 2**20
"""What Lightning, TensorBoard and the figures take, whatever is trained."""

SLACK = 1.4
"""For what the allocator keeps, and what backward makes for a moment."""

SHORT = 16
"""Steps of the shortest sequence by which a cell's need is told, see `_written`."""

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
USES = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")
"""Where a container's limit and use stand, for the second and the first version of control groups."""


def least(data: PopulationData, itemsize: int) -> int:
    """Bytes that a run adds at least, told by the task before anything is sampled."""
    numbers = COPIES_OF_DATA * data.task.numbers + COPIES_OF_EVALUATIONS * data.evaluation_numbers
    return len(data.seeds) * numbers * itemsize


def predict(model: Model, data: PopulationData, itemsize: int, epochs: int, device: torch.device) -> int:
    """Estimates the bytes that a run adds to those of the program, at its peak.

    Args:
        model: one seed's model on the meta device, where tensors have shapes and no memory.
        data: all seeds' data, of which only the first seed's are made.
        itemsize: bytes of one number.
        epochs: how many there will be.
        device: where the population will live.
    """
    model.eval()  # dropout would ask for generators
    num_seeds = len(data.seeds)
    inputs, targets, *_ = data.first()
    start, stop = data.bounds["test"]
    numbers = (
        COPIES_OF_DATA * (inputs.numel() + 2 * targets.numel())
        + COPIES_OF_EVALUATIONS * data.evaluation_numbers
        + COPIES_OF_PARAMETERS * sum(parameter.numel() for parameter in model.parameters())
        + COPIES_OF_PREDICTIONS
        * (stop - start)
        * model.output_size
        * (inputs.shape[1] if model.reads == "steps" else 1)
    )
    curves = CURVE_BYTES * epochs
    batches = [] if model.cell.penalties else [(rows, True) for rows in data.batch_rows("train")]
    batches += [(rows, False) for rows in data.evaluation_rows()]
    passes = sum(_pass(model, inputs, rows, num_seeds, device, trained) for rows, trained in batches)
    return PROGRAM_BYTES + num_seeds * (numbers * itemsize + curves) + int(SLACK * passes) * itemsize


def available(device: torch.device) -> int:
    """Bytes that a program can still have, where the device's memory is."""
    if device.type == "cuda":
        free_bytes: int = torch.cuda.mem_get_info(device)[0]
        return free_bytes
    free = [psutil.virtual_memory().available]
    for limit, use in zip(LIMITS, USES, strict=True):
        try:
            free.append(int(Path(limit).read_text()) - int(Path(use).read_text()))
        except (OSError, ValueError):  # no such group, or the limit is "max"
            continue
    return max(0, min(free))


def readable(count: int) -> str:
    """Bytes in the largest unit that leaves a number of at least one."""
    power = min(int(math.log2(max(count, 1)) // 10), 4)
    return f"{count / 1024**power:.3g} {('bytes', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def _pass(model: Model, inputs: torch.Tensor, rows: int, num_seeds: int, device: torch.device, trained: bool) -> int:
    """Numbers that a pass writes for batches of so many sequences, in all groups that go on at once."""
    cost = model.cell.cost(rows, inputs.shape[1])
    workers, _ = threads(num_seeds, cost.state, torch.get_num_threads())
    most = GROUP_STATE if trained else EVALUATION_STATE
    groups = cut(num_seeds, cost, workers, device.type, most)
    sizes = [group.stop - group.start for group in groups]
    at_once = sum(size * min(workers, sizes.count(size)) for size in set(sizes))
    if (slots := model.cell.slots) > 1:  # which are filled, whatever the number of seeds
        at_once = slots * min(workers, -(-num_seeds // slots))
    batch = torch.empty(1, rows, *inputs.shape[1:], dtype=inputs.dtype, device="meta")
    numbers: int = ((_written(model, batch, trained) or cost.kept) + 4 * batch.numel()) * at_once
    return numbers


def _written(model: Model, batch: torch.Tensor, trained: bool) -> int:
    """Numbers that one seed's pass leaves in memory; 0 if the cell cannot run where tensors have no values.

    Of a long sequence they are told by three short ones, where they grow by as much from the first to the second as
    from there to the third: step by step, 5,000 of them take minutes.
    """
    steps = batch.shape[2]
    if steps > 4 * SHORT:
        few, more, most = (_written_by(model, batch[:, :, : times * SHORT], trained) for times in (1, 2, 3))
        if more - few == most - more:
            return few + (more - few) * (steps - SHORT) // SHORT
    return _written_by(model, batch, trained)


def _written_by(model: Model, batch: torch.Tensor, trained: bool) -> int:
    """The same, by one pass over the whole of the batch."""
    saved: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        saved[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes() // tensor.element_size()
        return tensor

    model.cell.forget_work_space()
    hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    try:
        with torch.device("meta"), torch.set_grad_enabled(trained), hooks:
            model(batch)
    except (NotImplementedError, RuntimeError):  # a cell that looks at values; its `cost` is what is known
        return 0
    return sum(saved.values()) + model.cell.work_space()

"""The questions of the lab sheet: the presets that answer each, what is judged of them, and the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqexp.lab import pictures
from seqexp.lab.runs import Key, Runs
from seqexp.lab.statement import Measured, Statement, decide, mean, more_solve, ratio
from seqexp.show.figures import Figure
from seqexp.statistics import Array

STEPS = 20
"""How far back gradients are measured, and memories asked for."""

LEFT = 0.1
"""A gradient of which no more than so much is left has vanished."""

SPREAD = 1.25
"""A network whose test error is above so many times its training error does not generalise well."""

HIGH = 0.3
"""Noise from here on is high, beside an amplitude of 1 and a lab sheet that has 0.1."""


class Question(NamedTuple):
    """What is asked.

    Attributes:
        asks: the question.
        presets: of `conf/experiment/lab`, which answer it.
        judge: what is stated, put to the test on the runs of these presets.
        draw: the picture that shows the answer.
    """

    asks: str
    presets: tuple[str, ...]
    judge: Callable[[Runs], list[Statement]]
    draw: Callable[[Runs], Figure]


def _called(cell: str) -> str:
    return cell.upper()


def _sine(runs: Runs) -> list[Statement]:
    keys = [("sine", *key) for key in runs.of("sine")]

    def against(name: str) -> list[Measured]:
        return [ratio(_called(key[1]), runs.scores(*key), runs.guess(*key, name=name), 1, False) for key in keys]

    return [
        decide(
            "A recurrent network foresees a noisy sine (Program 1).",
            "test MSE over that of the last value, repeated, is below 1",
            against("persistence"),
        ),
        decide(
            "A recurrent network foresees a noisy sine better than least squares on the same 20 values.",
            "test MSE over that of least squares is below 1",
            against("linear"),
        ),
    ]


def _sum(runs: Runs) -> list[Statement]:
    checks = []
    for _, epochs, rate in (key for key in runs.of("sum") if key[0] == "lstm"):
        ours, theirs = runs.scores("sum", "lstm", epochs, rate), runs.scores("sum", "rnn", epochs, rate)
        checks.append(ratio(f"{epochs} epochs at a rate of {rate}", ours, theirs, 1, False))
    says = "An LSTM outperforms an RNN with lower MSE on sums of 20 numbers (Post-lab)."
    return [decide(says, "test MSE of the LSTM over that of the RNN is below 1", checks)]


def _memory(runs: Runs) -> list[Statement]:
    found = {cell: runs.arrays("memory", cell, name="memory") for (cell,) in runs.of("memory")}
    return [
        decide(
            "A hidden state stores earlier inputs.",
            "memory capacity after training is above 1, which the present input alone makes",
            [mean(_called(cell), arrays["end_capacity"], 1, True) for cell, arrays in found.items()],
        ),
        decide(
            f"A hidden state still holds most of an input {STEPS} steps ago, of which nobody asked in training.",
            f"a linear readout recovers more than half of the variance of the input {STEPS} steps ago",
            [mean(_called(cell), arrays["end_r2"][:, 0, STEPS], 0.5, True) for cell, arrays in found.items()],
        ),
    ]


def factors(runs: Runs, key: Key, time: str) -> Array:
    """By what a gradient shrinks in each step back, for each seed: of the state c of an LSTM, which carries most."""
    arrays = runs.arrays(*key, name="gradient_lag")
    norms = arrays[f"{time}_c" if f"{time}_c" in arrays else f"{time}_h"]
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Array = (norms[:, STEPS] / norms[:, 0]) ** (1 / STEPS)
    return found


TIMES = {"start": "before training", "end": "after training"}


def _gradients(runs: Runs) -> list[Statement]:
    keys: dict[str, Key] = {_called(cell): ("gradients", cell) for (cell,) in runs.of("gradients")}
    keys |= {f"LSTM, forget bias {bias}": ("forget_bias", cell, bias) for cell, bias in runs.of("forget_bias")}
    found = {f"{name} {said}": factors(runs, key, time) for time, said in TIMES.items() for name, key in keys.items()}
    rnn = {said: factors(runs, ("gradients", "rnn"), time) for time, said in TIMES.items()}
    gated = {name: values for name, values in found.items() if not name.startswith("RNN")}
    step = f"geometric mean over {STEPS} steps, of an LSTM that of its state c"
    return [
        decide(
            "A gradient shrinks from step to step on its way back.",
            f"its factor in a step is below 1 ({step})",
            [ratio(name, values, np.ones(1), 1, False) for name, values in found.items()],
        ),
        decide(
            "With gates a gradient shrinks less than an RNN's.",
            f"the factor over the RNN's, before or after training, is above 1 ({step})",
            [
                ratio(name, values, next(other for said, other in rnn.items() if name.endswith(said)), 1, True)
                for name, values in gated.items()
            ],
        ),
        decide(
            "With gates a gradient does not vanish.",
            f"more than {LEFT:g} of it is left {STEPS} steps back",
            [ratio(name, values**STEPS, np.ones(1), LEFT, True) for name, values in gated.items()],
        ),
    ]


def kept(runs: Runs, preset: str, cell: str) -> tuple[Array, Array]:
    """The gate that keeps the state, its mean over units (S, T), and the input (S, T)."""
    arrays = runs.arrays(preset, cell, name="gates")
    return arrays["end_f" if cell == "lstm" else "end_z"].mean(2), arrays["end_input"][:, :, 0]


GATES = {"lstm": "forget gate of the LSTM", "gru": "update gate of the GRU"}


def _gates(runs: Runs) -> list[Statement]:
    sums = {
        name: kept(runs, "gradients", cell)[0].mean(1) for cell, name in GATES.items() if ("gradients", cell) in runs
    }
    quiet, loud = {}, {}
    for (cell,) in runs.of("gates"):
        gate, pulse = kept(runs, "gates", cell)
        quiet[GATES[cell]] = np.nanmean(np.where(pulse == 0, gate, np.nan), 1)
        loud[GATES[cell]] = np.nanmean(np.where(pulse != 0, gate, np.nan), 1)
    return [
        decide(
            "A gate stays open to keep what is stored.",
            "its mean over a test sequence of each seed, for one bit in steps without a pulse, is above 0.5",
            [
                *(mean(f"a sum: {name}", values, 0.5, True) for name, values in sums.items()),
                *(mean(f"one bit: {name}", values, 0.5, True) for name, values in quiet.items()),
            ],
        ),
        decide(
            "A gate closes when something new is to be stored.",
            "its mean in steps with a pulse, less that in steps without, is below 0 (one test sequence of each seed)",
            [mean(f"one bit: {name}", loud[name] - values, 0, False) for name, values in quiet.items()],
        ),
    ]


def _long(runs: Runs) -> list[Statement]:
    lags = [lag for cell, lag in runs.of("long") if cell == "rnn"]

    def against(cell: str) -> list[Measured]:
        names = (_called(cell), "RNN")
        return [
            more_solve(f"p = {lag}", runs.solved("long", cell, lag), runs.solved("long", "rnn", lag), names)
            for lag in lags
        ]

    rule = "of the seeds that one of the two solves alone, the share that the {} solves is above 1/2"
    return [
        decide("An LSTM learns longer dependencies than an RNN.", rule.format("LSTM"), against("lstm")),
        decide("A GRU learns longer dependencies than an RNN.", rule.format("GRU"), against("gru")),
    ]


def _noise(runs: Runs) -> list[Statement]:
    keys = [("noise", *key) for key in runs.of("noise")]
    names = {key: f"{_called(key[1])}, noise {key[2]}" for key in keys}
    spread = [ratio(names[key], runs.scores(*key), runs.scores(*key, part="train"), SPREAD, False) for key in keys]
    high = [key for key in keys if float(key[2]) >= HIGH]
    trained = [ratio(names[key], runs.scores(*key), runs.guess(*key, name="linear"), 1, True) for key in high]
    added = []
    for key in (key for key in keys if key[2] == keys[0][2]):
        arrays = runs.arrays(*key, name="noise")
        for place, size in enumerate(arrays["end_sizes"][0]):
            if size in (HIGH, 1.0):
                name = f"{_called(key[1])}, {size:g} of the inputs' deviation"
                added.append(ratio(name, arrays["end_score"][:, place], arrays["end_linear"][:, place], 1, True))
    stated = [
        decide(
            "A network generalises well on the noisy sine.",
            f"test MSE over training MSE is below {SPREAD:g}",
            spread,
        ),
        decide(
            "A network struggles with high noise that it was trained with.",
            "test MSE over that of least squares on the same windows is above 1",
            trained,
        ),
        decide(
            f"Trained with noise of {keys[0][2]}, a network struggles with more noise on its inputs.",
            "MSE over that of least squares under the same noise is above 1",
            added,
        ),
    ]
    return [each for each in stated if each.checks]


def _bidirectional(runs: Runs) -> list[Statement]:
    helps, floor = [], []
    for _, shift in (key for key in runs.of("bidirectional") if key[0] == "true"):
        both, forward = (runs.scores("bidirectional", each, shift) for each in ("true", "false"))
        coming = max(0, int(shift) - 1)
        where = f"{coming} of 4 values still to come" if coming else "all values in the past"
        helps.append(ratio(where, both, forward, 1, False))
        if coming:
            floor.append(mean(where, both, coming / 4, False))
    stated = [
        decide(
            "A bidirectional network predicts better than one that reads forward.",
            "test MSE over that of the same cell, forward, is below 1",
            helps,
        )
    ]
    if floor:
        stated.append(
            decide(
                "A bidirectional network uses what is still to come.",
                "test MSE is below the share of the values asked for that is still to come, as of all who read forward",
                floor,
            )
        )
    last, ends = runs.from_the_end("bidirectional", "true", runs.of("bidirectional")[0][1])
    stated.append(
        decide(
            "The last output of a bidirectional network has read the sequence from both sides.",
            "its half from the end changes when all inputs but the last do (RMS above 0)",
            [mean("output[:, -1] of torch", last, 0, True), mean("h_n of torch, which seqexp reads", ends, 0, True)],
        )
    )
    return stated


def _text(runs: Runs) -> list[Statement]:
    checks = [
        ratio(
            f"{_called(cell)}, order {order}", runs.scores("text", cell), runs.guess("text", cell, name=name), 1, False
        )
        for name, order in pictures.ORDERS.items()
        for (cell,) in runs.of("text")
    ]
    says = "A recurrent network models text better than counting does."
    return [decide(says, "bits per character over those of an n-gram model are below 1", checks)]


QUESTIONS: dict[str, Question] = {
    "sine": Question("What does Program 1 show?", ("sine",), _sine, pictures.sine),
    "sum": Question("Does an LSTM outperform an RNN on sums (Post-lab)?", ("sum",), _sum, pictures.sums),
    "memory": Question("What does a hidden state store?", ("memory",), _memory, pictures.memory),
    "gradients": Question(
        "Do gradients vanish, and do gates help?", ("gradients", "forget_bias"), _gradients, pictures.gradients
    ),
    "gates": Question("What do gates do?", ("gradients", "gates"), _gates, pictures.gates),
    "long": Question("How far back can each cell learn to look?", ("long",), _long, pictures.long),
    "noise": Question("Does a network cope with noise?", ("noise",), _noise, pictures.noise),
    "bidirectional": Question(
        "Where does reading from both sides help?", ("bidirectional",), _bidirectional, pictures.bidirectional
    ),
    "text": Question("Are recurrent networks for text?", ("text",), _text, pictures.text),
}
"""By name, in the order of the sheet."""

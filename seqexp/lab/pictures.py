"""The picture that shows the answer to each question of the lab."""

from __future__ import annotations

import numpy as np

from seqexp.lab.runs import Key, Runs
from seqexp.show.figures import Figure
from seqexp.show.lines import Line, Panel, draw_panels
from seqexp.statistics.success import clopper_pearson


def _cells(runs: Runs, preset: str) -> dict[str, Key]:
    """The runs of a preset with the first of each value but the cell, by cell."""
    found: dict[str, Key] = {}
    for key in runs.of(preset):
        found.setdefault(key[0], (preset, *key))
    return found


def sine(runs: Runs) -> Figure:
    """With which value each cell's forecast agrees most."""
    return runs.draw("lag", _cells(runs, "sine"))


def sums(runs: Runs) -> Figure:
    """Which of the 20 numbers a prediction owes to, as trained on the sheet."""
    return runs.draw("attribution", _cells(runs, "sum"))


def memory(runs: Runs) -> Figure:
    """What a linear readout recovers of earlier inputs."""
    return runs.draw("memory", _cells(runs, "memory"))


def gradients(runs: Runs) -> Figure:
    """Gradients against the lag, of an RNN, and an LSTM with each forget bias."""
    labels = {cell: key for cell, key in _cells(runs, "gradients").items() if cell != "gru"}
    labels |= {f"lstm forget_bias={key[1]}": ("forget_bias", *key) for key in runs.of("forget_bias")[1:]}
    return runs.draw("gradient_lag", labels)


def gates(runs: Runs) -> Figure:
    """Input, states and gates over one sequence."""
    return runs.draw("gates", _cells(runs, "gates"))


def noise(runs: Runs) -> Figure:
    """The score against noise on the inputs."""
    return runs.draw("noise", _cells(runs, "noise"))


def long(runs: Runs) -> Figure:
    """The share of seeds that solve first_last, against p."""
    lines = []
    for cell in _cells(runs, "long"):
        solved = {float(lag): runs.solved("long", name, lag) for name, lag in runs.of("long") if name == cell}
        ends = np.array([clopper_pearson(sum(each), len(each)) for each in solved.values()])
        share = np.array([np.mean(each) for each in solved.values()])
        lines.append(Line(label=cell, x=np.array(list(solved)), mean=share, low=ends[:, 0], high=ends[:, 1]))
    panel = Panel(
        title="the last symbol is the first one, p steps ago",
        xlabel="p (steps)",
        ylabel="share of seeds that solve it",
        lines=lines,
        xlog=True,
        limits=(-0.03, 1.03),
    )
    return draw_panels([panel])


def bidirectional(runs: Runs) -> Figure:
    """The test MSE against how many of the values are still to come."""
    lines = []
    for value, name in (("false", "rnn"), ("true", "rnn bidirectional")):
        shifts = [shift for each, shift in runs.of("bidirectional") if each == value]
        scores = np.stack([runs.scores("bidirectional", value, shift) for shift in shifts], 1)  # (S, A)
        coming = np.array([max(0.0, float(shift) - 1) for shift in shifts])
        lines.append(Line.over_seeds(name, coming, scores))
    lines.append(Line.known("least that reading forward allows", coming, coming / 4))
    panel = Panel(
        title="four values of white noise around the present one",
        xlabel="of which are still to come",
        ylabel="test MSE",
        lines=lines,
        limits=(-0.02, None),
    )
    return draw_panels([panel])


def text(runs: Runs) -> Figure:
    """Bits per character of each cell, and of n-gram models."""
    orders = {"constant": 0.0, "order_1": 1.0, "order_2": 2.0, "order_5": 5.0}
    x = np.array(list(orders.values()))
    lines = []
    for cell, key in _cells(runs, "text").items():
        lines.append(Line.over_seeds(cell, x, np.repeat(runs.scores(*key)[:, None], len(x), 1)))
    guesses = [float(np.mean(runs.guess(*key, name=name))) for name in orders]
    lines.append(Line.known("n-gram model", x, np.array(guesses)))
    panel = Panel(
        title="the next character of Python's help texts",
        xlabel="order of the n-gram model (characters that it reads)",
        ylabel="bits per character",
        lines=lines,
        limits=(0, None),
    )
    return draw_panels([panel])

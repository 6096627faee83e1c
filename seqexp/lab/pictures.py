"""The picture that shows the answer to each question of the lab."""

from __future__ import annotations

import numpy as np

from seqexp.lab.runs import Key, Runs
from seqexp.show.figures import Figure
from seqexp.show.lines import Line, Panel, draw_lines, draw_panels
from seqexp.show.maps import Heat
from seqexp.statistics.success import clopper_pearson

ORDERS = {"constant": 0, "order_1": 1, "order_2": 2, "order_5": 5}
"""The n-gram models: guess, and how many characters it reads."""


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
    """By how much a prediction changes where one of the 20 numbers is hidden: trained as on the sheet, and longer."""
    keys = runs.of("sum")
    lines: list[Line] = []
    for epochs, rate in dict.fromkeys([keys[0][1:], keys[-1][1:]]):
        for cell in _cells(runs, "sum"):
            values = runs.arrays("sum", cell, epochs, rate, name="attribution")["end_occlusion"]  # (S, K + 1)
            lags = np.arange(float(values.shape[1]))
            name = f"{cell}, {epochs} epochs at {rate}"
            lines.append(Line.over_seeds(name, lags, values, of=cell, turn=len(lines) // 2))
    lines.append(Line.known("the sum itself", lags, np.ones(len(lags))))
    panel = Panel(
        title="what the prediction of a sum owes to each number",
        xlabel="lag k (steps before the last)",
        ylabel="RMS change where it is hidden",
        lines=lines,
        limits=(0, None),
    )
    return draw_panels([panel])


def memory(runs: Runs) -> Figure:
    """What a linear readout recovers of earlier inputs."""
    return runs.draw("memory", _cells(runs, "memory"))


def gradients(runs: Runs) -> Figure:
    """Gradients against the lag, of each cell, of an LSTM that of its state c, also with each forget bias."""
    keys: dict[str, tuple[Key, str]] = {
        cell: (key, "c" if cell == "lstm" else "h") for cell, key in _cells(runs, "gradients").items()
    }
    keys |= {f"lstm, forget bias {key[1]}": (("forget_bias", *key), "c") for key in runs.of("forget_bias")}
    panels = {}
    for time, title in {"start": "before training", "end": "after training"}.items():
        lines: list[Line] = []
        for name, (key, state) in keys.items():
            turn = sum(line.of == key[1] for line in lines)
            norms = runs.arrays(*key, name="gradient_lag")[f"{time}_{state}"]  # (S, K + 1)
            lags = np.arange(float(norms.shape[1]))
            lines.append(Line.over_seeds(name, lags, norms / norms[:, :1], logs=True, of=key[1], turn=turn))
        panels[title] = lines
    biases = [float(key[1]) for key in runs.of("forget_bias")]
    laws = {
        f"\N{GREEK SMALL LETTER SIGMA}({bias:g})\N{MODIFIER LETTER SMALL K}": 1 / (1 + np.exp(-bias)) for bias in biases
    }
    panels["before training"] += [Line.known(name, lags, factor**lags) for name, factor in laws.items()]
    return draw_lines(panels, "lag k (steps before the last)", "norm of the gradient,\nrelative to lag 0")


def gates(runs: Runs) -> Figure:
    """Input, state and the gate that keeps it, over one sequence: of the seed whose input varies most, so that the bit
    turns.
    """
    rows: list[list[Heat]] = [[], [], []]
    for cell, key in _cells(runs, "gates").items():
        arrays = runs.arrays(*key, name="gates")
        state, gate = ("c", "f") if cell == "lstm" else ("h", "z")
        seed = int(arrays["end_input"].std((1, 2)).argmax())
        for row, (name, limits) in zip(rows, (("input", None), (state, None), (gate, (0.0, 1.0))), strict=True):
            values = arrays[f"end_{name}"][seed].T
            where = "feature" if name == "input" else "unit"
            row.append(
                Heat(title=f"{cell}: {name}", xlabel="step", ylabel=where, values=values, unit=name, limits=limits)
            )
    return draw_panels([panel for row in rows for panel in row], height=1.9)


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
        lags = np.array(list(solved))
        lines.append(Line(label=cell, x=lags, mean=share, low=ends[:, 0], high=ends[:, 1]))
    steps = np.linspace(lags.min(), lags.max(), 200)
    lines.append(
        Line.known("left of an LSTM's gradient at its start, \N{GREEK SMALL LETTER SIGMA}(0)^p", steps, 0.5**steps)
    )
    panel = Panel(
        title="the last symbol is the first one, p steps ago",
        xlabel="p (steps)",
        ylabel="share of seeds that solve it",
        lines=lines,
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
    keys = _cells(runs, "text")
    first = next(iter(keys.values()))
    x = np.array(list(ORDERS.values()), dtype=float)
    lines = [Line.over_seeds(cell, x, np.repeat(runs.scores(*key)[:, None], len(x), 1)) for cell, key in keys.items()]
    guesses = [float(np.mean(runs.guess(*first, name=name))) for name in ORDERS]
    lines.append(Line.known("n-gram model", x, np.array(guesses)))
    panel = Panel(
        title="the next character of Python's help texts",
        xlabel="order of the n-gram model (characters that it reads)",
        ylabel="bits per character",
        lines=lines,
        limits=(0, None),
    )
    return draw_panels([panel])

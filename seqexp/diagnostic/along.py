"""What was measured at each step of which a run kept the weights, as a panel beside start and end."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from seqexp.diagnostic.diagnostic import STEPS, Array
from seqexp.show.lines import Line, Panel

START = 0.5
"""Where step 0 is drawn: a logarithmic axis has no place for it."""


def over_steps(
    by_label: Mapping[str, Mapping[str, Array]],
    quantity: str,
    ylabel: str,
    called: Callable[[str, str], str] = lambda label, which: f"{label}, {which}" if which else label,
    law: str = "",
    known: Mapping[str, float] | None = None,
    limits: tuple[float | None, float | None] = (0, None),
) -> list[Panel]:
    """A panel of a quantity over the steps of training; none where no run kept its weights.

    Args:
        by_label: what `Diagnostic.draw` gets.
        quantity: the end of the names in `Diagnostic.numbers` that are drawn.
        ylabel: left of the panel.
        called: what the legend calls a label's number, given the label and what stands before `quantity`.
        law: the name in `Diagnostic.numbers` of what is known and not measured; its mean over seeds is drawn dotted.
        known: numbers that are known and the same at each step, by what the legend calls them.
        limits: of the vertical axis.
    """
    lines = []
    for label, arrays in by_label.items():
        names = [name for name in arrays if name.startswith(f"{STEPS}_") and name.endswith(quantity)]
        for turn, name in enumerate(names):
            steps = np.maximum(arrays[STEPS][0], START)
            which = name.removeprefix(f"{STEPS}_").removesuffix(quantity).rstrip("_")
            lines.append(Line.over_seeds(called(label, which), steps, arrays[name], of=label, turn=turn))
        theory = arrays.get(f"{STEPS}_{law}")
        if theory is not None and names and np.isfinite(theory).all():
            lines.append(Line.known(called(label, law), steps, theory.mean(0), of=label))
    if lines:
        ends = np.array([min(line.x[0] for line in lines), max(line.x[-1] for line in lines)])
        lines += [Line.known(said, ends, np.full(2, number)) for said, number in (known or {}).items()]
    where = f"step of training (0 is drawn at {START})"
    panel = Panel(title="along training", xlabel=where, ylabel=ylabel, lines=lines, xlog=True, limits=limits)
    return [panel] if lines else []

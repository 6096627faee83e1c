"""Eigenvalues and singular values of a cell's recurrent weights, against the unit circle."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from seqexp.cell.recurrences import recurrences
from seqexp.cell.recurrent import Recurrent
from seqexp.data.split import Split
from seqexp.diagnostic.along import over_steps
from seqexp.diagnostic.diagnostic import Array, Diagnostic, Measured, When
from seqexp.model import Model
from seqexp.score import Score
from seqexp.show.lines import Line, Panel, draw_panels
from seqexp.show.planes import Cloud, Plane

if TYPE_CHECKING:
    from seqexp.show.figures import Figure

TITLES: dict[str, str] = {"start": "before training", "end": "after training"}

ONE = "1: nothing shrinks or is stretched"


class Spectrum(Diagnostic):
    """Eigenvalues and singular values of the weights by which a state reaches the next one, before and after training.

    Each gate's block of W_hh is a matrix of its own. Eigenvalues inside the unit circle shrink what is stored, those
    outside let it grow, and their angle turns it by so much at each step; singular values say by how much one step
    stretches each direction. This is exact of a linear recurrence (the lambda of an LRU, and of an S4D as its step dt
    discretises it) and near rest of a tanh RNN; the leak of an ESN is part of its matrix. In a gate the same numbers
    say only how strongly it listens to the state; what the whole step does to a state near rest is the r of
    `gradient_lag`.

    The matrix of a rotation has all its eigenvalues on the circle, and singular values of 1. Weights that are drawn
    from U(-1/sqrt(H), 1/sqrt(H)), as torch does, have their eigenvalues spread evenly over a disk of radius 1/sqrt(3)
    as H grows (the circular law), and singular values up to 2/sqrt(3).

    Source: V. L. Girko, "Circular law", Theory of Probability and its Applications 29 (1985).
    """

    when: ClassVar[tuple[When, ...]] = ("start", "end")
    along: ClassVar[bool] = True

    def check(self, model: Model) -> None:
        """Refuses a cell that has no such weights.

        Raises:
            ValueError: see there.
        """
        if not recurrences(model.cell):
            raise ValueError(
                f"needs a cell in which fixed square matrices, or diagonals, lead from a state to the next, and "
                f"{type(model.cell).__name__} has none"
            )

    @torch.no_grad()
    def measure(self, model: Model, score: Score, split: Split) -> Measured:
        """Measures of each block, `f_l0`, `f_l0_eigenvalues` and `f_l0_singular`, (S, H), from large to small.

        Beside them stands `law`, the radius of the circular law where torch's initialisation was asked for, else NaN.
        """
        found: Measured = {}
        for name, weights in recurrences(model.cell).items():
            eigenvalues, singular = spectrum(weights)
            found |= {f"{name}_eigenvalues": eigenvalues.numpy(), f"{name}_singular": singular.numpy()}
        cell = model.cell
        scale = cell.init_scale if isinstance(cell, Recurrent) and cell.init == "torch" else math.nan
        return {**found, "law": np.array(scale / math.sqrt(3))}

    def numbers(self, measured: Mapping[str, Array]) -> Measured:
        """Of the top layer's blocks, forward: the spectral radius, and the largest singular value."""
        shown = _shown({f"end_{name}": values for name, values in measured.items()}, "end").items()
        radii = {f"{block}_radius": np.abs(measured[f"{name}_eigenvalues"][:, 0]) for block, name in shown}
        return radii | {f"{block}_stretch": measured[f"{name}_singular"][:, 0] for block, name in shown}

    def draw(self, by_label: Mapping[str, Mapping[str, Array]]) -> Figure:
        """Draws the top layer's in the complex plane, and its singular values by rank; the forward direction's."""
        panels: list[Panel | Plane] = []
        for time, title in TITLES.items():
            clouds: list[Cloud] = []
            lines: list[Line] = []
            for label, arrays in by_label.items():
                for turn, (block, name) in enumerate(_shown(arrays, time).items()):
                    called = _called(label, block)
                    values = arrays[f"{time}_{name}_eigenvalues"].flatten()
                    clouds.append(Cloud(label=called, of=label, x=values.real, y=values.imag, turn=turn))
                    singular = arrays[f"{time}_{name}_singular"]
                    ranks = np.arange(1.0, singular.shape[1] + 1)
                    lines.append(Line.over_seeds(called, ranks, singular, of=label, turn=turn))
            circles = {"unit circle": 1.0}
            laws = {float(arrays[f"{time}_law"]) for arrays in by_label.values()}
            if time == "start":
                circles |= {
                    f"circular law of weights from U(±{law * math.sqrt(3):.3g}/√H): radius {law:.3f}": law
                    for law in sorted(laws)
                    if math.isfinite(law)
                }
            most = max((line.x[-1] for line in lines), default=1.0)
            lines.append(Line.known(ONE, np.array([1.0, most]), np.ones(2)))
            panels.append(
                Plane(
                    title=title, xlabel="real part", ylabel="imaginary part", clouds=clouds, circles=circles, even=True
                )
            )
            panels.append(
                Panel(
                    title=title, xlabel="rank", ylabel="singular value, mean over seeds", lines=lines, limits=(0, None)
                )
            )
        for quantity, ylabel in (("radius", "largest |eigenvalue|"), ("stretch", "largest singular value")):
            panels += over_steps(by_label, quantity, ylabel, _called, known={ONE: 1.0})
        return draw_panels(panels)


def spectrum(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Computes eigenvalues, complex, and singular values, (S, H) each and from large to small.

    Args:
        weights: matrices (S, H, H) or diagonals (S, H); a seed whose weights are not finite gets NaN.
    """
    finite = weights.isfinite().flatten(1).all(1)  # (S,)
    eigenvalues = torch.full(weights.shape[:2], torch.nan, dtype=torch.complex128)
    singular = torch.full(weights.shape[:2], torch.nan, dtype=torch.float64)
    if finite.any():
        there = weights[finite]
        values = (there if there.dim() == 2 else torch.linalg.eigvals(there)).to(eigenvalues.dtype)
        order = values.abs().argsort(1, descending=True)
        eigenvalues[finite] = ranked = values.gather(1, order)
        singular[finite] = ranked.abs() if there.dim() == 2 else torch.linalg.svdvals(there)
    return eigenvalues, singular


def _called(label: str, block: str) -> str:
    return label if block in ("hh", "lambda") else f"{label}, gate {block}"


def _shown(arrays: Mapping[str, Array], time: str) -> dict[str, str]:
    """The blocks of the top layer's forward direction: what they are called -> the name of their arrays."""
    names = [found[1] for name in arrays if (found := re.fullmatch(rf"{time}_(\w+_l\d+)_eigenvalues", name))]
    top = max((int(name.rpartition("_l")[2]) for name in names), default=0)
    return {name.rpartition("_l")[0]: name for name in names if name.endswith(f"_l{top}")}

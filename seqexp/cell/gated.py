"""The base of recurrent cells that have a gate which keeps the state: how its bias begins."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Generator

from seqexp.cell.initial import chrono
from seqexp.cell.recurrent import Recurrent, Weights


class Gated(Recurrent):
    """A recurrent cell one of whose gates says how much of the state is kept.

    Attributes:
        forget_gate: that gate's row block in each parameter, and 1.0 if a larger value keeps more, -1.0 if less.
        input_gate: the row block of the gate that lets new values in; None where the gate that keeps does both.
        forget_bias: total bias at the start by which the state is kept; None leaves what `init` gives.
        t_max: the longest dependency that `init` chrono is for.
    """

    forget_gate: ClassVar[tuple[int, float]]
    input_gate: ClassVar[int | None] = None
    inits = ("torch", "orthogonal", "chrono")

    def __init__(
        self,
        *sizes: Any,
        forget_bias: float | None = None,
        t_max: int | None = None,
        **settings: Any,
    ) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            forget_bias: b of the gate that keeps the state, at the start: of a state that nothing is added to, a share
                sigmoid(b) is left after a step. (b_ih is set to it and b_hh to 0, as they are added.)
            t_max: T_max of `init` chrono, in steps; None takes the steps of the training sequences.
            settings: by name. `init` can also be "chrono": as "torch", and the gate that keeps the state has the bias
                log U(1, T_max - 1), the input gate, if there is one, minus that; see `seqexp.cell.initial.chrono`.

        Raises:
            ValueError: if an argument is out of range.
        """
        super().__init__(*sizes, **settings)
        if t_max is not None and t_max < 3:
            raise ValueError(f"t_max must be >= 3, or null for the steps of the task's sequences, got {t_max}")
        if t_max is not None and self.init != "chrono":
            raise ValueError(f"t_max must be null where init is not chrono, which alone uses it, got {t_max}")
        if forget_bias is not None and self.init == "chrono":
            raise ValueError(f"forget_bias must be null where init is chrono, which draws it, got {forget_bias}")
        self.forget_bias = forget_bias
        self.t_max = t_max

    def expect(self, steps: int) -> None:
        """Takes the steps of the training sequences as the longest dependency, where the settings name none."""
        if self.t_max is None and self.init == "chrono":
            if steps < 3:
                raise ValueError(f"init=chrono needs sequences of at least 3 steps, or t_max, got {steps} steps")
            self.t_max = steps

    def finish(self, index: int, weights: Weights, generator: Generator) -> None:
        """Sets the biases of the gates."""
        if self.init != "chrono":
            if self.forget_bias is not None:
                self._set(index, weights, self.forget_gate[0], self.forget_gate[1] * self.forget_bias)
            return
        if self.t_max is None:
            raise ValueError("t_max must be given, or the steps of the sequences (expect), before weights are drawn")
        block, sign = self.forget_gate
        keeps = chrono(self.hidden_size, self.t_max, weights.bias_ih.dtype, generator)
        self._set(index, weights, block, sign * keeps)
        if self.input_gate is not None:
            self._set(index, weights, self.input_gate, -keeps)

    def _set(self, index: int, weights: Weights, block: int, bias: Any) -> None:
        rows = slice(block * self.hidden_size, (block + 1) * self.hidden_size)
        weights.bias_ih[index, rows] = bias
        weights.bias_hh[index, rows] = 0

"""The echo-state network: a recurrence whose weights stay as they are drawn, read by a readout that is solved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.cell import Cell, Cost
from seqexp.cell.parallel import product
from seqexp.cell.threads import one_thread
from seqexp.cell.workspace import ALIGNMENT


class ESN(Cell):
    """The echo-state network: a reservoir that is never trained.

    f is tanh, or the identity where `linear`; a is the leak:

        h_t = (1 - a) h_{t-1} + a f(W_ih x_t + b + W_hh h_{t-1}),  h_0 = 0

    Nothing of this is learnt. The readout is: its weights minimise the mean squared error on the training split plus
    penalty times their squared norm, which one linear system for each penalty solves (`seqexp/training/solve.py`);
    each seed takes the penalty with its best validation score. The readout's bias is not penalised.

    W_ih has U(-input_scale, input_scale), b U(-bias_scale, bias_scale). Each row of W_hh has max(1, round(density H))
    weights that are not zero, at random places, U(-1, 1); then W_hh is multiplied so that its largest eigenvalue has
    the size spectral_radius. As every row has a weight, the units form a cycle somewhere, so that there is such an
    eigenvalue. A reservoir forgets its past for certain where the largest singular value of W_hh is below 1 (f has no
    slope above 1); a spectral radius below 1 is what is used in practice.

    Source: H. Jaeger, "The 'echo state' approach to analysing and training recurrent neural networks", GMD report 148
    (2001); the leak, the bias and ridge regression after M. Lukosevicius, "A practical guide to applying echo state
    networks" (2012). Their readout also sees the input; this one sees the state alone, as that of every cell here.

    Weights: `weight_ih` (S, H, I), `weight_hh` (S, H, H), `bias` (S, H). Carries H numbers from step to step.
    """

    def __init__(
        self,
        input_size: int,
        num_seeds: int,
        hidden_size: int,
        spectral_radius: float,
        leak: float,
        density: float,
        input_scale: float,
        bias_scale: float,
        linear: bool,
        penalties: Sequence[float],
    ) -> None:
        """Allocates the weights.

        Args:
            input_size: I.
            num_seeds: S.
            hidden_size: H, units of the reservoir.
            spectral_radius: size of the largest eigenvalue of W_hh.
            leak: a, share of a state that is new at each step.
            density: share of the weights of W_hh that are not zero.
            input_scale: largest weight of an input.
            bias_scale: largest bias.
            linear: whether f is the identity.
            penalties: of the squared norm of the readout's weights; the best on validation is taken.

        Raises:
            ValueError: if an argument is out of range.
        """
        if hidden_size < 1:
            raise ValueError(f"hidden_size must be >= 1, got {hidden_size}")
        super().__init__(input_size, num_seeds, hidden_size, causal=True)
        scales = {"spectral_radius": spectral_radius, "input_scale": input_scale, "bias_scale": bias_scale}
        for name, value in scales.items():
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be >= 0 and finite, got {value}")
        for name, value in {"leak": leak, "density": density}.items():
            if not 0 < value <= 1:
                raise ValueError(f"{name} must be > 0 and <= 1, got {value}")
        self.penalties = check_penalties(penalties)
        self.hidden_size = hidden_size
        self.spectral_radius = spectral_radius
        self.leak = leak
        self.density = density
        self.input_scale = input_scale
        self.bias_scale = bias_scale
        self.linear = linear
        self.weight_ih = nn.Parameter(torch.empty(num_seeds, hidden_size, input_size))
        self.weight_hh = nn.Parameter(torch.empty(num_seeds, hidden_size, hidden_size))
        self.bias = nn.Parameter(torch.empty(num_seeds, hidden_size))

    @property
    def state_size(self) -> int:
        """Numbers that are carried from one step to the next: H."""
        return self.hidden_size

    def draw(self, index: int, generator: Generator) -> None:
        """Draws W_ih, then b, then W_hh."""
        for parameter, scale in ((self.weight_ih, self.input_scale), (self.bias, self.bias_scale)):
            values = torch.empty(parameter[index].shape, dtype=parameter.dtype)
            parameter[index] = values.uniform_(-scale, scale, generator=generator)
        size, count = self.hidden_size, max(1, round(self.density * self.hidden_size))
        places = torch.rand(size, size, generator=generator, dtype=torch.float64).argsort(1)[:, :count]
        values = torch.empty(size, count, dtype=torch.float64).uniform_(-1, 1, generator=generator)
        weights = torch.zeros(size, size, dtype=torch.float64).scatter_(1, places, values)
        with one_thread():  # several round the eigenvalues otherwise
            radius = torch.linalg.eigvals(weights).abs().max()
        self.weight_hh[index] = weights * (self.spectral_radius / radius)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the states of every step, (S, B, T, I) -> (S, B, T, H)."""
        self.check(x, lengths)
        states = torch.stack(list(self._states(x)), dim=1)  # T times (S, H, N) -> (S, T, H, N)
        return states[..., : x.shape[1]].permute(0, 3, 1, 2)

    def last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the state after each sequence's last step, (S, B, T, I) -> (S, B, H); no other is kept."""
        self.check(x, lengths)
        B = x.shape[1]
        ends = None if lengths is None else nn.functional.pad(lengths - 1, (0, -B % ALIGNMENT))[:, None]  # (S, 1, N)
        found = x.new_zeros(())
        for step, state in enumerate(self._states(x)):
            found = state if ends is None else torch.where(ends == step, state, found)
        return found[..., :B].transpose(1, 2)

    def _states(self, x: Tensor) -> Iterator[Tensor]:
        """Yields the state after each step, (S, B, T, I) -> (S, H, N), with columns of padding behind the batch."""
        # (S, B, T, I) -> (S, I, T, N)
        columns = nn.functional.pad(x.permute(0, 3, 2, 1), (0, -x.shape[1] % ALIGNMENT)).contiguous()
        state = x.new_zeros(self.num_seeds, self.hidden_size, columns.shape[3])
        for step in columns.unbind(2):
            reached = product(self.weight_ih, step) + self.bias[..., None] + product(self.weight_hh, state)
            state = state.lerp(reached if self.linear else reached.tanh(), self.leak)
            yield state

    def remark(self) -> str:
        """Says what settings of training mean here."""
        return (
            "esn: the readout is solved on the training split, and nothing is trained: settings of the optimizer, of "
            "epochs, early stopping and checkpoints change nothing"
        )

    def cost(self, rows: int, steps: int) -> Cost:
        """Returns what a pass takes: the states of one step, padded, and all of them."""
        state = -(-rows // ALIGNMENT) * ALIGNMENT * self.hidden_size
        return Cost(state, state * steps)

    def extra_repr(self) -> str:
        """Returns the sizes, for print(module)."""
        names = ("input_size", "num_seeds", "hidden_size", "spectral_radius", "leak", "density", "linear")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


def check_penalties(penalties: Sequence[float]) -> tuple[float, ...]:
    """The penalties from the largest to the smallest.

    Raises:
        ValueError: they are no list of numbers > 0, all different.
    """
    rule = "penalties must be a list of numbers > 0, all different"
    if not isinstance(penalties, list | tuple) or not penalties:
        raise ValueError(f"{rule}, got {penalties!r}")
    for each in penalties:
        if isinstance(each, bool) or not isinstance(each, int | float) or not 0 < each < math.inf:
            raise ValueError(f"{rule}, got {each!r}")
    if len(set(penalties)) < len(penalties):
        raise ValueError(f"{rule}, got {list(penalties)}")
    return tuple(sorted(map(float, penalties), reverse=True))

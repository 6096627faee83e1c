"""The diagonal state-space layer S4D of Gu et al. (2022): many complex modes of each feature, in chunks of time."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.cell import Cost
from seqexp.cell.linear_scan import CHUNK, fold, unfold
from seqexp.cell.lru import GLU, Block, aligned, delayed
from seqexp.cell.modes import Modes, times, toeplitz, two_products
from seqexp.cell.parallel import Dense, Layer, Parallel, pick, product
from seqexp.cell.workspace import ALIGNMENT

Spectrum = Literal["lin", "inv"]


def frequencies(spectrum: Spectrum, modes: int) -> Tensor:
    """The imaginary parts of a feature's M modes at the start, in double precision."""
    n = torch.arange(modes, dtype=torch.float64)
    if spectrum == "lin":
        return math.pi * n
    return 2 * modes / math.pi * (2 * modes / (2 * n + 1) - 1)


class S4DLayer(Layer):
    """One layer; see `S4D` for its equations and parameters.

    What the inputs of a chunk of time do to its own outputs is one matrix, of the first numbers of the impulse
    response; see `seqexp.cell.modes` for the rest. No state of a single step is ever written.
    """

    def __init__(self, num_seeds: int, fan_in: int | None, hidden_size: int, modes: int, block: Block, start: Any):
        """Allocates the parameters; `fan_in` None is a layer without encoder, `start` spectrum, dt_min and dt_max."""
        super().__init__()
        S, H = num_seeds, hidden_size
        self.start = start
        self.encoder = None if fan_in is None else Dense(S, fan_in, H)
        self.log_dt, self.D = nn.Parameter(torch.empty(S, H)), nn.Parameter(torch.empty(S, H))
        self.log_decay, self.frequency = (nn.Parameter(torch.empty(S, H, modes)) for _ in range(2))
        self.C = nn.Parameter(torch.empty(S, H, 2 * modes))
        self.glu = GLU(S, H) if block == "glu" else None

    def modes(self, steps: int) -> tuple[Modes, tuple[Tensor, Tensor]]:
        """The powers of lambda within chunks of so many steps, and the parts of 2 C B, (S, H * M) each."""
        S, H, M = self.log_decay.shape
        dt = aligned(self.log_dt).exp()[:, :H].repeat_interleave(M, dim=1)
        dt, decay, frequency = aligned(dt), aligned(self.log_decay.flatten(1)).exp(), aligned(self.frequency.flatten(1))
        real, imaginary = -dt * decay, dt * frequency
        # lambda - 1, to all digits where lambda is nearly 1: exp(a + i b) - 1
        less = (
            torch.expm1(real) * imaginary.cos() - 2 * (imaginary / 2).sin().square(),
            real.exp() * imaginary.sin(),
        )
        norm = decay.square() + frequency.square()  # of padding 1
        held = times(less, (-decay / norm, -frequency / norm))  # (lambda - 1) / A
        C = self.C.view(S, H, 2, M)
        weight = times((2 * aligned(C[:, :, 0].flatten(1)), 2 * aligned(C[:, :, 1].flatten(1))), held)
        return Modes(real[:, : H * M], imaginary[:, : H * M], steps), (weight[0][:, : H * M], weight[1][:, : H * M])

    def enter(self, x: Tensor) -> Tensor:
        """The features that the modes follow, (S, F, T, N) -> (S, H, T, N)."""
        u: Tensor = x if self.encoder is None else self.encoder(x)
        return u

    def leave(self, y: Tensor, u: Tensor) -> Tensor:
        """Adds D u to the modes' part of the same steps, and maps all through the block."""
        y = y + self.D.view(*self.D.shape, *(1,) * (u.dim() - 2)) * u
        return y if self.glu is None else self.glu(y)

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""
        u = fold(self.enter(x))
        S, H, K, C, N = u.shape
        modes, weight = self.modes(K)
        columns = u.view(S * H, K, C * N)
        kernel = product(self.reading(weight), modes.powers.reshape(S * H, -1, K))[:, 0]  # 2 Re(C B lambda^n)
        within = toeplitz(kernel)
        if C == 1:
            return unfold(self.leave(product(within, columns).view_as(u), u), x.shape[2])
        into = modes.entering(self.ends(modes, u)).reshape(S * H, -1, C * N)
        following = (modes.next_powers[:, :, 0], modes.next_powers[:, :, 1])
        real, imaginary = times((weight[0].unsqueeze(2), weight[1].unsqueeze(2)), following)
        across = torch.stack([real, -imaginary], dim=2).view(S * H, -1, K).transpose(1, 2)
        y = two_products(within, columns, across, into).view_as(u)
        return unfold(self.leave(y, u), x.shape[2])

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Computes the state and the output at one step of each column alone."""
        entered = self.enter(x)
        u = fold(delayed(entered, ends))
        S, H, K, C, N = u.shape
        modes, weight = self.modes(K)
        state = self.ends(modes, u)
        if C > 1:
            state = modes.after(state)[:, :, -1:]
        y = product(self.reading(weight), state.reshape(S * H, -1, N))
        return self.leave(y.view(S, H, 1, N), pick(entered, ends))

    def ends(self, modes: Modes, u: Tensor) -> Tensor:
        """What each chunk leaves at its end, (S, H, K, C, N) -> (S, 2HM, C, N)."""
        S, H, K, C, N = u.shape
        back = modes.powers.flip(3).view(S * H, -1, K)  # (S, H * M, 2, K) -> (S * H, 2M, K)
        return product(back, u.view(S * H, K, C * N)).view(S, -1, C, N)

    def reading(self, weight: tuple[Tensor, Tensor]) -> Tensor:
        """The row that reads a feature's state, Re(weight h), (S * H, 1, 2M)."""
        S, H = self.log_dt.shape
        return torch.stack([weight[0], -weight[1]], dim=2).view(S * H, 1, -1)

    def draw(self, index: int, generator: Generator) -> None:
        """Draws the encoder, log_dt, C, D, then the block; decay and frequencies are not drawn."""
        spectrum, dt_min, dt_max = self.start
        dtype, M = self.C.dtype, self.log_decay.shape[2]
        if self.encoder is not None:
            self.encoder.draw(index, generator)
        u = torch.rand(self.log_dt.shape[1], dtype=torch.float64, generator=generator)
        self.log_dt[index] = (math.log(dt_min) + u * math.log(dt_max / dt_min)).to(dtype)
        self.log_decay[index] = math.log(0.5)
        self.frequency[index] = frequencies(spectrum, M).to(dtype)
        for parameter, deviation in ((self.C, math.sqrt(0.5)), (self.D, 1.0)):
            values = torch.empty(parameter[index].shape, dtype=dtype)
            parameter[index] = values.normal_(0, deviation, generator=generator)
        if self.glu is not None:
            self.glu.draw(index, generator)


class S4D(Parallel):
    """A stack of diagonal state-space layers: of each feature, M complex modes of its own.

        u_t = W x_t + b in the first layer, which makes I features H; above it u_t = x_t
        dt = exp(log_dt),  A = -exp(log_decay) + i frequency
        lambda = exp(dt A),  B = (lambda - 1) / A            zero-order hold, with B = 1 before it
        h_t = lambda h_{t-1} + B u_t,  h_0 = 0               M complex numbers of each feature
        y_t = 2 Re(sum over modes of C h_t) + D u_t
        output = y_t                                         block none
        output = V gelu(y_t) sigmoid(W gelu(y_t))            block glu; V and W with biases

    At the start log_dt is uniform on [log dt_min, log dt_max], exp(log_decay) = 1/2, C and D are standard normal (a
    complex one with variance 1), and with N = 2M, n = 0 .. M - 1,

        frequency = pi n                                     spectrum lin, S4D-Lin
        frequency = N / pi (N / (2 n + 1) - 1)               spectrum inv, S4D-Inv

    Source: A. Gu, A. Gupta, K. Goel, C. Re, "On the Parameterization and Initialization of Diagonal State Space Models"
    (2022), arXiv:2206.11893; defaults are those of the authors' `models/s4/s4d.py`: N = 64, dt from 0.001 to 0.1. They
    train dt and A at a learning rate of at most 0.001 and without weight decay; here all parameters have the
    optimiser's. Normalisation is left out, the skip around a layer is `residual`, dropout acts between layers.

    Weights of layer l, all with `layers.{l}.` before: `encoder.weight` (S, H, I), `encoder.bias` (S, H) in the first;
    `log_dt`, `D` (S, H), `log_decay`, `frequency` (S, H, M), `C` (S, H, 2M), of which the first M columns are real
    parts; with block glu `glu.both.weight` (S, 2H, H), `glu.both.bias` (S, 2H), rows V, W. Carries 2MH numbers per
    layer from step to step.
    """

    def __init__(
        self,
        *sizes: Any,
        num_modes: int,
        spectrum: Spectrum,
        dt_min: float,
        dt_max: float,
        block: Block,
        **settings: Any,
    ) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Parallel`, as are `settings`.
            num_modes: M of each feature; N of the paper is twice as many.
            spectrum: "lin" or "inv", the frequencies at the start.
            dt_min: smallest step of time at the start.
            dt_max: largest.
            block: "none" or "glu".
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if block not in ("none", "glu"):
            raise ValueError(f"block must be none or glu, got {block!r}")
        if spectrum not in ("lin", "inv"):
            raise ValueError(f"spectrum must be lin or inv, got {spectrum!r}")
        if not 0 < dt_min <= dt_max <= 1:
            raise ValueError(f"dt_min and dt_max must be 0 < dt_min <= dt_max <= 1, got {dt_min} and {dt_max}")
        if num_modes < 1:
            raise ValueError(f"num_modes must be >= 1, got {num_modes}")
        self.num_modes, self.block = num_modes, block
        self.start = (spectrum, dt_min, dt_max)
        super().__init__(*sizes, **settings)

    @property
    def state_size(self) -> int:
        """Numbers that all layers carry from step to step, two for each mode of each feature."""
        return 2 * self.num_modes * self.hidden_size * self.num_layers

    def make_layer(self, fan_in: int, layer: int) -> Layer:
        """Makes one layer, with an encoder at the bottom."""
        encoded = None if layer else fan_in
        return S4DLayer(self.num_seeds, encoded, self.hidden_size, self.num_modes, self.block, self.start)

    def cost(self, rows: int, steps: int) -> Cost:
        """Returns what a pass takes: states of chunks, and matrices of a chunk, stand beside every step's features."""
        wide = -(-rows // ALIGNMENT) * ALIGNMENT
        crossing = 0 if steps <= CHUNK else 1
        matrices = self.hidden_size * CHUNK * (CHUNK + (10 + 4 * crossing) * self.num_modes)
        state = wide * steps * self.hidden_size
        kept = state * 7 + crossing * 6 * self.num_modes * state // CHUNK + matrices
        return Cost(state, kept * self.num_layers)

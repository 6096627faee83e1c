"""The diagonal state-space layer S4D of Gu et al. (2022): many complex modes of each feature, in chunks of time."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.cell import Cost
from seqexp.cell.linear_scan import CHUNK, at_steps, fold, linear_scan, unfold
from seqexp.cell.lru import GLU, Block, aligned
from seqexp.cell.parallel import Dense, Layer, Parallel, product
from seqexp.cell.workspace import ALIGNMENT

Spectrum = Literal["lin", "inv"]


def frequencies(spectrum: Spectrum, modes: int) -> Tensor:
    """The imaginary parts of a feature's M modes at the start, in double precision."""
    n = torch.arange(modes, dtype=torch.float64)
    if spectrum == "lin":
        return math.pi * n
    return 2 * modes / math.pi * (2 * modes / (2 * n + 1) - 1)


def times(left: tuple[Tensor, Tensor], right: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The product of two complex numbers, each a real and an imaginary part."""
    (a, b), (c, d) = left, right
    return a * c - b * d, a * d + b * c


class S4DLayer(Layer):
    """One layer; see `S4D` for its equations and parameters.

    **In chunks.** Time is folded into chunks of K steps, as in `seqexp.cell.linear_scan`. As the coefficients are the
    same at all steps, what a chunk's inputs do to its own outputs is one matrix of the K first numbers of the impulse
    response, and what they leave at its end another. Only from one end to the next there is a recurrence, with the
    coefficient lambda^K: the linear scan, over a K-th of the steps. No state of a single step is ever written.
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

    def discretised(self) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
        """Log lambda, and what of 2 C B a step of input leaves, as parts (S, H * M) with padding after them."""
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
        return real, imaginary, times((2 * aligned(C[:, :, 0].flatten(1)), 2 * aligned(C[:, :, 1].flatten(1))), held)

    def respond(self, x: Tensor) -> Tensor:
        """The modes' part of the outputs, in folded time, (S, H, K, C, N) -> (S, H, K, C, N)."""
        S, H, K, C, N = x.shape
        M = self.log_decay.shape[2]
        real, imaginary, weight = self.discretised()
        n = torch.arange(CHUNK, dtype=x.dtype, device=x.device)
        size, angle = (real.unsqueeze(2) * n).exp(), imaginary.unsqueeze(2) * n
        # lambda^n, (S, H * M, CHUNK) each
        powers = tuple(part[:, : H * M] for part in (size * angle.cos(), size * angle.sin()))
        weight = (weight[0][:, : H * M], weight[1][:, : H * M])
        columns = x.view(S * H, K, C, N)

        first = torch.stack([weight[0], -weight[1]], dim=1).view(S, 2, H, M).transpose(1, 2).reshape(S * H, 1, 2 * M)
        kernel = product(first, self._by_feature(powers, M))[:, 0, :K]  # Re(2 C B lambda^n), (S * H, K)
        y = product(_toeplitz(kernel), columns)
        if C > 1:  # then K is CHUNK
            left = self._by_feature(powers, M).flip(2)
            ends = product(left, columns).view(S, H, 2, M, C, N).transpose(1, 2).reshape(S, 2 * H * M, C, N)
            one = (powers[0][..., 1], powers[1][..., 1])
            last = times(one, (powers[0][..., -1], powers[1][..., -1]))  # lambda^K
            h = unfold(linear_scan(torch.cat(last, dim=1), fold(ends), pairs=True), C)
            entering = nn.functional.pad(h[:, :, :-1], (0, 0, 1, 0)).view(S, 2, H, M, C, N).transpose(1, 2)
            later = times(times(weight, one), (powers[0].movedim(2, 0), powers[1].movedim(2, 0)))  # (K, S, H * M)
            reading = torch.stack([later[0], -later[1]]).view(2, K, S, H, M).permute(2, 3, 1, 0, 4)
            y = y + product(reading.reshape(S * H, K, 2 * M), entering.reshape(S * H, 2 * M, C, N))
        return y.view_as(x)

    @staticmethod
    def _by_feature(parts: tuple[Tensor, ...], modes: int) -> Tensor:
        """Lays powers by feature, (S, H * M, L) each -> (S * H, 2M, L)."""
        both = torch.stack([part.unflatten(1, (-1, modes)) for part in parts], dim=2)  # (S, H, 2, M, L)
        return both.flatten(2, 3).flatten(0, 1)

    def scan(self, x: Tensor) -> Tensor:
        """What comes before the block, (S, F, T, N) -> (S, H, K, C, N)."""
        u = fold(x)
        if self.encoder is not None:
            u = self.encoder(u)  # the bias stands after the last step, too, where nothing reads it
        return self.respond(u) + self.D.view(*self.D.shape, 1, 1, 1) * u

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""
        y = unfold(self.scan(x), x.shape[2])
        return y if self.glu is None else self.glu(y)

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Computes the block at one step of each column alone."""
        y = at_steps(self.scan(x), ends)
        return y if self.glu is None else self.glu(y)

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


def _toeplitz(kernel: Tensor) -> Tensor:
    """The matrix that convolves causally, its entry i, j being kernel i - j, (L, K) -> (L, K, K)."""
    K = kernel.shape[1]
    step = torch.arange(K, device=kernel.device)
    index = (step[:, None] - step + K).clamp(min=K - 1).flatten()  # below K: the zero that stands there
    padded = nn.functional.pad(kernel, (K, 0))
    return padded.gather(1, index.expand(len(kernel), -1)).view(-1, K, K)


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

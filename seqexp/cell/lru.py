"""The linear recurrent unit of Orvieto et al. (2023): a complex diagonal recurrence, in chunks of time."""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Generator, Tensor, nn
from torch.autograd.function import once_differentiable

from seqexp.cell.linear_scan import CHUNK, fold, unfold
from seqexp.cell.modes import Modes, two_products
from seqexp.cell.parallel import Dense, Layer, Parallel, pick, product
from seqexp.cell.threads import one_thread
from seqexp.cell.workspace import ALIGNMENT

Block = Literal["none", "glu"]


def aligned(parameter: Tensor) -> Tensor:
    """Pads rows (S, M) to whole vectors: elementwise functions round the odd numbers at an end differently."""
    return nn.functional.pad(parameter, (0, -parameter.shape[1] % ALIGNMENT))


def delayed(x: Tensor, ends: Tensor) -> Tensor:
    """Moves each column to end with the last step of whole chunks, zeros before it, (S, F, T, N) -> (S, F, T', N).

    Args:
        x: (S, F, T, N).
        ends: the step that becomes the last one, (S, N).
    """
    T = x.shape[2]
    whole = -(-T // CHUNK) * CHUNK if T > CHUNK else T
    step = torch.arange(whole, device=x.device)[:, None] - (whole - 1) + ends[:, None]  # (S, T', N)
    moved = x.gather(2, step.clamp(min=0)[:, None].expand(-1, x.shape[1], -1, -1))
    return moved.masked_fill(step[:, None] < 0, 0)


class Gate(torch.autograd.Function):
    """(v + bias) sigmoid(g + bias) of rows v, g, with its gradient in few passes over memory."""

    @staticmethod
    def forward(ctx: Any, both: Tensor, bias: Tensor) -> Tensor:
        """Maps (S, 2H, …) and (S, 2H) to (S, H, …)."""
        value, gate = (both + bias.view(*bias.shape, *(1,) * (both.dim() - 2))).chunk(2, dim=1)
        gate.sigmoid_()
        ctx.save_for_backward(value, gate)
        return value * gate

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the gradients of both and bias."""
        value, gate = ctx.saved_tensors
        S, H = gate.shape[:2]
        both = gate.new_empty(S, 2 * H, *gate.shape[2:])
        by_value, by_gate = both.chunk(2, dim=1)
        torch.mul(gradient, gate, out=by_value)
        torch.mul(by_value, value, out=by_gate)
        by_gate.addcmul_(by_gate, gate, value=-1)  # sigmoid' = gate (1 - gate)
        with one_thread():  # a sum is rounded by how it is shared out
            return both, both.flatten(2).sum(2)


class GLU(Layer):
    """What the papers put behind the linear part: V gelu(y) sigmoid(W gelu(y)), with biases; rows V, W."""

    def __init__(self, num_seeds: int, hidden_size: int) -> None:
        """Allocates the parameters."""
        super().__init__()
        self.both = Dense(num_seeds, hidden_size, 2 * hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        """Maps every step by itself, (S, H, T, N) -> (S, H, T, N)."""
        both = product(self.both.weight, nn.functional.gelu(x))
        gated: Tensor = Gate.apply(both, self.both.bias)  # type: ignore[no-untyped-call]
        return gated

    def draw(self, index: int, generator: Generator) -> None:
        """Draws as `torch.nn.Linear` does."""
        self.both.draw(index, generator)


class LRULayer(Layer):
    """One layer; see `LRU` for its equations and parameters."""

    def __init__(self, num_seeds: int, fan_in: int, hidden_size: int, num_modes: int, block: Block, ring: Any) -> None:
        """Allocates the parameters; `ring` is r_min, r_max, max_phase."""
        super().__init__()
        S, M = num_seeds, num_modes
        self.ring = ring
        self.nu_log, self.theta_log, self.gamma_log = (nn.Parameter(torch.empty(S, M)) for _ in range(3))
        self.B = nn.Parameter(torch.empty(S, 2 * M, fan_in))
        self.C = nn.Parameter(torch.empty(S, hidden_size, 2 * M))
        self.D = nn.Parameter(torch.empty(S, hidden_size, fan_in))
        self.glu = GLU(num_seeds, hidden_size) if block == "glu" else None

    def modes(self, steps: int) -> tuple[Modes, Tensor]:
        """The powers of all modes within chunks of so many steps, and gamma B, a mode's two rows beside each other."""
        M = self.nu_log.shape[1]
        log_size, angle = (-aligned(self.nu_log).exp())[:, :M], aligned(self.theta_log).exp()[:, :M]
        B = aligned(self.gamma_log).exp()[:, :M, None, None] * self.B.unflatten(1, (2, M)).transpose(1, 2)
        return Modes(log_size, angle, steps), B.flatten(1, 2)

    def output(self, modes: Tensor, x: Tensor) -> Tensor:
        """Maps modes and inputs of the same steps, (S, 2M, …) and (S, F, …), to outputs (S, H, …)."""
        C = self.C.unflatten(2, (2, -1)).transpose(2, 3).flatten(2)  # a mode's two columns beside each other
        y = two_products(C, modes, self.D, x)
        gated: Tensor = y if self.glu is None else self.glu(y)
        return gated

    def forward(self, x: Tensor) -> Tensor:
        """Maps all steps, (S, F, T, N) -> (S, H, T, N)."""
        folded = fold(x)
        modes, B = self.modes(folded.shape[2])
        return unfold(self.output(modes.states(product(B, folded)), folded), x.shape[2])

    def at(self, x: Tensor, ends: Tensor) -> Tensor:
        """Computes the state and the output at one step of each column alone."""
        folded = fold(delayed(x, ends))
        modes, B = self.modes(folded.shape[2])
        return self.output(modes.last(B, folded), pick(x, ends))

    def draw(self, index: int, generator: Generator) -> None:
        """Draws the ring's eigenvalues, B, C and D as the paper does, then the block as `torch.nn.Linear` does."""
        r_min, r_max, max_phase = self.ring
        dtype = self.B.dtype
        u = torch.rand(2, self.nu_log.shape[1], dtype=torch.float64, generator=generator).clamp_(1e-6, 1 - 1e-6)
        squared = u[0] * (r_max**2 - r_min**2) + r_min**2  # |lambda|^2, uniform on the ring
        self.nu_log[index] = (-0.5 * squared.log()).log().to(dtype)
        self.theta_log[index] = (max_phase * u[1]).log().to(dtype)
        self.gamma_log[index] = (0.5 * (1 - squared).log()).to(dtype)
        modes, fan_in = self.B.shape[1] // 2, self.B.shape[2]
        for parameter, variance in ((self.B, 1 / (2 * fan_in)), (self.C, 1 / modes), (self.D, 1 / fan_in)):
            values = torch.empty(parameter[index].shape, dtype=dtype)
            parameter[index] = values.normal_(0, math.sqrt(variance), generator=generator)
        if self.glu is not None:
            self.glu.draw(index, generator)


class LRU(Parallel):
    """The linear recurrent unit, with M complex modes per layer.

        lambda = exp(-exp(nu_log) + i exp(theta_log)),  gamma = exp(gamma_log)
        h_t = lambda h_{t-1} + gamma B x_t,  h_0 = 0         complex
        y_t = Re(C h_t) + D x_t
        output = y_t                                         block none
        output = V gelu(y_t) sigmoid(W gelu(y_t))            block glu; V and W with biases

    At the start |lambda|^2 is uniform on [r_min^2, r_max^2], the phase uniform on [0, max_phase], and
    gamma = sqrt(1 - |lambda|^2), trained like the rest.

    Source: A. Orvieto et al., "Resurrecting recurrent neural networks for long sequences", ICML (2023),
    arXiv:2303.06349. The block is the paper's without its normalisation, encoder, and dropout; the skip around it is
    `residual`. D is a matrix here, as F may differ from H; the paper's is diagonal. With block none and one layer, the
    cell is linear. A complex number is a pair of real ones: of 2M rows the first M are real parts.

    Weights of layer l, all with `layers.{l}.` before: `nu_log`, `theta_log`, `gamma_log` (S, M), `B` (S, 2M, F), `C`
    (S, H, 2M), whose second M columns are minus the imaginary part of the paper's, `D` (S, H, F), and with block glu
    `glu.both.weight` (S, 2H, H), `glu.both.bias` (S, 2H), rows V, W. Carries 2M numbers per layer from step to step.
    """

    kept_per_state = 7

    def __init__(
        self,
        *sizes: Any,
        num_modes: int | None,
        r_min: float,
        r_max: float,
        max_phase: float,
        block: Block,
        **settings: Any,
    ) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Parallel`, as are `settings`.
            num_modes: M; None is half of hidden_size, rounded up: about as many numbers as an RNN carries.
            r_min: smallest |lambda| at the start.
            r_max: largest.
            max_phase: largest phase at the start, in radians.
            block: "none" or "glu".
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if block not in ("none", "glu"):
            raise ValueError(f"block must be none or glu, got {block!r}")
        if not 0 <= r_min < r_max <= 1:
            raise ValueError(f"r_min and r_max must be 0 <= r_min < r_max <= 1, got {r_min} and {r_max}")
        if not 0 < max_phase <= 2 * math.pi:
            raise ValueError(f"max_phase must be > 0 and <= 2 pi, got {max_phase}")
        if num_modes is not None and num_modes < 1:
            raise ValueError(f"num_modes must be >= 1, got {num_modes}")
        self.num_modes, self.block, self.ring = num_modes, block, (r_min, r_max, max_phase)
        super().__init__(*sizes, **settings)

    @property
    def modes(self) -> int:
        """M, complex numbers that a layer carries."""
        return self.num_modes or (self.hidden_size + 1) // 2

    @property
    def state_size(self) -> int:
        """Numbers that all layers carry from step to step, two for each mode."""
        return 2 * self.modes * self.num_layers

    def make_layer(self, fan_in: int, layer: int) -> Layer:
        """Makes one layer."""
        return LRULayer(self.num_seeds, fan_in, self.hidden_size, self.modes, self.block, self.ring)

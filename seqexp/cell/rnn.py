"""The plain recurrent cell of Elman (1990), with tanh or ReLU."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqexp.cell.recurrent import Recurrent, Weights
from seqexp.cell.workspace import Rows, Workspace


class TanhWorkspace(Workspace):
    """The loops of `h_t = tanh(a_t)`."""

    num_blocks = 1
    scale = (2.0,)
    correction = (1.0,)
    forward_rows = backward_rows = Rows(hidden=((0, 1),), input=((0, 1),))

    def forward(self) -> None:
        """h_t = 2 sigmoid(2 a_t) - 1."""
        weight, a, minus_one = self.weight, self.a, self.minus_one
        for z, h in zip(self.z, self.h[1:], strict=True):
            torch.bmm(weight, z, out=a)
            torch.add(minus_one, a.sigmoid_(), alpha=2, out=h)

    def backward(self, dh: Tensor, dh_steps: Sequence[Tensor] | None, dx: Tensor | None) -> None:
        """g_t = dL/dh_t * f'(a_t), and on to dL/dh_{t-1} = W_hh^T g_t."""
        weight, dz, dz_state, dz_input = self.back_product(dx is not None)
        g = self.g
        for t in reversed(range(self.sizes.num_steps)):
            self.write_gate_gradient(dh, self.h[t + 1], g)
            self.add_weight_gradient(t)
            if t > 0 or dx is not None:
                torch.bmm(weight, g, out=dz)
                dh = dz_state
            if dx is not None:
                dx[t].copy_(dz_input)
            if t > 0 and dh_steps is not None:
                dh.add_(dh_steps[t - 1])

    def write_gate_gradient(self, dh: Tensor, h: Tensor, g: Tensor) -> None:
        """Writes g = dh * tanh'(a), where tanh'(a) = 1 - h^2."""
        torch.ops.aten.tanh_backward.grad_input(dh, h, grad_input=g)


class ReluWorkspace(TanhWorkspace):
    """The loops of `h_t = max(a_t, 0)`."""

    scale = (1.0,)

    def forward(self) -> None:
        """h_t = max(a_t, 0)."""
        for z, h in zip(self.z, self.h[1:], strict=True):
            torch.bmm(self.weight, z, out=self.a)
            torch.clamp(self.a, min=0, out=h)

    def write_gate_gradient(self, dh: Tensor, h: Tensor, g: Tensor) -> None:
        """Writes g = dh where h > 0, else 0."""
        torch.ops.aten.threshold_backward.grad_input(dh, h, 0, grad_input=g)


class RNN(Recurrent):
    """The plain recurrent cell.

        h_t = f(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh),   f = tanh or ReLU

    Source: J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990). ReLU with identity weights:
    Le, Jaitly, Hinton, arXiv:1504.00941 (2015).

    Weights of layer l (from l = 1 on, I is `output_size`): `weight_ih_l{l}` (S, H, I), `weight_hh_l{l}`
    (S, H, H), `bias_ih_l{l}` and `bias_hh_l{l}` (S, H). Equal to `torch.nn.RNN`, two bias vectors
    included.
    """

    gates = 1
    inits = ("torch", "orthogonal", "irnn")

    def __init__(self, *sizes: Any, nonlinearity: Literal["tanh", "relu"], **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            nonlinearity: f, "tanh" or "relu".
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity must be one of 'tanh', 'relu', got {nonlinearity!r}")
        super().__init__(*sizes, **settings)
        if self.init == "irnn" and nonlinearity != "relu":
            raise ValueError(f"init=irnn is of a net of ReLUs: nonlinearity must be relu, got {nonlinearity}")
        self.nonlinearity = nonlinearity

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes h_t."""
        a = weights.from_input(x) + weights.from_state(state[0])
        return (a.tanh() if self.nonlinearity == "tanh" else a.relu(),)

    @property
    def workspace(self) -> type[Workspace] | None:
        """Names the hand-written road."""
        return TanhWorkspace if self.nonlinearity == "tanh" else ReluWorkspace

    def empty_torch(self) -> nn.Module:
        """`torch.nn.RNN`."""
        return nn.RNN(**self.torch_sizes(), nonlinearity=self.nonlinearity)

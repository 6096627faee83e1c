"""How a recurrent cell's weights begin: `cell.init`, `cell.init_scale`, and the distributions that they draw from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Generator, Tensor

from seqexp.cell.threads import one_thread

Init = Literal["torch", "irnn", "orthogonal", "chrono"]
"""How weights begin; see `Recurrent` and, for chrono, `Gated`."""

IRNN_DEVIATION = 0.001
"""Standard deviation of an IRNN's input weights."""


def check_init(init: Init, scale: float, known: Sequence[Init], name: str) -> None:
    """Checks the settings of a cell.

    Args:
        init: `cell.init`.
        scale: `cell.init_scale`.
        known: what the first can be; only "torch" for a cell that draws in its own way.
        name: the cell's, for messages.

    Raises:
        ValueError: they are not of this cell.
    """
    if init not in known:
        raise ValueError(f"init must be one of {', '.join(known)} for {name}, got {init}")
    if not 0 <= scale < math.inf:
        raise ValueError(f"init_scale must be >= 0 and finite, got {scale}")
    if scale != 1 and tuple(known) == ("torch",):
        raise ValueError(f"init_scale must be 1 for {name}, which draws in its own way, got {scale}")


def draw_layer(parameters: Sequence[Tensor], init: Init, scale: float, generator: Generator) -> None:
    """Draws one layer and direction of one member.

    Args:
        parameters: weight_ih (rows, I), weight_hh (rows, H), and what follows them, all of which torch draws alike.
        init: how; of "chrono" nothing but the factor differs from "torch" here, see `seqexp.cell.gated`.
        scale: factor on all values, but for "orthogonal" and "irnn" on those of W_hh alone.
        generator: the only source of randomness.
    """
    weight_ih, weight_hh, *biases = parameters
    if init == "irnn":
        identity(weight_ih, weight_hh, biases, scale, generator)
        return
    bound = 1 / math.sqrt(weight_hh.shape[1]) * (1.0 if init == "orthogonal" else scale)
    for parameter in parameters:
        values = torch.empty(parameter.shape, dtype=parameter.dtype)
        parameter.copy_(values.uniform_(-bound, bound, generator=generator))
    if init == "orthogonal":
        orthogonal(weight_hh, scale, generator)


def identity(weight_ih: Tensor, weight_hh: Tensor, biases: Sequence[Tensor], scale: float, source: Generator) -> None:
    """Fills one member's layer as an IRNN: W_hh = scale * I, W_ih ~ N(0, 0.001^2), biases 0.

    Source: Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of rectified linear
    units" (2015), arXiv:1504.00941.
    """
    weight_hh.zero_().fill_diagonal_(scale)
    values = torch.empty(weight_ih.shape, dtype=weight_ih.dtype)
    weight_ih.copy_(values.normal_(0, IRNN_DEVIATION, generator=source))
    for bias in biases:
        bias.zero_()


def orthogonal(weight_hh: Tensor, scale: float, generator: Generator) -> None:
    """Fills one member's recurrent weights (blocks * H, H), each block of H rows with scale times a random rotation.

    Each is drawn from the uniform (Haar) distribution over orthogonal matrices: Q of a Gaussian matrix, its columns'
    signs those of R's diagonal.

    Source: A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", ICLR (2014), arXiv:1312.6120; F. Mezzadri, "How to generate random matrices from the
    classical compact groups", Notices of the AMS 54 (2007).
    """
    for block in weight_hh.split(weight_hh.shape[1]):
        # in double precision whatever the cell's is: the same rotation
        gauss = torch.empty(block.shape, dtype=torch.float64).normal_(generator=generator)
        with one_thread():  # how the work is shared decides how it is rounded
            q, r = torch.linalg.qr(gauss)
        block.copy_(scale * q * r.diagonal().sign())


def chrono(count: int, longest: int, dtype: torch.dtype, generator: Generator) -> Tensor:
    """Draws biases log U(1, T_max - 1) of gates that keep: the times that they keep for are spread up to T_max.

    Source: C. Tallec, Y. Ollivier, "Can recurrent neural networks warp time?", ICLR (2018), arXiv:1804.11188.

    Args:
        count: H.
        longest: T_max, the longest dependency.
        dtype: of the result.
        generator: the only source of randomness.

    Returns:
        (H,), between 0 and log(T_max - 1).
    """
    return torch.empty(count, dtype=dtype).uniform_(1, longest - 1, generator=generator).log_()

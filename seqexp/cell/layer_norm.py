"""Layer normalisation of Ba, Kiros and Hinton (2016), over the features of each sequence and step."""

from typing import Any

from torch import Tensor

from seqexp.cell.gated import Gated


def normalise(a: Tensor, gain: Tensor, bias: Tensor, eps: float) -> Tensor:
    """Computes gain (a - mean) / sqrt(variance + eps) + bias, mean and variance being over the rows of a.

    The variance is that of the rows themselves (divided by their number, not one less), as in `torch.nn.LayerNorm`.

    Args:
        a: (S, rows, N).
        gain: (S, rows).
        bias: (S, rows).
        eps: keeps rows that are all alike from a division by zero.

    Returns:
        (S, rows, N).
    """
    centred = a - a.mean(1, keepdim=True)
    scale = (centred.square().mean(1, keepdim=True) + eps).rsqrt()  # (S, 1, N)
    return bias.unsqueeze(2) + gain.unsqueeze(2) * (centred * scale)


class LayerNormed(Gated):
    """A gated cell with layer normalisation.

    Attributes:
        eps: added to each variance.
    """

    def __init__(self, *sizes: Any, eps: float, **settings: Any) -> None:
        """Allocates the parameters.

        Args:
            sizes: see `Recurrent`, as are `settings`.
            eps: added to each variance.
            settings: by name.

        Raises:
            ValueError: if an argument is out of range.
        """
        super().__init__(*sizes, **settings)
        if not eps > 0:
            raise ValueError(f"eps must be > 0, got {eps}")
        self.eps = eps

"""The weights by which a state reaches the next one, as matrices or diagonals: for instruments, not for training."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from seqexp.cell.cell import Cell
from seqexp.cell.esn import ESN
from seqexp.cell.lru import LRU, LRULayer
from seqexp.cell.recurrent import Recurrent
from seqexp.cell.s4d import S4D, S4DLayer
from seqexp.cell.weights import Weights


@torch.no_grad()
def recurrences(cell: Cell) -> Mapping[str, Tensor]:
    """Collects them from every layer and direction, by name.

    Args:
        cell: of S seeds.

    Returns:
        Square matrices (S, H, H), or the diagonals (S, H) of diagonal ones, which may be complex; none of a cell that
        has no such weights. Of a recurrent cell each gate's block of W_hh, `f_l0`, in the order of its rows, `hh_l0`
        where there is one block only; of an ESN `hh_l0`, which with its leak a is (1 - a) I + a W_hh; of an LRU and an
        S4D the `lambda_l0` of its modes, whose conjugates come with them, in S4D (S, H * M).
    """
    found: dict[str, Tensor] = {}
    if isinstance(cell, LRU):
        for index, layer in enumerate(each for each in cell.layers if isinstance(each, LRULayer)):
            size, phase = (-layer.nu_log.exp()).exp(), layer.theta_log.exp()
            found[f"lambda_l{index}"] = torch.polar(size, phase)[:, : cell.modes]
    if isinstance(cell, S4D):
        for index, each in enumerate(each for each in cell.layers if isinstance(each, S4DLayer)):
            dt = each.log_dt.exp()[..., None]  # (S, H, 1)
            found[f"lambda_l{index}"] = torch.polar((-dt * each.log_decay.exp()).exp(), dt * each.frequency).flatten(1)
    if isinstance(cell, ESN):
        found["hh_l0"] = torch.eye(cell.hidden_size).to(cell.weight_hh).lerp(cell.weight_hh.detach(), cell.leak)
    if not isinstance(cell, Recurrent):
        return found
    suffixes = [name.removeprefix("weight_hh") for name in cell.state_dict() if name.startswith("weight_hh_")]
    for suffix, weights in zip(suffixes, cell.all_weights(), strict=True):
        matrix = weights.weight_hh.detach()
        if matrix.dim() == 2:  # (S, H): each unit feeds itself
            found[f"hh{suffix}"] = matrix
        elif matrix.shape[1:] == (cell.gates * cell.hidden_size, cell.hidden_size):
            names = [f"{name}{suffix}" for name in _blocks(cell, weights)]
            found |= dict(zip(names, matrix.chunk(cell.gates, dim=1), strict=True))  # (S, H, H) each
    return found


def _blocks(cell: Recurrent, weights: Weights) -> list[str]:
    """What the blocks of H rows are called: as the gates are, if there is one for each."""
    if cell.gates == 1:
        return ["hh"]
    state = cell.initial_state(weights, 1)
    x = weights.weight_ih.new_zeros(cell.num_seeds, weights.weight_ih.shape[2], 1)
    names = list(cell.gate_values(x, state, weights))
    return names if len(names) == cell.gates else [f"block{index + 1}" for index in range(cell.gates)]

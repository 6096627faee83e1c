"""The base of all cells: layers, directions, dropout, initialisation and export, for S seeds at once."""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.scan import Pool, Workspace, pull, scan

AnyModule = TypeVar("AnyModule", bound=nn.Module)


MOST_LAYERS = 1000
"""More than anybody has trained: each is a few objects, made before their memory can be predicted."""


class Weights(NamedTuple):
    """The parameters of one layer in one direction, in torch's order; ``rows`` is gates * H."""

    weight_ih: Tensor  # (S, rows, I)
    weight_hh: Tensor  # (S, rows, H)
    bias_ih: Tensor  # (S, rows)
    bias_hh: Tensor  # (S, rows)

    def from_input(self, x: Tensor) -> Tensor:
        """W_ih x + b_ih, ``(S, I, N) -> (S, rows, N)``."""
        return torch.baddbmm(self.bias_ih.unsqueeze(2), self.weight_ih, x)

    def from_state(self, h: Tensor) -> Tensor:
        """W_hh h + b_hh, ``(S, H, N) -> (S, rows, N)``."""
        return torch.baddbmm(self.bias_hh.unsqueeze(2), self.weight_hh, h)


class Recurrent(nn.Module):
    """A recurrent network over whole sequences, for S independent members of a population at once.

    To add a cell, derive from this class, set `gates`, and write `step`: the equations of one time step in
    ordinary torch. Autograd does the rest. Name a `workspace` later, if the speed of a hand-written backward is
    wanted.

    Parameters have torch's names and a leading seed axis: ``weight_ih_l0`` (S, gates*H, I), ``weight_hh_l0``
    (S, gates*H, H), ``bias_ih_l0`` and ``bias_hh_l0`` (S, gates*H), then ``_l1`` …, and ``…_reverse`` for the
    second direction. They are allocated by the constructor and have no values before `reset_parameters`.

    Attributes:
        gates: Blocks of H rows in each parameter.
        num_states: How many tensors ``(S, H, N)`` a step hands to the next; the first one is the output.
        output_size: hidden_size, times two if bidirectional.
    """

    gates: ClassVar[int]
    num_states: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        num_seeds: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        bidirectional: bool,
    ) -> None:
        """Allocates the parameters.

        Args:
            input_size: I.
            num_seeds: S.
            hidden_size: H.
            num_layers: Layers, each fed with the one below.
            dropout: Share of every layer's output, but the top one's, set to zero in training.
            bidirectional: Whether a second scan runs from the end.

        Raises:
            ValueError: If an argument is out of range.
        """
        super().__init__()
        counts = {
            "input_size": input_size,
            "num_seeds": num_seeds,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
        }
        for name, value in counts.items():
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}")
        if num_layers > MOST_LAYERS:
            raise ValueError(f"num_layers must be <= {MOST_LAYERS}, got {num_layers}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be >= 0 and < 1, got {dropout}")
        if dropout > 0 and num_layers == 1:
            raise ValueError(f"dropout must be 0 where num_layers is 1 (it acts between layers), got {dropout}")
        self.input_size = input_size
        self.num_seeds = num_seeds
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout
        self.bidirectional = bidirectional
        self.output_size = hidden_size * (2 if bidirectional else 1)
        self._pool = Pool()
        self._generators: tuple[Generator, ...] = ()
        rows = self.gates * hidden_size
        for layer in range(num_layers):
            fan_in = input_size if layer == 0 else self.output_size
            shapes = ((rows, fan_in), (rows, hidden_size), (rows,), (rows,))  # of Weights' fields
            for suffix in self._suffixes(layer):
                for name, shape in zip(Weights._fields, shapes, strict=True):
                    self.register_parameter(name + suffix, nn.Parameter(torch.empty(num_seeds, *shape)))

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse") if self.bidirectional else (f"_l{layer}",)

    def _weights(self, suffix: str) -> Weights:
        return Weights(*(getattr(self, name + suffix) for name in Weights._fields))

    def all_weights(self) -> Iterator[Weights]:
        """The parameters of every layer and direction, in torch's order."""
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                yield self._weights(suffix)

    def reset_parameters(self, generators: Sequence[Generator]) -> None:
        """Draws every member's parameters from its own generator: U(-1/sqrt(H), 1/sqrt(H)), in torch's order.

        A member's values do not depend on the others, and equal those of the `torch.nn` module made after
        ``torch.manual_seed`` with the same seed. Dropout goes on drawing from the same generators.

        Args:
            generators: One CPU generator per seed.

        Raises:
            ValueError: If there are not num_seeds of them.
        """
        if len(generators) != self.num_seeds:
            raise ValueError(f"generators must be {self.num_seeds}, one per seed, got {len(generators)}")
        self._generators = tuple(generators)
        bound = 1 / math.sqrt(self.hidden_size)
        with torch.no_grad():
            for index, generator in enumerate(generators):
                for weights in self.all_weights():
                    for parameter in weights:
                        values = torch.empty(parameter[index].shape, dtype=parameter.dtype)
                        parameter[index] = values.uniform_(-bound, bound, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """The top layer's output at every step.

        Args:
            x: Sequences ``(S, B, T, I)``.

        Returns:
            ``(S, B, T, output_size)``; if bidirectional, the forward scan's state first.

        Raises:
            ValueError: If the shape, dtype or device of x does not fit.
        """
        return self._run(x, last=False).permute(1, 3, 0, 2)  # (T, S, output_size, B) -> (S, B, T, output_size)

    def last(self, x: Tensor) -> Tensor:
        """The top layer's final state, without writing the steps before it: the cheap road.

        In one direction this is ``forward(x)[:, :, -1]``. If bidirectional it is torch's ``h_n``, not its
        ``output[:, -1]``: the forward scan's state after the last step, and the reverse scan's after the
        first one, so that both have read the whole sequence.

        Args:
            x: Sequences ``(S, B, T, I)``.

        Returns:
            ``(S, B, output_size)``.

        Raises:
            ValueError: If the shape, dtype or device of x does not fit.
        """
        return self._run(x, last=True).transpose(1, 2)  # (S, output_size, B) -> (S, B, output_size)

    @torch.no_grad()
    def pull(self, x: Tensor) -> tuple[Tensor, Callable[[Tensor], Sequence[Tensor]]]:
        """What `last` gives, and the way back to the parameters.

        Args:
            x: Sequences ``(S, B, T, I)``.

        Returns:
            The state ``(S, output_size, B)``, good as long as the function beside it is kept; and that function,
            which maps the state's gradient to those of `parameters()`, and is to be called once.

        Raises:
            ValueError: If the shape, dtype or device of x does not fit.
        """
        workspace = self.workspace
        one_pass = len(self._parameters) == len(Weights._fields) and not self._modules  # one layer, one direction
        as_here = all(getattr(type(self), name) is getattr(Recurrent, name) for name in ("last", "scan", "_run"))
        # One pass needs no graph, but for torch to say where a NaN arises.
        if workspace is not None and one_pass and as_here and not torch.is_anomaly_enabled():
            self._check(x)
            return pull(self._pool, workspace, x.permute(2, 0, 3, 1), self._weights("_l0"))
        with torch.enable_grad():
            state = self.last(x).transpose(1, 2)  # (S, B, output_size) -> (S, output_size, B)
        parameters = tuple(self.parameters())
        return state.detach(), lambda gradient: torch.autograd.grad(state, parameters, gradient, materialize_grads=True)

    def generator_states(self) -> list[Tensor]:
        """Where each member's dropout stands in its generator."""
        return [generator.get_state() for generator in self._generators]

    def set_generator_states(self, states: Sequence[Tensor]) -> None:
        """Lets each member's dropout go on from there."""
        for generator, state in zip(self._generators, states, strict=True):
            generator.set_state(state.clone())

    def work_space(self) -> int:
        """How many numbers are kept for the next passes."""
        return self._pool.numbers()

    def forget_work_space(self) -> None:
        """Lets go of what is kept for the next passes."""
        self._pool = Pool()

    @property
    def workspace(self) -> type[Workspace] | None:
        """The equations of a pass over time, with their gradients written by hand; None leaves both to `step`."""
        return None

    def scan(self, x: Tensor, weights: Weights, last: bool) -> Tensor:
        """Runs one layer in one direction over time, from the state zero.

        Args:
            x: Inputs ``(T, S, I, N)``.
            weights: The parameters of this layer and direction.
            last: Whether only the last state is wanted.

        Returns:
            The states ``(T, S, H, N)``, or the last one ``(S, H, N)``.
        """
        if self.workspace is not None:
            return scan(self._pool, self.workspace, x, weights, last)
        zero = x.new_zeros(x.shape[1], self.hidden_size, x.shape[3])
        state: tuple[Tensor, ...] = (zero,) * self.num_states
        outputs = []
        for x_t in x.unbind(0):
            state = self.step(x_t, state, weights)
            outputs.append(state[0])
        return outputs[-1] if last else torch.stack(outputs)

    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """The equations of one time step; to be written by a cell that names no `workspace`.

        Args:
            x: ``(S, I, N)``.
            state: `num_states` tensors ``(S, H, N)``.
            weights: The parameters of this layer and direction.

        Returns:
            The next state, its first tensor being the output.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither step nor workspace")

    def to_torch(self, index: int) -> nn.Module:
        """The `torch.nn` module (batch_first) that holds the weights of one member of the population.

        Args:
            index: Which one, from 0 on.

        Raises:
            ValueError: If there is no such member.
            NotImplementedError: If torch has no such cell.
        """
        if not 0 <= index < self.num_seeds:
            raise ValueError(f"index must be >= 0 and < {self.num_seeds} (num_seeds), got {index}")
        module = self.empty_torch()
        own = dict(self.named_parameters())
        reference = next(iter(own.values()))
        module = module.to(device=reference.device, dtype=reference.dtype)
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(own[name][index])
        return module.train(self.training)

    def empty_torch(self) -> nn.Module:
        """The matching `torch.nn` module, whatever its weights; a cell that has one overrides this."""
        raise NotImplementedError(f"torch.nn has no counterpart of {type(self).__name__}")

    def torch_sizes(self) -> dict[str, Any]:
        """The arguments that all of `torch.nn`'s recurrent modules share."""
        names = ("input_size", "hidden_size", "num_layers", "dropout", "bidirectional")
        return {name: getattr(self, name) for name in names} | {"batch_first": True}

    def extra_repr(self) -> str:
        """The sizes, for print(module)."""
        names = ("input_size", "num_seeds", "hidden_size", "num_layers", "dropout", "bidirectional")
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)

    def _run(self, x: Tensor, last: bool) -> Tensor:
        self._check(x)
        y = x.permute(2, 0, 3, 1)  # (S, B, T, I) -> (T, S, I, B)
        for layer in range(self.num_layers):
            top = layer == self.num_layers - 1
            y = self._run_layer(y, layer, last and top)
            if self.training and self.dropout > 0 and not top:
                y = y * self._dropout_mask(y)
        return y

    def _run_layer(self, x: Tensor, layer: int, last: bool) -> Tensor:
        suffix, *reverse = self._suffixes(layer)
        forward = self.scan(x, self._weights(suffix), last)
        if not reverse:
            return forward
        backward = self.scan(x.flip(0), self._weights(reverse[0]), last)
        return torch.cat([forward, backward if last else backward.flip(0)], dim=-2)  # (…, 2H, B)

    def _dropout_mask(self, y: Tensor) -> Tensor:
        """0 or 1/(1-p) for each element of y ``(T, S, F, B)``, each seed from its own generator."""
        if not self._generators:
            raise RuntimeError("dropout needs the generators that reset_parameters is given: call it before training")
        T, S, F, B = y.shape
        # (S, T, F, B): a seed's draws lie together, as they do when it is alone
        mask = torch.empty(S, T, F, B, dtype=y.dtype)
        for member, generator in zip(mask, self._generators, strict=True):
            member.bernoulli_(1 - self.dropout, generator=generator)
        return mask.div_(1 - self.dropout).to(y.device).transpose(0, 1)

    def _check(self, x: Tensor) -> None:
        expected = f"(S={self.num_seeds}, B, T, I={self.input_size})"
        if x.dim() != 4 or x.shape[0] != self.num_seeds or x.shape[3] != self.input_size or 0 in x.shape:
            raise ValueError(f"x must have shape {expected} with B, T >= 1, got {tuple(x.shape)}")
        parameter = next(self.parameters())
        if x.dtype != parameter.dtype or x.device != parameter.device:
            rule = f"x must be {parameter.dtype} on {parameter.device}, as the parameters are"
            raise ValueError(f"{rule}, got {x.dtype} on {x.device}")


def members(module: AnyModule, seeds: slice) -> AnyModule:
    """A module of some seeds of a population alone, cells in it included; its parameters are views."""
    part = copy.copy(module)
    part._parameters = {
        name: None if parameter is None else nn.Parameter(parameter.detach()[seeds], parameter.requires_grad)
        for name, parameter in module._parameters.items()
    }
    part._modules = {name: None if child is None else members(child, seeds) for name, child in module._modules.items()}
    if isinstance(part, Recurrent):
        part.num_seeds = len(range(part.num_seeds)[seeds])
        part._generators = part._generators[seeds]
    return part

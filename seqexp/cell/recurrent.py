"""The base of recurrent cells: layers, directions, dropout, initialisation and export, for S seeds at once."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn

from seqexp.cell.cell import Back, Cell
from seqexp.cell.initial import Init, check_init, draw_layer
from seqexp.cell.scan import at_ends, pull, scan
from seqexp.cell.stack import Stack
from seqexp.cell.weights import Weights as Weights
from seqexp.cell.workspace import ALIGNMENT, Pool, Workspace


class Recurrent(Stack):
    """A recurrent network over whole sequences, for S independent members of a population at once.

    To add a cell, derive from this class, set `gates`, and write `step`: the equations of one time step in
    ordinary torch. Autograd does the rest. Where the speed of a hand-written backward is wanted, a `workspace` holds
    the same equations once more, and `step` is what it is tested and looked at with.

    Parameters have torch's names and a leading seed axis: `weight_ih_l0` (S, gates*H, I), `weight_hh_l0`
    (S, gates*H, H), `bias_ih_l0` and `bias_hh_l0` (S, gates*H), then `_l1` …, and `…_reverse` for the
    second direction.

    Attributes:
        gates: blocks of H rows in each parameter.
        states: names of the tensors (S, H, N) that a step hands to the next; the first one is the output.
        inits: what `init` can be; ("torch",) of a cell that writes `draw` itself, and does not say.
        workspace: the equations of a pass over time with their gradients written by hand; None leaves both to `step`.
        output_size: hidden_size, times two if bidirectional.
    """

    gates: ClassVar[int]
    states: ClassVar[tuple[str, ...]] = ("h",)
    inits: ClassVar[tuple[Init, ...]] = ("torch", "orthogonal")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Takes from a class what its own methods make untrue: the hand-written road, and what `init` can be."""
        super().__init_subclass__(**kwargs)
        own = vars(cls).keys()
        if "num_states" in own:  # as in 0.1
            raise TypeError('num_states must be replaced by states, the names of the tensors: ("h", "c")')
        if "draw" in own and "inits" not in own:
            setattr(cls, "inits", ("torch",))  # noqa: B010
        if own & {"step", "initial_state"} and "workspace" not in own:
            setattr(cls, "workspace", None)  # noqa: B010
        if own & {"forward", "last", "scan"} and "pull" not in own:
            setattr(cls, "pull", Cell.pull)  # noqa: B010

    def __init__(
        self,
        input_size: int,
        num_seeds: int,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        bidirectional: bool,
        residual: bool = False,
        init: Init = "torch",
        init_scale: float = 1.0,
    ) -> None:
        """Allocates the parameters.

        Args:
            input_size: I.
            num_seeds: S.
            hidden_size: H.
            num_layers: layers, each fed with the one below.
            dropout: share of every layer's output, but the top one's, set to zero in training.
            bidirectional: whether a second scan runs from the end.
            residual: whether each layer's input is added to its output, from the second layer on. (This and what
                follows is younger than version 0.1, whose cells and runs get the neutral default.)
            init: how weights begin. "torch": U(-1/sqrt(H), 1/sqrt(H)), all of them. "orthogonal": the same, but each
                block of W_hh is a random rotation. "irnn": W_hh is the identity, W_ih N(0, 0.001^2), biases are 0.
            init_scale: factor on what "torch" draws; of "orthogonal" and "irnn" on W_hh alone.

        Raises:
            ValueError: if an argument is out of range.
        """
        super().__init__(input_size, num_seeds, hidden_size, num_layers, dropout, residual)
        if bidirectional:
            self.output_size, self.causal = 2 * hidden_size, False
        check_init(init, init_scale, self.inits, type(self).__name__)
        self.init, self.init_scale, self.bidirectional = init, init_scale, bidirectional
        self._pool = Pool()
        for layer in range(num_layers):
            shapes = self.shapes(input_size if layer == 0 else self.output_size)
            for suffix in self._suffixes(layer):
                for name, shape in shapes.items():
                    self.register_parameter(name + suffix, nn.Parameter(torch.empty(num_seeds, *shape)))

    def shapes(self, fan_in: int) -> dict[str, tuple[int, ...]]:
        """Names the parameters of one layer and direction, in the order in which they are drawn; torch's four.

        A cell that has more of them adds to what this returns: `super().shapes(fan_in) | {"gain": (hidden_size,)}`.

        Args:
            fan_in: I, features of the layer's input.

        Returns:
            For each name the shape of one seed's parameter.
        """
        rows, H = self.gates * self.hidden_size, self.hidden_size
        return {"weight_ih": (rows, fan_in), "weight_hh": (rows, H), "bias_ih": (rows,), "bias_hh": (rows,)}

    def _suffixes(self, layer: int) -> tuple[str, ...]:
        return (f"_l{layer}", f"_l{layer}_reverse") if self.bidirectional else (f"_l{layer}",)

    def _weights(self, suffix: str) -> Weights:
        return Weights({name: getattr(self, name + suffix) for name in self.shapes(1)})

    def all_weights(self) -> Iterator[Weights]:
        """Yields the parameters of every layer and direction, in torch's order."""
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                yield self._weights(suffix)

    @abstractmethod
    def step(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> tuple[Tensor, ...]:
        """Computes one time step.

        Args:
            x: (S, I, N).
            state: a tensor (S, H, N) for each of `states`.
            weights: the parameters of this layer and direction.

        Returns:
            The next state, its first tensor being the output.
        """

    def initial_state(self, weights: Weights, columns: int) -> tuple[Tensor, ...]:
        """Returns what the first step starts from, (S, H, columns) of each of `states`: zeros; a cell may override it.

        One that is learnt is a parameter, in `shapes`: `weights.start[..., None].expand(-1, -1, columns)`.
        """
        return (weights[0].new_zeros(self.num_seeds, self.hidden_size, columns),) * len(self.states)

    def gate_values(self, x: Tensor, state: tuple[Tensor, ...], weights: Weights) -> dict[str, Tensor]:
        """Computes the gates of one time step by name, each (S, H, N); a cell that has gates overrides this."""
        return {}

    @property
    def workspace(self) -> type[Workspace] | None:
        """Names the hand-written road."""
        return None

    def draw(self, index: int, generator: Generator) -> None:
        """Draws in torch's order: with `init` torch, the values of a `torch.nn` module with the same seed."""
        for weights in self.all_weights():
            draw_layer([parameter[index] for parameter in weights], self.init, self.init_scale, generator)
            self.finish(index, weights, generator)

    def finish(self, index: int, weights: Weights, generator: Generator) -> None:
        """Changes what has been drawn of one layer and direction of a member; a cell may override this."""

    @property
    def state_size(self) -> int:
        """Numbers that all layers and directions carry from one step to the next."""
        return len(self.states) * self.num_layers * self.output_size

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the top layer's states (S, B, T, output_size); if bidirectional, the forward scan's first."""
        self.check(x, lengths)
        return self._run(x, last=False).permute(1, 3, 0, 2)  # (T, S, output_size, B) -> (S, B, T, output_size)

    def last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Computes the top layer's final state, without writing the steps before it where all lengths are T.

        In one direction this is `forward(x)[:, :, -1]`. If bidirectional it is torch's `h_n`, not its
        `output[:, -1]`: the forward scan's state after the last step, and the reverse scan's after the
        first one, so that both have read the whole sequence.
        """
        self.check(x, lengths)
        state = (
            self._run(x, last=True) if lengths is None or self.bidirectional else at_ends(self._run(x, False), lengths)
        )
        return state.transpose(1, 2)  # (S, output_size, B) -> (S, B, output_size)

    @torch.no_grad()
    def pull(self, x: Tensor, last: bool, with_input: bool, lengths: Tensor | None = None) -> tuple[Tensor, Back]:
        """Computes states and the way back from them, by hand where there is one pass and a `workspace`."""
        one_pass = len(self._parameters) == len(self.shapes(1)) and not self._modules  # one layer, one direction
        # Torch says where a NaN arises only if there is a graph.
        if self.workspace is None or not one_pass or torch.is_anomaly_enabled():
            return super().pull(x, last, with_input, lengths)
        self.check(x, lengths)
        return pull(self._pool, self.workspace, x, self._weights("_l0"), last, with_input, lengths)

    def work_space(self) -> int:
        """Returns how many numbers are kept for the next passes."""
        return self._pool.numbers()

    def forget_work_space(self) -> None:
        """Drops what is kept for the next passes."""
        self._pool = Pool()

    def scan(self, x: Tensor, weights: Weights, last: bool) -> Tensor:
        """Runs one layer in one direction over time, from its initial state.

        Args:
            x: inputs (T, S, I, N).
            weights: the parameters of this layer and direction.
            last: whether only the last state is wanted.

        Returns:
            The states (T, S, H, N), or the last one (S, H, N).
        """
        if self.workspace is not None:
            return scan(self._pool, self.workspace, x, weights, last)
        outputs = [state[0] for _, state in self._unroll(x, weights)]
        return (outputs[-1] if last else torch.stack(outputs))[..., : x.shape[3]]

    def _unroll(self, x: Tensor, weights: Weights) -> Iterator[tuple[tuple[Tensor, ...], tuple[Tensor, ...]]]:
        """Yields the state before and after each step, padded with columns; see "Bits" in `seqexp.cell.scan`."""
        x = nn.functional.pad(x, (0, -x.shape[3] % ALIGNMENT))  # (T, S, I, N) -> (T, S, I, width)
        after = self.initial_state(weights, x.shape[3])
        for x_t in x.unbind(0):
            before, after = after, self.step(x_t, after, weights)
            yield before, after

    @torch.no_grad()
    def traces(self, x: Tensor) -> Mapping[str, Tensor]:
        """Returns the states and gates of every layer and direction, named as its parameters are: `f_l0_reverse`."""
        self.check(x, None)
        found: dict[str, Tensor] = {}
        y = x.permute(2, 0, 3, 1)  # (S, B, T, I) -> (T, S, I, B)
        for layer in range(self.num_layers):
            for suffix in self._suffixes(layer):
                forward = not suffix.endswith("_reverse")
                for name, values in self._trace(y if forward else y.flip(0), self._weights(suffix)).items():
                    found[name + suffix] = values if forward else values.flip(0)
            own = torch.cat([found[self.states[0] + suffix] for suffix in self._suffixes(layer)], dim=2)
            y = own + y if self.adds(layer) else own
        return {name: values.permute(1, 3, 0, 2) for name, values in found.items()}  # (T, S, H, B) -> (S, B, T, H)

    def _trace(self, x: Tensor, weights: Weights) -> dict[str, Tensor]:
        """Runs one layer in one direction by its equations, (T, S, I, N) to (T, S, H, N) by name."""
        steps = []
        for x_t, (before, after) in zip(x.unbind(0), self._unroll(x, weights), strict=True):
            before = tuple(each[..., : x.shape[3]] for each in before)
            gates = self.gate_values(x_t, before, weights)
            steps.append(dict(zip(self.states, (each[..., : x.shape[3]] for each in after), strict=True)) | gates)
        return {name: torch.stack([step[name] for step in steps]) for name in steps[0]}

    def to_module(self, index: int) -> nn.Module:
        """Returns the `torch.nn` module (batch_first) that holds the weights of one member; see `Cell.to_module`."""
        self.check_member(index)
        if self.residual:
            raise NotImplementedError("torch.nn has no counterpart of residual layers")
        own = dict(self.named_parameters())
        module = self.empty_torch().to(next(iter(own.values())))  # its device and dtype
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(own[name][index])
        return module.train(self.training)

    def empty_torch(self) -> nn.Module:
        """Returns the matching `torch.nn` module, whatever its weights; a cell that has one overrides this."""
        raise NotImplementedError(f"torch.nn has no counterpart of {type(self).__name__}")

    def torch_sizes(self) -> dict[str, Any]:
        """Returns the arguments that all of `torch.nn`'s recurrent modules share."""
        names = ("input_size", "hidden_size", "num_layers", "dropout", "bidirectional")
        return {name: getattr(self, name) for name in names} | {"batch_first": True}

    def _run(self, x: Tensor, last: bool) -> Tensor:
        """Runs all layers, (S, B, T, I) to (T, S, output_size, B) or the last state (S, output_size, B)."""
        y = x.permute(2, 0, 3, 1)  # (S, B, T, I) -> (T, S, I, B)
        for layer in range(self.num_layers):
            only_end = last and layer == self.num_layers - 1
            own = self._run_layer(y, layer, only_end)
            if self.drops(layer):
                T, S, F, B = own.shape
                # a seed's draws lie together, as they do when it is alone
                own = own * self.dropout_mask(own, S, T, F, B).transpose(0, 1)
            if self.adds(layer):
                own = own + (self.ends(y) if only_end else y)
            y = own
        return y

    def ends(self, y: Tensor) -> Tensor:
        """What each direction reads last, (T, S, output_size, B) to (S, output_size, B)."""
        if not self.bidirectional:
            return y[-1]
        H = self.hidden_size
        return torch.cat([y[-1, :, :H], y[0, :, H:]], dim=1)

    def _run_layer(self, x: Tensor, layer: int, last: bool) -> Tensor:
        suffix, *reverse = self._suffixes(layer)
        forward = self.scan(x, self._weights(suffix), last)
        if not reverse:
            return forward
        backward = self.scan(x.flip(0), self._weights(reverse[0]), last)
        return torch.cat([forward, backward if last else backward.flip(0)], dim=-2)  # (…, 2H, B)

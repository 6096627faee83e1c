"""A model: an embedding where inputs are tokens, a cell over the sequence, a linear readout; for every seed at once."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from seqexp.cell.cell import Cell, members
from seqexp.cell.workspace import ALIGNMENT
from seqexp.data.split import Split
from seqexp.exported import Exported, Member
from seqexp.readout import last_back, read_last, read_steps, steps_back
from seqexp.scaling import Scaling
from seqexp.score import Score


class Model(nn.Module):
    """Reads a sequence with `cell`, and its final state or the state of every step with one linear layer per seed.

    Args:
        cell: the part that reads over time, for S seeds.
        output_size: O, numbers of a prediction.
        reads: whether the last step is predicted from, or every step.
        num_tokens: how many tokens there are, each of which gets `cell.input_size` features per seed; 0 where inputs
            are numbers.
        scaling: between the data's units and the network's; None where they are the same.
    """

    def __init__(
        self,
        cell: Cell,
        output_size: int,
        reads: Literal["last", "steps"],
        num_tokens: int,
        scaling: Scaling | None = None,
    ) -> None:
        super().__init__()
        self.cell = cell
        self.output_size = output_size
        self.reads = reads
        self.num_tokens = num_tokens
        self.weight = nn.Parameter(torch.empty(cell.num_seeds, output_size, cell.output_size))
        self.bias = nn.Parameter(torch.empty(cell.num_seeds, output_size))
        self.scaling = scaling
        if num_tokens:
            self.embedding = nn.Parameter(torch.empty(cell.num_seeds, num_tokens, cell.input_size))

    @property
    def num_seeds(self) -> int:
        """S, members of the population."""
        return self.cell.num_seeds

    @property
    def num_parameters(self) -> int:
        """Parameters of one seed's model that are learnt: all, or the readout's where nothing else is."""
        learnt = (self.weight, self.bias) if self.cell.penalties else self.parameters()
        return sum(parameter[0].numel() for parameter in learnt)

    @torch.no_grad()
    def reset_parameters(self, generators: Sequence[torch.Generator]) -> None:
        """Draws every seed's weights from that seed's generator, as torch.nn would.

        Args:
            generators: S CPU generators.
        """
        self.cell.reset_parameters(generators)
        bound = self.cell.output_size**-0.5
        for index, generator in enumerate(generators):
            self.weight[index].uniform_(-bound, bound, generator=generator)
            self.bias[index].uniform_(-bound, bound, generator=generator)
            if self.num_tokens:
                self.embedding[index].normal_(generator=generator)

    def members(self, seeds: slice) -> Model:
        """A model of some of the seeds alone, whose parameters are views of this one's."""
        part = members(self, seeds)
        if self.scaling is not None:
            part.scaling = self.scaling.members(seeds)
        return part

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Predicts.

        Args:
            inputs: sequences (S, B, T, I), or tokens (S, B, T).
            lengths: (S, B) how many steps of each count; None for all.

        Returns:
            (S, B, O), or (S, B, T, O) where every step is read. Classes are predicted by logits.
        """
        return self.decode(self.encode(inputs, lengths), inputs, lengths)

    def encode(self, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Computes the states that are read, (S, H, B), or of every step (S, H, T, B); arguments as for `forward`."""
        return self._states(self.embed(inputs), lengths)

    def decode(self, states: Tensor, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """Predicts, in the data's units, from what `encode` gives."""
        read = self._read(states, lengths)
        return read if self.scaling is None or not self.restores else self.scaling.restore(read, inputs, lengths)

    def read(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Predicts from features, (S, B, T, I) as `embed` gives them, before anything is scaled back."""
        return self._read(self._states(x, lengths), lengths)

    def _states(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """The states that are read, from features, as a cell's `pull` gives them."""
        if self.reads == "last":
            return self.cell.last(x, lengths).transpose(1, 2)
        every: Tensor = self.cell(x, lengths)
        return every.permute(0, 3, 2, 1)  # (S, B, T, H) -> (S, H, T, B)

    @torch.no_grad()
    def differentiate(self, batch: Split, score: Score) -> tuple[Tensor, list[Tensor]]:
        """Scores a batch and differentiates each seed's score, without a graph where the cell needs none.

        Args:
            batch: B sequences per seed.
            score: has the gradient by a prediction.

        Returns:
            Each seed's score, (S,), and its gradient by each of `parameters()`.
        """
        last, has_tokens = self.reads == "last", bool(self.num_tokens)
        x = self.embed(batch.inputs)
        states, back = self.cell.pull(x, last, has_tokens, batch.lengths)  # (S, H, B) or (S, H, T, B)
        value, slope = self.judge(self._read(states, batch.lengths), batch, score)
        read = (last_back if last else steps_back)(slope, states, self.weight)
        by_input, rest = back(read.states)
        own = [read.weight, read.bias]
        if by_input is not None:
            own.append(self._embed_back(batch.inputs, by_input))
        return value, [*own, *rest]

    @property
    def restores(self) -> bool:
        """Whether what the readout gives is to be scaled back."""
        return self.scaling is not None and self.scaling.target_scale.shape[1] > 0

    def judge(self, read: Tensor, batch: Split, score: Score) -> tuple[Tensor, Tensor]:
        """Scores what the readout gives, and differentiates what is minimised.

        That is the score in the network's units where targets are scaled, so that no step depends on the data's units.

        Args:
            read: (S, B, O) or (S, B, T, O), before it is scaled back.
            batch: what it was read from, and is to come to.
            score: of predictions in the data's units.

        Returns:
            Each seed's score in the data's units, (S,), and the gradient by `read`.
        """
        if self.scaling is None or not self.restores:
            return score.slope(read, batch.targets, batch.weight)
        given = batch.inputs, batch.lengths
        _, slope = score.slope(read, self.scaling.hide(batch.targets, *given), batch.weight)
        return score.value(self.scaling.restore(read, *given), batch.targets, batch.weight), slope

    def _read(self, states: Tensor, lengths: Tensor | None) -> Tensor:
        """Predicts from states, (S, H, B) -> (S, B, O) or (S, H, T, B) -> (S, B, T, O)."""
        if self.reads == "steps":
            return read_steps(states, self.weight, self.bias)
        if lengths is None:
            return read_last(states, self.weight, self.bias)
        # The last few columns are rounded by another rule, and a sequence has the bits that it has in any other batch.
        rows = states.shape[2]
        wide = nn.functional.pad(states, (0, -rows % ALIGNMENT))
        return read_last(wide, self.weight, self.bias)[:, :rows]

    def embed(self, inputs: Tensor) -> Tensor:
        """The features of tokens, (S, B, T) -> (S, B, T, I); numbers are scaled, where the task asks for it."""
        if not self.num_tokens:
            return inputs if self.scaling is None else self.scaling(inputs)
        return self.embedding.flatten(0, 1)[self._places(inputs)]

    def _embed_back(self, tokens: Tensor, slope: Tensor) -> Tensor:
        """Maps the gradient of the features (S, B, T, I) to that of `embedding`."""
        gradient = torch.zeros_like(self.embedding)
        gradient.flatten(0, 1).index_add_(0, self._places(tokens).flatten(), slope.flatten(0, 2))
        return gradient

    def _places(self, tokens: Tensor) -> Tensor:
        """Rows of all seeds' embeddings together."""
        first = torch.arange(len(tokens), device=tokens.device) * self.num_tokens
        return tokens + first[:, None, None]

    @torch.no_grad()
    def to_torch(self, index: int) -> Exported:
        """Exports one member of the population as an ordinary torch module.

        Args:
            index: which member, from 0.

        Returns:
            A module that maps (B, T, I), or tokens (B, T), to what this model predicts with that member. Its parts are
            `cell`, a torch.nn.RNN, LSTM or GRU (batch_first) with that member's weights, or the cell itself where torch
            has none such; `readout`, a torch.nn.Linear; where inputs are tokens `embedding`, a torch.nn.Embedding. The
            `state_dict()` of torch's own parts is what plain PyTorch code loads. Where the task's numbers are scaled,
            `scaling` does so, and scales back.

        Raises:
            ValueError: there is no such member.
        """
        try:
            cell = self.cell.to_module(index)
        except NotImplementedError:
            cell = Member(self.cell, index)
        readout = nn.Linear(self.cell.output_size, self.output_size, dtype=self.weight.dtype)
        readout.weight.copy_(self.weight[index])
        readout.bias.copy_(self.bias[index])
        parts: dict[str, nn.Module] = {"cell": cell, "readout": readout.to(self.weight.device)}
        if self.num_tokens:
            parts["embedding"] = nn.Embedding.from_pretrained(self.embedding[index].clone(), freeze=False)
        if self.scaling is not None:
            parts["scaling"] = copy.deepcopy(self.scaling.members(slice(index, index + 1)))
        return Exported(parts, self.reads).train(self.training)
